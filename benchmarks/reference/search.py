"""Every conjunction of a set of satellites over a window: dense sampling, and all minima in the steps that come near.

Objects that fail: one is out from its first SGP4 error on, and stays out. The instant of the error inside the step
between two samples is bisected to 1 ns; the piece of the step before it is searched against all objects, and a range
that falls to the last instant has an edge minimum there. Errors that begin and end between two samples are a dip of
the perigee below the earth's radius: the time around samples within 0.1 km of it is sampled at 0.01 s (in 4 s a dip
is at most 0.02 km deep). An object whose positions are no body's motion (`near_steps.WILD_KM`) is out from that sample
on, as `wild`.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec, SatrecArray

from benchmarks.reference.failures import Ends, alive_samples, with_failures
from benchmarks.reference.minima import Minimum, Pair, minima_in_steps, rises_from
from benchmarks.reference.minima import without_noise as true_minima
from benchmarks.reference.near_steps import ACCELERATION_KM_S2, near_steps, reaches_km, smoothness_km

STEP_S = 4.0
STEPS_IN_SLICE = 150
GRAZING_KM = 0.01  # minima so far above the threshold are kept as well
FASTEST_KM_S = 12.5  # of an object about to fail, for the piece of a step before it: above escape speed
_SECONDS_PER_DAY = 86_400.0


class Run(NamedTuple):
    """What a run works on: objects, the window's start (Julian date, UTC) and length in steps, the threshold."""

    satellites: list[Satrec]
    array: SatrecArray
    start_jd: float
    steps: int
    threshold_km: float

    @classmethod
    def of(cls, satellites: list[Satrec], start_jd: float, steps: int, threshold_km: float) -> "Run":
        """ValueError if a slice would have one step: second differences need three samples."""
        if steps < 2 or steps % STEPS_IN_SLICE == 1:
            raise ValueError(f"{steps} steps leave a slice of one; every slice must have two at least")
        return cls(satellites, SatrecArray(satellites), start_jd, steps, threshold_km)

    def slices(self) -> range:
        """First steps of the slices that the window is worked in."""
        return range(0, self.steps, STEPS_IN_SLICE)


Rows = list[tuple[int, int, Minimum]]


def all_minima(run: Run) -> tuple[Rows, Ends]:
    """Every minimum up to the threshold and GRAZING_KM above it, and until when each object counts."""
    ends = Ends.unknown(len(run.satellites))
    rows: Rows = []
    for first_step in run.slices():
        more, ends, _ = slice_minima(run, first_step, ends)
        rows += more
    return without_noise(run, rows, ends), ends


def without_noise(run: Run, rows: Rows, ends: Ends) -> Rows:
    """All slices' rows by pair and time, without minima that are only noise of a flat range."""
    by_pair: dict[tuple[int, int], list[Minimum]] = defaultdict(list)
    for one, two, minimum in sorted(rows):
        by_pair[one, two].append(minimum)
    kept: Rows = []
    for (one, two), minima in by_pair.items():
        pair = _pair(run, one, two, ends)
        kept += [(one, two, minimum) for minimum in true_minima(pair, minima)]
    return kept


def _pair(run: Run, one: int, two: int, ends: Ends) -> Pair:
    until_s = float(min(ends.last_good_s[one], ends.last_good_s[two]))
    return Pair(run.satellites[one], run.satellites[two], run.start_jd, until_s)


def slice_minima(run: Run, first_step: int, ends: Ends) -> tuple[Rows, Ends, dict[str, float]]:
    """Minima in the slice's steps, the objects' ends as known after it, and figures of the slice."""
    last_step = min(first_step + STEPS_IN_SLICE, run.steps)
    times_s: NDArray[np.float64] = np.arange(first_step, last_step + 1) * STEP_S
    code, position, _ = run.array.sgp4(np.full(len(times_s), run.start_jd), times_s / _SECONDS_PER_DAY)
    position_km = np.ascontiguousarray(position.transpose(1, 0, 2))
    ends = with_failures(ends, run.satellites, run.start_jd, times_s, code, position_km)
    alive = alive_samples(ends, times_s)
    remainder_km, last_tame = smoothness_km(position_km, alive, STEP_S)
    gone = np.flatnonzero(last_tame < len(times_s))
    ends.wild[gone] = True
    ends.last_good_s[gone] = times_s[last_tame[gone]]
    alive = alive_samples(ends, times_s)

    reach_km = reaches_km(position_km, alive, STEP_S) + remainder_km
    margin_km = ACCELERATION_KM_S2 * STEP_S**2 / 8.0 + remainder_km
    near = near_steps(position_km, alive, reach_km, margin_km, run.threshold_km + GRAZING_KM)
    near = near[np.lexsort((near[:, 2], near[:, 1], near[:, 0]))]
    borders = np.flatnonzero((np.diff(near[:, :2], axis=0) != 0).any(axis=1)) + 1
    rows: Rows = []
    for group in np.split(near, borders) if len(near) else []:
        rows += _pair_minima(run, int(group[0, 0]), int(group[0, 1]), first_step + group[:, 2], ends)
    failing = np.flatnonzero((ends.last_good_s >= times_s[0]) & (ends.last_good_s < times_s[-1]) & ~ends.wild)
    for row in failing.tolist():
        sample = int(alive[row]) - 1
        limit_km = _last_piece_limits(reach_km, row, run.threshold_km)
        distance_km = np.linalg.norm(position_km[sample] - position_km[sample, row], axis=1)
        with np.errstate(invalid="ignore"):
            others = np.flatnonzero((distance_km <= limit_km) & (alive > sample))
        rows += _last_piece_minima(run, row, others, first_step + sample, ends)
    figures = {
        "near_steps": float(len(near)),
        "largest_remainder_km": float(remainder_km.max()),
        "jumping_objects": float((remainder_km > 0.002).sum()),
    }
    return rows, ends, figures


def _pair_minima(run: Run, one: int, two: int, steps: NDArray[np.int64], ends: Ends) -> Rows:
    until_s = float(min(ends.last_good_s[one], ends.last_good_s[two]))
    pair = Pair(run.satellites[one], run.satellites[two], run.start_jd, until_s)
    minima = minima_in_steps(pair, np.asarray(steps * STEP_S), np.asarray((steps + 1) * STEP_S))
    if steps[0] == 0 and rises_from(pair, 0.0):
        minima.append(pair.minimum_at(0.0, at_edge=True))
    if steps[-1] == run.steps - 1 and not rises_from(pair, run.steps * STEP_S):
        minima.append(pair.minimum_at(run.steps * STEP_S, at_edge=True))
    return [(one, two, m) for m in minima if m.miss_km <= run.threshold_km + GRAZING_KM]


def _last_piece_limits(reach_km: NDArray[np.float64], row: int, threshold_km: float) -> NDArray[np.float64]:
    """How far off another object may be at the last sample and still meet `row` before its end, km (n,).

    Twice the reach is a whole step's motion; sampled chords tell nothing of an object that fails in the first step.
    """
    whole_step_km = np.maximum(2.0 * reach_km, FASTEST_KM_S * STEP_S)
    return np.asarray(threshold_km + GRAZING_KM + whole_step_km + whole_step_km[row])


def _last_piece_minima(run: Run, row: int, others: NDArray[np.int64], step: int, ends: Ends) -> Rows:
    """Minima of a failing object in the piece of a step before its end, and at the end itself."""
    rows: Rows = []
    end_s = float(ends.last_good_s[row])
    start = np.array([step * STEP_S])
    for other in others.tolist():
        other_end_s = float(ends.last_good_s[other])
        if other == row or other_end_s < end_s or (other_end_s == end_s and other < row):
            continue  # its own end comes first, and is looked at there
        one, two = min(row, other), max(row, other)
        pair = _pair(run, one, two, ends)
        minima = minima_in_steps(pair, start, np.array([end_s]))
        if step == 0 and rises_from(pair, 0.0):
            minima.append(pair.minimum_at(0.0, at_edge=True))
        if not rises_from(pair, end_s):
            minima.append(pair.minimum_at(end_s, at_edge=True))
        rows += [(one, two, m) for m in minima if m.miss_km <= run.threshold_km + GRAZING_KM]
    return rows

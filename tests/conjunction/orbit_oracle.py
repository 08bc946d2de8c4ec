"""Brute force for the screening tests, from the sgp4 library alone: nothing here comes from `conjunction`.

Every pair's relative position is sampled at a fine step. Between two samples a relative position departs from the
straight line by at most |d''| step**2 / 8; above the earth's surface each object's acceleration stays below
0.0102 km/s**2, so |d''| < 0.0204 and 4 s steps depart by less than 0.041 km (SGP4's own inconsistencies are under
0.001 km at this step). Steps whose chord comes within threshold + 0.1 km are searched at 1 s for the sign changes of
the range's derivative, taken from positions by central differences, and bisected.
"""

from math import pi
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from sgp4.api import WGS72, Satrec

STEP_S = 4.0
CHORD_MARGIN_KM = 0.1
DIFFERENCE_S = 0.5
RATE_NOISE_KM_S = 4e-8  # 1e-8 km of position noise, differenced over 1 s, with room


class Minimum(NamedTuple):
    first: int
    second: int
    tca_s: float  # from the window's start
    miss_km: float
    at_edge: bool
    tolerance_s: float  # how well the range's flatness lets TCA be known, 1 ms at least


def satellites_of(elements: pa.Table) -> list[Satrec]:
    """The library's own records from a table of element fields with epochs from 2017 on (TAI - UTC = 37 s)."""
    made = []
    for row in elements.to_pylist():
        satellite = Satrec()
        satellite.sgp4init(
            WGS72,
            "i",
            0,
            (row["epoch_tai_ns"] / 1e9 - 37.0) / 86_400.0 + 7306.0,  # days since 1949-12-31
            row["bstar_per_earth_radius"],
            row["mean_motion_dot_rev_per_day2"] / (1036800.0 / pi),
            row["mean_motion_ddot_rev_per_day3"] / (2985984000.0 / 2.0 / pi),
            row["eccentricity"],
            row["arg_of_pericenter_deg"] * (pi / 180.0),
            row["inclination_deg"] * (pi / 180.0),
            row["mean_anomaly_deg"] * (pi / 180.0),
            row["mean_motion_rev_per_day"] / 720.0 * pi,
            row["ra_of_asc_node_deg"] * (pi / 180.0),
        )
        made.append(satellite)
    return made


def positions_km(satellite: Satrec, since_epoch_min: np.ndarray) -> np.ndarray:
    """Positions (m, 3) at minutes since epoch; an assertion fails where the library reports an error."""
    jd = np.full(len(since_epoch_min), satellite.jdsatepoch)
    code, position, _ = satellite.sgp4_array(jd, satellite.jdsatepochF + since_epoch_min / 1440.0)
    assert not code.any()
    return position


def all_minima(
    satellites: list[Satrec], start_since_epoch_min: np.ndarray, duration_s: float, threshold_km: float
) -> list[Minimum]:
    """Every local minimum of every pair's range at or below the threshold; start_since_epoch_min is per satellite."""
    steps = round(duration_s / STEP_S)
    times_s = np.linspace(0.0, duration_s, steps + 1)
    sampled = np.array(
        [
            positions_km(satellite, start + times_s / 60.0)
            for satellite, start in zip(satellites, start_since_epoch_min, strict=True)
        ]
    )
    found = []
    reach_km = threshold_km + CHORD_MARGIN_KM
    for first in range(len(satellites)):
        for second in range(first + 1, len(satellites)):
            relative = sampled[second] - sampled[first]
            near = np.flatnonzero(_chord_distance(relative) <= reach_km)
            if len(near):
                pair = _Pair(
                    satellites[first],
                    satellites[second],
                    start_since_epoch_min[first],
                    start_since_epoch_min[second],
                )
                found += [
                    Minimum(first, second, *minimum)
                    for minimum in _minima_of_pair(pair, times_s, near, duration_s)
                    if minimum[1] <= threshold_km
                ]
    return found


def _chord_distance(relative: np.ndarray) -> np.ndarray:
    """Least distance from the origin of each straight piece between consecutive rows, (m - 1,)."""
    start, step = relative[:-1], np.diff(relative, axis=0)
    length2 = np.maximum(np.einsum("ij,ij->i", step, step), 1e-300)
    along = np.clip(-np.einsum("ij,ij->i", start, step) / length2, 0.0, 1.0)
    closest = start + step * along[:, None]
    return np.sqrt(np.einsum("ij,ij->i", closest, closest))


class _Pair:
    def __init__(self, one: Satrec, two: Satrec, start_one_min: float, start_two_min: float) -> None:
        self.one, self.two = one, two
        self.start_one_min, self.start_two_min = start_one_min, start_two_min

    def relative_km(self, t_s: np.ndarray) -> np.ndarray:
        one = positions_km(self.one, self.start_one_min + t_s / 60.0)
        return positions_km(self.two, self.start_two_min + t_s / 60.0) - one

    def range_km(self, t_s: float) -> float:
        return float(np.linalg.norm(self.relative_km(np.array([t_s]))[0]))

    def range_rate_km_s(self, t_s: np.ndarray) -> np.ndarray:
        relative = self.relative_km(t_s)
        difference = self.relative_km(t_s + DIFFERENCE_S) - self.relative_km(t_s - DIFFERENCE_S)
        length = np.maximum(np.linalg.norm(relative, axis=1), 1e-12)
        return np.einsum("ij,ij->i", relative, difference) / (2.0 * DIFFERENCE_S * length)

    def tolerance_s(self, t_s: float) -> float:
        rates = self.range_rate_km_s(np.array([t_s - 1.0, t_s + 1.0]))
        return max(1e-3, 2.0 * RATE_NOISE_KM_S / max((rates[1] - rates[0]) / 2.0, 1e-30))


def _minima_of_pair(
    pair: _Pair, times_s: np.ndarray, near: np.ndarray, duration_s: float
) -> list[tuple[float, float, bool, float]]:
    """(tca_s, miss_km, at_edge, tolerance_s) of the pair's minima inside the steps `near` and at the window's ends."""
    found = []
    fine = np.arange(5) / 4.0
    grid = times_s[near][:, None] + (times_s[near + 1] - times_s[near])[:, None] * fine
    rate = pair.range_rate_km_s(grid.ravel()).reshape(grid.shape)
    rate[np.abs(rate) < 1e-15] = 0.0
    for row, column in np.argwhere((rate[:, :-1] < 0.0) & (rate[:, 1:] >= 0.0)):
        low, high = grid[row, column], grid[row, column + 1]
        for _ in range(45):
            middle = 0.5 * (low + high)
            if pair.range_rate_km_s(np.array([middle]))[0] < 0.0:
                low = middle
            else:
                high = middle
        found.append((low, pair.range_km(low), False, pair.tolerance_s(low)))
    if near[0] == 0 and rate[0, 0] >= 0.0:
        found.append((0.0, pair.range_km(0.0), True, 1e-3))
    if near[-1] == len(times_s) - 2 and rate[-1, -1] < 0.0:
        found.append((duration_s, pair.range_km(duration_s), True, 1e-3))
    return found

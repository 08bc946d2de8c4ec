"""The screener against a kept brute-force reference: `python -m benchmarks.completeness REFERENCE.npz [--data DIR]`.

Prints how many conjunctions each has, what is missing or invented, the largest differences of TCA and miss distance,
and the same apart for events below 10 m/s. Ends with 1 if anything is missing or invented, or differs by more than
it may: TCA by 1 ms or the flatness of the minimum, miss distance by 1 m. A reference minimum within 1 m of the
threshold may be found or not, and is counted. References: benchmarks/reference/brute_force.py.
"""

import argparse
import gzip
import hashlib
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.screening import ScreeningResult, screen
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle

GRAZING_KM = 1e-3
MISS_TOLERANCE_KM = 1e-3
SLOW_KM_S = 0.01
SAME_EVENT_S = 1.0  # minima of one pair further apart than this, and than their flatness, are two events


class Reference(NamedTuple):
    """A kept run of brute force: which elements of which file, the window, and every minimum by pair and time.

    `first` and `second` number the chosen rows; times in s from the start; `last_good_s` until when an object counts,
    `wild` if SGP4 carried it off then.
    """

    file_name: str
    file_sha256: str
    rows: NDArray[np.int64]
    start_tai_ns: int
    duration_s: float
    threshold_km: float
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    tca_s: NDArray[np.float64]
    miss_km: NDArray[np.float64]
    speed_km_s: NDArray[np.float64]
    tolerance_s: NDArray[np.float64]
    last_good_s: NDArray[np.float64]
    wild: NDArray[np.bool_]


class Agreement(NamedTuple):
    """How the screener's conjunctions compare with the reference's, over one class of events."""

    reference: int
    found: int
    missing: int
    invented: int
    grazing: int
    not_judged: int
    tca_beyond: int
    miss_beyond: int
    largest_tca_s: float
    largest_tca_fast_minima_s: float  # of minima sharp enough for 1 ms
    largest_miss_m: float
    offenders: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not (self.missing or self.invented or self.tca_beyond or self.miss_beyond)


def load(path: Path) -> Reference:
    kept = np.load(path)
    return Reference(
        file_name=str(kept["file_name"]),
        file_sha256=str(kept["file_sha256"]),
        rows=kept["rows"],
        start_tai_ns=parse_utc(str(kept["start"])),
        duration_s=float(kept["duration_s"]),
        threshold_km=float(kept["threshold_km"]),
        first=kept["first"],
        second=kept["second"],
        tca_s=kept["tca_s"],
        miss_km=kept["miss_km"],
        speed_km_s=kept["speed_km_s"],
        tolerance_s=kept["tolerance_s"],
        last_good_s=kept["last_good_s"],
        wild=kept["wild"],
    )


def elements_of(reference: Reference, data: Path) -> pa.Table:
    """The reference's rows of its catalogue file; ValueError if the file under `data` is another one."""
    path = data / "catalogues" / reference.file_name
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != reference.file_sha256:
        raise ValueError(f"{path} is not the file that the reference was made from")
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return pa.Table.from_batches([read_tle(text, path.name).elements]).take(pa.array(reference.rows))


def screened(reference: Reference, elements: pa.Table) -> ScreeningResult:
    return screen(
        Catalogue.from_elements(elements),
        start_tai_ns=reference.start_tai_ns,
        duration_s=reference.duration_s,
        threshold_km=reference.threshold_km,
    )


def compared(reference: Reference, conjunctions: pa.Table) -> tuple[Agreement, Agreement]:
    """Agreement over events of 10 m/s and more, and over slower ones."""
    tca_s = (conjunctions.column("tca_tai_ns").to_numpy() - reference.start_tai_ns) / 1e9
    miss_km = conjunctions.column("miss_distance_m").to_numpy() / 1e3
    speed_km_s = conjunctions.column("relative_speed_m_s").to_numpy() / 1e3
    one, two = (conjunctions.column(name).to_numpy() for name in ("index_1", "index_2"))
    match = _matches(reference, one, two, tca_s)
    taken = np.zeros(len(tca_s), dtype=np.bool_)
    taken[match[match >= 0]] = True
    carried_off = np.where(reference.wild, reference.last_good_s, np.inf)
    not_judged = ~taken & (tca_s > np.minimum(carried_off[one], carried_off[two]))

    def of(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Agreement:
        within = ours & (reference.miss_km <= reference.threshold_km)
        # the two sides' rounding may put a minimum so near the threshold on either side
        near = np.abs(reference.miss_km - reference.threshold_km) <= GRAZING_KM
        missing = within & (match < 0) & ~near
        invented = theirs & ~taken & ~not_judged
        matched = np.flatnonzero(ours & (match >= 0))
        tca_off = np.abs(tca_s[match[matched]] - reference.tca_s[matched])
        miss_off = np.abs(miss_km[match[matched]] - reference.miss_km[matched])
        beyond = tca_off > reference.tolerance_s[matched]
        sharp = reference.tolerance_s[matched] <= 1e-3
        offenders = [f"missing {_told(reference, row)}" for row in np.flatnonzero(missing).tolist()]
        offenders += [
            f"invented ({one[row]}, {two[row]}) at {tca_s[row]:.6f} s, miss {miss_km[row]:.9f} km, "
            f"{speed_km_s[row]:.9f} km/s"
            for row in np.flatnonzero(invented).tolist()
        ]
        offenders += [
            f"TCA off by {tca_off[at]:.6f} s {_told(reference, int(matched[at]))}" for at in np.flatnonzero(beyond)
        ]
        offenders += [
            f"miss off by {1e3 * miss_off[at]:.6f} m {_told(reference, int(matched[at]))}"
            for at in np.flatnonzero(miss_off > MISS_TOLERANCE_KM)
        ]
        return Agreement(
            reference=int(within.sum()),
            found=int(theirs.sum()),
            missing=int(missing.sum()),
            invented=int(invented.sum()),
            grazing=int((ours & near).sum()),
            not_judged=int((theirs & not_judged).sum()),
            tca_beyond=int(beyond.sum()),
            miss_beyond=int((miss_off > MISS_TOLERANCE_KM).sum()),
            largest_tca_s=float(tca_off.max(initial=0.0)),
            largest_tca_fast_minima_s=float(tca_off[sharp].max(initial=0.0)),
            largest_miss_m=float(1e3 * miss_off.max(initial=0.0)),
            offenders=tuple(offenders),
        )

    # a matched conjunction belongs where its reference minimum does, whatever the last digit of its speed
    theirs_slow = speed_km_s < SLOW_KM_S
    ours_slow = reference.speed_km_s < SLOW_KM_S
    theirs_slow[match[match >= 0]] = ours_slow[match >= 0]
    return of(~ours_slow, ~theirs_slow), of(ours_slow, theirs_slow)


def _matches(
    reference: Reference, one: NDArray[np.int32], two: NDArray[np.int32], tca_s: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Which conjunction is each reference minimum's, or -1: of the same pair, the nearest that is left."""
    left: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, pair in enumerate(zip(one.tolist(), two.tolist(), strict=True)):
        left[pair].append(row)
    match = np.full(len(reference.first), -1, dtype=np.int64)
    # sharp minima choose first: one of noise must not take what is a sharp one's
    for row in np.argsort(reference.tolerance_s, kind="stable").tolist():
        rows = left[int(reference.first[row]), int(reference.second[row])]
        nearest = min(rows, key=lambda r: abs(tca_s[r] - reference.tca_s[row]), default=-1)
        if nearest >= 0 and abs(tca_s[nearest] - reference.tca_s[row]) <= max(
            SAME_EVENT_S, float(reference.tolerance_s[row])
        ):
            match[row] = nearest
            rows.remove(nearest)
    return match


def _told(reference: Reference, row: int) -> str:
    return (
        f"({reference.first[row]}, {reference.second[row]}) at {reference.tca_s[row]:.6f} s, "
        f"miss {reference.miss_km[row]:.9f} km, {reference.speed_km_s[row]:.9f} km/s, "
        f"known to {reference.tolerance_s[row]:.6f} s"
    )


def ends_compared(reference: Reference, left_out: pa.Table) -> str:
    """One line on the objects that end: how many each side has, and how far their instants are apart."""
    ours = {int(row): float(reference.last_good_s[row]) for row in np.flatnonzero(reference.last_good_s < 1e30)}
    theirs: dict[int, float] = {}
    for row in left_out.to_pylist():
        from_s = (row["from_tai_ns"] - reference.start_tai_ns) / 1e9
        theirs[row["index"]] = min(theirs.get(row["index"], np.inf), from_s)
    tame = [row for row in ours.keys() & theirs.keys() if ours[row] > 0.0 and not reference.wild[row]]
    apart_s = max((abs(ours[row] - theirs[row]) for row in tame), default=0.0)
    return (
        f"objects that end: reference {len(ours)} ({int(reference.wild.sum())} carried off), screener {len(theirs)}, "
        f"only reference {sorted(ours.keys() - theirs.keys())}, only screener {sorted(theirs.keys() - ours.keys())}; "
        f"{len(tame)} failures in mid-window, at most {apart_s:.1e} s apart"
    )


def table(fast: Agreement, slow: Agreement) -> str:
    lines = [f"{'':34}{'10 m/s and more':>18}{'below 10 m/s':>18}"]
    for field, label, scale in (
        ("reference", "conjunctions of brute force", None),
        ("found", "conjunctions of the screener", None),
        ("missing", "missing", None),
        ("invented", "invented", None),
        ("grazing", "within 1 m of the threshold", None),
        ("not_judged", "after SGP4 carried an object off", None),
        ("tca_beyond", "TCA further off than may be", None),
        ("miss_beyond", "miss distance off by over 1 m", None),
        ("largest_tca_fast_minima_s", "largest TCA difference, sharp, ms", 1e3),
        ("largest_tca_s", "largest TCA difference, all, ms", 1e3),
        ("largest_miss_m", "largest miss difference, m", 1.0),
    ):
        values = (getattr(fast, field), getattr(slow, field))
        cells = [str(v) if scale is None else f"{v * scale:.3g}" for v in values]
        lines.append(f"{label:34}{cells[0]:>18}{cells[1]:>18}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--data", type=Path, default=Path("/work/shared/data"))
    parser.add_argument("--told", type=int, default=20, help="how many missing, invented or differing ones to list")
    arguments = parser.parse_args()
    reference = load(arguments.reference)
    elements = elements_of(reference, arguments.data)
    began = time.perf_counter()
    result = screened(reference, elements)
    seconds = time.perf_counter() - began
    fast, slow = compared(reference, result.conjunctions)
    window = f"{reference.duration_s:g} s, {reference.threshold_km:g} km"
    print(f"{reference.file_name}: {elements.num_rows} objects, {window}, screened in {seconds:.1f} s")
    print(table(fast, slow))
    print(ends_compared(reference, result.left_out))
    for line in (fast.offenders + slow.offenders)[: arguments.told]:
        print(line)
    return 0 if fast.complete and slow.complete else 1


if __name__ == "__main__":
    sys.exit(main())

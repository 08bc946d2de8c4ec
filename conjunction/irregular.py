"""Objects that the time grid does not describe in some slab: those that fail, graze the earth, or move too wildly.

They are few. Each is followed with SGP4 itself through the part of the slab in which it is valid, and cut into pieces
short enough for the sieve's quadratic; the instant at which it fails is found by bisection.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.sieve_kernel import DESCRIPTION_WIDTH, REMAINDER_KM, STENCIL, describe_each

REMAINDER_LIMIT_KM = 10.0  # beyond this an object goes through its slab in pieces
TOO_WILD = 100  # our own code: no quadratic describes the motion, even over a 64th of a slab
TOO_WILD_REASON = "SGP4's positions change too wildly to be followed at 2 s: no orbit"

_SAMPLES = 33
_PIECE_COUNTS = (1, 8, 64)
_NS_PER_S = 1_000_000_000


class Failure(NamedTuple):
    """An object (catalogue row) that SGP4 fails for, from which instant, and the code that says why."""

    row: int
    from_tai_ns: int
    code: int


class Pieces(NamedTuple):
    """Descriptions (m, DESCRIPTION_WIDTH), of which columns, and when, seconds from the slab's middle."""

    description: NDArray[np.float64]
    column: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]


def follow(
    catalogue: Catalogue,
    columns: NDArray[np.int64],
    rows: NDArray[np.int32],
    start_tai_ns: int,
    stop_tai_ns: int,
    middle_tai_ns: int,
    threshold_km: float,
) -> tuple[Pieces, list[Failure]]:
    """Follow catalogue rows `rows` (m,), known to the sieve as `columns`, from start to stop.

    Returns the pieces that describe them while they are valid, and the failures found. An object that is invalid at
    start_tai_ns has no piece, and its failure is told as of start_tai_ns.
    """
    found: list[tuple[NDArray[np.float64], int, float, float]] = []
    failures: list[Failure] = []
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        failure = _first_failure(catalogue, row, start_tai_ns, stop_tai_ns)
        stop = stop_tai_ns
        if failure is not None:
            failures.append(failure)
            stop = failure.from_tai_ns - 1
        if stop <= start_tai_ns:
            continue
        edges_ns, descriptions = _describe_in_pieces(catalogue, row, start_tai_ns, stop, threshold_km)
        if edges_ns[-1] < stop:
            failures.append(Failure(row, int(edges_ns[-1]), TOO_WILD))
        seconds = (edges_ns - middle_tai_ns) / _NS_PER_S
        found.extend(
            (descriptions[k], column, float(seconds[k]), float(seconds[k + 1])) for k in range(len(descriptions))
        )
    pieces = Pieces(
        np.array([piece[0] for piece in found]).reshape(-1, DESCRIPTION_WIDTH),
        np.array([piece[1] for piece in found], dtype=np.int64),
        np.array([piece[2] for piece in found], dtype=np.float64),
        np.array([piece[3] for piece in found], dtype=np.float64),
    )
    return pieces, failures


def _codes_and_radii(
    catalogue: Catalogue, row: int, tai_ns: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    states = catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns)
    return states.code, np.sqrt(np.einsum("ij,ij->i", states.position_km, states.position_km))


def _first_failure(catalogue: Catalogue, row: int, start_ns: int, stop_ns: int) -> Failure | None:
    """The first instant, to the nanosecond, from which SGP4 fails between start and stop, or None.

    Where no sample fails, the neighbourhood of the least radius is searched too: a perigee may dip below the earth's
    radius (error 6) between two samples.
    """
    times = _spread(start_ns, stop_ns)
    code, radius = _codes_and_radii(catalogue, row, times)
    for _ in range(4):
        if code.any():
            break
        lowest = int(np.argmin(radius))
        times = _spread(int(times[max(lowest - 1, 0)]), int(times[min(lowest + 1, len(times) - 1)]))
        code, radius = _codes_and_radii(catalogue, row, times)
    bad = np.flatnonzero(code)
    if not len(bad):
        return None
    if bad[0] == 0:
        return Failure(row, int(times[0]), int(code[0]))
    good_ns, bad_ns, bad_code = int(times[bad[0] - 1]), int(times[bad[0]]), int(code[bad[0]])
    while bad_ns - good_ns > 1:
        middle_ns = (good_ns + bad_ns) // 2
        middle_code = int(_codes_and_radii(catalogue, row, np.array([middle_ns]))[0][0])
        if middle_code:
            bad_ns, bad_code = middle_ns, middle_code
        else:
            good_ns = middle_ns
    return Failure(row, bad_ns, bad_code)


def _spread(start_ns: int, stop_ns: int) -> NDArray[np.int64]:
    steps = np.arange(_SAMPLES, dtype=np.int64)
    return start_ns + (stop_ns - start_ns) * steps // (_SAMPLES - 1)


def _describe_in_pieces(
    catalogue: Catalogue, row: int, start_ns: int, stop_ns: int, threshold_km: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(edges (k + 1,) TAI ns, descriptions (k, DESCRIPTION_WIDTH)) with the fewest pieces that keep the limit.

    Where even the most do not keep it, the pieces before the first that does not: the last edge is then early.
    """
    for count in _PIECE_COUNTS:
        edges_ns = start_ns + (stop_ns - start_ns) * np.arange(count + 1, dtype=np.int64) // count
        offsets = np.arange(STENCIL, dtype=np.int64)
        times_ns = edges_ns[:-1, None] + np.diff(edges_ns)[:, None] * offsets // (STENCIL - 1)
        states = catalogue.states(np.full(times_ns.size, row, dtype=np.int32), times_ns.ravel())
        descriptions = np.empty((count, DESCRIPTION_WIDTH))
        step_s = np.diff(edges_ns) / ((STENCIL - 1) * _NS_PER_S)
        describe_each(states.position_km.reshape(count, STENCIL, 3), step_s, threshold_km, descriptions)
        wild = np.flatnonzero(~(descriptions[:, REMAINDER_KM] <= REMAINDER_LIMIT_KM))
        if not len(wild):
            return edges_ns, descriptions
    return edges_ns[: wild[0] + 1], descriptions[: wild[0]]

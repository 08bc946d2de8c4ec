"""How two objects move relative to each other: polynomials over pieces of time, from the orbit source itself.

Over an interval the relative position is sampled at nine Chebyshev-Lobatto points and checked against the source
between them; where the polynomial is off (a jump of SGP4, a join in an ephemeris, a very fast perigee) the interval is
cut in two, down to two milliseconds. Pieces in which the pair cannot come within reach are dropped on the way.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.motion_kernel import CHECK_POINT, NODE_COUNT, NODES, describe
from conjunction.sgp4_kernel import NEAR_EARTH_COEFFICIENTS
from conjunction.sgp4_tile_kernel import ECCENTRICITY_LIMIT, LEFT_TO_SCALAR, TILE_SOURCES, each_at_its_times

SHORTEST_NS = 2_000_000  # what is cut no further
_TILE_COLUMNS = np.array([NEAR_EARTH_COEFFICIENTS.index(name) for name in TILE_SOURCES])
_ECCENTRICITY = NEAR_EARTH_COEFFICIENTS.index("ecco")
_POINTS = np.append(NODES, CHECK_POINT)


class Intervals(NamedTuple):
    """Pairs (catalogue rows), of which run, from when to when, TAI ns, and within how much they matter; (m,) each."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    run: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    stop_ns: NDArray[np.int64]
    reach_km: NDArray[np.float64]


class Pieces(NamedTuple):
    """Intervals in order of run and time, and the relative position (second minus first, TEME, km) in each.

    coefficients (m, 3, NODE_COUNT) of the powers of x, -1 at the interval's start and 1 at its stop. smooth (m,): false
    where the interval is too short to be cut further, and there is still no polynomial: a jump.
    """

    intervals: Intervals
    coefficients: NDArray[np.float64]
    smooth: NDArray[np.bool_]


def piece_times(start_ns: NDArray[np.int64], stop_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Instants (m, NODE_COUNT + 1) of the nodes of intervals (m,), and then of the check point, TAI ns."""
    length_ns = (stop_ns - start_ns).astype(np.float64)
    return start_ns[:, None] + np.rint(0.5 * (_POINTS + 1.0) * length_ns[:, None]).astype(np.int64)


def each_at_own_times(
    catalogue: Catalogue, rows: NDArray[np.int32], tai_ns: NDArray[np.int64], *, with_velocity: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(position_km (m, k, 3), velocity_km_s (m, k, 3) or (0, k, 3)) of rows (m,) at tai_ns (m, k), TEME.

    Near-earth element sets go through `sgp4_tile_kernel`, everything else through `Catalogue.states`; which of the two
    depends on the row and the instant alone, so the result does not depend on how work is split.
    """
    m, k = tai_ns.shape
    position_km = np.empty((m, k, 3))
    velocity_km_s = np.empty((m if with_velocity else 0, k, 3))
    code = np.full((m, k), LEFT_TO_SCALAR, dtype=np.int8)
    # rows without element sets hold NaN, and so are no objects for the tiles
    near_earth = ~catalogue.deep_space[rows] & (catalogue.coefficients[rows, _ECCENTRICITY] < ECCENTRICITY_LIMIT)
    columns = np.flatnonzero(near_earth)
    each_at_its_times(
        catalogue.coefficients,
        _TILE_COLUMNS,
        catalogue.epoch_tai_ns,
        rows[columns],
        columns,
        tai_ns,
        position_km,
        velocity_km_s,
        code,
    )
    left = np.nonzero(code == LEFT_TO_SCALAR)
    if len(left[0]):
        states = catalogue.states(rows[left[0]], tai_ns[left])
        position_km[left] = states.position_km
        if with_velocity:
            velocity_km_s[left] = states.velocity_km_s
    return position_km, velocity_km_s


def pieces_within_reach(catalogue: Catalogue, intervals: Intervals) -> Pieces:
    """The pieces of the intervals in which a pair may be within its reach_km; `run` is that of the interval."""
    done: list[Pieces] = []
    while len(intervals.first) or not done:
        pieces, near = _described(catalogue, intervals)
        whole = pieces.smooth | (intervals.stop_ns - intervals.start_ns <= SHORTEST_NS)
        done.append(_taken(pieces, whole & near))
        intervals = halves(Intervals._make(column[~whole] for column in intervals))
    columns = zip(*((*part.intervals, part.coefficients, part.smooth) for part in done), strict=True)
    *of_intervals, coefficients, smooth = (np.concatenate(column) for column in columns)
    pieces = Pieces(Intervals._make(of_intervals), coefficients, smooth)
    if len(done) == 1:
        return pieces
    return _taken(pieces, np.lexsort([pieces.intervals.start_ns, pieces.intervals.run]))


def _described(catalogue: Catalogue, intervals: Intervals) -> tuple[Pieces, NDArray[np.bool_]]:
    """The intervals as pieces, smooth or not, and whether the pair may be within reach."""
    times = piece_times(intervals.start_ns, intervals.stop_ns)
    m = len(times)
    coefficients = np.empty((m, 3, NODE_COUNT))
    smooth, near = np.empty(m, dtype=np.bool_), np.empty(m, dtype=np.bool_)
    one_km, _ = each_at_own_times(catalogue, intervals.first, times)
    two_km, _ = each_at_own_times(catalogue, intervals.second, times)
    describe(one_km, two_km, intervals.reach_km, coefficients, smooth, near)
    return Pieces(intervals, coefficients, smooth), near


def halves(intervals: Intervals) -> Intervals:
    """Each interval as two, one after the other."""
    middle_ns = intervals.start_ns + (intervals.stop_ns - intervals.start_ns) // 2
    twice = Intervals._make(np.repeat(column, 2) for column in intervals)
    start_ns = np.column_stack([intervals.start_ns, middle_ns]).ravel()
    stop_ns = np.column_stack([middle_ns, intervals.stop_ns]).ravel()
    return twice._replace(start_ns=start_ns, stop_ns=stop_ns)


def _taken(pieces: Pieces, which: NDArray[np.bool_] | NDArray[np.int64]) -> Pieces:
    intervals = Intervals._make(column[which] for column in pieces.intervals)
    return Pieces(intervals, pieces.coefficients[which], pieces.smooth[which])

"""Refinement: from candidates (a pair and a slab) to conjunctions, on the orbit source itself.

The relative position over each slab is sampled from the source at nine Chebyshev-Lobatto points and checked against it
between them; where the polynomial is off (a jump of SGP4, or a very fast perigee) the interval is cut in two, down to
two milliseconds. All minima are found on these polynomials (`refinement_kernel`), whose derivative is that of the
position, which SGP4's own velocity is not. Miss distance, relative speed and components at TCA are the source's own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.refinement_kernel import CHECK_POINT, NODE_COUNT, NODES, check_values, minima
from conjunction.sieve import SLAB_NS, Window

_SMOOTH_KM = 1e-6
_SMOOTH_RELATIVE = 1e-11
_SHORTEST_NS = 2_000_000


class Candidates(NamedTuple):
    """Pairs (catalogue rows) and slabs, (m,) each, sorted by first, second and slab, none twice."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    slab: NDArray[np.int64]


class Encounters(NamedTuple):
    """Local minima of the range: TCA, and second minus first in RTN of the first; (k,) or (k, 3)."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    tca_tai_ns: NDArray[np.int64]
    miss_distance_km: NDArray[np.float64]
    relative_position_rtn_km: NDArray[np.float64]
    relative_velocity_rtn_km_s: NDArray[np.float64]
    at_window_edge: NDArray[np.bool_]


class _Pieces(NamedTuple):
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    run: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    stop_ns: NDArray[np.int64]
    relative_km: NDArray[np.float64]
    smooth: NDArray[np.bool_]


def refine(
    catalogue: Catalogue,
    candidates: Candidates,
    window: Window,
    last_valid_ns: NDArray[np.int64],
    threshold_km: float,
) -> Encounters:
    """Every local minimum of the range within the threshold, in the candidates' slabs.

    last_valid_ns (n,): up to when each catalogue row is screened. A pair's runs of slabs must come in one call. A
    minimum at the window's edge, or where one of the two objects ends, has at_window_edge set.
    """
    stop = np.minimum(last_valid_ns[candidates.first], last_valid_ns[candidates.second])
    stop = np.minimum(stop, window.stop_tai_ns)
    start_ns = np.maximum(candidates.slab * SLAB_NS, window.start_tai_ns)
    stop_ns = np.minimum((candidates.slab + 1) * SLAB_NS, stop)
    lives = stop_ns > start_ns
    first, second, slab = candidates.first[lives], candidates.second[lives], candidates.slab[lives]
    start_ns, stop_ns, stop = start_ns[lives], stop_ns[lives], stop[lives]
    opens = np.ones(len(first), dtype=np.bool_)
    opens[1:] = (np.diff(first) != 0) | (np.diff(second) != 0) | (np.diff(slab) != 1)
    run = np.cumsum(opens) - 1
    closes = np.roll(opens, -1)
    starts_at_edge = start_ns[opens] == window.start_tai_ns
    stops_at_edge = stop_ns[closes] == stop[closes]
    pieces = _smooth_pieces(catalogue, first, second, run, start_ns, stop_ns)
    tca_ns, run_of, edge = minima(
        pieces.relative_km, pieces.start_ns, pieces.stop_ns, pieces.smooth, pieces.run, starts_at_edge, stops_at_edge
    )
    return _measured(catalogue, first[opens][run_of], second[opens][run_of], tca_ns, edge, threshold_km)


def _sampled(
    catalogue: Catalogue,
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    run: NDArray[np.int64],
    start_ns: NDArray[np.int64],
    stop_ns: NDArray[np.int64],
) -> _Pieces:
    """Relative positions at the nodes of each interval, and whether the polynomial holds between them."""
    points = np.append(NODES, CHECK_POINT)
    length_ns = (stop_ns - start_ns).astype(np.float64)
    times = start_ns[:, None] + np.rint(0.5 * (points + 1.0) * length_ns[:, None]).astype(np.int64)
    of_first = catalogue.states(np.repeat(first, len(points)), times.ravel()).position_km
    of_second = catalogue.states(np.repeat(second, len(points)), times.ravel()).position_km
    relative = (of_second - of_first).reshape(len(first), len(points), 3)
    nodes = np.ascontiguousarray(relative[:, :NODE_COUNT])
    error = np.linalg.norm(check_values(nodes) - relative[:, NODE_COUNT], axis=1)
    radius = np.linalg.norm(of_first.reshape(relative.shape)[:, NODE_COUNT], axis=1)
    smooth = error <= _SMOOTH_KM + _SMOOTH_RELATIVE * radius
    return _Pieces(first, second, run, start_ns, stop_ns, nodes, smooth)


def _smooth_pieces(
    catalogue: Catalogue,
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    run: NDArray[np.int64],
    start_ns: NDArray[np.int64],
    stop_ns: NDArray[np.int64],
) -> _Pieces:
    """Intervals cut in two until each is a polynomial or shorter than 2 ms, in order of run and time."""
    done: list[_Pieces] = []
    while len(first):
        pieces = _sampled(catalogue, first, second, run, start_ns, stop_ns)
        keep = pieces.smooth | (stop_ns - start_ns <= _SHORTEST_NS)
        done.append(_Pieces._make(column[keep] for column in pieces))
        cut = ~keep
        first, second, run = np.repeat(first[cut], 2), np.repeat(second[cut], 2), np.repeat(run[cut], 2)
        middle_ns = start_ns[cut] + (stop_ns[cut] - start_ns[cut]) // 2
        start_ns = np.column_stack([start_ns[cut], middle_ns]).ravel()
        stop_ns = np.column_stack([middle_ns, stop_ns[cut]]).ravel()
    if not done:
        return _sampled(catalogue, first, second, run, start_ns, stop_ns)
    whole = _Pieces._make(np.concatenate(columns) for columns in zip(*done, strict=True))
    order = np.lexsort([whole.start_ns, whole.run])
    return _Pieces._make(column[order] for column in whole)


def _measured(
    catalogue: Catalogue,
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    tca_ns: NDArray[np.int64],
    edge: NDArray[np.bool_],
    threshold_km: float,
) -> Encounters:
    """The source's own states at TCA: miss distance, and RTN components by the first object's state."""
    one, two = catalogue.states(first, tca_ns), catalogue.states(second, tca_ns)
    position = two.position_km - one.position_km
    velocity = two.velocity_km_s - one.velocity_km_s
    radial = one.position_km / np.linalg.norm(one.position_km, axis=1, keepdims=True)
    normal = np.cross(one.position_km, one.velocity_km_s)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    axes = np.stack([radial, np.cross(normal, radial), normal], axis=1)
    miss = np.linalg.norm(position, axis=1)
    within = miss <= threshold_km
    return Encounters(
        first[within],
        second[within],
        tca_ns[within],
        miss[within],
        np.einsum("kij,kj->ki", axes, position)[within],
        np.einsum("kij,kj->ki", axes, velocity)[within],
        edge[within],
    )

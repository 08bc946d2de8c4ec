"""Refinement: from candidates (a pair and a slab) to conjunctions, on the orbit source itself.

The relative position over each slab is a polynomial, or several (`pair_motion`), whose derivative is that of the
position, which SGP4's own velocity is not; minima, entries and exits are found on them (`refinement_kernel`). Miss
distance, relative speed and components at TCA are the source's own.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.pair_motion import Intervals, Pieces, pieces_within_reach
from conjunction.refinement_kernel import minima, spans
from conjunction.sieve import SLAB_NS, Window
from conjunction.volume_kernel import interval_of
from conjunction.volumes import Volumes, has_volume, reach_of_pairs_km, times_inside


class Candidates(NamedTuple):
    """Pairs (catalogue rows) and slabs, (m,) each, sorted by first, second and slab, none twice."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    slab: NDArray[np.int64]


class Encounters(NamedTuple):
    """Conjunctions: TCA, and second minus first in RTN of the first; (k,) or (k, 3).

    approach_angle_deg: between the two velocities (TEME) at TCA: 0 overtaking, 180 head on. entry_tai_ns and
    exit_tai_ns: the maximal interval about TCA in which the pair is inside, clipped to where the pair is screened.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    tca_tai_ns: NDArray[np.int64]
    miss_distance_km: NDArray[np.float64]
    relative_position_rtn_km: NDArray[np.float64]
    relative_velocity_rtn_km_s: NDArray[np.float64]
    approach_angle_deg: NDArray[np.float64]
    entry_tai_ns: NDArray[np.int64]
    exit_tai_ns: NDArray[np.int64]
    at_window_edge: NDArray[np.bool_]


class _Chains(NamedTuple):
    """Pieces in chains without a gap (`run` numbers them), and the ends of each piece's pair, TAI ns, (m,)."""

    pieces: Pieces
    start_ns: NDArray[np.int64]
    stop_ns: NDArray[np.int64]


class _Found(NamedTuple):
    """Conjunctions before they are measured, (k,) each; those that miss by more than limit_km are none."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    tca_ns: NDArray[np.int64]
    entry_ns: NDArray[np.int64]
    exit_ns: NDArray[np.int64]
    edge: NDArray[np.bool_]
    limit_km: NDArray[np.float64]


def refine(
    catalogue: Catalogue,
    candidates: Candidates,
    window: Window,
    first_valid_ns: NDArray[np.int64],
    last_valid_ns: NDArray[np.int64],
    threshold_km: float,
    volumes: Volumes | None = None,
) -> Encounters:
    """Every conjunction in the candidates' slabs.

    Of a pair without volumes: every local minimum of the range within the threshold. Of a pair of which one or both
    have a volume: every local minimum of the range at which the one is inside the other's volume, and every maximal
    interval inside that holds no such minimum, at the instant of least range in it.

    first_valid_ns and last_valid_ns (n,): from when and up to when each catalogue row is screened, both included; what
    lies outside the window is not looked at. A pair's runs of slabs must come in one call, and every slab in which the
    pair may be inside. A conjunction at the window's edge, or where one of the two objects begins or ends, has
    at_window_edge set. Raises ValueError for volumes that mean nothing (`Volumes.checked`).
    """
    if volumes is not None:
        volumes.checked(catalogue.n)
    chains = _chains(catalogue, candidates, window, first_valid_ns, last_valid_ns, threshold_km, volumes)
    at, start_ns, stop_ns = chains.pieces.intervals, chains.start_ns, chains.stop_ns
    opens = np.diff(at.run, prepend=-1) != 0
    closes = np.roll(opens, -1)
    motion = (chains.pieces.coefficients, at.start_ns, at.stop_ns, chains.pieces.smooth, at.run)
    found = minima(*motion, at.start_ns[opens] == start_ns[opens], at.stop_ns[closes] == stop_ns[closes])
    if volumes is None:
        return _measured(catalogue, _in_spheres(chains, found, threshold_km))
    in_volume = has_volume(volumes, at.first, at.second)
    spheres = _in_spheres(chains, found[~in_volume[found[:, 1]]], threshold_km)
    others = _in_volumes(catalogue, chains, in_volume, found[in_volume[found[:, 1]]], volumes)
    columns: Any = zip(spheres, others, strict=True)
    both = _Found._make(np.concatenate(pair) for pair in columns)
    return _measured(catalogue, both)


def _chains(
    catalogue: Catalogue,
    candidates: Candidates,
    window: Window,
    first_valid_ns: NDArray[np.int64],
    last_valid_ns: NDArray[np.int64],
    threshold_km: float,
    volumes: Volumes | None,
) -> _Chains:
    """The pieces of the candidates' slabs, within the window and both rows' spans, in which the pair may be inside."""
    start = np.maximum(first_valid_ns[candidates.first], first_valid_ns[candidates.second])
    start = np.maximum(start, window.start_tai_ns)
    stop = np.minimum(last_valid_ns[candidates.first], last_valid_ns[candidates.second])
    stop = np.minimum(stop, window.stop_tai_ns)
    start_ns = np.maximum(candidates.slab * SLAB_NS, start)
    stop_ns = np.minimum((candidates.slab + 1) * SLAB_NS, stop)
    lives = stop_ns > start_ns
    first, second = candidates.first[lives], candidates.second[lives]
    reach_km = reach_of_pairs_km(volumes, first, second, threshold_km)
    # `run` numbers the candidates for now, so that each piece finds its pair's ends again
    number = np.arange(len(first))
    pieces = pieces_within_reach(catalogue, Intervals(first, second, number, start_ns[lives], stop_ns[lives], reach_km))
    at = pieces.intervals
    opens = np.ones(len(at.first), dtype=np.bool_)
    opens[1:] = (np.diff(at.first) != 0) | (np.diff(at.second) != 0) | (at.start_ns[1:] != at.stop_ns[:-1])
    chained = pieces._replace(intervals=at._replace(run=np.cumsum(opens) - 1))
    return _Chains(chained, start[lives][at.run], stop[lives][at.run])


def _in_spheres(chains: _Chains, found: NDArray[np.int64], threshold_km: float) -> _Found:
    """Minima (`refinement_kernel.minima`), with entry into and exit from the threshold's sphere."""
    at = chains.pieces.intervals
    motion = (chains.pieces.coefficients, at.start_ns, at.stop_ns, chains.pieces.smooth, at.run)
    inside = spans(*motion, found, threshold_km)
    piece = found[:, 1]
    limit_km = np.full(len(found), threshold_km)
    return _Found(
        at.first[piece], at.second[piece], found[:, 0], inside[:, 0], inside[:, 1], found[:, 2] == 1, limit_km
    )


def _in_volumes(
    catalogue: Catalogue,
    chains: _Chains,
    in_volume: NDArray[np.bool_],
    found: NDArray[np.int64],
    volumes: Volumes,
) -> _Found:
    """Minima inside, with entry and exit, and the intervals inside that hold none; in_volume (m,) of the pieces."""
    at = chains.pieces.intervals
    intervals = times_inside(catalogue, Intervals._make(column[in_volume] for column in at), volumes)
    found = found[np.lexsort([found[:, 0], at.run[found[:, 1]]])]
    holder = interval_of(at.run[found[:, 1]], found[:, 0], intervals)
    found, holder = found[holder >= 0], holder[holder >= 0]
    empty = np.setdiff1d(np.arange(len(intervals)), holder)
    # without a minimum in it the range has its least at one end
    piece = np.searchsorted(at.run, intervals[empty, 0])
    ends_ns = intervals[empty, 1:]
    range_km = np.stack([_range_km(catalogue, at.first[piece], at.second[piece], ends_ns[:, k]) for k in (0, 1)])
    least_ns = np.where(range_km[1] < range_km[0], ends_ns[:, 1], ends_ns[:, 0])
    edge = (least_ns == chains.start_ns[piece]) | (least_ns == chains.stop_ns[piece])
    piece = np.append(found[:, 1], piece)
    holder = np.append(holder, empty)
    return _Found(
        at.first[piece],
        at.second[piece],
        np.append(found[:, 0], least_ns),
        intervals[holder, 1],
        intervals[holder, 2],
        np.append(found[:, 2] == 1, edge),
        np.full(len(piece), np.inf),
    )


def _range_km(
    catalogue: Catalogue, first: NDArray[np.int32], second: NDArray[np.int32], tai_ns: NDArray[np.int64]
) -> NDArray[np.float64]:
    relative = catalogue.states(second, tai_ns).position_km - catalogue.states(first, tai_ns).position_km
    lengths: NDArray[np.float64] = np.linalg.norm(relative, axis=1)
    return lengths


def _measured(catalogue: Catalogue, found: _Found) -> Encounters:
    """The source's own states at TCA: miss distance, and RTN components by the first object's state."""
    one, two = catalogue.states(found.first, found.tca_ns), catalogue.states(found.second, found.tca_ns)
    position, velocity = two.position_km - one.position_km, two.velocity_km_s - one.velocity_km_s
    radial = one.position_km / np.linalg.norm(one.position_km, axis=1, keepdims=True)
    normal = np.cross(one.position_km, one.velocity_km_s)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    axes = np.stack([radial, np.cross(normal, radial), normal], axis=1)
    across = np.linalg.norm(np.cross(one.velocity_km_s, two.velocity_km_s), axis=1)
    along = np.einsum("ki,ki->k", one.velocity_km_s, two.velocity_km_s)
    miss = np.linalg.norm(position, axis=1)
    within = miss <= found.limit_km
    encounters = Encounters(
        found.first,
        found.second,
        found.tca_ns,
        miss,
        np.einsum("kij,kj->ki", axes, position),
        np.einsum("kij,kj->ki", axes, velocity),
        np.degrees(np.arctan2(across, along)),
        found.entry_ns,
        found.exit_ns,
        found.edge,
    )
    return Encounters._make(column[within] for column in encounters)

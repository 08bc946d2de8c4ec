"""A query of the resident catalogue: one orbit over the window, as it is held against the resident rows."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import Failure
from conjunction.resident_kernel import AX, BLOCK, PX, REMAINDER_KM, START_S, STOP_S, VX
from conjunction.resident_schedule import Schedule, batches, in_chunks
from conjunction.resident_track_kernel import chord_reach
from conjunction.resident_tracks import REACH_SCALE, Described, Walk, described_in, grid_of, motions_in, rounded_up


class Query(NamedTuple):
    """One row as it is held against the others: its nodes in chunks, flat, and reach_km (padded segments,) float32,
    NaN where it has no chord; chunks_km (2, b) float32: its radius in each chunk of segments, where they have chords,
    widened by the threshold; unchorded (u,) int64 segments; motion (p, MOTION_WIDTH), those of slab k from begin[k] to
    begin[k + 1]; the radii between which it moves; its failure, if any.
    """

    nodes: NDArray[np.float32]
    reach_km: NDArray[np.float32]
    chunks_km: NDArray[np.float32]
    unchorded: NDArray[np.int64]
    motion: NDArray[np.float64]
    begin: NDArray[np.int64]
    r_low_km: float
    r_high_km: float
    failure: Failure | None


def queries_of(
    catalogue: Catalogue, rows: NDArray[np.int32], schedule: Schedule, threshold_km: float
) -> Iterator[Query]:
    """Each of the rows (m,) as a query, in order; all must be alive at the window's start."""
    for batch in batches(rows, schedule):
        grid, breaks = grid_of(catalogue, batch, schedule)
        for k, row in enumerate(batch.tolist()):
            yield _query(catalogue, row, Walk(grid, breaks, k), schedule, threshold_km)


def _query(catalogue: Catalogue, row: int, walk: Walk, schedule: Schedule, threshold_km: float) -> Query:
    slabs = np.arange(2 * schedule.segments, dtype=np.int64)
    described = described_in(catalogue, row, walk, slabs, schedule.first_slab)
    motions, failure = motions_in(catalogue, row, walk, slabs, described, schedule, threshold_km)
    begin = np.searchsorted(motions.slab, np.append(slabs, len(slabs)))
    reach = np.full(schedule.padded_segments, np.nan)
    unchorded = np.empty(schedule.segments, dtype=np.bool_)
    chord_reach(walk.x_km, walk.radius_km, described.motion, described.regular, reach, unchorded)
    idle = begin[2::2] == begin[:-2:2]
    reach[: schedule.segments][idle] = np.nan
    nodes = np.where(walk.has_state[::2], walk.x_km[:, ::2], np.nan).astype(np.float32)
    low, high = _radii(motions.motion[~described.regular[motions.slab]])
    used = described.regular & (begin[1:] > begin[:-1])
    return Query(
        in_chunks(nodes[None], schedule.chunks).ravel(),
        rounded_up(REACH_SCALE * reach),
        _radii_in_chunks(described, ~np.isnan(reach), threshold_km),
        np.flatnonzero(unchorded & ~idle),
        motions.motion,
        begin,
        float(min(low, described.r_low_km[used].min(initial=np.inf))),
        float(max(high, described.r_high_km[used].max(initial=0.0))),
        failure,
    )


def _radii_in_chunks(described: Described, chorded: NDArray[np.bool_], threshold_km: float) -> NDArray[np.float32]:
    """Least and largest radius, with the threshold, over the chorded segments (padded,) of each chunk: (2, b)."""
    segments = len(described.motion) // 2
    low, high = np.full(len(chorded), np.inf), np.full(len(chorded), -np.inf)
    low[:segments] = described.r_low_km.reshape(-1, 2).min(axis=1) - threshold_km
    high[:segments] = described.r_high_km.reshape(-1, 2).max(axis=1) + threshold_km
    low[~chorded], high[~chorded] = np.inf, -np.inf
    return np.stack([-rounded_up(-low.reshape(-1, BLOCK).min(axis=1)), rounded_up(high.reshape(-1, BLOCK).max(axis=1))])


def _radii(motion: NDArray[np.float64]) -> tuple[float, float]:
    """Bounds of the radius over motions that were followed through their slabs."""
    p, v, a = (np.linalg.norm(motion[:, at : at + 3], axis=1) for at in (PX, VX, AX))
    half_s = 0.5 * (motion[:, STOP_S] - motion[:, START_S])
    run = v * half_s + 0.5 * a * half_s**2 + motion[:, REMAINDER_KM]
    return float((p - run).min(initial=np.inf)), float((p + run).max(initial=0.0))

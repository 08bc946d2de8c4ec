"""From a query to its conjunctions: the rows and slabs in which it may meet a resident row, and their refinement."""

from concurrent.futures import Executor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import Failure
from conjunction.refinement import Candidates, Encounters, refine
from conjunction.resident_kernel import screen_pieces, screen_rows
from conjunction.resident_query import Query
from conjunction.resident_schedule import Schedule
from conjunction.resident_store import NodeStore, PieceList, by_block
from conjunction.screened_spans import valid_ns

ROW = np.dtype(
    [
        ("screened", np.bool_),
        ("slot", np.int64),
        ("reach_km", np.float32),
        ("error_km", np.float32),
        ("r_low_km", np.float32),
        ("r_high_km", np.float32),
        ("orbit", np.int32),
        ("last_valid_ns", np.int64),
    ]
)  # what is held of a row beside its nodes; last_valid_ns: the last instant before it fails

_REFINED_AT_ONCE = 512  # candidates: few enough to share among threads
BOUNDS = ("reach_km", "error_km", "r_low_km", "r_high_km")


def may_meet(
    query: Query,
    rows: NDArray[np.void],
    wanted: NDArray[np.bool_],
    nodes: NodeStore,
    pieces: PieceList,
    threshold_km: float,
    workers: Executor,
) -> NDArray[np.int64]:
    """Resident rows of `wanted` (n,) and slabs from the schedule's first, (m, 2), each once: no pair is missing.

    rows (n,) of dtype ROW. Blocks of nodes go through the workers, which must be threads of this process.
    """
    near = wanted & (rows["r_low_km"] <= query.r_high_km + threshold_km)
    near &= rows["r_high_km"] >= query.r_low_km - threshold_km
    selected = np.flatnonzero(near)
    parts = by_block(rows["slot"][selected])
    bounds = np.stack([rows[name][selected] for name in BOUNDS])
    running = [
        workers.submit(
            screen_rows,
            nodes.blocks[part.block],
            part.places_in_block,
            np.ascontiguousarray(bounds[:, part.selected]),
            query.nodes,
            query.reach_km,
            query.chunks_km,
            query.unchorded,
            query.motion,
            query.begin,
            threshold_km,
        )
        for part in parts
    ]
    found = [screen_pieces(*pieces, wanted, query.motion, query.begin, threshold_km)]
    for part, future in zip(parts, running, strict=True):
        here = future.result()
        here[:, 0] = selected[part.selected[here[:, 0]]]
        found.append(here)
    return np.unique(np.concatenate(found), axis=0)


def refined(
    orbits: Catalogue,
    residents: Catalogue,
    pairs: NDArray[np.int64],
    failures: list[Failure],
    residents_end_ns: NDArray[np.int64],
    schedule: Schedule,
    threshold_km: float,
    workers: Executor,
) -> Encounters:
    """Every conjunction in the pairs (m, 3): row of orbits, row of residents, slab from the schedule's first.

    failures are those of orbits; residents_end_ns (residents.n,): up to when each is screened. The encounters' first
    are rows of orbits, their second rows of residents. Batches of whole pairs go through the workers.
    """
    first, second, slab = pairs[np.lexsort((pairs[:, 2], pairs[:, 1], pairs[:, 0]))].T
    catalogue = Catalogue.joined([orbits, residents])
    starts_ns, ends_ns = valid_ns(catalogue, failures, schedule.window)
    ends_ns[orbits.n :] = np.minimum(ends_ns[orbits.n :], residents_end_ns)
    opens = np.flatnonzero((np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0))
    wanted = np.searchsorted(opens, np.arange(_REFINED_AT_ONCE, len(first), _REFINED_AT_ONCE))
    cuts = np.unique(np.concatenate([[0], opens[wanted[wanted < len(opens)]], [len(first)]])).tolist()
    running = []
    for a, b in pairwise(cuts if len(cuts) > 1 else [0, 0]):
        candidates = Candidates(
            first[a:b].astype(np.int32),
            (second[a:b] + orbits.n).astype(np.int32),
            slab[a:b] + np.int64(schedule.first_slab),
        )
        running.append(workers.submit(refine, catalogue, candidates, schedule.window, starts_ns, ends_ns, threshold_km))
    parts = [future.result() for future in running]
    encounters = Encounters._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    return encounters._replace(second=encounters.second - np.int32(orbits.n))

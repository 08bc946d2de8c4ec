"""All-against-all screening of a catalogue: `screen`. docs/screening.md says how, and what is guaranteed."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.checkpoint import run_key
from conjunction.irregular import Failure
from conjunction.left_out import LEFT_OUT_SCHEMA, left_out_table
from conjunction.pieces_of_work import Kept, PieceStore, ScreeningCancelled, in_order
from conjunction.refinement import Candidates, Encounters, refine
from conjunction.screened_spans import alive_at_start, valid_ns
from conjunction.sieve import Sieved, Window, sieve_chunk, slabs_in_chunk
from conjunction.volumes import Volumes
from schemas.records import CONJUNCTION_GEOMETRY

__all__ = ["CONJUNCTIONS_SCHEMA", "LEFT_OUT_SCHEMA", "ScreeningCancelled", "ScreeningResult", "screen"]

PairsExcluded = NDArray[np.int64] | Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]]

_REFINED_AT_ONCE = 20_000
_SIEVE_SHARE = 0.9  # of the progress told

CONJUNCTIONS_SCHEMA = pa.schema(
    [
        pa.field("index_1", pa.int32(), False),
        pa.field("index_2", pa.int32(), False),
        pa.field("tca_tai_ns", pa.int64(), False),
        *(
            pa.field(name, pa.float64(), False)
            for name in (
                *CONJUNCTION_GEOMETRY,
                "approach_angle_deg",
            )
        ),
        pa.field("entry_tai_ns", pa.int64(), False),
        pa.field("exit_tai_ns", pa.int64(), False),
        pa.field("at_window_edge", pa.bool_(), False),
    ]
)


@dataclass(frozen=True)
class ScreeningResult:
    """What `screen` found, and what it could not look at.

    conjunctions: CONJUNCTIONS_SCHEMA, sorted by TCA, index_1, index_2: orbits of the catalogue (`Catalogue.orbit`;
    rows, for element sets), that of the smaller row first; relative quantities are object 2 minus object 1 in RTN of
    object 1. left_out: LEFT_OUT_SCHEMA, sorted by index: which orbit was not screened, why, from when and until when.
    object_count rows were screened from the window's start, or from where they begin.
    """

    conjunctions: pa.Table
    left_out: pa.Table
    object_count: int
    candidate_count: int
    state_count: int
    sieve_wall_s: float
    refine_wall_s: float


class _Run(NamedTuple):
    """What all pieces of a run share."""

    catalogue: Catalogue
    window: Window
    threshold_km: float
    volumes: Volumes | None
    executor: Executor
    tell: Callable[[float], None]
    cancelled: Callable[[], bool] | None
    checkpoint: PieceStore | None
    key: str

    def kept(self, stage: str, kind: type) -> Kept | None:
        return None if self.checkpoint is None else Kept(self.checkpoint, f"{self.key}/{stage}", kind)


def screen(
    catalogue: Catalogue,
    *,
    start_tai_ns: int,
    duration_s: float,
    threshold_km: float = 5.0,
    volumes: Volumes | None = None,
    pairs_excluded: PairsExcluded | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    checkpoint: PieceStore | None = None,
) -> ScreeningResult:
    """Every conjunction of the catalogue's objects with one another, from start for duration.

    A conjunction is a local minimum of the range of the two orbits' positions (TEME) at or below threshold_km; a pair's
    range that falls to the window's end, rises from its start, or falls to (rises from) the instant at which one of the
    two ends (begins), has a minimum there, with at_window_edge set. A range that never varies by more than the noise
    counts once, at the start. With volumes, a pair of which one has a volume is inside that volume instead of the
    sphere, and a stay inside a volume without such a minimum counts once, at its least range (`conjunction.volumes`).

    pairs_excluded: either a group number for each row (pairs of one number >= 0 are not screened), or a function of
    candidate rows (index_1, index_2) that returns true for the pairs to leave out, such as
    `conjunction.exclusion.PairsLeftOut`. Rows of one orbit are never a pair. executor: where the pieces of work run
    (threads of this process unless given; the pieces are pure functions, so any `concurrent.futures` executor will do,
    and the result is the same). progress is told a fraction from 0 to 1; cancelled is asked between pieces.
    checkpoint: where pieces that are done are kept, and found again by a run on the same orbits, window, threshold,
    volumes and exclusions (`conjunction.checkpoint`).

    Raises ValueError for a window or threshold that is not positive and finite, group numbers or volumes of another
    length; TypeError for a checkpoint with a function that has no contents to compare; ScreeningCancelled where
    cancelled says so.
    """
    if not (np.isfinite(duration_s) and duration_s > 0.0):
        raise ValueError(f"duration_s must be positive and finite, not {duration_s}")
    if not (np.isfinite(threshold_km) and threshold_km > 0.0):
        raise ValueError(f"threshold_km must be positive and finite, not {threshold_km}")
    window = Window(int(start_tai_ns), int(start_tai_ns) + round(duration_s * 1e9))
    group = np.full(catalogue.n, -1, dtype=np.int64)
    if pairs_excluded is not None and not callable(pairs_excluded):
        group = np.ascontiguousarray(pairs_excluded, dtype=np.int64)
        if group.shape != (catalogue.n,):
            raise ValueError(f"pairs_excluded has shape {group.shape}, but the catalogue has {catalogue.n} rows")
    if volumes is not None:
        volumes = volumes.checked(catalogue.n)
    key = ""
    if checkpoint is not None:
        key = run_key(
            catalogue, start_tai_ns=window.start_tai_ns, duration_s=duration_s, threshold_km=threshold_km,
            volumes=volumes, exclusions=pairs_excluded,
        )  # fmt: skip
    began = time.perf_counter()
    with ExitStack() as stack:
        workers = executor or stack.enter_context(ThreadPoolExecutor(_core_count()))
        tell = progress or (lambda fraction: None)
        run = _Run(catalogue, window, threshold_km, volumes, workers, tell, cancelled, checkpoint, key)
        alive, failures = alive_at_start(catalogue, np.arange(catalogue.n, dtype=np.int32), window)
        active = np.flatnonzero(alive).astype(np.int32)
        sieved = _sieve(run, active, group)
        failures += [Failure(*failure) for part in sieved for failure in part.failures.tolist()]
        state_count = sum(int(part.state_count) for part in sieved)
        candidates = _candidates(catalogue, sieved, pairs_excluded if callable(pairs_excluded) else None)
        del sieved  # of a large population, more than the conjunctions take
        candidate_count, sieve_ended = len(candidates.first), time.perf_counter()
        batches = _refine(run, candidates, valid_ns(catalogue, failures, window))
        del candidates
    tell(1.0)
    return ScreeningResult(
        conjunctions=conjunction_table(batches, catalogue.orbit),
        left_out=left_out_table(catalogue, failures, *window),
        object_count=len(active),
        candidate_count=candidate_count,
        state_count=state_count,
        sieve_wall_s=sieve_ended - began,
        refine_wall_s=time.perf_counter() - sieve_ended,
    )


def _core_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sieve(run: _Run, active: NDArray[np.int32], group: NDArray[np.int64]) -> list[Sieved]:
    reach_km = np.full(run.catalogue.n, float(run.threshold_km))
    if run.volumes is not None:
        reach_km = np.where(run.volumes.of_row >= 0, run.volumes.reach_of_row_km, reach_km)
    slabs = run.window.slabs()
    length = slabs_in_chunk(len(active))
    chunks = [range(k, min(k + length, slabs.stop)) for k in range(slabs.start, slabs.stop, length)]
    arguments = ((run.catalogue, active, group[active], run.window, chunk, reach_km[active]) for chunk in chunks)
    return in_order(
        run.executor, sieve_chunk, arguments, len(chunks), lambda done: run.tell(_SIEVE_SHARE * done), run.cancelled,
        run.kept("sieve", Sieved),
    )  # fmt: skip


def _candidates(
    catalogue: Catalogue,
    sieved: list[Sieved],
    excluded: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]] | None,
) -> Candidates:
    """All candidates sorted by pair and slab, none twice, without one orbit's own and the pairs that are excluded."""
    first = np.concatenate([part.first for part in sieved])
    second = np.concatenate([part.second for part in sieved])
    slab = np.concatenate([part.slab for part in sieved])
    kept = catalogue.orbit[first] != catalogue.orbit[second]
    if excluded is not None:
        kept &= ~np.asarray(excluded(first, second), dtype=np.bool_)
    first, second, slab = first[kept], second[kept], slab[kept]
    order = np.lexsort((slab, second, first))
    first, second, slab = first[order], second[order], slab[order]
    new = np.ones(len(first), dtype=np.bool_)
    new[1:] = (np.diff(first) != 0) | (np.diff(second) != 0) | (np.diff(slab) != 0)
    return Candidates(first[new], second[new], slab[new])


def _refine(
    run: _Run, candidates: Candidates, ends_ns: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> list[Encounters]:
    """Refine in batches of whole pairs, so that no run of slabs is cut."""
    opens = np.ones(len(candidates.first), dtype=np.bool_)
    opens[1:] = (np.diff(candidates.first) != 0) | (np.diff(candidates.second) != 0)
    pair_starts = np.append(np.flatnonzero(opens), len(opens))
    wanted = np.arange(0, max(len(opens), 1), _REFINED_AT_ONCE)
    cuts = np.append(pair_starts[np.searchsorted(pair_starts, wanted)], len(opens))
    cuts = np.unique(cuts) if len(opens) else np.array([0, 0])
    arguments = (
        (
            run.catalogue, Candidates._make(column[a:b] for column in candidates), run.window, *ends_ns,
            run.threshold_km, run.volumes,
        )
        for a, b in pairwise(cuts.tolist())
    )  # fmt: skip
    return in_order(
        run.executor, refine, arguments, len(cuts) - 1,
        lambda done: run.tell(_SIEVE_SHARE + (1.0 - _SIEVE_SHARE) * done), run.cancelled,
        run.kept("refine", Encounters),
    )  # fmt: skip


def conjunction_table(batches: list[Encounters], orbit: NDArray[np.int32] | None = None) -> pa.Table:
    """CONJUNCTIONS_SCHEMA of encounters; orbit (n,): which orbit each row is of, where first and second are rows.

    Empties `batches` field by field, so that millions of conjunctions are not there twice.
    """
    fields = [list(columns) for columns in zip(*batches, strict=True)]
    batches.clear()

    def taken(name: str) -> NDArray[Any]:
        place = Encounters._fields.index(name)
        column: NDArray[Any] = np.concatenate(fields[place])
        fields[place] = []
        return column

    first, second, tca_tai_ns = taken("first"), taken("second"), taken("tca_tai_ns")
    order = np.lexsort((second, first, tca_tai_ns))
    rows = (first[order], second[order])
    columns = [pa.array(row if orbit is None else orbit[row]) for row in rows]
    columns.append(pa.array(tca_tai_ns[order]))
    del first, second, tca_tai_ns, rows
    columns.append(pa.array(taken("miss_distance_km")[order] * 1e3))
    position_m = taken("relative_position_rtn_km")[order] * 1e3
    velocity_m_s = taken("relative_velocity_rtn_km_s")[order] * 1e3
    columns.append(pa.array(np.linalg.norm(velocity_m_s, axis=1)))
    columns += [pa.array(np.ascontiguousarray(axis)) for axis in (*position_m.T, *velocity_m_s.T)]
    del position_m, velocity_m_s
    for name in ("approach_angle_deg", "entry_tai_ns", "exit_tai_ns", "at_window_edge"):
        columns.append(pa.array(taken(name)[order]))
    return pa.table(columns, schema=CONJUNCTIONS_SCHEMA)

"""All-against-all screening of a catalogue: `screen`. docs/screening.md says how, and what is guaranteed."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from conjunction.catalogue import SGP4_REASONS, Catalogue
from conjunction.irregular import TOO_WILD, TOO_WILD_REASON, Failure
from conjunction.refinement import Candidates, Encounters, refine
from conjunction.sieve import Sieved, Window, sieve_chunk, slabs_in_chunk

PairsExcluded = NDArray[np.int64] | Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]]

_REASONS = {**SGP4_REASONS, TOO_WILD: TOO_WILD_REASON}
_AHEAD = 8  # pieces of work handed to the executor at a time: bounds memory, and how long cancelling takes
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
                "miss_distance_m",
                "relative_speed_m_s",
                "relative_position_r_m",
                "relative_position_t_m",
                "relative_position_n_m",
                "relative_velocity_r_m_s",
                "relative_velocity_t_m_s",
                "relative_velocity_n_m_s",
            )
        ),
        pa.field("at_window_edge", pa.bool_(), False),
    ]
)
LEFT_OUT_SCHEMA = pa.schema(
    [
        pa.field("index", pa.int32(), False),
        pa.field("reason", pa.string(), False),
        pa.field("from_tai_ns", pa.int64(), False),
    ]
)


class ScreeningCancelled(Exception):
    """`screen` was asked to stop by its `cancelled` callback; there is no partial result."""


@dataclass(frozen=True)
class ScreeningResult:
    """What `screen` found, and what it could not look at.

    conjunctions: CONJUNCTIONS_SCHEMA, sorted by TCA, index_1, index_2. index_1 < index_2 are rows of the catalogue;
    relative quantities are object 2 minus object 1 in RTN of object 1. left_out: LEFT_OUT_SCHEMA, sorted by index:
    from which instant a row was not screened, and why. object_count rows were screened from the window's start.
    """

    conjunctions: pa.Table
    left_out: pa.Table
    object_count: int
    candidate_count: int
    state_count: int
    sieve_wall_s: float
    refine_wall_s: float


def screen(
    catalogue: Catalogue,
    *,
    start_tai_ns: int,
    duration_s: float,
    threshold_km: float = 5.0,
    pairs_excluded: PairsExcluded | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ScreeningResult:
    """Every conjunction of the catalogue's objects with one another within the threshold, from start for duration.

    A conjunction is a local minimum of the range of SGP4's positions (TEME) at or below threshold_km; a pair's range
    that falls to the window's end, rises from its start, or falls to the instant at which one of the two fails, has a
    minimum there, with at_window_edge set. A range that never varies by more than the noise counts once, at the start.

    pairs_excluded: either a group number for each row (pairs of one number >= 0 are not screened), or a function of
    candidate rows (index_1, index_2) that returns true for the pairs to leave out. executor: where the pieces of work
    run (threads of this process unless given; the pieces are pure functions, so any `concurrent.futures` executor
    will do, and the result is the same). progress is told a fraction from 0 to 1; cancelled is asked between pieces.

    Raises ValueError for a window or threshold that is not positive and finite, or group numbers of another length;
    ScreeningCancelled where cancelled says so.
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
    tell = progress or (lambda fraction: None)
    began = time.perf_counter()
    active, failures = _alive_at_start(catalogue, window)
    with ExitStack() as stack:
        workers = executor or stack.enter_context(ThreadPoolExecutor(_core_count()))
        sieved = _sieve(catalogue, active, group, window, threshold_km, workers, tell, cancelled)
        failures += [failure for part in sieved for failure in part.failures]
        candidates = _candidates(sieved, pairs_excluded if callable(pairs_excluded) else None)
        sieve_ended = time.perf_counter()
        ends = _ends(failures, catalogue.n, window)
        encounters = _refine(catalogue, candidates, window, ends, threshold_km, workers, tell, cancelled)
    tell(1.0)
    return ScreeningResult(
        conjunctions=_conjunction_table(encounters),
        left_out=_left_out_table(catalogue, failures, window),
        object_count=len(active),
        candidate_count=len(candidates.first),
        state_count=sum(part.state_count for part in sieved),
        sieve_wall_s=sieve_ended - began,
        refine_wall_s=time.perf_counter() - sieve_ended,
    )


def _core_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _alive_at_start(catalogue: Catalogue, window: Window) -> tuple[NDArray[np.int32], list[Failure]]:
    """Catalogue rows that SGP4 has a state for at the window's start, and the failures of the others."""
    usable = np.ones(catalogue.n, dtype=np.bool_)
    usable[list(catalogue.unusable)] = False
    rows = np.flatnonzero(usable).astype(np.int32)
    code = catalogue.states(rows, np.full(len(rows), window.start_tai_ns)).code
    failures = [
        Failure(row, window.start_tai_ns, why)
        for row, why in zip(rows[code != 0].tolist(), code[code != 0].tolist(), strict=True)
    ]
    return rows[code == 0], failures


def _in_order(
    executor: Executor,
    task: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    count: int,
    tell: Callable[[float], None],
    cancelled: Callable[[], bool] | None,
) -> list[Any]:
    """Results of task(*arguments) in order, a few at a time on the executor; tell is told the fraction done."""
    waiting: Iterator[tuple[int, tuple[Any, ...]]] = iter(enumerate(arguments))
    running: dict[Future[Any], int] = {}
    results: dict[int, Any] = {}
    try:
        while True:
            if cancelled is not None and cancelled():
                raise ScreeningCancelled("the screening was cancelled")
            for number, argument in islice(waiting, _AHEAD - len(running)):
                running[executor.submit(task, *argument)] = number
            if not running:
                return [results[number] for number in range(len(results))]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(future)] = future.result()
                tell(len(results) / count)
    finally:
        for future in running:
            future.cancel()
        wait(running)


def _sieve(
    catalogue: Catalogue,
    active: NDArray[np.int32],
    group: NDArray[np.int64],
    window: Window,
    threshold_km: float,
    executor: Executor,
    tell: Callable[[float], None],
    cancelled: Callable[[], bool] | None,
) -> list[Sieved]:
    slabs = window.slabs()
    length = slabs_in_chunk(len(active))
    chunks = [range(k, min(k + length, slabs.stop)) for k in range(slabs.start, slabs.stop, length)]
    arguments = ((catalogue, active, group[active], window, chunk, threshold_km) for chunk in chunks)
    return _in_order(executor, sieve_chunk, arguments, len(chunks), lambda done: tell(_SIEVE_SHARE * done), cancelled)


def _candidates(
    sieved: list[Sieved], excluded: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]] | None
) -> Candidates:
    """All candidates sorted by pair and slab, none twice, without the pairs that the caller leaves out."""
    first = np.concatenate([part.first for part in sieved])
    second = np.concatenate([part.second for part in sieved])
    slab = np.concatenate([part.slab for part in sieved])
    if excluded is not None:
        kept = ~np.asarray(excluded(first, second), dtype=np.bool_)
        first, second, slab = first[kept], second[kept], slab[kept]
    order = np.lexsort((slab, second, first))
    first, second, slab = first[order], second[order], slab[order]
    new = np.ones(len(first), dtype=np.bool_)
    new[1:] = (np.diff(first) != 0) | (np.diff(second) != 0) | (np.diff(slab) != 0)
    return Candidates(first[new], second[new], slab[new])


def _ends(failures: list[Failure], n: int, window: Window) -> NDArray[np.int64]:
    """Up to when each catalogue row is screened, (n,)."""
    ends = np.full(n, window.stop_tai_ns)
    for failure in failures:
        ends[failure.row] = min(ends[failure.row], failure.from_tai_ns - 1)
    return ends


def _refine(
    catalogue: Catalogue,
    candidates: Candidates,
    window: Window,
    ends: NDArray[np.int64],
    threshold_km: float,
    executor: Executor,
    tell: Callable[[float], None],
    cancelled: Callable[[], bool] | None,
) -> Encounters:
    """Refine in batches of whole pairs, so that no run of slabs is cut."""
    opens = np.ones(len(candidates.first), dtype=np.bool_)
    opens[1:] = (np.diff(candidates.first) != 0) | (np.diff(candidates.second) != 0)
    pair_starts = np.append(np.flatnonzero(opens), len(opens))
    wanted = np.arange(0, len(opens), _REFINED_AT_ONCE)
    cuts = np.unique(np.append(pair_starts[np.searchsorted(pair_starts, wanted)], [0, len(opens)])).tolist()
    arguments = (
        (catalogue, Candidates._make(column[a:b] for column in candidates), window, ends, threshold_km)
        for a, b in pairwise(cuts)
    )
    batches = _in_order(
        executor,
        refine,
        arguments,
        len(cuts) - 1,
        lambda done: tell(_SIEVE_SHARE + (1.0 - _SIEVE_SHARE) * done),
        cancelled,
    )
    if not batches:
        batches = [refine(catalogue, candidates, window, ends, threshold_km)]
    return Encounters._make(np.concatenate(columns) for columns in zip(*batches, strict=True))


def _conjunction_table(encounters: Encounters) -> pa.Table:
    order = np.lexsort((encounters.second, encounters.first, encounters.tca_tai_ns))
    position_m = encounters.relative_position_rtn_km[order] * 1e3
    velocity_m_s = encounters.relative_velocity_rtn_km_s[order] * 1e3
    return pa.table(
        [
            encounters.first[order],
            encounters.second[order],
            encounters.tca_tai_ns[order],
            encounters.miss_distance_km[order] * 1e3,
            np.linalg.norm(velocity_m_s, axis=1),
            *position_m.T,
            *velocity_m_s.T,
            encounters.at_window_edge[order],
        ],
        schema=CONJUNCTIONS_SCHEMA,
    )


def _left_out_table(catalogue: Catalogue, failures: list[Failure], window: Window) -> pa.Table:
    earliest: dict[int, tuple[int, str]] = {
        row: (window.start_tai_ns, reason) for row, reason in catalogue.unusable.items()
    }
    for row, from_tai_ns, code in sorted(failures, key=lambda failure: failure.from_tai_ns):
        earliest.setdefault(row, (from_tai_ns, _REASONS[code]))
    rows = sorted(earliest)
    return pa.table(
        [
            np.array(rows, dtype=np.int32),
            pa.array([earliest[row][1] for row in rows], pa.string()),
            np.array([earliest[row][0] for row in rows], dtype=np.int64),
        ],
        schema=LEFT_OUT_SCHEMA,
    )

"""One against all, at once: a catalogue kept ready in memory, which takes new orbits and returns their conjunctions.

For every row and the whole window it holds positions every 240 s in single precision (0.9 GB for 26,905 rows and seven
days), and pieces for the few rows and slabs that these do not describe. The answer is that of `screening.screen` for
the same pairs: only the sieve is another one, and misses nothing either; refinement is the same. docs/screening.md
derives the bounds.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import Failure
from conjunction.left_out import left_out_table
from conjunction.resident_gate import Gate
from conjunction.resident_query import queries_of
from conjunction.resident_schedule import Schedule, batches, by_size
from conjunction.resident_search import BOUNDS, ROW, may_meet, refined
from conjunction.resident_store import NodeStore, OrbitStore, PieceStore
from conjunction.resident_tracks import Tracks, tracks_of
from conjunction.screened_spans import alive_at_start
from conjunction.screening import ScreeningResult, conjunction_table
from conjunction.sieve import Window

_AHEAD = 4  # batches of rows handed to the executor at a time


class ResidentCatalogue:
    """A catalogue ready to be screened against: `build` it, then `screen` orbits, and `replace`, `append`, `remove`.

    Any number of threads may call `screen` at the same time. A change waits for the screenings under way and then
    keeps new ones waiting, for as long as it takes to write its rows; what it computes first, it computes beside them.
    Changes wait for one another. Row numbers never change: appended rows get the next ones, removed rows leave theirs
    unused. Orbit numbers of the catalogue built from stay, appended orbits get the next; for element sets they are the
    row numbers.
    """

    def __init__(self, schedule: Schedule, threshold_km: float) -> None:
        self._schedule = schedule
        self._threshold_km = threshold_km
        self._nodes = NodeStore(schedule.chunks)
        self._pieces = PieceStore()
        self._orbits = OrbitStore()
        self._table = np.zeros(1024, dtype=ROW)
        self._n = 0
        self._orbit_count = 0
        self._failures: dict[int, Failure] = {}
        self._gate = Gate()
        self._changes = Lock()

    @classmethod
    def build(
        cls,
        catalogue: Catalogue,
        *,
        start_tai_ns: int,
        duration_s: float,
        threshold_km: float = 5.0,
        executor: Executor | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> "ResidentCatalogue":
        """Make all rows of a catalogue ready for a window (TAI ns, s) and a threshold (km).

        executor: threads of this process (its own unless given); 31 MB of positions each. progress is told a fraction
        from 0 to 1. Raises ValueError for a window or threshold that is not positive and finite.
        """
        if not (np.isfinite(duration_s) and duration_s > 0.0):
            raise ValueError(f"duration_s must be positive and finite, not {duration_s}")
        if not (np.isfinite(threshold_km) and threshold_km > 0.0):
            raise ValueError(f"threshold_km must be positive and finite, not {threshold_km}")
        window = Window(int(start_tai_ns), int(start_tai_ns) + round(duration_s * 1e9))
        resident = cls(Schedule.of(window), float(threshold_km))
        with resident._changes:
            rows = resident._enrolled(catalogue)
            resident._write(rows, catalogue, executor, progress or (lambda fraction: None), new=True)
        return resident

    @property
    def start_tai_ns(self) -> int:
        """The window's start, TAI ns."""
        return self._schedule.window.start_tai_ns

    @property
    def duration_s(self) -> float:
        """The window's length, s."""
        return (self._schedule.window.stop_tai_ns - self._schedule.window.start_tai_ns) / 1e9

    @property
    def threshold_km(self) -> float:
        """Up to which miss distance conjunctions are found, km."""
        return self._threshold_km

    @property
    def n(self) -> int:
        """How many rows, removed ones counted."""
        return self._n

    @property
    def catalogue(self) -> Catalogue:
        """All rows as they are now (removed ones as they last were), with their orbit numbers. A copy: 20 MB."""
        with self._gate.reading():
            return self._orbits.whole(self._table["orbit"][: self._n].copy())

    @property
    def left_out(self) -> pa.Table:
        """Resident rows that are not screened, or not to the window's end, and why: `screening.LEFT_OUT_SCHEMA`."""
        with self._gate.reading():
            failures = [failure._replace(row=row) for row, failure in self._failures.items()]
        return left_out_table(self.catalogue, failures, *self._schedule.window)

    @property
    def memory_bytes(self) -> int:
        """What nodes and pieces take, the room kept for more included."""
        return sum(block.nbytes for block in self._nodes.blocks) + self._pieces.memory_bytes

    def screen(
        self,
        orbits: Catalogue,
        *,
        group: NDArray[np.int64] | None = None,
        of_resident: NDArray[np.int64] | None = None,
        executor: Executor | None = None,
    ) -> ScreeningResult:
        """The conjunctions of each row of `orbits` with the resident rows, over the resident window and threshold.

        index_1 is the orbit number in `orbits`, index_2 the resident one; relative quantities are object 2 minus
        object 1 in RTN of object 1. Rows of `orbits` are not screened against each other. left_out and object_count
        speak of `orbits`. group (orbits.n,) against of_resident (n,), int64: pairs of one number >= 0 are left out.
        executor: threads of this process (its own unless given).

        Raises ValueError where only one of group and of_resident is given, or with another length.
        """
        if (group is None) != (of_resident is None):
            raise ValueError("group and of_resident go together: one of them is missing")
        if group is not None and of_resident is not None and (len(group), len(of_resident)) != (orbits.n, self._n):
            theirs, ours = f"{len(group)} for {orbits.n} orbits", f"{len(of_resident)} for {self._n} rows"
            raise ValueError(f"group has {theirs}, of_resident {ours}")
        began = time.perf_counter()
        alive, failures = alive_at_start(orbits, np.arange(orbits.n, dtype=np.int32), self._schedule.window)
        rows = np.flatnonzero(alive).astype(np.int32)
        found = [np.empty((0, 3), dtype=np.int64)]
        with self._gate.reading(), ExitStack() as stack:
            workers = executor or stack.enter_context(ThreadPoolExecutor(_core_count()))
            table, pieces = self._table[: self._n], self._pieces.pieces()
            queries = queries_of(orbits, rows, self._schedule, self._threshold_km)
            for row, query in zip(rows.tolist(), queries, strict=True):
                if query.failure is not None:
                    failures.append(query.failure)
                wanted = table["screened"].copy()
                if group is not None and of_resident is not None and group[row] >= 0:
                    wanted &= of_resident != group[row]
                near = may_meet(query, table, wanted, self._nodes, pieces, self._threshold_km, workers)
                found.append(np.column_stack([np.full(len(near), row), near]))
            pairs = np.concatenate(found)
            numbers, residents = self._orbits.take(np.unique(pairs[:, 1]))
            orbit, ends_ns = table["orbit"][numbers], table["last_valid_ns"][numbers]
            place = np.empty(self._n, dtype=np.int64)
            place[numbers] = np.arange(len(numbers))
            pairs[:, 1] = place[pairs[:, 1]]
            sieved = time.perf_counter()
            schedule = self._schedule
            encounters = refined(orbits, residents, pairs, failures, ends_ns, schedule, self._threshold_km, workers)
        encounters = encounters._replace(first=orbits.orbit[encounters.first], second=orbit[encounters.second])
        return ScreeningResult(
            conjunctions=conjunction_table([encounters]),
            left_out=left_out_table(orbits, failures, *self._schedule.window),
            object_count=len(rows),
            candidate_count=len(pairs),
            state_count=len(rows) * len(self._schedule.grid_ns),
            sieve_wall_s=sieved - began,
            refine_wall_s=time.perf_counter() - sieved,
        )

    def replace(
        self, rows: NDArray[np.integer[Any]], catalogue: Catalogue, *, executor: Executor | None = None
    ) -> None:
        """Give rows `rows` (m,) the orbits of a catalogue of m rows; removed rows come back. Orbit numbers stay.

        Raises ValueError for rows that there are not, rows given twice, or a catalogue of another length.
        """
        with self._changes:
            chosen = self._known(rows)
            if len(chosen) != catalogue.n:
                raise ValueError(f"{len(chosen)} rows cannot be replaced by {catalogue.n}")
            self._write(chosen, catalogue, executor, lambda fraction: None, new=False)

    def append(self, catalogue: Catalogue, *, executor: Executor | None = None) -> NDArray[np.int32]:
        """Add the rows of a catalogue; their row numbers (m,)."""
        with self._changes:
            rows = self._enrolled(catalogue)
            self._write(rows, catalogue, executor, lambda fraction: None, new=True)
        return rows.astype(np.int32)

    def remove(self, rows: NDArray[np.integer[Any]]) -> None:
        """Screen rows `rows` (m,) no more. Raises ValueError for rows that there are not, or given twice."""
        with self._changes:
            chosen = self._known(rows)
            with self._gate.changing():
                self._forget(chosen)

    def _known(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        chosen = np.asarray(rows, dtype=np.int64)
        if len(np.unique(chosen)) != len(chosen) or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < self._n):
            raise ValueError(f"rows must be different and from 0 to {self._n - 1}")
        return chosen

    def _enrolled(self, catalogue: Catalogue) -> NDArray[np.int64]:
        """New rows for a catalogue, which are not screened yet: their numbers."""
        with self._gate.changing():
            rows = np.arange(self._n, self._n + catalogue.n)
            if self._n + catalogue.n > len(self._table):
                grown = np.zeros(2 * (self._n + catalogue.n), dtype=ROW)
                grown[: self._n] = self._table[: self._n]
                self._table = grown
            self._orbits.put(rows, catalogue)
            self._table["orbit"][rows] = self._orbit_count + catalogue.orbit
            self._n += catalogue.n
            self._orbit_count += catalogue.orbit_count
        return rows

    def _write(
        self,
        rows: NDArray[np.int64],
        catalogue: Catalogue,
        executor: Executor | None,
        tell: Callable[[float], None],
        *,
        new: bool,
    ) -> None:
        """Work out the catalogue's rows, some batches at a time on the executor, and put them in place of `rows`.

        new: whether `rows` have these orbits already.
        """
        waiting: deque[tuple[NDArray[np.int32], Future[Tracks]]] = deque()
        done = 0
        with ExitStack() as stack:
            workers = executor or stack.enter_context(ThreadPoolExecutor(_core_count()))
            left = deque(batches(by_size(catalogue, self._schedule.window), self._schedule))
            while left or waiting:
                while left and len(waiting) < _AHEAD:
                    batch = left.popleft()
                    task = workers.submit(tracks_of, catalogue, batch, self._schedule, self._threshold_km)
                    waiting.append((batch, task))
                batch, task = waiting.popleft()
                tracks = task.result()
                with self._gate.changing():
                    if not new:
                        self._orbits.put(rows[batch], catalogue.take(batch))
                    self._put(rows[batch], tracks)
                done += len(batch)
                tell(done / catalogue.n)

    def _put(self, rows: NDArray[np.int64], tracks: Tracks) -> None:
        self._forget(rows)
        alive = np.flatnonzero(tracks.alive)
        kept = rows[alive]
        self._table["slot"][kept] = self._nodes.put(tracks.nodes[alive])
        for name in BOUNDS:
            self._table[name][kept] = getattr(tracks, name)[alive]
        self._table["last_valid_ns"][rows] = self._schedule.window.stop_tai_ns
        for failure in tracks.failures:
            self._table["last_valid_ns"][rows[failure.row]] = failure.from_tai_ns - 1
        self._table["screened"][kept] = True
        for k, motions in enumerate(tracks.pieces):
            if motions is not None:
                self._pieces.put(int(rows[k]), motions)
        for failure in tracks.failures:
            row = int(rows[failure.row])
            self._failures[row] = failure._replace(row=row)

    def _forget(self, rows: NDArray[np.int64]) -> None:
        held = rows[self._table["screened"][rows]]
        self._nodes.free(self._table["slot"][held])
        self._table["screened"][held] = False
        for row in rows.tolist():
            self._pieces.drop(row)
            self._failures.pop(row, None)


def _core_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

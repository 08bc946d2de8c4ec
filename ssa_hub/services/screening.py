"""Screening in the hub: the whole catalogue on a clock, every originator's orbits, each data mode by itself.

Of several workers the one that holds the lease screens. The orbits are the newest of each object from each originator
(under each label), not the newest of all: otherwise an orbit that a partner may not see would take away from him the
conjunctions of the one that he may.
"""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import structlog

from ingest.log import Log, LogUnavailableError
from ingest.messages import conjunction_entries
from ingest.topics import CONJUNCTIONS, ELEMENTS
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND, format_utc, now_tai_ns
from ssa_hub.services.conjunction_records import conjunction_records, without_repeated_edges
from ssa_hub.services.finishing import finished_in_thread, left_in_thread
from ssa_hub.services.holding import HeldLease
from ssa_hub.services.reporting import Reporter, in_one_line
from ssa_hub.services.screening_window import Window, screening_window
from ssa_hub.settings import ScreeningSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.runs import Run
from ssa_hub.state.store import State

if TYPE_CHECKING:  # numba and the kernels take seconds to import: only a process that screens pays
    from conjunction.screening import ScreeningResult

LEASE = "screening"
_PUBLISH_SIZE = 5_000
# A run whose window starts so near to its own beginning screens from now on, not a configured or a replayed day.
_PRESENT_NS = 600 * NS_PER_SECOND

log_event = structlog.get_logger("screening")


class Pace(NamedTuple):
    """When the service looks, waits and tries again, s.

    A catalogue comes in several batches, so it is screened when no new orbit has come for ``settled_s``; where they
    never stop coming, after ``unsettled_s_max``. While the log has orbits that are not recorded yet (a recorder has
    died, and its partitions are being taken over) it waits for them, ``behind_s_max`` at the most. A run that failed
    is tried again after ``retry_s``, then twice that, up to ``retry_s_max``.
    """

    look_every_s: float = 1.0
    settled_s: float = 4.0
    unsettled_s_max: float = 60.0
    behind_s_max: float = 180.0
    lease_s: float = 30.0
    retry_s: float = 10.0
    retry_s_max: float = 600.0


class _Unsettled(NamedTuple):
    """The newest orbit's number in the feed, since when it is that one, and since when orbits have been coming."""

    sequence: int
    unchanged_since_s: float
    coming_since_s: float


class _Failures(NamedTuple):
    """How many runs in a row have failed, and when to try again."""

    in_a_row: int
    retry_at_s: float


def worth_another(last: Run, sequence: int, every_s: float, now_tai_ns: int) -> bool:
    """Whether to screen again after the last complete run: there are new orbits, or half of its window is over.

    Never sooner than ``every_s`` after it. A window that did not begin with its run (a configured or a replayed day)
    is not over by passing time.
    """
    if last.finished_tai_ns is not None and now_tai_ns - last.finished_tai_ns < every_s * NS_PER_SECOND:
        return False
    began_with_its_run = abs(last.started_tai_ns - last.start_tai_ns) < _PRESENT_NS
    half_over = now_tai_ns - last.start_tai_ns > (last.end_tai_ns - last.start_tai_ns) // 2
    return last.catalogue_seq < sequence or (began_with_its_run and half_over)


class ScreeningService:
    """Screens when there is something new to screen, at most every ``settings.every_s``.

    New are orbits that have arrived, and, where nothing arrives, the time that has passed: when half of the last
    window is over the catalogue is screened again.
    """

    def __init__(
        self,
        log: Log,
        state: State,
        settings: ScreeningSettings,
        holder: str,
        reporter: Reporter,
        pace: Pace | None = None,
    ) -> None:
        self._log, self._state, self._settings, self._reporter = log, state, settings, reporter
        self._pace = pace or Pace()
        self._lease = HeldLease(state.leases, LEASE, holder, self._pace.lease_s)
        self._seen: dict[DataMode, _Unsettled] = {}
        self._failures: dict[DataMode, _Failures] = {}
        self._behind_since_s: float | None = None
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Screen until cancelled; then a run that is under way is noted as failed, and its threads end by themselves.

        A run that fails is reported and tried again later; nothing that it raises ends the service.
        """
        try:
            while True:
                await asyncio.sleep(self._pace.look_every_s)
                try:
                    await self._turn()
                except (LogUnavailableError, StateUnavailableError) as error:
                    log_event.warning("screening interrupted", error=str(error))
        finally:
            self._stopping.set()
            await self._lease.release()

    async def _turn(self) -> None:
        if not await asyncio.to_thread(self._due) or await self._recording_is_behind():
            return
        self._lease.lost = False
        if await self._lease.acquire():
            async with self._lease.renewed():
                await asyncio.to_thread(self._state.runs.abandon_running, "its worker ended before it did")
                # Another worker may have screened between the look and the lease.
                for data_mode, sequence in await asyncio.to_thread(self._due):
                    await self._screen(data_mode, sequence)

    def _due(self) -> list[tuple[DataMode, int]]:
        """The data modes with something new that has settled, and the feed's sequence number of the newest orbit."""
        due = []
        for data_mode, sequence in self._state.recorded.last_elements().items():
            now_s = time.monotonic()
            failures = self._failures.get(data_mode)
            if not self._settled(data_mode, sequence, now_s) or (failures and now_s < failures.retry_at_s):
                continue
            last = self._state.runs.last_complete(data_mode)
            if last is not None and not worth_another(last, sequence, self._settings.every_s, now_tai_ns()):
                continue
            due.append((data_mode, sequence))
        return due

    async def _recording_is_behind(self) -> bool:
        """Whether orbits on the log are still to be recorded, and have been for less than ``behind_s_max``."""
        ends = await self._log.end_offsets(ELEMENTS)
        recorded = await asyncio.to_thread(self._state.positions.all)
        if all(recorded.get(partition, 0) >= end for partition, end in ends.items()):
            self._behind_since_s = None
            return False
        now_s = time.monotonic()
        self._behind_since_s = now_s if self._behind_since_s is None else self._behind_since_s
        return now_s - self._behind_since_s < self._pace.behind_s_max

    def _settled(self, data_mode: DataMode, sequence: int, now_s: float) -> bool:
        seen = self._seen.get(data_mode)
        if seen is None or seen.sequence != sequence:
            coming = seen is not None and now_s - seen.unchanged_since_s < self._pace.settled_s
            coming_since_s = seen.coming_since_s if seen is not None and coming else now_s
            seen = self._seen[data_mode] = _Unsettled(sequence, now_s, coming_since_s)
        unchanged_s, coming_s = now_s - seen.unchanged_since_s, now_s - seen.coming_since_s
        return unchanged_s >= self._pace.settled_s or coming_s >= self._pace.unsettled_s_max

    async def _screen(self, data_mode: DataMode, sequence: int) -> None:
        """One run; whatever it raises is reported, and the next try comes later."""
        try:
            await self._run_once(data_mode, sequence)
            self._failures.pop(data_mode, None)
        except Exception as error:
            if self._lease.lost:
                log_event.warning("screening given up: another worker has the lease", data_mode=data_mode)
                return
            count = self._failures[data_mode].in_a_row + 1 if data_mode in self._failures else 1
            wait_s = min(self._pace.retry_s * 2.0 ** (count - 1), self._pace.retry_s_max)
            self._failures[data_mode] = _Failures(count, time.monotonic() + wait_s)
            log_event.error("screening failed", data_mode=data_mode, failures=count, retry_s=wait_s, exc_info=error)
            self._reporter.say(f"screening  of {data_mode} failed, next try in {wait_s:g} s: {_failure(error)}")

    async def _run_once(self, data_mode: DataMode, sequence: int) -> None:
        elements = await asyncio.to_thread(self._orbits, data_mode)
        window = screening_window(
            elements.column("epoch_tai_ns").to_numpy(),
            now_tai_ns=now_tai_ns(),
            hours=self._settings.window_hours,
            start_utc=self._settings.start_utc,
        )
        self._reporter.say(
            f"screening  {elements.num_rows:,} orbits ({data_mode}), closer than {self._settings.threshold_km:g} km, "
            f"{self._settings.window_hours:g} h from {format_utc(window.start_tai_ns, 0)} UTC ({window.reason})"
        )
        runs = self._state.runs
        run_id = await asyncio.to_thread(
            runs.begin,
            data_mode=data_mode,
            catalogue_seq=sequence,
            start_tai_ns=window.start_tai_ns,
            duration_s=window.duration_s,
            threshold_km=self._settings.threshold_km,
        )
        began_s = time.monotonic()
        try:
            result = await left_in_thread(self._find, elements, window)
            found = await asyncio.to_thread(self._news, result.conjunctions, elements, data_mode, window)
            await self._publish(found, elements, data_mode)
            wall_s = time.monotonic() - began_s
            left_out = result.left_out.to_pylist()
            await asyncio.to_thread(
                runs.complete, run_id, objects=elements.num_rows, conjunctions=found.num_rows,
                left_out=left_out, wall_s=wall_s,
            )  # fmt: skip
        except BaseException as error:
            await self._note_failure(run_id, error)
            raise
        self._reporter.say(
            f"screened   {found.num_rows:,} close approaches in {wall_s:.1f} s"
            + (f"; {len(left_out):,} orbits left out in whole or part (ssa-hub status)" if left_out else "")
        )

    async def _note_failure(self, run_id: int, error: BaseException) -> None:
        failure = "the hub was stopped" if isinstance(error, asyncio.CancelledError) else _failure(error)
        try:
            await finished_in_thread(self._state.runs.fail, run_id, failure)
        except (KeyError, StateUnavailableError) as second:
            # Whoever screens next notes it (`Runs.abandon_running`), or has done so already.
            log_event.warning("failed run not noted", run_id=run_id, error=repr(second))

    def _orbits(self, data_mode: DataMode) -> pa.Table:
        elements = self._state.newest.elements(data_mode)
        return elements.sort_by([("object_id", "ascending"), ("originator", "ascending"), ("record_id", "ascending")])

    def _find(self, elements: pa.Table, window: Window) -> "ScreeningResult":
        from conjunction.catalogue import Catalogue
        from conjunction.screening import screen

        # Two originators' orbits of one object are not a pair of objects.
        groups = np.unique(np.asarray(elements.column("object_id").to_pylist()), return_inverse=True)[1]
        with (
            self._reporter.progress("Screening", 100.0, "%") as bar,
            ThreadPoolExecutor(self._settings.threads, "screening") as executor,
        ):
            return screen(
                Catalogue.from_elements(elements),
                start_tai_ns=window.start_tai_ns,
                duration_s=window.duration_s,
                threshold_km=self._settings.threshold_km,
                pairs_excluded=groups.astype(np.int64),
                executor=executor,
                progress=lambda share: bar.update(100.0 * share),
                cancelled=lambda: self._stopping.is_set() or self._lease.lost,
            )

    def _news(self, found: pa.Table, elements: pa.Table, data_mode: DataMode, window: Window) -> pa.Table:
        """What was found, without what an earlier run has told better."""
        up_to = self._state.runs.covered_up_to(data_mode, window.start_tai_ns, self._settings.threshold_km)
        if up_to is None:
            return found
        ids = elements.column("record_id").to_pylist()
        numbers = self._state.recorded.seqs_of(ids)
        told = pa.array([numbers[record_id] <= up_to for record_id in ids], pa.bool_())
        return without_repeated_edges(found, told, start_tai_ns=window.start_tai_ns)

    async def _publish(self, found: pa.Table, elements: pa.Table, data_mode: DataMode) -> None:
        records = await asyncio.to_thread(
            conjunction_records, found, elements, data_mode=data_mode.value, received_tai_ns=now_tai_ns()
        )
        for first in range(0, records.num_rows, _PUBLISH_SIZE):
            entries = await asyncio.to_thread(conjunction_entries, records.slice(first, _PUBLISH_SIZE))
            await self._log.append(CONJUNCTIONS, entries)


def _failure(error: BaseException) -> str:
    return f"{type(error).__name__}: {in_one_line(error)}"[:500]

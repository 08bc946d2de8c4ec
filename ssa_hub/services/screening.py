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
from ingest.topics import ELEMENTS
from schemas.records import DataMode
from schemas.timescales import format_utc, now_tai_ns
from ssa_hub.services.finishing import finished_in_thread, left_in_thread
from ssa_hub.services.holding import HeldLease
from ssa_hub.services.publishing import news, publish
from ssa_hub.services.reporting import Reporter, in_one_line
from ssa_hub.services.run_progress import RunProgress
from ssa_hub.services.screening_pace import Pace, worth_another
from ssa_hub.services.screening_window import Window, screening_window
from ssa_hub.services.withdrawals_followed import FollowedWithdrawals
from ssa_hub.settings import ScreeningSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

if TYPE_CHECKING:  # numba and the kernels take seconds to import: only a process that screens pays
    from conjunction.screening import ScreeningResult

LEASE = "screening"
log_event = structlog.get_logger("screening")


class _Unsettled(NamedTuple):
    """The newest orbit's number in the feed, since when it is that one, and since when orbits have been coming."""

    sequence: int
    unchanged_since_s: float
    coming_since_s: float


class RunCancelledError(Exception):
    """An operator has asked to end the run; the text says who."""


class _Failures(NamedTuple):
    """How many runs in a row have failed, and when to try again."""

    in_a_row: int
    retry_at_s: float


class ScreeningService:
    """Screens when there is something new to screen, at most every ``settings.every_s``.

    New are orbits that have arrived or were withdrawn, and, where nothing does, the time that has passed: when half of
    the last window is over the catalogue is screened again.
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
        self._withdrawals = FollowedWithdrawals(log, state)
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
        await asyncio.to_thread(self._withdrawals.note_what_is_shown)
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
            changed = self._withdrawals.awaiting(data_mode)
            if last is not None and not worth_another(
                last, sequence, self._settings.every_s, now_tai_ns(), changed=changed
            ):
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
        except RunCancelledError as cancelled:
            # Somebody wanted no screening now, and will hardly want it in ten seconds.
            wait_s = max(self._pace.retry_s_max, self._settings.every_s)
            self._failures[data_mode] = _Failures(0, time.monotonic() + wait_s)
            log_event.warning("screening cancelled", data_mode=data_mode, by=str(cancelled), retry_s=wait_s)
            self._reporter.say(f"screening  of {data_mode} {cancelled}, next try in {wait_s:g} s")
        except Exception as error:
            if self._lease.lost:
                log_event.warning("screening given up: another worker has the lease", data_mode=data_mode)
                return
            count = self._failures[data_mode].in_a_row + 1 if data_mode in self._failures else 1
            wait_s = self._pace.retry_after_s(count)
            self._failures[data_mode] = _Failures(count, time.monotonic() + wait_s)
            log_event.error("screening failed", data_mode=data_mode, failures=count, retry_s=wait_s, exc_info=error)
            self._reporter.say(f"screening  of {data_mode} failed, next try in {wait_s:g} s: {_failure(error)}")

    async def _run_once(self, data_mode: DataMode, sequence: int) -> None:
        withdrawn = await asyncio.to_thread(self._withdrawals.last)
        elements = await asyncio.to_thread(self._orbits, data_mode)
        if elements.num_rows == 0:  # all of them were withdrawn
            await self._withdrawals.followed(data_mode, withdrawn)
            return
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
            objects=elements.num_rows,
        )
        began_s = time.monotonic()
        try:
            result = await left_in_thread(self._find, elements, window, RunProgress(runs, run_id))
            found = await asyncio.to_thread(
                news, self._state, result.conjunctions, elements, data_mode,
                start_tai_ns=window.start_tai_ns, threshold_km=self._settings.threshold_km,
            )  # fmt: skip
            await publish(self._log, found, elements, data_mode)
            wall_s = time.monotonic() - began_s
            left_out = result.left_out.to_pylist()
            await asyncio.to_thread(
                runs.complete, run_id, objects=elements.num_rows, conjunctions=found.num_rows,
                left_out=left_out, wall_s=wall_s,
            )  # fmt: skip
        except BaseException as error:
            await self._note_failure(run_id, error)
            raise
        await self._withdrawals.followed(data_mode, withdrawn)
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

    def _find(self, elements: pa.Table, window: Window, done: RunProgress) -> "ScreeningResult":
        from conjunction.catalogue import Catalogue
        from conjunction.screening import ScreeningCancelled, screen

        def tell(fraction: float) -> None:
            bar.update(100.0 * fraction)
            done(fraction)

        # Two originators' orbits of one object are not a pair of objects.
        groups = np.unique(np.asarray(elements.column("object_id").to_pylist()), return_inverse=True)[1]
        with (
            self._reporter.progress("Screening", 100.0, "%") as bar,
            ThreadPoolExecutor(self._settings.threads, "screening") as executor,
        ):
            try:
                return screen(
                    Catalogue.from_elements(elements),
                    start_tai_ns=window.start_tai_ns,
                    duration_s=window.duration_s,
                    threshold_km=self._settings.threshold_km,
                    pairs_excluded=groups.astype(np.int64),
                    executor=executor,
                    progress=tell,
                    cancelled=lambda: self._stopping.is_set() or self._lease.lost or done.cancelled_by is not None,
                )
            except ScreeningCancelled as error:
                if done.cancelled_by is None:
                    raise
                raise RunCancelledError(f"cancelled by {done.cancelled_by}") from error


def _failure(error: BaseException) -> str:
    if isinstance(error, RunCancelledError):
        return str(error)
    return f"{type(error).__name__}: {in_one_line(error)}"[:500]

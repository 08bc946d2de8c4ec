"""Orbits that arrive are screened at once, against the newest orbits of all other objects.

After a whole run the worker that holds the screening lease keeps the orbits of its data mode ready over the run's
window (`ssa_hub.services.resident_orbits`). What is recorded after that, and is the newest of its object, originator
and label, takes its place there and is screened; whole runs go on by their clock, and repeat these records under the
same ids. Orbits that are withdrawn go, and those before them come back, before anything else is screened: all are made
ready anew. More than ``at_once_max`` orbits at a look are a catalogue, and wait for the whole run. A worker that is
started anew, or takes over, makes the orbits ready by itself, and goes on after what has been told.
"""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import structlog

from ingest.log import Log, LogUnavailableError
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.services.finishing import left_in_thread
from ssa_hub.services.holding import HeldLease
from ssa_hub.services.publishing import news, publish
from ssa_hub.services.reporting import Reporter, in_one_line
from ssa_hub.services.resident_orbits import Arrived, ResidentOrbits, megabytes_of
from ssa_hub.services.screening import LEASE
from ssa_hub.services.screening_pace import Pace, half_over
from ssa_hub.services.withdrawals_followed import WithdrawalWatch
from ssa_hub.settings import ScreeningSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.runs import Run
from ssa_hub.state.store import State

# Told piece by piece, so that the first alerts of many orbits do not wait for the last.
_PIECE = 16

log_event = structlog.get_logger("arrivals")


class _StoppedError(Exception):
    """The service ends while a thread of it still computes."""


class ArrivalScreening:
    """Screens what arrives, one worker of several at a time: the one with the lease of whole runs, too."""

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
        self._lease_again_s = 0.0  # before this instant of the monotonic clock there is nothing to ask
        self._has_lease = False
        self._ready: dict[DataMode, ResidentOrbits] = {}
        self._making: dict[DataMode, asyncio.Task[ResidentOrbits]] = {}
        self._too_many: dict[DataMode, tuple[int, int]] = {}
        self._too_large: set[int] = set()
        self._failures: dict[DataMode, tuple[int, float]] = {}
        self._withdrawals = WithdrawalWatch(state)
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Screen what arrives until cancelled. What fails is told and tried again; nothing of it ends the service."""
        try:
            while True:
                await asyncio.sleep(self._pace.arrivals_every_s)
                try:
                    await self._look()
                except (LogUnavailableError, StateUnavailableError) as error:
                    log_event.warning("screening of arrivals interrupted", error=str(error))
        finally:
            self._stopping.set()
            for task in self._making.values():
                task.cancel()
            if self._has_lease:
                await self._lease.release()

    async def _look(self) -> None:
        last = await asyncio.to_thread(self._state.recorded.last_elements)
        for data_mode, sequence in last.items():
            tries, again_s = self._failures.get(data_mode, (0, 0.0))
            if time.monotonic() < again_s:
                continue
            try:
                await self._look_at(data_mode, sequence)
                if data_mode in self._ready:
                    self._failures.pop(data_mode, None)
            except (LogUnavailableError, StateUnavailableError):
                raise  # by itself it passes, and what is held stays right
            except Exception as error:
                self._ready.pop(data_mode, None)
                wait_s = self._pace.retry_after_s(tries + 1)
                self._failures[data_mode] = (tries + 1, time.monotonic() + wait_s)
                log_event.error("arrivals not screened", data_mode=data_mode, retry_s=wait_s, exc_info=error)
                failure = f"{type(error).__name__}: {in_one_line(error)}"[:500]
                self._reporter.say(
                    f"screening  of new orbits ({data_mode}) failed, next try in {wait_s:g} s: {failure}"
                )

    async def _look_at(self, data_mode: DataMode, sequence: int) -> None:
        """Make ready what is not, and screen what has come, if this worker has the lease."""
        run = await asyncio.to_thread(self._state.runs.last_complete, data_mode)
        withdrawn = await asyncio.to_thread(self._withdrawals.last, data_mode)
        made = self._making.get(data_mode)
        if made is not None and made.done():
            del self._making[data_mode]
            self._ready[data_mode] = made.result()
        if data_mode in self._ready and self._ready[data_mode].withdrawn_up_to < withdrawn:
            del self._ready[data_mode]
        ready = self._ready.get(data_mode)
        outdated = (
            run is not None
            and (ready is None or ready.run.id != run.id)
            and data_mode not in self._making
            and not half_over(run, now_tai_ns())
            and self._fits(run)
        )
        news_waiting = (
            ready is not None
            and sequence > ready.up_to_seq
            and self._too_many.get(data_mode) != (ready.run.id, sequence)
        )
        if not (outdated or news_waiting or ready is not None) or not await self._leased(at_once=news_waiting):
            return
        if run is not None and outdated:
            self._making[data_mode] = asyncio.create_task(self._make(data_mode, run))
        if ready is not None and news_waiting:
            await self._screen(data_mode, ready, sequence)

    def _fits(self, run: Run) -> bool:
        """Whether the orbits of a run may be held in memory; said once a run where they may not."""
        megabytes = megabytes_of(run.objects or 0, run.duration_s)
        if megabytes <= self._settings.resident_megabytes_max:
            return True
        if run.id not in self._too_large:
            self._too_large.add(run.id)
            log_event.warning("arrivals wait for whole runs: too much to hold", run_id=run.id, megabytes=megabytes)
        return False

    async def _leased(self, *, at_once: bool) -> bool:
        """Whether this worker has the lease; asked only now and then while there is nothing to do.

        Who does not have it forgets what it has made ready: another screens by now.
        """
        if time.monotonic() >= self._lease_again_s or (at_once and self._has_lease):
            self._lease.lost = False
            self._has_lease = await self._lease.acquire()
            self._lease_again_s = time.monotonic() + self._pace.lease_s / (3.0 if self._has_lease else 10.0)
        if not self._has_lease:
            self._ready.clear()
        return self._has_lease

    async def _make(self, data_mode: DataMode, run: Run) -> ResidentOrbits:
        """All orbits that are the newest now, over the window of a run."""
        withdrawn = await asyncio.to_thread(self._state.withdrawals.last)
        elements = await asyncio.to_thread(self._state.newest.elements, data_mode)
        began_s = time.monotonic()
        ready = await left_in_thread(self._built, run, elements)
        ready.withdrawn_up_to = withdrawn
        log_event.info(
            "orbits made ready",
            data_mode=data_mode,
            orbits=elements.num_rows,
            run_id=run.id,
            wall_s=round(time.monotonic() - began_s, 3),
        )
        return ready

    def _built(self, run: Run, elements: pa.Table) -> ResidentOrbits:
        with ThreadPoolExecutor(self._settings.threads, "arrivals") as executor:
            return ResidentOrbits.build(run, elements, executor, self._unless_stopped)

    def _unless_stopped(self, fraction: float) -> None:
        if self._stopping.is_set():
            raise _StoppedError

    async def _screen(self, data_mode: DataMode, ready: ResidentOrbits, sequence: int) -> None:
        """Screen what was recorded up to a number, and publish what is found."""
        most = self._settings.at_once_max
        elements = await asyncio.to_thread(
            self._state.newest.elements_between, data_mode, ready.up_to_seq, sequence, limit=most + 1
        )
        if elements.num_rows > most:
            self._too_many[data_mode] = (ready.run.id, sequence)
            log_event.info(
                "too many orbits at once: they wait for the whole run", data_mode=data_mode, at_once_max=most
            )
            return
        began_s, count = time.monotonic(), 0
        async with self._lease.renewed():
            arrived = await left_in_thread(ready.take_in, elements)
            for first in range(0, elements.num_rows, _PIECE):
                found = await left_in_thread(self._found, ready, arrived, slice(first, first + _PIECE))
                if self._lease.lost:
                    self._has_lease = False
                    return
                found = await asyncio.to_thread(
                    news, self._state, found, ready.orbits, data_mode,
                    start_tai_ns=ready.run.start_tai_ns, threshold_km=ready.run.threshold_km,
                )  # fmt: skip
                await publish(self._log, found, ready.orbits, data_mode)
                count += found.num_rows
        ready.up_to_seq = sequence
        await asyncio.to_thread(self._state.runs.tell_up_to, ready.run.id, sequence)
        self._tell(data_mode, elements.num_rows, count, time.monotonic() - began_s)

    def _found(self, ready: ResidentOrbits, arrived: Arrived, part: slice) -> pa.Table:
        with ThreadPoolExecutor(self._settings.threads, "arrivals") as executor:
            return ready.screen(arrived, part, executor)

    def _tell(self, data_mode: DataMode, orbits: int, conjunctions: int, wall_s: float) -> None:
        log_event.info(
            "arrivals screened",
            data_mode=data_mode,
            orbits=orbits,
            conjunctions=conjunctions,
            wall_s=round(wall_s, 3),
        )
        if conjunctions:
            self._reporter.say(
                f"screened   {orbits:,} new orbits ({data_mode}) at once: "
                f"{conjunctions:,} close approaches in {wall_s:.2f} s"
            )

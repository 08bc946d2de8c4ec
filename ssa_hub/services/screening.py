"""Screening in the hub: the whole catalogue on a clock, every originator's orbits, each data mode by itself.

Of several workers the one that holds the lease screens. The orbits are the newest of each object from each originator
(under each label), not the newest of all: otherwise an orbit that a partner may not see would take away from him the
conjunctions of the one that he may.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import structlog

from ingest.log import Log, LogUnavailableError
from ingest.messages import conjunction_entries
from ingest.topics import CONJUNCTIONS
from schemas.records import DataMode
from schemas.timescales import format_utc, now_tai_ns
from ssa_hub.services.conjunction_records import conjunction_records, without_repeated_edges
from ssa_hub.services.reporting import Reporter
from ssa_hub.services.screening_window import Window, screening_window
from ssa_hub.settings import ScreeningSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

if TYPE_CHECKING:  # numba and the kernels take seconds to import: only a process that screens pays
    from conjunction.screening import ScreeningResult

_LEASE = "screening"
_LEASE_S = 30.0
_LOOK_EVERY_S = 1.0
# Data has arrived when none has come for so long: a catalogue comes in several batches.
_SETTLED_S = 4.0
_PUBLISH_SIZE = 5_000

log_event = structlog.get_logger("screening")


class ScreeningService:
    """Screens when there is something new to screen, at most every ``settings.every_s``."""

    def __init__(self, log: Log, state: State, settings: ScreeningSettings, holder: str, reporter: Reporter) -> None:
        self._log, self._state, self._settings, self._holder = log, state, settings, holder
        self._reporter = reporter
        self._seen: dict[DataMode, tuple[int, float]] = {}
        self._stopping = False

    async def run(self) -> None:
        """Screen until cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                try:
                    await self._turn()
                except (LogUnavailableError, StateUnavailableError) as error:
                    log_event.warning("screening interrupted", error=str(error))
        finally:
            self._stopping = True  # a run in its thread sees it at its next slab
            with suppress(Exception):
                await asyncio.shield(asyncio.to_thread(self._state.leases.release, _LEASE, self._holder))

    async def _turn(self) -> None:
        if not await asyncio.to_thread(self._due):
            return
        if await asyncio.to_thread(self._state.leases.acquire, _LEASE, self._holder, _LEASE_S):
            # Another worker may have screened between the look and the lease.
            async with self._holding_the_lease():
                await asyncio.to_thread(self._state.runs.abandon_running, "its worker ended before it did")
                for data_mode, sequence in await asyncio.to_thread(self._due):
                    await self._screen(data_mode, sequence)

    def _due(self) -> list[tuple[DataMode, int]]:
        """The data modes with something new that has settled, and the feed's sequence number of the newest orbit."""
        due = []
        for data_mode, sequence in self._state.recorded.last_elements().items():
            seen = self._seen.get(data_mode)
            if seen is None or seen[0] != sequence:
                self._seen[data_mode] = (sequence, time.monotonic())
                continue
            if time.monotonic() - seen[1] < _SETTLED_S:
                continue
            last = self._state.runs.last_complete(data_mode)
            if last is not None and (last.catalogue_seq >= sequence or last.age_s < self._settings.every_s):
                continue
            due.append((data_mode, sequence))
        return due

    @asynccontextmanager
    async def _holding_the_lease(self) -> AsyncIterator[None]:
        """Renew the lease for the length of the block."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(_LEASE_S / 3)
                await asyncio.to_thread(self._state.leases.acquire, _LEASE, self._holder, _LEASE_S)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _screen(self, data_mode: DataMode, sequence: int) -> None:
        elements = await asyncio.to_thread(self._state.newest.elements, data_mode)
        elements = elements.sort_by(
            [("object_id", "ascending"), ("originator", "ascending"), ("record_id", "ascending")]
        )
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
        run_id = await asyncio.to_thread(
            self._state.runs.begin,
            data_mode=data_mode,
            catalogue_seq=sequence,
            start_tai_ns=window.start_tai_ns,
            duration_s=window.duration_s,
            threshold_km=self._settings.threshold_km,
        )
        began_s = time.monotonic()
        try:
            result = await asyncio.to_thread(self._find, elements, window)
        except Exception as error:
            await asyncio.to_thread(self._state.runs.fail, run_id, str(error))
            raise
        covered = await asyncio.to_thread(self._state.runs.covers, data_mode, window.start_tai_ns)
        found = result.conjunctions
        if covered:
            found = without_repeated_edges(found, start_tai_ns=window.start_tai_ns)
        await self._publish(found, elements, data_mode)
        wall_s = time.monotonic() - began_s
        left_out = result.left_out.to_pylist()
        await asyncio.to_thread(
            self._state.runs.complete, run_id, objects=elements.num_rows, conjunctions=found.num_rows,
            left_out=left_out, wall_s=wall_s,
        )  # fmt: skip
        self._reporter.say(
            f"screened   {found.num_rows:,} close approaches in {wall_s:.1f} s; "
            f"{len(left_out):,} orbits left out in whole or part (see ssa-hub status)"
        )

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
                cancelled=lambda: self._stopping,
            )

    async def _publish(self, found: pa.Table, elements: pa.Table, data_mode: DataMode) -> None:
        records = await asyncio.to_thread(
            conjunction_records, found, elements, data_mode=data_mode.value, received_tai_ns=now_tai_ns()
        )
        for first in range(0, records.num_rows, _PUBLISH_SIZE):
            entries = await asyncio.to_thread(conjunction_entries, records.slice(first, _PUBLISH_SIZE))
            await self._log.append(CONJUNCTIONS, entries)

"""The worker's background task that deletes what agreements say is not to be kept (`ssa_hub.services.retention_work`).

Under a lease: one worker deletes at a time. Cancelled, or without its lease, it stops between two files.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog

from ingest.clock_watch import ClockJumpedError
from ingest.log import Log, LogUnavailableError, TopicPartition
from ingest.payload_removal import FileRemoval
from ingest.topics import TOPICS
from schemas.timescales import format_utc, now_tai_ns
from ssa_hub.history.failures import HistoryError
from ssa_hub.history.store import History
from ssa_hub.services.backlog import all_recorded
from ssa_hub.services.feed_window import FeedWindow
from ssa_hub.services.leased_work import LeasedWork, StoppedError
from ssa_hub.services.retention_work import Outside, RetentionWork
from ssa_hub.settings import KeepingSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

LEASE = "retention"
LEASE_S = 60.0
_EVERY_S = 600.0
_WAITS_MAX = 30
T = TypeVar("T")

log_event = structlog.get_logger("retention")


class RetentionService:
    """Any number of workers may run one: the lease lets one of them work. ``every_s``: between two turns."""

    def __init__(
        self,
        log: Log,
        history: History,
        state: State,
        data_dir: Path,
        holder: str,
        *,
        keeping: KeepingSettings = KeepingSettings(),  # noqa: B008 (frozen)
        every_s: float = _EVERY_S,
        now: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._leased = LeasedWork(state.leases, LEASE, holder, LEASE_S)
        self._log, self._state, self._every_s = log, state, every_s
        self._loop: asyncio.AbstractEventLoop | None = None
        payloads, blobs = (FileRemoval(data_dir / name) for name in ("payloads", "ephemerides"))
        outside = Outside(payloads, blobs, data_dir / "exports", self._trim, self._settled)
        self._work = RetentionWork(
            history, state, outside, notice_ns=keeping.notice_ns, paced=self._leased.go_on, now=now
        )
        self._window = FeedWindow(state, keeping.feed_window_ns, paced=self._leased.go_on)
        self._log_window_ns, self._now = keeping.log_window_ns, now

    async def run(self) -> None:
        """Delete what is due until cancelled. What fails is told and tried again; nothing of it ends the worker."""
        self._loop = asyncio.get_running_loop()
        await self._leased.turns(self._turn, self._every_s)

    async def _turn(self) -> None:
        try:
            async with self._leased.held() as ours:
                if not ours:
                    return
                done = await self._leased.done(self._work.turn)
                given_up = await self._leased.done(lambda: self._window.turn(self._now()))
                await self._trim_recorded()
        except (StateUnavailableError, HistoryError, LogUnavailableError, ClockJumpedError, OSError) as error:
            log_event.warning("retention interrupted", error=str(error), retry_s=self._every_s)
        except StoppedError:
            log_event.info("retention stopped")
        except Exception:
            log_event.exception("retention failed", retry_s=self._every_s)
        else:
            if any(done) or given_up:
                log_event.info("retention done", **done._asdict(), bodies_given_up=given_up)

    async def _trim_recorded(self) -> None:
        """Trim the log's records that history and state hold and that are older than the window.

        The embedded log's file does not shrink, and SQLite uses the pages again: this is room, not deletion.
        """
        held = await asyncio.to_thread(self._state.positions.all)
        old = await self._log.offsets_since(_unix_ms(self._now() - self._log_window_ns))
        before = {partition: min(at, held.get(partition, 0)) for partition, at in old.items()}
        if any(before.values()):
            await self._log.trim(before)

    def _trim(self, before: Mapping[TopicPartition, int]) -> None:
        self._in_loop(self._log.trim(before, wiped=True))

    def _settled(self) -> bool:
        return self._in_loop(self._recorded_to_here())

    async def _recorded_to_here(self) -> bool:
        """Whether what is on the log now is recorded, waiting for the recorder a while."""
        ends: dict[TopicPartition, int] = {}
        for topic in TOPICS:
            ends.update(await self._log.end_offsets(topic.name))
        for _ in range(_WAITS_MAX):
            if await all_recorded(self._log, self._state, ends):
                return True
            await asyncio.sleep(1)
        return False

    def _in_loop(self, asked: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            raise RuntimeError("the service does not run")
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()


def _unix_ms(tai_ns: int) -> int:
    """The instant as Unix time, ms: what the embedded log stamps records with."""
    return round(datetime.fromisoformat(format_utc(tai_ns, 3)).replace(tzinfo=UTC).timestamp() * 1000)

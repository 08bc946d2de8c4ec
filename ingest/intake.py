"""The door of ingest: open while the hub can keep what it takes, closed before memory or disk run out.

Nothing is lost by a closed door: who pushes is told when to come again, and connectors keep what they have and try
again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import msgspec
import structlog

from ingest.clock_watch import ClockJumpedError, ClockWatch
from ingest.disk_reserve import DiskFullError, DiskReserve
from ingest.log import LogUnavailableError

_WATCH_EVERY_S = 1.0

log_event = structlog.get_logger("ingest")


class IntakeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be under way.

    ``bytes_in_flight_max``: bodies of pushes and payloads of sources that are being read or published, bytes; a single
    one may be larger where nothing else is under way. ``backlog_max``: records on the log that are not recorded yet.
    ``free_bytes_min``: see `ingest.disk_reserve.DiskReserve`.
    """

    bytes_in_flight_max: int = 512 * 1024 * 1024
    backlog_max: int = 2_000_000
    free_bytes_min: int | None = None


class IntakeClosedError(LogUnavailableError):
    """Nothing is taken in now; come again after ``retry_after_s``. ``reason``: busy, backlog, disk or clock."""

    def __init__(self, reason: str, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.reason, self.retry_after_s = reason, retry_after_s


class Intake:
    """Says whether something may be taken in. For one event loop.

    ``backlog`` counts the records on the log that are not recorded yet; `watch` asks it.
    """

    def __init__(
        self,
        limits: IntakeLimits,
        disk: DiskReserve,
        clock: ClockWatch,
        backlog: Callable[[], Awaitable[int]],
    ) -> None:
        self._limits, self._disk, self._clock, self._backlog = limits, disk, clock, backlog
        self._bytes = 0
        self._backlog_now = 0

    def room(self) -> "Room":
        """A place in the hub's memory for one payload: enter it before the first byte is read."""
        return Room(self)

    async def watch(self) -> None:
        """Look at the backlog every second until cancelled."""
        while True:
            try:
                self._backlog_now = await self._backlog()
            except Exception as error:
                # Whatever is away is away for those who take in, too, and they say so.
                log_event.warning("backlog not known", error=str(error))
            await asyncio.sleep(_WATCH_EVERY_S)

    def check(self) -> None:
        """Raise IntakeClosedError where nothing may be taken in."""
        try:
            self._clock.check()
            self._disk.check()
        except ClockJumpedError as error:
            raise IntakeClosedError("clock", str(error), 60) from error
        except DiskFullError as error:
            raise IntakeClosedError("disk", str(error), 60) from error
        if self._backlog_now > self._limits.backlog_max:
            raise IntakeClosedError(
                "backlog",
                f"{self._backlog_now:,} records wait to be recorded; at most {self._limits.backlog_max:,}",
                15,
            )

    def take(self, held: int, size: int) -> None:
        """Count ``size`` more bytes of someone who holds ``held`` bytes. Raises IntakeClosedError."""
        if self._bytes > held and self._bytes + size > self._limits.bytes_in_flight_max:
            raise IntakeClosedError("busy", f"{self._bytes:,} bytes are being taken in; no more fit", 2)
        self._bytes += size

    def give_back(self, size: int) -> None:
        """Count bytes as gone."""
        self._bytes -= size


class Room:
    """The place of one payload; see `Intake.room`. A context manager, raises IntakeClosedError at its door."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._held = 0

    def take(self, size: int) -> None:
        """Make room for ``size`` more bytes, until the block is left. Raises IntakeClosedError."""
        self._intake.take(self._held, size)
        self._held += size

    def __enter__(self) -> Self:
        self._intake.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._intake.give_back(self._held)
        self._held = 0

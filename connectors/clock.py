"""The clock that connectors wait by: injected, so that tests can move it."""

import asyncio
from typing import Protocol

from schemas.timescales import now_tai_ns


class Clock(Protocol):
    """Tells the time and waits."""

    def now_tai_ns(self) -> int:
        """The present instant, TAI ns."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed by this clock."""
        ...


class SystemClock:
    """The machine's UTC clock and the event loop's timer."""

    def now_tai_ns(self) -> int:
        """The present instant, TAI ns."""
        return now_tai_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of the event loop's time."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()

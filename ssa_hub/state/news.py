"""Telling those who wait in this process that records have been recorded; other processes look by the clock."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator


class News:
    """Any thread may tell; whoever listens is woken in his own event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listening: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def tell(self) -> None:
        """Wake everybody who listens. To be called after the commit: who looks then finds the records."""
        with self._lock:
            listening = list(self._listening)
        for loop, event in listening:
            with contextlib.suppress(RuntimeError):  # a loop that has been closed since has nobody to wake
                loop.call_soon_threadsafe(event.set)

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever records have been recorded, for the length of the block; clear it yourself."""
        listener = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._listening.append(listener)
        try:
            yield listener[1]
        finally:
            with self._lock:
                self._listening.remove(listener)


async def comes_before(news: asyncio.Event, monotonic_s: float) -> bool:
    """Wait for the event until an instant of `time.monotonic`; whether it came. False where the instant is past."""
    left_s = monotonic_s - time.monotonic()
    if left_s <= 0:
        return False
    try:
        async with asyncio.timeout(left_s):
            return await news.wait()
    except TimeoutError:
        return False

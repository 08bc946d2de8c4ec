"""Background work in threads that one process does at a time, under a lease, and that stops between two pieces."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ssa_hub.services.holding import HeldLease
from ssa_hub.state.leases import Leases

T = TypeVar("T")


class StoppedError(Exception):
    """The service is being ended, or has lost its lease."""


class LeasedWork:
    """What the services that work under a lease have in common: turns, each with the lease, until one is cancelled."""

    def __init__(self, leases: Leases, name: str, holder: str, duration_s: float) -> None:
        self._lease = HeldLease(leases, name, holder, duration_s)
        self._stopping = threading.Event()

    async def turns(self, turn: Callable[[], Awaitable[None]], every_s: float) -> None:
        """Take turns until cancelled, with a pause after each."""
        try:
            while True:
                await turn()
                await asyncio.sleep(every_s)
        finally:
            self._stopping.set()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Hold the lease for the block; False: another has it. Raises StateUnavailableError."""
        if not await self._lease.acquire():
            yield False
            return
        self._lease.lost = False
        try:
            async with self._lease.renewed():
                yield True
        finally:
            await self._lease.release()

    async def done(self, work: Callable[[], T]) -> T:
        """The result of work in a thread, which is told to stop when this is cancelled, and waited for."""
        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            self._stopping.set()
            await asyncio.wait({working})
            if not working.cancelled():
                working.exception()  # looked at, so that asyncio does not call it forgotten
            raise
        finally:
            del working  # what it raised names this frame, and would keep all that the work held

    def go_on(self, rest_s: float = 0.0) -> None:
        """In the working thread, between two pieces of work: rest. Raises StoppedError."""
        if self._stopping.wait(rest_s) or self._lease.lost:
            raise StoppedError

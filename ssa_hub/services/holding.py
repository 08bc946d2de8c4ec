"""Holding a lease for the length of a piece of work, and noticing when it is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from ssa_hub.services.finishing import finished_in_thread
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.leases import Leases

log_event = structlog.get_logger("leases")


class HeldLease:
    """A lease that is renewed while it is held. ``lost``: another holder has it by now."""

    def __init__(self, leases: Leases, name: str, holder: str, duration_s: float) -> None:
        self._leases, self._name, self._holder, self._duration_s = leases, name, holder, duration_s
        self.lost = False

    async def acquire(self) -> bool:
        """Take it, or renew one's own. Raises StateUnavailableError."""
        return await asyncio.to_thread(self._leases.acquire, self._name, self._holder, self._duration_s)

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renew it for the length of the block."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def release(self) -> None:
        """Give it back; where the state cannot be reached it expires by itself."""
        try:
            await finished_in_thread(self._leases.release, self._name, self._holder)
        except StateUnavailableError as error:
            log_event.warning("lease not given back; it will expire", lease=self._name, error=str(error))

    async def _renew(self) -> None:
        while not self.lost:
            await asyncio.sleep(self._duration_s / 3)
            try:
                self.lost = not await self.acquire()
            except StateUnavailableError as error:
                # Perhaps it expires meanwhile, and another takes it: the next renewal tells.
                log_event.warning("lease not renewed", lease=self._name, error=str(error))

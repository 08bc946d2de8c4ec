"""The worker's background task that keeps history in order (`ssa_hub.history.upkeep`), under a lease.

It works at half the pace of a processor: after each piece of work it rests as long as the piece took. Cancelled, or
without its lease, it stops between two pieces, within about a second; what is written by then is used by whoever goes
on.
"""

import time
from collections.abc import Callable

import structlog

from ingest.log import LogUnavailableError
from ssa_hub.history.failures import HistoryError
from ssa_hub.history.orphans import GRACE_S
from ssa_hub.history.store import History
from ssa_hub.history.upkeep import Upkeep
from ssa_hub.services.leased_work import LeasedWork, StoppedError
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

LEASE = "maintenance"
LEASE_S = 60.0
_REST_S_MAX = 10.0

log_event = structlog.get_logger("maintenance")


class MaintenanceService:
    """Any number of workers may run one: the lease lets one of them work.

    ``every_s``: how long it waits after a turn in which nothing was due. ``grace_s``: how long files that nobody names
    stay. ``rest``: how long it rests for each second of work, s. ``room`` raises where the disk has none to write to.
    """

    def __init__(
        self,
        history: History,
        state: State,
        holder: str,
        *,
        every_s: float = 30.0,
        grace_s: float = GRACE_S,
        rest: float = 1.0,
        room: Callable[[], None] = lambda: None,
    ) -> None:
        self._leased = LeasedWork(state.leases, LEASE, holder, LEASE_S)
        self._every_s, self._rest = every_s, rest
        self._upkeep = Upkeep(history, self._paced, grace_s=grace_s, room=room)
        self._worked_since = time.monotonic()

    async def run(self) -> None:
        """Keep history in order until cancelled. What fails is told and tried again; nothing of it ends the worker."""
        await self._leased.turns(self._turn, self._every_s)

    async def _turn(self) -> None:
        try:
            async with self._leased.held() as ours:
                if not ours:
                    return
                self._worked_since = time.monotonic()
                done = await self._leased.done(self._upkeep.turn)
        except StateUnavailableError as error:
            log_event.warning("maintenance waits", error=str(error))
        except (HistoryError, LogUnavailableError) as error:
            # Appends and questions go on without maintenance, more slowly with time: it must not end them.
            log_event.warning("maintenance interrupted", error=str(error), retry_s=self._every_s)
        except StoppedError:
            log_event.info("maintenance stopped")
        except Exception:
            log_event.exception("maintenance failed", retry_s=self._every_s)
        else:
            if any(done):
                log_event.info("maintenance done", **done._asdict())

    def _paced(self) -> None:
        """In the working thread, between two pieces of work."""
        worked_s = time.monotonic() - self._worked_since
        self._leased.go_on(min(_REST_S_MAX, worked_s * self._rest))
        self._worked_since = time.monotonic()

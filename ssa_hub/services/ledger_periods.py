"""Closing the ledger's days: at the start every day that is over, and then each one soon after it is."""

import asyncio
from collections.abc import Callable

import structlog

from ingest.clock_watch import ClockJumpedError
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.release.ledger import day_start_tai_ns, utc_day
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.ledger_periods import GRACE_NS
from ssa_hub.state.store import State

# The machine's clock may be set while the service waits, so it looks again, however long the day still is.
_LOOK_AGAIN_S = 600.0
_AFTER_FAILURE_S = 10.0

log_event = structlog.get_logger("ledger")


class LedgerPeriodService:
    """Any number of processes may run one: each day is closed by one of them, and twice closed is once closed."""

    def __init__(self, state: State, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._clock_tai_ns = state, clock_tai_ns

    async def run(self) -> None:
        """Close days until cancelled. A database that is away is tried again."""
        while True:
            try:
                closed = await asyncio.to_thread(self._state.ledger_periods.close_over, self._clock_tai_ns())
                wait_s = min(_LOOK_AGAIN_S, seconds_until_over(self._clock_tai_ns()))
            except (StateUnavailableError, ClockJumpedError) as error:
                log_event.warning("ledger not closed", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE_S)
                continue
            if closed:
                log_event.info("ledger closed", days=closed)
            await asyncio.sleep(wait_s)


def seconds_until_over(tai_ns: int) -> float:
    """How long it is, s, until the next closing of a day is due."""
    day = utc_day(tai_ns - GRACE_NS)
    return max(0, day_start_tai_ns(day + 1) + GRACE_NS - tai_ns) / NS_PER_SECOND

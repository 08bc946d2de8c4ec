"""Nobody who received withdrawn records goes untold: who was being answered just then is told a little later.

A withdrawal writes its notices by what the ledger says at that moment. An answer that was made before it, and is noted
in the ledger after it, is found by asking again, for as long as such an answer can be under way.
"""

import asyncio
from collections.abc import Callable

import structlog

from ingest.clock_watch import ClockJumpedError
from schemas.timescales import NS_PER_DAY, now_tai_ns
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.store import History
from ssa_hub.sharing.withdrawal_recipients import UNDER_WAY_NS, Recipients
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_LOOK_EVERY_S = 15.0
# A hub that was down for a while looks once at what was withdrawn shortly before.
_LOOK_BACK_NS = 2 * NS_PER_DAY

log_event = structlog.get_logger("withdrawals")


class WithdrawalNotices:
    """Asks again after each withdrawal. Several workers may: nobody is told twice."""

    def __init__(
        self,
        state: State,
        history: History,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        *,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._state, self._recipients, self._look_every_s = state, Recipients(state, history), look_every_s
        self._clock_tai_ns = clock_tai_ns

    async def run(self) -> None:
        """Look until cancelled; where state or history is away, or the clock not to be believed, look again."""
        since_tai_ns: int | None = None
        while True:
            try:
                now = self._clock_tai_ns()
                since_tai_ns = now - _LOOK_BACK_NS if since_tai_ns is None else since_tai_ns
                await asyncio.to_thread(self._look, since_tai_ns, now)
                # The last look at a withdrawal is when nothing of before it can be under way any more.
                since_tai_ns = now - 2 * UNDER_WAY_NS
            except (StateUnavailableError, HistoryUnavailableError, ClockJumpedError) as error:
                log_event.warning("telling of withdrawals interrupted", error=str(error))
            await asyncio.sleep(self._look_every_s)

    def _look(self, since_tai_ns: int, now_tai_ns: int) -> None:
        for withdrawal in self._state.withdrawals.all(since_tai_ns=since_tai_ns):
            self._recipients.tell_latecomers(withdrawal.id, now_tai_ns)

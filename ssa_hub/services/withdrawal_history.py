"""Withdrawals into history: a row of the table ``withdrawals`` for each withdrawn record, once.

State is where a withdrawal acts. What history has is how many of state's rows it holds; that number stands in the
same commit as the rows, as a position of the source ``state``, and the next commit demands it. Of two processes that
follow at the same time one succeeds. A record of a withdrawn payload that is recorded late is withdrawn late, under
the withdrawal's old number, so rows are told from each other by record id, which is withdrawn once.
"""

import asyncio

import pyarrow as pa
import structlog

from ssa_hub.history.failures import HistoryUnavailableError, StalePositionError
from ssa_hub.history.store import History, PositionRange
from ssa_hub.history.tables import WITHDRAWALS, definition_of
from ssa_hub.services.finishing import finished_in_thread
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_SOURCE = ("state:withdrawals", 0)

log_event = structlog.get_logger("withdrawal history")


class WithdrawalHistory:
    """Follows state's withdrawals. Any number of processes may."""

    def __init__(self, state: State, history: History, *, look_every_s: float = 2.0) -> None:
        self._state, self._history, self._look_every_s = state, history, look_every_s
        self._held: int | None = None

    async def run(self) -> None:
        """Follow until cancelled. What cannot be reached is tried again."""
        while True:
            try:
                await finished_in_thread(self.follow)
            except (StateUnavailableError, HistoryUnavailableError, StalePositionError) as error:
                self._held = None
                log_event.warning("withdrawals not in history yet", error=str(error))
            await asyncio.sleep(self._look_every_s)

    def follow(self) -> int:
        """Append what history lacks; how many rows. Raises as `History.append` does, and StateUnavailableError."""
        withdrawn = self._state.withdrawals.count()
        if self._held is None:
            self._held = self._history.positions(WITHDRAWALS).get(_SOURCE, 0)
        if withdrawn <= self._held:
            return 0
        # The position first, the rows after it: whoever appends in between makes the commit below fail.
        held = self._history.positions(WITHDRAWALS).get(_SOURCE, 0)
        known = self._recorded_ids()
        rows = [row for row in self._state.withdrawals.rows() if row["record_id"] not in known]
        table = pa.Table.from_pylist(rows, schema=definition_of(WITHDRAWALS).record_schema)
        if rows:
            self._history.append(WITHDRAWALS, table, positions={_SOURCE: PositionRange(held, held + len(rows))})
        self._held = held + len(rows)
        return len(rows)

    def _recorded_ids(self) -> set[str]:
        table = self._history.table(WITHDRAWALS)
        try:
            found = table.scan(selected_fields=("record_id",)).to_arrow()
        except OSError as failure:
            raise HistoryUnavailableError(f"reading {WITHDRAWALS}: {failure}") from failure
        return set(found.column("record_id").to_pylist())

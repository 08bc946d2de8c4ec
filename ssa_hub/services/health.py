"""Whether the hub can do its work, for load balancers and people."""

import asyncio
from pathlib import Path

import msgspec

from ingest.log import Log, LogUnavailableError
from ingest.topics import ELEMENTS
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_PATIENCE_S = 4.0


class HealthReport(msgspec.Struct, frozen=True):
    """``status`` is ``ok`` when every part is; a part is ``ok`` or says what is wrong."""

    status: str
    log: str
    state: str
    history: str


class Health:
    """Looks at the log, the state database and the history's directory. Tells nothing of what they hold."""

    def __init__(self, log: Log, state: State, warehouse: Path) -> None:
        self._log, self._state, self._warehouse = log, state, warehouse

    async def report(self) -> HealthReport:
        """One look at every part, each bounded in time."""
        log, state = await asyncio.gather(self._log_part(), asyncio.to_thread(self._state_part))
        history = "ok" if self._warehouse.is_dir() else "its directory is missing"
        status = "ok" if (log, state, history) == ("ok", "ok", "ok") else "degraded"
        return HealthReport(status, log, state, history)

    async def _log_part(self) -> str:
        try:
            await asyncio.wait_for(self._log.end_offsets(ELEMENTS), _PATIENCE_S)
        except (LogUnavailableError, TimeoutError):
            return "cannot be reached"
        return "ok"

    def _state_part(self) -> str:
        try:
            self._state.policy_token()
        except StateUnavailableError:
            return "cannot be reached"
        return "ok"

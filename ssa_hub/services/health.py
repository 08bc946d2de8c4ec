"""Whether the hub can do its work, for load balancers and people."""

import asyncio
from collections.abc import Callable

import msgspec

from ingest.log import Log, LogUnavailableError
from ingest.topics import ELEMENTS
from ssa_hub.history.file_access import FileAccess
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
    """Looks at the log, the state database and the place of the history's files. Tells nothing of what they hold."""

    def __init__(self, log: Log, state: State, files: FileAccess) -> None:
        self._log, self._state, self._files = log, state, files
        self._looking: dict[str, asyncio.Future[str]] = {}

    async def report(self) -> HealthReport:
        """One look at every part, each bounded in time."""
        log, state, history = await asyncio.gather(
            self._log_part(),
            self._in_thread("state", self._state_part),
            self._in_thread("history", self._history_part),
        )
        status = "ok" if (log, state, history) == ("ok", "ok", "ok") else "degraded"
        return HealthReport(status, log, state, history)

    async def _log_part(self) -> str:
        try:
            await asyncio.wait_for(self._log.end_offsets(ELEMENTS), _PATIENCE_S)
        except (LogUnavailableError, TimeoutError):
            return "cannot be reached"
        return "ok"

    async def _in_thread(self, part: str, look: Callable[[], str]) -> str:
        """A look that may hang, for a while. One that hangs is not joined by others: they wait for the same one."""
        looking = self._looking.get(part)
        if looking is None or looking.done():
            looking = self._looking[part] = asyncio.ensure_future(asyncio.to_thread(look))
        try:
            return await asyncio.wait_for(asyncio.shield(looking), _PATIENCE_S)
        except TimeoutError:
            return "does not answer"

    def _state_part(self) -> str:
        try:
            self._state.policy_token()
        except StateUnavailableError:
            return "cannot be reached"
        return "ok"

    def _history_part(self) -> str:
        try:
            self._files.check()
        except OSError:
            return self._files.absent
        return "ok"

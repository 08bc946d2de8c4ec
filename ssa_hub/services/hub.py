"""The hub put together: what it stands on, and the services that a process runs on top of it."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingest.log import Log
from ingest.log_url import open_log
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.services.arrivals import ArrivalScreening
from ssa_hub.services.database import opened_state
from ssa_hub.services.failures import SettingsError
from ssa_hub.services.ledger_periods import LedgerPeriodService
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.reporting import Reporter
from ssa_hub.services.screening import ScreeningService
from ssa_hub.services.tear_lines import TearLineService
from ssa_hub.services.withdrawal_notices import WithdrawalNotices
from ssa_hub.settings import Settings
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.store import State


@dataclass(frozen=True)
class Hub:
    """Everything that services share."""

    settings: Settings
    log: Log
    state: State
    history: History
    queries: HistoryQueries
    ingest: Ingest
    policies: Policies


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[Hub]:
    """Open log, state and history; close them on leaving.

    Raises LogLockedError where another hub has the same embedded data directory, LogUnavailableError,
    StateUnavailableError, HistoryUnavailableError, sqlite3.OperationalError or sqlalchemy.exc.SQLAlchemyError where a
    server or file cannot be reached, HistoryLayoutError or alembic.util.CommandError where another version made what
    is there, SettingsError for a URL or directory that cannot be one.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what was given in confidence
    try:
        closed_log = open_log(settings.log_url)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    async with closed_log as log:
        state = await asyncio.to_thread(opened_state, settings.database_url)
        try:
            history = await asyncio.to_thread(History.open, settings.warehouse, settings.catalogue_url)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        queries = HistoryQueries(history)
        try:
            yield Hub(
                settings=settings,
                log=log,
                state=state,
                history=history,
                queries=queries,
                ingest=Ingest(log, PayloadStore(settings.data_dir / "payloads"), state.payloads, state.recorded.known),
                policies=Policies(state),
            )
        finally:
            queries.close()
            history.close()
            state.close()


def holder_name() -> str:
    """A name for this process that no other has: host, process id, and a random part as process ids are reused."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


async def run_worker(hub: Hub, reporter: Reporter, on_turn: Callable[[], None] = lambda: None) -> None:
    """Record and screen until cancelled."""
    settings, holder = hub.settings.screening, holder_name()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(LedgerPeriodService(hub.state).run())
        tasks.create_task(Recorder(hub.log, hub.history, hub.state, on_turn).run())
        tasks.create_task(WithdrawalNotices(hub.state, hub.history).run())
        tasks.create_task(TearLineService(hub.state, hub.policies, holder).run())
        tasks.create_task(ScreeningService(hub.log, hub.state, settings, holder, reporter).run())
        if settings.at_once_max > 0:
            tasks.create_task(ArrivalScreening(hub.log, hub.state, settings, holder, reporter).run())

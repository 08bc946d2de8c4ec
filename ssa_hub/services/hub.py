"""The hub put together: what it stands on, and the services that a process runs on top of it."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from connectors.payload import Connector
from ingest.log import Log, LogUnavailableError
from ingest.log_url import open_log
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.reporting import Reporter
from ssa_hub.services.screening import ScreeningService
from ssa_hub.settings import Settings
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State, open_state

_RESUME_EVERY_S = 30.0

log_event = structlog.get_logger("hub")


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
    HistoryUnavailableError or sqlalchemy.exc.OperationalError where a server cannot be reached.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with open_log(settings.log_url) as log:
        state = await asyncio.to_thread(open_state, settings.database_url)
        history = await asyncio.to_thread(History.open, settings.warehouse, settings.catalogue_url)
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


async def run_connector(connector: Connector, ingest: Ingest) -> None:
    """Take in what a source brings, until cancelled. A payload is acknowledged when it is durable."""
    async for payload in connector.payloads():
        while True:
            try:
                await ingest.accept(payload)
                break
            except (LogUnavailableError, StateUnavailableError, OSError) as error:
                log_event.warning("payload not taken in yet", source=connector.source, error=str(error))
                await asyncio.sleep(2.0)
        await connector.acknowledge(payload)


async def keep_resuming(ingest: Ingest) -> None:
    """Finish payloads that were stored and not published: at the start, and after the log has been away."""
    while True:
        try:
            for receipt in await ingest.resume():
                log_event.info("payload resumed", receipt_id=receipt.receipt_id, records=receipt.records)
        except (LogUnavailableError, StateUnavailableError, OSError) as error:
            log_event.warning("payloads not resumed yet", error=str(error))
        await asyncio.sleep(_RESUME_EVERY_S)


async def run_worker(hub: Hub, reporter: Reporter, on_turn: Callable[[], None] = lambda: None) -> None:
    """Record and screen until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Recorder(hub.log, hub.history, hub.state, on_turn).run())
        tasks.create_task(ScreeningService(hub.log, hub.state, hub.settings.screening, holder_name(), reporter).run())


async def run_sources(hub: Hub, connectors: list[Connector]) -> None:
    """Bring in what the sources have until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_resuming(hub.ingest))
        for connector in connectors:
            tasks.create_task(run_connector(connector, hub.ingest))

"""The hub put together: what it stands on, and the services that a process runs on top of it."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ingest.claim import claim
from ingest.clock_watch import ClockWatch
from ingest.disk_reserve import DiskReserve
from ingest.intake import Intake
from ingest.log import Log
from ingest.log_url import adopts, is_shared, open_log
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ssa_hub.history.archived_bodies import archived_bodies
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.services.arrivals import ArrivalScreening
from ssa_hub.services.backlog import newest_recorded_tai_ns, unrecorded
from ssa_hub.services.clocked_log import ClockedLog
from ssa_hub.services.database import opened_state
from ssa_hub.services.export_jobs import ExportService
from ssa_hub.services.failures import SettingsError
from ssa_hub.services.ledger_periods import LedgerPeriodService
from ssa_hub.services.maintenance import MaintenanceService
from ssa_hub.services.owning import owned, producer_name
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.reporting import Reporter
from ssa_hub.services.retention import RetentionService
from ssa_hub.services.screening import ScreeningService
from ssa_hub.services.tear_lines import TearLineService
from ssa_hub.services.withdrawal_history import WithdrawalHistory
from ssa_hub.services.withdrawal_notices import WithdrawalNotices
from ssa_hub.settings import Settings
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.export_desk import ExportLimits
from ssa_hub.sharing.exporting import Exporting
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.store import State


@dataclass(frozen=True)
class Hub:
    """Everything that services share. What writes much in the background asks ``disk`` before each file."""

    settings: Settings
    log: Log
    state: State
    history: History
    queries: HistoryQueries
    ingest: Ingest
    policies: Policies
    disk: DiskReserve
    clock: ClockWatch


@asynccontextmanager
async def open_hub(settings: Settings, takes_in: str | None = None) -> AsyncIterator[Hub]:
    """Open log, state and history; close them on leaving.

    ``takes_in``: the command's name where this process is to take data in (``up``, ``serve``): there is one such for a
    data directory. None for workers.

    Raises SettingsError where there is one already, LogLockedError where another hub has the same embedded log,
    ForeignLogError where the log on Kafka is another hub's, LogUnavailableError, StateUnavailableError,
    HistoryUnavailableError, sqlite3.OperationalError or sqlalchemy.exc.SQLAlchemyError where a server or file cannot
    be reached, HistoryLayoutError or alembic.util.CommandError where another version made what is there, SettingsError
    for a URL or directory that cannot be one.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what was given in confidence
    async with AsyncExitStack() as stack:
        if takes_in is not None:
            stack.enter_context(owned(settings.data_dir, takes_in))
        log = await stack.enter_async_context(_closed_log(settings, stack))
        state = await asyncio.to_thread(opened_state, settings.database_url)
        stack.callback(state.close)
        if is_shared(settings.log_url):
            hub_id = await asyncio.to_thread(state.secrets.get_or_make, "hub id", 16)
            await claim(log, hub_id.hex(), adopt=adopts(settings.log_url))
        try:
            history = await asyncio.to_thread(
                History.open, settings.warehouse, settings.catalogue_url, settings.object_store
            )
        except ValueError as error:
            raise SettingsError(str(error)) from error
        stack.callback(history.close)
        state.archive.read_with(partial(archived_bodies, history))
        queries = HistoryQueries(history)
        stack.callback(queries.close)
        disk = DiskReserve((settings.data_dir, settings.warehouse), settings.intake.free_bytes_min)
        clock = ClockWatch(await asyncio.to_thread(newest_recorded_tai_ns, state))
        intake = Intake(settings.intake, disk, clock, lambda: unrecorded(log, state))
        payloads = PayloadStore(settings.data_dir / "payloads")
        yield Hub(
            settings=settings,
            log=log,
            state=state,
            history=history,
            queries=queries,
            ingest=Ingest(log, payloads, state.payloads, state.recorded.known, intake),
            policies=Policies(state),
            disk=disk,
            clock=clock,
        )


def _closed_log(settings: Settings, stack: AsyncExitStack) -> Log:
    try:
        shared = is_shared(settings.log_url)
        return open_log(settings.log_url, stack.enter_context(producer_name(settings.data_dir)) if shared else None)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def holder_name() -> str:
    """A name for this process that no other has: host, process id, and a random part as process ids are reused."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


async def run_worker(hub: Hub, reporter: Reporter, on_turn: Callable[[], None] = lambda: None) -> None:
    """Record and screen until cancelled. Nothing is stamped while the machine's clock cannot be believed."""

    def turn() -> None:
        on_turn()
        hub.clock.check()

    settings, holder, log, clock = (
        hub.settings.screening,
        holder_name(),
        ClockedLog(hub.log, hub.clock),
        hub.clock.now_tai_ns,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(LedgerPeriodService(hub.state, clock).run())
        tasks.create_task(Recorder(hub.log, hub.history, hub.state, turn).run())
        tasks.create_task(MaintenanceService(hub.history, hub.state, holder, room=hub.disk.check).run())
        tasks.create_task(
            RetentionService(
                hub.log, hub.history, hub.state, hub.settings.data_dir, holder, now=clock,
                keeping=hub.settings.keeping,
            ).run()
        )  # fmt: skip
        tasks.create_task(WithdrawalNotices(hub.state, hub.history, clock).run())
        tasks.create_task(WithdrawalHistory(hub.state, hub.history).run())
        exporting = Exporting(hub.history, hub.policies, Disclosures(hub.state), clock)
        exports = hub.settings.data_dir / "exports"
        tasks.create_task(
            ExportService(
                hub.state, exporting, exports, holder, ExportLimits(), clock_tai_ns=clock, room=hub.disk.check
            ).run()
        )
        tasks.create_task(TearLineService(hub.state, hub.policies, holder, clock).run())
        tasks.create_task(ScreeningService(log, hub.state, settings, holder, reporter).run())
        if settings.at_once_max > 0:
            tasks.create_task(ArrivalScreening(log, hub.state, settings, holder, reporter).run())

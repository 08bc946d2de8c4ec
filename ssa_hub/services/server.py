"""Serving the API inside a process that does other work too."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from schemas.timescales import now_tai_ns
from ssa_hub.api.access import Services
from ssa_hub.api.app import create_app
from ssa_hub.history.traffic import Traffic
from ssa_hub.services.failures import SettingsError
from ssa_hub.services.health import Health
from ssa_hub.services.hub import Hub
from ssa_hub.services.own_agreement import OwnAgreements
from ssa_hub.sharing.deletion_views import DeletionViews
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.explaining import Explainer
from ssa_hub.sharing.export_desk import ExportDesk, ExportLimits
from ssa_hub.sharing.exporting import STREAMS_A_PARTNER, STREAMS_TOGETHER, Exporting
from ssa_hub.sharing.keys import KeyRing
from ssa_hub.sharing.ledger_views import LedgerViews
from ssa_hub.sharing.message_views import MessageViews
from ssa_hub.sharing.notices import Notices
from ssa_hub.sharing.places import Places
from ssa_hub.sharing.posture import PostureDesk
from ssa_hub.sharing.rehearsing import Rehearser
from ssa_hub.sharing.screening_state import ScreeningState
from ssa_hub.sharing.stream import Stream
from ssa_hub.sharing.tear_line_budget import TearLineBudgets
from ssa_hub.sharing.tear_lines_shown import TearLinesShown
from ssa_hub.sharing.views import Views
from ssa_hub.sharing.what_if import WhatIf
from ssa_hub.sharing.withdrawal_views import WithdrawalViews
from ssa_hub.sharing.withdrawing import Withdrawing


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises SettingsError where the address is taken or none of ours, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by every connection: asyncio sets it only on sockets whose protocol number says TCP, which this one's
    # does not; without it a small answer waits 40 ms for the client's acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise SettingsError(f"cannot listen on {host}, port {port}: {reason} (choose with --host, --port)") from error
    return bound


def services_of(hub: Hub, clock_tai_ns: Callable[[], int] = now_tai_ns) -> Services:
    """What the API stands on, over an open hub."""
    disclosures = Disclosures(hub.state, clock_tai_ns)
    tear_lines_shown = TearLinesShown(hub.state, hub.policies)
    exports = Exporting(hub.history, hub.policies, disclosures, clock_tai_ns)
    notices = Notices(hub.state, hub.policies, disclosures, tear_lines_shown, clock_tai_ns)
    return Services(
        views=Views(hub.queries, hub.policies, clock_tai_ns),
        messages=MessageViews(hub.queries.messages, hub.state, hub.policies, hub.ingest.blobs, clock_tai_ns),
        stream=Stream(hub.state, hub.policies, disclosures, notices, clock_tai_ns, hub.settings.keeping.feed_window_ns),
        explainer=Explainer(hub.state, hub.policies, clock_tai_ns),
        ingest=hub.ingest,
        keys=KeyRing(hub.state, hub.policies),
        what_if=WhatIf(hub.state, hub.queries, hub.policies, hub.settings.screening, clock_tai_ns),
        screening=ScreeningState(hub.state),
        disclosures=disclosures,
        ledger=LedgerViews(hub.state),
        notices=notices,
        tear_lines=TearLineBudgets(hub.state, hub.policies, clock_tai_ns),
        withdrawing=Withdrawing(hub.state, hub.history, hub.queries, clock_tai_ns),
        withdrawals=WithdrawalViews(hub.state),
        posture=PostureDesk(hub.state, hub.policies, clock_tai_ns),
        rehearser=Rehearser(hub.state, Traffic(hub.history), hub.policies, clock_tai_ns),
        deletions=DeletionViews(hub.state.deletions),
        own_agreements=OwnAgreements(hub.state, hub.policies, clock_tai_ns, hub.settings.keeping.notice_ns),
        health=Health(hub.log, hub.state, hub.history.files),
        exports=exports,
        export_places=Places(STREAMS_A_PARTNER, STREAMS_TOGETHER),
        export_jobs=ExportDesk(
            hub.state, exports, hub.settings.data_dir / "exports", ExportLimits(), clock_tai_ns, hub.disk.check
        ),
        data_mode=hub.settings.data_mode,
    )


async def serve_api(hub: Hub, bound: socket.socket) -> None:
    """Serve until cancelled; open answers get two seconds to end."""
    config = uvicorn.Config(
        create_app(services_of(hub, hub.clock.now_tai_ns)),
        log_config=None,  # its lines go into the hub's own log (ssa_hub.cli.logs)
        log_level="warning",
        timeout_graceful_shutdown=2,
        lifespan="off",
    )
    server = _Server(config)
    hub.queries.read_ahead()
    serving = asyncio.create_task(server.serve([bound]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise

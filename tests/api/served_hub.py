"""A small real hub in a directory, served on a port of this machine, with a clock that tests move."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import uvicorn
from sqlalchemy import Connection, delete, func, insert, select, update

from schemas.labels import Label
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND
from ssa_hub.api.access import Services
from ssa_hub.api.app import create_app
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.partner import new_key, read_partners
from ssa_hub.services.hub import Hub, open_hub
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.server import listen, services_of
from ssa_hub.services.tear_lines import TearLineService
from ssa_hub.settings import settings_in
from ssa_hub.sharing.shown_ids import shown_ids_of
from ssa_hub.sharing.withdrawing import Recall, WithdrawnAlreadyError
from ssa_hub.state.release_tables import secrets
from ssa_hub.state.store import State
from ssa_hub.state.tables import recorded
from tests.api.records import NOW_TAI_NS, TABLES, Row, kind_of, table_of

_PATIENCE_S = 60.0
# Nothing here is encrypted: httpx would read every authority's certificate for each client.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Every secret that a hub makes for itself, and its size in bytes.
SECRETS = {"shown-ids": 32, "opaque-ids": 32, "ledger-signing": 32, "ledger-blinding": 32, "case-numbers": 32}


class Clock:
    """An instant that only tests move."""

    def __init__(self) -> None:
        self.now_tai_ns = NOW_TAI_NS

    def __call__(self) -> int:
        return self.now_tai_ns

    def advance_s(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now_tai_ns += round(seconds * NS_PER_SECOND)


class ServedHub:
    """A hub being served. ``client(name)`` asks as that partner."""

    def __init__(self, hub: Hub, clock: Clock, services: Services, base_url: str) -> None:
        self.hub, self.clock, self.services, self.base_url = hub, clock, services, base_url
        self._clients: dict[str, httpx.Client] = {}
        self._tear_lines: TearLineService | None = None

    @property
    def state(self) -> State:
        """The hub's state."""
        return self.hub.state

    def record(self, *batches: list[Row], labels: tuple[Label, ...] = ()) -> None:
        """Put records into history and state, past ingest: received when the test says, recorded just then.

        Each batch is one transaction of state; history is appended to once a kind.
        """
        for kind in TABLES.values():
            rows = [row for batch in batches for row in batch if _kind_of(row) == kind]
            if rows:
                self.hub.history.append(kind, table_of(rows), positions={})
        for batch in batches:
            kind, table = _kind_of(batch[0]), table_of(batch)
            with self.state.transaction() as connection:
                before = _last_recorded_tai_ns(connection)
                self.state.labels.intern(connection, labels)
                self.state.recorded.insert(connection, kind, table)
                if kind == "elements":
                    self.state.newest.upsert(connection, table)
                # `insert` asks the machine's clock, which knows nothing of the tests' own.
                for row in batch:
                    before = max(before, row["received_tai_ns"])
                    new = recorded.c.record_id == row["record_id"]
                    connection.execute(update(recorded).where(new).values(recorded_tai_ns=before))

    def same_secrets(self) -> None:
        """Give the hub the secrets that every hub gets by this: before anybody asks it anything."""
        with self.state.transaction() as connection:
            connection.execute(delete(secrets))
            for name, size in SECRETS.items():
                connection.execute(insert(secrets).values(name=name, value=name.encode().ljust(size, b".")[:size]))

    def shown_id(self, partner: str, record: str) -> str:
        """The pseudonym of a record id for a partner, whether he is shown it or not."""
        return shown_ids_of(self.state).of(partner).shown(record)

    def withdraw(self, row: Row, derived: Literal["flag", "withdraw"] = "flag") -> None:
        """Withdraw a record, as its originator would."""
        recall = Recall(record_ids=(row["record_id"],), reason="wrong", derived=derived)
        with contextlib.suppress(WithdrawnAlreadyError):
            self.services.withdrawing.withdraw(row["originator"], recall, by="test")

    def issue_tear_lines(self) -> None:
        """One look of the service that makes tear-lines."""
        if self._tear_lines is None:
            self._tear_lines = TearLineService(self.state, self.hub.policies, "test", self.clock)
        self._tear_lines.turn()

    def enrol(self, partners: str) -> None:
        """Enter the partners of a document."""
        for partner in read_partners(partners, "partners.toml"):
            self.state.partners.put(partner)

    def agree(self, *agreements: str) -> None:
        """Put agreements into force."""
        for text in agreements:
            read = read_agreement(text, "agreement.toml")
            self.state.agreements.activate(
                read.originator, read.version, file=read.file, text=text, now_tai_ns=self.clock()
            )

    def new_key(self, partner: str) -> str:
        """A new key of a partner."""
        token, key = new_key(partner)
        self.state.partners.add_key(key, self.clock())
        return token

    def client(self, partner: str | None = None) -> httpx.Client:
        """Asks with a key of the partner; None: without any."""
        name = partner or ""
        if name not in self._clients:
            headers = {"Authorization": f"Bearer {self.new_key(partner)}"} if partner else {}
            self._clients[name] = httpx.Client(
                base_url=self.base_url, headers=headers, timeout=_PATIENCE_S, verify=_NO_TLS
            )
        return self._clients[name]

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


def _kind_of(row: Row) -> str:
    return TABLES[kind_of(row)]


def _last_recorded_tai_ns(connection: Connection) -> int:
    last: int = connection.execute(select(func.coalesce(func.max(recorded.c.recorded_tai_ns), 0))).scalar_one()
    return last


@cache
def _described() -> dict[str, Any]:
    """The API's description, which the first request would make: one for all hubs, as it says nothing of any."""
    return create_app(cast(Services, None)).openapi()


async def _serve(directory: Path, recording: bool, ready: "Future[tuple[ServedHub, asyncio.Event]]") -> None:
    bound = listen("127.0.0.1", 0)
    # asyncio sets it only on sockets that say their protocol: without it each answer waits 40 ms for a delayed ACK.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stop = asyncio.Event()
    async with open_hub(settings_in(directory, data_mode=DataMode.REAL)) as hub:
        clock = Clock()
        services = services_of(hub, clock)
        app = create_app(services)
        app.openapi_schema = _described()
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        tasks = [asyncio.create_task(server.serve([bound]))]
        if recording:
            tasks.append(asyncio.create_task(Recorder(hub.log, hub.history, hub.state).run()))
        ready.set_result((ServedHub(hub, clock, services, f"http://127.0.0.1:{bound.getsockname()[1]}"), stop))
        await stop.wait()
        server.should_exit = True
        await tasks[0]
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def served_hub(directory: Path, *, recording: bool = False) -> Iterator[ServedHub]:
    """A hub without records, partners or rules, for the length of the block.

    ``recording``: what is pushed is recorded too, as in a whole hub.
    """
    ready: Future[tuple[ServedHub, asyncio.Event]] = Future()
    loop = asyncio.new_event_loop()

    def run() -> None:
        try:
            loop.run_until_complete(_serve(directory, recording, ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run, name="served hub")
    thread.start()
    try:
        served, stop = ready.result(_PATIENCE_S)
        try:
            yield served
        finally:
            served.close()
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join(_PATIENCE_S)
        loop.close()

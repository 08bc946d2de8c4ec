"""Real servers for the tests that ask for them, started at most once a session; hypothesis without deadlines.

How long an example takes says nothing of a parser or a kernel on a shared machine.

Where a server's programs are absent such a test is skipped, and says what is missing; with
SSA_HUB_REQUIRE_SERVERS=1 it fails instead, so that CI cannot pass by having nothing to test with.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

from tests.servers import ServerUnavailableError
from tests.servers.iceberg_servers import IcebergServers
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.postgres_server import PostgresServer, create_database, drop_database

if TYPE_CHECKING:
    from tests.history.remote import Remote

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first in what each of pytest-xdist's workers begins with, so that none is left alone at the end."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    share = -(-len(quick) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*slow[worker::workers], *quick[worker * share : (worker + 1) * share])
    ]


def _missing(error: ServerUnavailableError) -> NoReturn:
    if os.environ.get("SSA_HUB_REQUIRE_SERVERS") == "1":
        pytest.fail(f"SSA_HUB_REQUIRE_SERVERS=1, but: {error}", pytrace=False)
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of our own, which a test may kill and restart."""
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except ServerUnavailableError as error:
        _missing(error)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """host:port of a Kafka broker: SSA_HUB_TEST_KAFKA, or our own. Tests take topic prefixes of their own."""
    given = os.environ.get("SSA_HUB_TEST_KAFKA")
    if given:
        return given
    broker: KafkaBroker = request.getfixturevalue("kafka_broker")
    return broker.bootstrap


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL server's own database: SSA_HUB_TEST_POSTGRES, or of our own server."""
    given = os.environ.get("SSA_HUB_TEST_POSTGRES")
    if given:
        yield given
        return
    # Not pytest's directory: only its owner may enter that, and the server may have to run as another user.
    directory = Path(tempfile.mkdtemp(prefix="ssa-hub-postgres-"))
    directory.chmod(0o755)
    try:
        server = PostgresServer(directory)
        server.start()
        yield server.url()
        server.stop()
    except ServerUnavailableError as error:
        _missing(error)
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """SQLAlchemy URL (postgresql+psycopg://...) of a database that is empty and this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    yield create_database(postgres_server_url, name)
    drop_database(postgres_server_url, name)


@pytest.fixture(scope="session")
def iceberg_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IcebergServers]:
    """A REST catalogue over an object store, both our own; what is in ``environment`` a test puts in its own."""
    try:
        servers = IcebergServers(tmp_path_factory.mktemp("iceberg"))
    except ServerUnavailableError as error:
        _missing(error)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def remote(iceberg_servers: IcebergServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Remote]":
    """A REST catalogue without tables, and a part of its object store that is this test's own."""
    from tests.history.remote import Remote  # loads PyIceberg, which few tests need

    for name, value in iceberg_servers.environment.items():
        monkeypatch.setenv(name, value)
    place = Remote(iceberg_servers, tmp_path)
    yield place
    place.drop()

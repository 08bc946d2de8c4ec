"""A history in a temporary directory, and the queries to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from tests.history.remote import Remote
from tests.servers.iceberg_servers import IcebergServers


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def catalogue_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A catalogue on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history on SQLite."""
    with History.open(tmp_path / "warehouse", f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as opened:
        yield opened


@pytest.fixture
def queries(history: History) -> Iterator[HistoryQueries]:
    """Its read side."""
    with HistoryQueries(history) as opened:
        yield opened


@pytest.fixture
def remote(iceberg_servers: IcebergServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """A REST catalogue without tables, and a part of its object store that is this test's own."""
    for name, value in iceberg_servers.environment.items():
        monkeypatch.setenv(name, value)
    place = Remote(iceberg_servers, tmp_path)
    yield place
    place.drop()

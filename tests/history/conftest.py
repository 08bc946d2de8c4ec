"""A history in a temporary directory, and the queries to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History


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

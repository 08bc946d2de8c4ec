"""The servers that other tests stand on."""

import os

import psycopg
import pytest

from tests.servers import ServerUnavailableError
from tests.servers.kafka_broker import kafka_jars


@pytest.mark.postgres
def test_a_postgres_database_is_fresh_and_usable(postgres_url: str) -> None:
    assert postgres_url.startswith("postgresql+psycopg://")
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        connection.execute("CREATE TABLE t (x int)")


def test_a_machine_without_a_jvm_is_told_apart_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ServerUnavailableError, match="no JVM"):
        kafka_jars()

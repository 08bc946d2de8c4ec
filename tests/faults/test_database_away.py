"""PostgreSQL ends, is full, refuses writing, or ends our transactions: StateUnavailableError, and it goes on after."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, create_engine, text

from ssa_hub.state.database import create_database
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import open_state

pytestmark = pytest.mark.postgres

# PostgreSQL's table of error codes: disk full, out of memory, too many connections, I/O error, shutting down, starting
# up, serialisation failure, deadlock, lock not available, query cancelled, internal error.
PASSING = ("53100", "53200", "53300", "58030", "57P01", "57P03", "40001", "40P01", "55P03", "57014", "XX000")


def ended_by_an_administrator(connection: Connection, url: str) -> None:
    number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    administrator = create_engine(url)
    with administrator.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
    administrator.dispose()
    connection.execute(text("SELECT 1"))


def read_only_after_a_fail_over(connection: Connection, url: str) -> None:
    connection.execute(text("SET TRANSACTION READ ONLY"))
    connection.execute(text("CREATE TABLE x (a int)"))


def idle_for_too_long(connection: Connection, url: str) -> None:
    connection.execute(text("SET idle_in_transaction_session_timeout = '20ms'"))
    connection.execute(text("SELECT 1"))
    waiting = create_engine(url)
    with waiting.connect() as other:
        other.execute(text("SELECT pg_sleep(0.2)"))
    waiting.dispose()
    connection.execute(text("SELECT 1"))


def raised(code: str) -> Callable[[Connection, str], None]:
    def raise_it(connection: Connection, url: str) -> None:
        connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$"))

    return raise_it


@pytest.mark.parametrize(
    "trouble",
    [
        ended_by_an_administrator,
        read_only_after_a_fail_over,
        idle_for_too_long,
        *map(raised, PASSING),
    ],
)
def test_whatever_passes_by_itself_is_told_as_unavailable_and_the_next_transaction_works(
    postgres_url: str, trouble: Callable[[Connection, str], None]
) -> None:
    database = create_database(postgres_url)
    for doing in (database.transaction, database.snapshot):
        with pytest.raises(StateUnavailableError), doing() as connection:
            trouble(connection, postgres_url)
        with doing() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.engine.dispose()


def test_a_mistake_of_ours_is_not_told_as_unavailable(postgres_url: str) -> None:
    database = create_database(postgres_url)
    with pytest.raises(Exception, match="syntax error") as failed, database.transaction() as connection:
        connection.execute(text("SELEKT"))
    assert not isinstance(failed.value, StateUnavailableError)
    database.engine.dispose()


def test_connections_that_the_server_has_ended_are_replaced_before_anybody_notices(postgres_url: str) -> None:
    with open_state(postgres_url) as state:
        state.memory.put("source", "key", {"a": 1})
        administrator = create_engine(postgres_url)
        with administrator.connect() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        administrator.dispose()
        assert state.memory.get("source", "key") == {"a": 1}

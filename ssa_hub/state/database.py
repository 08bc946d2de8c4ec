"""The database behind the state: one engine, write transactions and consistent reads, on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Float, Text, any_, create_engine, event, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql import Executable, FromClause, text
from sqlalchemy.sql.elements import ColumnElement, literal_column

from ssa_hub.state.failures import StateUnavailableError

_SQLITE_WAIT_MS = 60_000
# libpq: a server whose machine or network is gone says nothing; half a minute of that is a broken connection. The
# system's own patience is a quarter of an hour.
_SILENCE_NOTICED = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# OperationalError: the server is away, ends, has no room, or chose us to end a deadlock; a file cannot be written.
# InternalError: PostgreSQL is read-only after a fail-over (25006), or has ended an idle transaction (25P03).
# PoolTimeoutError: all connections of the pool are waiting for a server that does not answer.
_AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeoutError)


class Database:
    """An engine and the two ways to use it. Threads may share one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def is_sqlite(self) -> bool:
        """SQLite rather than PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction: durable when the block ends, undone when it raises.

        On SQLite it holds the one write lock from the start, so it never fails half way for want of it. Raises
        StateUnavailableError.
        """
        try:
            with self.engine.connect() as connection, connection.execution_options(ssa_hub_writes=True).begin():
                yield connection
        except _AWAY as failure:
            raise StateUnavailableError(str(failure)) from failure
        except DBAPIError as failure:
            if failure.connection_invalidated:  # whatever the driver calls it, the connection broke
                raise StateUnavailableError(str(failure)) from failure
            raise

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Reads that all see the database at one instant. Raises StateUnavailableError."""
        try:
            with self.engine.connect() as connection:
                if not self.is_sqlite:
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin():
                    yield connection
        except _AWAY as failure:
            raise StateUnavailableError(str(failure)) from failure
        except DBAPIError as failure:
            if failure.connection_invalidated:  # whatever the driver calls it, the connection broke
                raise StateUnavailableError(str(failure)) from failure
            raise


def create_database(url: str) -> Database:
    """The database at an SQLAlchemy URL: ``sqlite:///path`` or ``postgresql+psycopg://...``.

    Raises ValueError for any other. SQLite runs in WAL mode with a sync at every commit and foreign keys on.
    """
    parsed = make_url(url)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("state needs a database file: an SQLite database in memory would not outlive the process")
        engine = create_engine(parsed)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return Database(engine)
    if parsed.drivername == "postgresql+psycopg":
        # What the URL says of these goes first.
        options = {name: value for name, value in _SILENCE_NOTICED.items() if name not in parsed.query}
        return Database(create_engine(parsed, pool_pre_ping=True, connect_args=options))
    raise ValueError(f"{parsed.drivername!r} is not supported: use sqlite:/// or postgresql+psycopg://")


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # the driver's own BEGIN would be a deferred one, in the wrong places
    for pragma in (
        f"busy_timeout={_SQLITE_WAIT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # what retention deletes is overwritten
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ssa_hub_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upsert(connection: Connection, table: FromClause) -> sqlite.Insert | postgresql.Insert:
    """An INSERT into ``table`` that takes ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[arg-type]  # every FromClause here is a Table
    return postgresql.insert(table)  # type: ignore[arg-type]


def among(connection: Connection, column: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """The column holds one of these texts: one parameter for all of them, however many there are."""
    if connection.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(list(texts))).table_valued("value").c.value))
    return column == any_(literal(list(texts), postgresql.ARRAY(Text)))


def lock_table(connection: Connection, table: str) -> None:
    """Keep other writers off a table until the transaction ends (SQLite: its write lock does already)."""
    if connection.dialect.name != "sqlite":
        statement: Executable = text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(statement)


def clock_unix_s(connection: Connection) -> ColumnElement[float]:
    """The database's own clock, seconds since 1970 (UTC without leap seconds): one clock for all hosts."""
    sql = (
        "((julianday('now') - 2440587.5) * 86400.0)"
        if connection.dialect.name == "sqlite"
        else "(extract(epoch FROM clock_timestamp())::double precision)"
    )
    return literal_column(sql, Float)

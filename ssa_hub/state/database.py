"""The database behind the state: one engine, write transactions and consistent reads, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Float, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.sql import Executable, FromClause, text
from sqlalchemy.sql.elements import ColumnElement, literal_column

from ssa_hub.state.failures import StateUnavailableError

_SQLITE_WAIT_MS = 60_000


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
        except (OperationalError, InterfaceError) as failure:
            raise StateUnavailableError(str(failure)) from failure

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
        except (OperationalError, InterfaceError) as failure:
            raise StateUnavailableError(str(failure)) from failure


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
        return Database(create_engine(parsed, pool_pre_ping=True))
    raise ValueError(f"{parsed.drivername!r} is not supported: use sqlite:/// or postgresql+psycopg://")


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # the driver's own BEGIN would be a deferred one, in the wrong places
    for pragma in (
        f"busy_timeout={_SQLITE_WAIT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
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

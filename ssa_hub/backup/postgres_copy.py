"""A PostgreSQL state at one instant, by COPY in one REPEATABLE READ snapshot, and back.

Not pg_dump: it must be at least as new as the server, is not there where only the hub is installed, and carries a
schema of its own, where ours is alembic's. COPY's text format is the same in every version of PostgreSQL.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.engine import make_url

import ssa_hub.state.store
from ssa_hub.backup.failures import BackupError
from ssa_hub.backup.manifest import FileEntry, StateEntry
from ssa_hub.state.database import create_database
from ssa_hub.state.start_lock import start_lock
from ssa_hub.state.tables import metadata  # complete, as the store's repositories import the other tables

_CHUNK_BYTES = 1 << 20


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    parsed = make_url(url).set(drivername="postgresql")
    try:
        with psycopg.connect(parsed.render_as_string(hide_password=False)) as connection:
            yield connection
    except psycopg.Error as error:
        raise BackupError(f"PostgreSQL: {' '.join(str(error).split())}") from error


def copy_out(url: str, directory: Path) -> tuple[StateEntry, dict[str, FileEntry]]:
    """Every table of the state into ``<table>.copy``, all of one instant; what was written, by file name."""
    directory.mkdir(parents=True, exist_ok=True)
    files: dict[str, FileEntry] = {}
    columns: dict[str, list[str]] = {}
    with _connected(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is None:
            raise BackupError("the database has no state of a hub")
        for table in metadata.sorted_tables:
            columns[str(table.name)] = [str(column.name) for column in table.columns]
            query = sql.SQL("COPY {} ({}) TO STDOUT").format(*_names(table.name, columns[table.name]))
            files[f"{table.name}.copy"] = _written(connection, query, directory / f"{table.name}.copy")
        sequences = _sequences(connection)
    return StateEntry("postgresql", str(row[0]), columns, sequences), files


def _written(connection: "psycopg.Connection[tuple[Any, ...]]", query: sql.Composed, path: Path) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file, connection.cursor() as cursor, cursor.copy(query) as copy:
        for part in copy:
            data = bytes(part)
            digest.update(data)
            size += len(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return FileEntry(digest.hexdigest(), size)


def _sequences(connection: "psycopg.Connection[tuple[Any, ...]]") -> dict[str, int]:
    """The last number of each sequence. Sequences know no snapshot: it may be later than the tables, never earlier."""
    query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()"
    return {str(name): int(last) for name, last in connection.execute(query) if last is not None}


def is_empty(url: str) -> bool:
    """Whether a database has no tables at all."""
    with _connected(url) as connection:
        query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
        row = connection.execute(query).fetchone()
    return row is not None and row[0] == 0


def copy_in(url: str, entry: StateEntry, directory: Path) -> None:
    """Make the tables of the backup's revision in an empty database and fill them, all in one transaction or not."""
    _make_tables(url, entry.revision)
    with _connected(url) as connection:
        for table, columns in entry.columns.items():
            # What a migration puts into a new table is in the backup, too.
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            query = sql.SQL("COPY {} ({}) FROM STDIN").format(*_names(table, columns))
            with (
                connection.cursor() as cursor,
                cursor.copy(query) as copy,
                (directory / f"{table}.copy").open("rb") as file,
            ):
                while chunk := file.read(_CHUNK_BYTES):
                    copy.write(chunk)
        for name, last in entry.sequences.items():
            connection.execute("SELECT setval(%s::regclass, %s, true)", (name, last))


def _make_tables(url: str, revision: str) -> None:
    """Run alembic up to the backup's revision; the hub goes on from there when it opens the database."""
    config = Config()
    migrations = Path(ssa_hub.state.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    database = create_database(url)
    try:
        with start_lock(url, "state"), database.transaction() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        database.engine.dispose()


def _names(table: str, columns: list[str]) -> tuple[sql.Identifier, sql.Composed]:
    return sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))

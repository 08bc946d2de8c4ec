"""A copy of an SQLite database at one instant, while others write to it.

SQLite's backup in one step: it holds one read transaction, so in WAL mode it neither waits for writers nor makes them
wait. In several steps it would begin anew whenever another process commits, and under load never end.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from ssa_hub.backup.failures import BackupError

_WAIT_S = 60.0


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database into a new file. Raises BackupError where either fails; FileNotFoundError."""
    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such database")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(source, timeout=_WAIT_S)) as reading,
            closing(sqlite3.connect(target, timeout=_WAIT_S)) as writing,
        ):
            reading.execute("PRAGMA query_only = ON")
            reading.backup(writing, pages=-1)
            # One file that is whole by itself; the hub sets its own journal mode when it opens it.
            writing.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{source}: {error}") from error


def read_row(source: Path, query: str) -> tuple[object, ...]:
    """The first row of a query to a database that others may write to; empty where there is none."""
    try:
        with closing(sqlite3.connect(source, timeout=_WAIT_S)) as connection:
            connection.execute("PRAGMA query_only = ON")
            row = connection.execute(query).fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{source}: {error}") from error
    return () if row is None else tuple(row)

"""One process at a time creates and migrates tables: a lock that dies with its holder."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

# Creating tables takes well under a second; who waits longer than this waits for a process that hangs.
_WAIT_S = 120.0


@contextmanager
def start_lock(database_url: str, purpose: str) -> Iterator[None]:
    """Hold the lock ``purpose`` of a database while the block runs; waits for another holder.

    SQLite: an exclusive transaction on a file next to the database (portable, freed by the operating system when the
    process dies). PostgreSQL: a session advisory lock (freed when the connection ends). Raises ValueError for other
    databases, sqlite3.OperationalError or sqlalchemy.exc.OperationalError where the database cannot be reached.
    """
    url = make_url(database_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ValueError("state needs a database file: an SQLite database in memory would not outlive the process")
        lock_path = Path(f"{url.database}.{purpose}.lock")
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(lock_path, timeout=_WAIT_S, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            try:
                yield
            finally:
                lock.execute("ROLLBACK")
    elif backend == "postgresql":
        number = int.from_bytes(hashlib.sha256(f"ssa-hub {purpose}".encode()).digest()[:8], signed=True)
        engine = create_engine(url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
    else:
        raise ValueError(f"{backend!r} is not supported: use sqlite:/// or postgresql+psycopg://")

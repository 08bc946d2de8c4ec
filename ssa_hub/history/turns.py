"""Turns: writers of a table commit one after another, as far as they can see each other.

A commit is a compare-and-set on the table's newest snapshot; whoever reads and writes more for it loses every race
against a writer who commits without a pause. Who holds the turn races with nobody. It is a courtesy, not a guard: the
compare-and-set keeps the table right, and who waits too long, cannot get the turn, or has a catalogue without one
commits all the same. A process that dies gives its turn back.
"""

import fcntl
import hashlib
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

# A commit takes tens of milliseconds. Who holds a turn for longer than this stands still, or is many.
PATIENCE_S = 10.0
_LOOK_S = 0.003


class Turns:
    """The turns of one catalogue's tables. Threads may share one object; processes need no more than the database."""

    def __init__(self, engine: Engine | None, patience_s: float = PATIENCE_S) -> None:
        """``engine``: of the catalogue's database; None where there is none, then only threads take turns."""
        self._engine, self._patience_s = engine, patience_s
        self._threads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def turn(self, table: str) -> Iterator[None]:
        """Hold the turn for commits to a table while the block runs, or run it without after ``patience_s``."""
        deadline = time.monotonic() + self._patience_s
        # Threads first: so a process waits with one connection a table, however many of its threads wait.
        lock = self._threads[table]
        held = lock.acquire(timeout=self._patience_s)
        try:
            with self._among_processes(table, deadline):
                yield
        finally:
            if held:
                lock.release()

    def _among_processes(self, table: str, deadline: float) -> AbstractContextManager[None]:
        if self._engine is None:
            return _nobody()
        if self._engine.dialect.name == "sqlite":
            return _file_turn(Path(f"{self._engine.url.database}.{table}.turn.lock"), deadline)
        return _advisory_turn(self._engine, table, deadline)


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _file_turn(path: Path, deadline: float) -> Iterator[None]:
    """A lock on a file next to the database, freed by the operating system when its holder dies."""
    try:
        lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:  # a full disk: the commit that follows will say so, or succeed
        yield
        return
    try:
        while not _locked(lock_fd) and time.monotonic() < deadline:
            # Not always the same wait: so none of several waiters is always the later one.
            time.sleep(random.uniform(_LOOK_S / 3, _LOOK_S))  # noqa: S311  # no secret
        yield
    finally:
        os.close(lock_fd)


def _locked(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another one has it, or a file system without locks
        return False
    return True


@contextmanager
def _advisory_turn(engine: Engine, table: str, deadline: float) -> Iterator[None]:
    """A lock of PostgreSQL, first come, first served; freed when its transaction or its connection ends."""
    release: Callable[[], None] | None = None
    with suppress(SQLAlchemyError):  # the database is away, or the wait was over: the commit will see
        release = _taken(engine, table, max(1, round(1000 * (deadline - time.monotonic()))))
    try:
        yield
    finally:
        if release is not None:
            with suppress(SQLAlchemyError):  # a connection that broke has released it
                release()


def _taken(engine: Engine, table: str, patience_ms: int) -> Callable[[], None]:
    number = int.from_bytes(hashlib.sha256(f"ssa-hub turn {table}".encode()).digest()[:8], signed=True)
    connection = engine.connect()
    try:
        connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": f"{patience_ms}ms"})
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    except BaseException:
        connection.close()
        raise
    return connection.close

"""One process takes data in for a data directory, and each process has a name of its own there."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from ssa_hub.services.failures import SettingsError

_PROCESSES_MAX = 1_000


@contextmanager
def owned(data_dir: Path, command: str) -> Iterator[None]:
    """Be the process that takes data in (``ssa-hub up`` or ``serve``) while the block runs. Workers need not be.

    The operating system frees it when the process ends, however it ends. Raises SettingsError where another process
    is that already, OSError where the directory cannot be written.
    """
    path = data_dir / "hub.lock"
    lock_fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock_fd, 100).decode(errors="replace").strip() or "another process"
            raise SettingsError(
                f"{data_dir} is in use by {owner}: one process takes data in and serves for a data directory; stop it, "
                "or choose another --data-dir (beside it any number of ssa-hub worker may run, on Kafka and PostgreSQL)"
            ) from None
        os.truncate(lock_fd, 0)
        os.write(lock_fd, f"process {os.getpid()} (ssa-hub {command})\n".encode())
        yield
    finally:
        os.close(lock_fd)


@contextmanager
def producer_name(data_dir: Path) -> Iterator[str]:
    """A name to append to Kafka under, that no other running process has and that a restarted one gets again.

    Made of the host, the directory and the first free number. So a process that takes the place of a killed one ends
    at once what that one had begun (`ingest.kafka_log.KafkaLog`). Raises OSError.
    """
    directory = data_dir / "producers"
    directory.mkdir(mode=0o700, exist_ok=True)
    place = sha256(f"{socket.gethostname()}\0{data_dir}".encode()).hexdigest()[:16]
    for number in range(_PROCESSES_MAX):
        lock_fd = os.open(directory / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_fd)
            continue
        try:
            yield f"ssa-hub-{place}-{number}"
        finally:
            os.close(lock_fd)
        return
    raise SettingsError(f"{directory}: {_PROCESSES_MAX} processes append already")

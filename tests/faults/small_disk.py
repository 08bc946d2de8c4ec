"""A small file system of memory, to be filled: a disk that is really full."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoSmallDiskError(Exception):
    """This machine lets us mount none."""


@contextmanager
def small_disk(place: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of so many bytes at ``place``, an empty directory. Raises NoSmallDiskError."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoSmallDiskError("no program mount on this machine") from None
    if done.returncode:
        raise NoSmallDiskError(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, leave_bytes: int) -> Path:
    """A file that takes all of a disk but so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        for step in (64 * 2**20, 2**20, 4_096):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
    os.truncate(ballast, max(0, ballast.stat().st_size - leave_bytes))
    return ballast

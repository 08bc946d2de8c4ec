"""Files of a backup: copied with their SHA-256 computed on the way, durable, or linked from the backup before."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from ingest.durable_names import sync_directory

_CHUNK_BYTES = 1 << 20


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file under a temporary name, sync, rename, sync the directory. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)


def copy_durably(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file, synced; answers its SHA-256 (hexadecimal) and size. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest(), size


def sha256_of(path: Path) -> tuple[str, int]:
    """A file's SHA-256 (hexadecimal) and size. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def link(source: Path, target: Path) -> bool:
    """Another name for the same file; False where the file system cannot, or the file is not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def sync_directories(root: Path, files: Iterable[Path]) -> None:
    """Make the names of files below ``root``, and of the directories that hold them, durable."""
    directories = {root}
    for file in files:
        directories.update(parent for parent in file.parents if parent.is_relative_to(root))
    for directory in sorted(directories):
        sync_directory(directory)

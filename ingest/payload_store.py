"""The payload store: every payload's bytes as they came, addressed by their SHA-256, durable before anything else."""

import os
import uuid
from pathlib import Path

from schemas.identity import payload_sha256


class PayloadStore:
    """A directory of files named by their content: ``ab/abcdef…``. Writing the same bytes twice writes once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Store the bytes and answer their SHA-256 (hexadecimal). Durable on return. Raises OSError."""
        sha256 = payload_sha256(data)
        path = self._path(sha256)
        if path.exists():
            return sha256
        path.parent.mkdir(exist_ok=True)
        # A name of its own: the same bytes may come twice at once, through two threads or two processes.
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        for directory in (path.parent, self._directory):
            _fsync_directory(directory)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of a payload. Raises FileNotFoundError, or ValueError where they no longer match their name."""
        data = self._path(sha256).read_bytes()
        if payload_sha256(data) != sha256:
            raise ValueError(f"the stored payload {sha256} has changed: its SHA-256 is {payload_sha256(data)}")
        return data

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

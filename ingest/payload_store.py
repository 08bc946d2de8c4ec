"""The payload store: every payload's bytes as they came, addressed by their SHA-256, durable before anything else."""

import os
import uuid
from pathlib import Path

from ingest.durable_names import sync_directory
from schemas.identity import payload_sha256


class PayloadNotStoredError(OSError):
    """A payload's bytes could not be made durable: the disk is full, or does not answer."""


class PayloadStore:
    """A directory of files named by their content: ``ab/abcdef…``. Writing the same bytes twice writes once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def directory(self) -> Path:
        """Where the payloads are."""
        return self._directory

    def put(self, data: bytes) -> str:
        """Store the bytes and answer their SHA-256 (hexadecimal). Durable on return. Raises PayloadNotStoredError."""
        sha256 = payload_sha256(data)
        try:
            self._put(self._path(sha256), data)
        except OSError as error:
            raise PayloadNotStoredError(error.errno, f"payload not stored: {error.strerror}", error.filename) from error
        return sha256

    def _put(self, path: Path, data: bytes) -> None:
        if path.exists():
            # Another thread may have renamed it a moment ago, and not made its name durable yet.
            self._make_name_durable(path)
            return
        path.parent.mkdir(exist_ok=True)
        # A name of its own: the same bytes may come twice at once, through two threads or two processes.
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk the half of it would be in the way of everything else
            raise
        self._make_name_durable(path)

    def _make_name_durable(self, path: Path) -> None:
        for directory in (path.parent, self._directory):
            sync_directory(directory)

    def get(self, sha256: str) -> bytes:
        """The bytes of a payload. Raises FileNotFoundError, or ValueError where they no longer match their name."""
        data = self._path(sha256).read_bytes()
        if payload_sha256(data) != sha256:
            raise ValueError(f"the stored payload {sha256} has changed: its SHA-256 is {payload_sha256(data)}")
        return data

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256

"""Where the files of a history are: a local directory, or an object store that speaks S3.

Everything that opens, lists or removes a history's files does so through a `FileAccess`. Paths are as in
`PlannedFile.path`: a local path, or ``s3://bucket/key``. Writing is PyIceberg's affair
(`ssa_hub.history.locations.io_properties`): a local file is synced and renamed (`ssa_hub.history.durable_io`), an
object appears whole when its upload is completed, or not at all (`ssa_hub.history.object_io`).
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ssa_hub.history.locations import local_path

# DuckDB expands the first three in paths; the others end a file URL's path.
_REFUSED_IN_PATHS = "*[]?#"
# Told what it is, Arrow need not find out, which takes a quarter of the time that opening a file takes.
_LOCAL = pafs.LocalFileSystem()


class FileAccess(Protocol):
    """The files of one history. All methods raise OSError where the files cannot be reached. Threads may share one."""

    @property
    def root(self) -> str:
        """The location below which the tables lie, as the catalogue is told it."""

    @property
    def absent(self) -> str:
        """What is to be said of the place, to anyone, where `check` raises."""

    def check(self) -> None:
        """Look whether the place is there and may be looked at."""

    def parquet(self, path: str, **options: Any) -> pq.ParquetFile:
        """A Parquet file to read parts of; ``options`` as of `pyarrow.parquet.ParquetFile`. Close it."""

    def footer(self, path: str) -> pq.FileMetaData:
        """A Parquet file's footer."""

    def table(self, path: str, columns: list[str] | None = None, filters: Any = None) -> pa.Table:
        """A Parquet file's rows; arguments as of `pyarrow.parquet.read_table`."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def size(self, path: str) -> int:
        """Bytes. Raises FileNotFoundError."""

    def newest_unix_s(self, location: str, paths: Collection[str]) -> float | None:
        """When the last of some data files of the table at a location was written, Unix s; None: none is there."""

    def listed(self, location: str) -> dict[str, float]:
        """The files of the table at a location, with the time of their last change (Unix s)."""

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is removed."""

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make a DuckDB able to read the paths."""


class LocalFiles:
    """Files below a local directory. Raises ValueError for a directory whose path holds one of ``*[]?#``."""

    def __init__(self, directory: Path) -> None:
        if any(character in str(directory) for character in _REFUSED_IN_PATHS):
            raise ValueError(f"the history's directory {directory} must not contain any of {_REFUSED_IN_PATHS}")
        self._directory = directory
        self.root = f"file://{directory}"
        self.absent = "its directory is missing"

    def check(self) -> None:
        """Raises FileNotFoundError where the directory is missing."""
        if not self._directory.is_dir():
            raise FileNotFoundError(f"the directory {self._directory} is missing")

    def parquet(self, path: str, **options: Any) -> pq.ParquetFile:
        """As `FileAccess.parquet`."""
        # Arrow reads ahead in a thread of its own: of a local file the hand-over takes longer than the read.
        return pq.ParquetFile(path, pre_buffer=False, filesystem=_LOCAL, **options)

    def footer(self, path: str) -> pq.FileMetaData:
        """As `FileAccess.footer`."""
        with pa.OSFile(path, "rb") as file:
            return pq.read_metadata(file)

    def table(self, path: str, columns: list[str] | None = None, filters: Any = None) -> pa.Table:
        """As `FileAccess.table`."""
        return pq.read_table(path, columns=columns, filters=filters)

    def exists(self, path: str) -> bool:
        """As `FileAccess.exists`."""
        return Path(path).exists()

    def size(self, path: str) -> int:
        """As `FileAccess.size`."""
        return Path(path).stat().st_size

    def newest_unix_s(self, location: str, paths: Collection[str]) -> float | None:
        """As `FileAccess.newest_unix_s`."""
        return max((Path(path).stat().st_mtime for path in paths if Path(path).exists()), default=None)

    def listed(self, location: str) -> dict[str, float]:
        """As `FileAccess.listed`."""
        found = {}
        for part in ("data", "metadata"):
            for path in (local_path(location) / part).rglob("*"):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # renamed or removed meanwhile
                if not path.is_dir():
                    found[str(path)] = status.st_mtime
        return found

    def remove(self, path: str) -> None:
        """As `FileAccess.remove`."""
        Path(path).unlink(missing_ok=True)

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """DuckDB reads local files by itself."""


def file_access(warehouse: Path, object_store: str | None = None) -> FileAccess:
    """Access to the files in a local directory, or in an object store (``s3://bucket/prefix``) where one is given.

    Raises ValueError for a place that cannot be one.
    """
    if object_store is None:
        return LocalFiles(warehouse)
    from ssa_hub.history.object_files import ObjectFiles

    return ObjectFiles(object_store)

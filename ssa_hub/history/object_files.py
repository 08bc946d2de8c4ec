"""A history's files in an object store that speaks S3, through pyarrow.

Where the store is and who the hub is there comes from what every AWS client reads: ``AWS_ENDPOINT_URL_S3`` (or
``AWS_ENDPOINT_URL``), ``AWS_REGION`` (or ``AWS_DEFAULT_REGION``), ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_SESSION_TOKEN``, else the profile of the user or the role of the machine.
"""

import os
import re
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ssa_hub.history.locations import OBJECT_SCHEME, read_path

_CONNECT_TIMEOUT_S, _REQUEST_TIMEOUT_S = 10.0, 60.0
# A bucket's name as S3 has it, then keys without what DuckDB expands and what ends a URL's path.
_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[A-Za-z0-9._=-]+)*)/?")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4)
def _connected(endpoint: str | None, region: str | None) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region,
        connect_timeout=_CONNECT_TIMEOUT_S,
        request_timeout=_REQUEST_TIMEOUT_S,
        # A small object is one request then; whatever is wrong is told when it is closed.
        allow_delayed_open=True,
    )


def s3_filesystem() -> fs.S3FileSystem:
    """The store that the environment names; one a process. Raises OSError."""
    environment = os.environ
    return _connected(
        environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"),
        environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
    )


def key_of(path: str) -> str:
    """``bucket/key``, as pyarrow names an object. Raises ValueError for a local path."""
    scheme, _, key = read_path(path).partition("://")
    if scheme != OBJECT_SCHEME or not key:
        raise ValueError(f"{path!r} is not an object's location")
    return key


class ObjectFiles:
    """Objects below ``s3://bucket/prefix``. Raises ValueError for a place that cannot be one."""

    def __init__(self, place: str) -> None:
        found = _PLACE.fullmatch(place)
        if found is None:
            raise ValueError(f"{place!r} is no place for a history: give s3://bucket/prefix, of A-Z a-z 0-9 . _ = - /")
        self.root = place.rstrip("/")
        self.absent = "its object store cannot be reached"
        self._bucket = found["bucket"]
        self._store = s3_filesystem()

    def check(self) -> None:
        """Raises FileNotFoundError where the bucket is missing, OSError where it must not be looked at."""
        try:
            # Listing asks for the right that removing orphans needs, and tells a missing bucket from an empty one.
            self._store.get_file_info(fs.FileSelector(key_of(self.root), allow_not_found=True))
            if self._store.get_file_info(self._bucket).type == fs.FileType.NotFound:
                raise FileNotFoundError(f"there is no bucket {self._bucket}")
        except OSError as failure:
            raise OSError(
                f"object store {self.root}: {failure}; where it is and who the hub is there is said by AWS_* variables"
            ) from failure

    def parquet(self, path: str, **options: Any) -> pq.ParquetFile:
        """As `FileAccess.parquet`; what is read of it is asked for in few large requests."""
        return pq.ParquetFile(key_of(path), filesystem=self._store, pre_buffer=True, **options)

    def footer(self, path: str) -> pq.FileMetaData:
        """As `FileAccess.footer`."""
        with self._store.open_input_file(key_of(path)) as file:
            return pq.read_metadata(file)

    def table(self, path: str, columns: list[str] | None = None, filters: Any = None) -> pa.Table:
        """As `FileAccess.table`."""
        return pq.read_table(key_of(path), columns=columns, filters=filters, filesystem=self._store, pre_buffer=True)

    def exists(self, path: str) -> bool:
        """As `FileAccess.exists`."""
        return bool(self._store.get_file_info(key_of(path)).type == fs.FileType.File)

    def size(self, path: str) -> int:
        """As `FileAccess.size`."""
        found = self._store.get_file_info(key_of(path))
        if found.type != fs.FileType.File:
            raise FileNotFoundError(f"there is no object {path}")
        return int(found.size)

    def newest_unix_s(self, location: str, paths: Collection[str]) -> float | None:
        """As `FileAccess.newest_unix_s`, by the store's clock; asked for in one listing."""
        if not paths:
            return None
        listed = self.listed(f"{location}/data")
        return max((listed[path] for path in paths if path in listed), default=None)

    def listed(self, location: str) -> dict[str, float]:
        """As `FileAccess.listed`, by the store's clock."""
        objects = self._store.get_file_info(fs.FileSelector(key_of(location), allow_not_found=True, recursive=True))
        return {f"{OBJECT_SCHEME}://{one.path}": one.mtime_ns / 1e9 for one in objects if one.type == fs.FileType.File}

    def remove(self, path: str) -> None:
        """As `FileAccess.remove`."""
        if self.exists(path):
            self._store.delete_file(key_of(path))

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """DuckDB reads objects through pyarrow: its own extension for S3 would have to be downloaded."""
        connection.register_filesystem(_duckdb_filesystem(self._store))


def _duckdb_filesystem(store: fs.S3FileSystem) -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper

    class _Objects(ArrowFSWrapper):  # type: ignore[misc]  # fsspec has no types
        """Data files never change and have plain names: DuckDB need not ask the store for either."""

        cachable = False

        def glob(self, path: str, **options: Any) -> list[str]:
            return [key_of(path)]

        def modified(self, path: str) -> datetime:
            return _LONG_AGO

    return _Objects(store)

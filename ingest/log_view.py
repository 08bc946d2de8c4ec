"""Looking at a log from outside, while the hub that owns it runs or while it does not: nothing is ever written.

The embedded log belongs to one process, which holds a lock on its directory; its SQLite file in WAL mode can be read
beside that process all the same, each read seeing one instant. Kafka is read as by any client, without a group.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from ingest import embedded_trimming
from ingest.log import Log, LogRecord, LogUnavailableError, TopicPartition
from ingest.log_url import open_log
from ingest.topics import TOPICS

LOG_FILE = "log.sqlite3"
_BATCH = 5_000
_WAIT_S = 30.0
_END_UNTRIMMED = """
SELECT coalesce(max("offset") + 1, 0) FROM record WHERE topic = ? AND partition = ? AND topic = ? AND partition = ?
"""
_decode_headers = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class Extent(NamedTuple):
    """A partition: the offset of the first message that is still kept (``end`` where there is none), and its end."""

    first: int
    end: int


class LogView(Protocol):
    """A log to look at."""

    async def extents(self) -> dict[TopicPartition, Extent]:
        """Every partition's extent at one instant. Raises LogUnavailableError."""
        ...

    def messages(self, partition: TopicPartition, first: int, end: int) -> AsyncIterator[list[LogRecord]]:
        """The messages with offsets in [first, end) that are kept, in batches. Raises LogUnavailableError."""
        ...

    async def faults(self) -> list[str]:
        """What the log's own store finds wrong with itself; a look at every page where it is a file."""
        ...


class EmbeddedLogView:
    """The embedded log's file."""

    def __init__(self, directory: Path) -> None:
        """Raises LogUnavailableError where there is no log."""
        self.path = directory / LOG_FILE
        if not self.path.exists():
            raise LogUnavailableError(f"{directory} holds no log")

    async def extents(self) -> dict[TopicPartition, Extent]:
        """See `LogView.extents`."""
        return await asyncio.to_thread(self._extents)

    def _extents(self) -> dict[TopicPartition, Extent]:
        least = 'SELECT min("offset") FROM record WHERE topic = ? AND partition = ?'
        there = "SELECT 1 FROM sqlite_master WHERE name = 'trimmed'"
        found: dict[TopicPartition, Extent] = {}
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN")  # one instant for all partitions
                # A log that an earlier version made, and that has not been opened since, knows of no trimming.
                greatest = embedded_trimming.END if connection.execute(there).fetchone() else _END_UNTRIMMED
                for topic, count in connection.execute("SELECT name, partitions FROM topic").fetchall():
                    for number in range(count):
                        place = (topic, number)
                        (end,) = connection.execute(greatest, (*place, *place)).fetchone()
                        (first,) = connection.execute(least, place).fetchone()
                        found[TopicPartition(*place)] = Extent(end if first is None else first, end)
        except sqlite3.Error as error:
            raise LogUnavailableError(f"{self.path}: {error}") from error
        return found

    async def messages(self, partition: TopicPartition, first: int, end: int) -> AsyncIterator[list[LogRecord]]:
        """See `LogView.messages`."""
        while first < end:
            batch = await asyncio.to_thread(self._read, partition, first, end)
            if not batch:
                return
            yield batch
            first = batch[-1].offset + 1

    def _read(self, partition: TopicPartition, first: int, end: int) -> list[LogRecord]:
        query = (
            'SELECT "offset", key, value, headers FROM record WHERE topic = ? AND partition = ?'
            ' AND "offset" >= ? AND "offset" < ? ORDER BY "offset" LIMIT ?'
        )
        try:
            with closing(self._connect()) as connection:
                rows = connection.execute(query, (*partition, first, end, _BATCH)).fetchall()
        except sqlite3.Error as error:
            raise LogUnavailableError(f"{self.path}: {error}") from error
        return [
            LogRecord(*partition, offset, key, value, _decode_headers(headers)) for offset, key, value, headers in rows
        ]

    async def faults(self) -> list[str]:
        """See `LogView.faults`: SQLite's ``integrity_check``."""
        return await asyncio.to_thread(sqlite_faults, self.path)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        return connection


class ServedLogView:
    """A log that serves many processes (Kafka), or that this process has open."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def extents(self) -> dict[TopicPartition, Extent]:
        """See `LogView.extents`. What such a log has deleted is not known beforehand: ``first`` is 0."""
        ends: dict[TopicPartition, int] = {}
        for topic in TOPICS:
            ends.update(await self._log.end_offsets(topic.name))
        return {partition: Extent(0, end) for partition, end in ends.items()}

    async def messages(self, partition: TopicPartition, first: int, end: int) -> AsyncIterator[list[LogRecord]]:
        """See `LogView.messages`."""
        while first < end:
            batch = await self._log.read(partition, first, min(_BATCH, end - first))
            wanted = [message for message in batch if message.offset < end]
            if wanted:
                yield wanted
            if len(wanted) < len(batch) or not batch:
                return
            first = batch[-1].offset + 1

    async def faults(self) -> list[str]:
        """See `LogView.faults`: Kafka checks its own segments."""
        return []


class AbsentLogView:
    """A log that cannot be reached: every question says so."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def extents(self) -> dict[TopicPartition, Extent]:
        """See `LogView.extents`."""
        raise LogUnavailableError(self._why)

    def messages(self, partition: TopicPartition, first: int, end: int) -> AsyncIterator[list[LogRecord]]:
        """See `LogView.messages`."""
        raise LogUnavailableError(self._why)

    async def faults(self) -> list[str]:
        """See `LogView.faults`."""
        return [self._why]


def sqlite_faults(path: Path) -> list[str]:
    """What SQLite's ``integrity_check`` finds in a file; none where it is whole."""
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def embedded_directory(log_url: str) -> Path | None:
    """The directory of an embedded log, None for another kind. Raises ValueError for what is no log URL."""
    open_log(log_url)
    parts = urlsplit(log_url)
    return Path(unquote(parts.path)) if parts.scheme == "embedded" else None


@asynccontextmanager
async def viewed_log(log_url: str) -> AsyncIterator[LogView]:
    """The log of a URL to look at. Raises ValueError for what is no log URL, LogUnavailableError."""
    directory = embedded_directory(log_url)
    if directory is not None:
        yield EmbeddedLogView(directory)
        return
    async with open_log(log_url) as log:
        yield ServedLogView(log)

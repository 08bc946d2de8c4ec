"""The embedded log's file: records and committed offsets in SQLite, one durable transaction an append.

Synchronous, for the embedded log's threads: one thread writes (`append`, `commit`), one reads (`read`, `committed`).
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ingest import embedded_trimming
from ingest.log import Entry, LogRecord, LogUnavailableError, TopicPartition
from ingest.topics import Topic

Connect = Callable[[Path], sqlite3.Connection]

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE topic (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    appended_utc_ms INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, headers BLOB NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
) WITHOUT ROWID;
CREATE TABLE committed (
    group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
) WITHOUT ROWID;
CREATE TABLE producer (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
"""
# Pages of 16 KiB hold some thirty records each; with SQLite's 4 KiB an append of a catalogue costs half as much again.
# The driver gives Python's lock away for each statement, and gets it back late where other threads work. SQLite takes
# 32,766 values at most.
_ROWS_A_STATEMENT = 4_000
_PRAGMAS = (
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",  # only trimming deletes
    "cache_size = -32000",
    "wal_autocheckpoint = 4000",
    "journal_size_limit = 67108864",
)
_RETRY_AFTER_S = (0.0, 0.1, 0.5)
_BUSY_TIMEOUT_S = 5.0

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(dict[str, bytes]).decode


def connect(path: Path) -> sqlite3.Connection:
    """A connection that leaves transactions to us and may be handed to another thread."""
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


class LogStore:
    """Records by (topic, partition, offset), and each group's offsets.

    A transaction also carries the producer's id and a growing sequence number. When SQLite raises and it is not
    known whether the commit took place, the number in the file tells; so an append is retried, yet stands once.
    """

    def __init__(self, path: Path, topics: Sequence[Topic], open_connection: Connect = connect) -> None:
        """Open or create the file. A topic that the file knows keeps its number of partitions, since keys live there.

        Raises LogUnavailableError where the file cannot be read or is of another version.
        """
        self._path = path
        self._open_connection = open_connection
        self._producer_id = uuid.uuid4().hex
        self._sequence = 0
        self._in_doubt = False
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        try:
            writer = self._open_writer()
            self._create(writer, topics)
            self.partitions: dict[str, int] = dict(writer.execute("SELECT name, partitions FROM topic"))
            self.ends = self._load_ends(writer)
        except sqlite3.Error as error:
            self.close()
            raise LogUnavailableError(f"{path}: {error}") from error
        except LogUnavailableError:
            self.close()
            raise

    def append(self, shares: Mapping[TopicPartition, Sequence[Entry]]) -> dict[TopicPartition, int]:
        """Append each partition's entries in one durable transaction; the end offsets of all partitions then.

        Raises LogUnavailableError when it failed for good.
        """
        self._sequence += 1
        failure: sqlite3.Error | None = None
        for pause_s in _RETRY_AFTER_S:
            time.sleep(pause_s)
            try:
                writer = self._open_writer()
                if not self._done_in_doubt(writer):
                    self._write(writer, shares)
                    self.ends = self._ends_after(shares)
                return dict(self.ends)
            except sqlite3.Error as error:
                failure = error
                self._in_doubt = True
                self._drop_writer()
        raise LogUnavailableError(f"{self._path}: {failure}") from failure

    def commit(self, group: str, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Store a group's offsets, durably. Raises LogUnavailableError."""
        rows = [(group, tp.topic, tp.partition, offset) for tp, offset in next_offsets.items()]
        try:
            writer = self._open_writer()
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany("INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)", rows)
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop_writer()
            raise LogUnavailableError(f"{self._path}: {error}") from error

    def trim(self, before: Mapping[TopicPartition, int], wiped: bool) -> int:
        """See `ingest.embedded_trimming.trim`. Raises LogUnavailableError."""
        try:
            return embedded_trimming.trim(self._open_writer(), before, wiped=wiped)
        except sqlite3.Error as error:
            self._drop_writer()
            raise LogUnavailableError(f"{self._path}: {error}") from error

    def offsets_since(self, utc_ms: int) -> dict[TopicPartition, int]:
        """The first offset of each partition that was appended at an instant or later, else its end.

        Raises LogUnavailableError.
        """
        query = (
            'SELECT "offset" FROM record WHERE topic = ? AND partition = ? AND appended_utc_ms >= ?'
            ' ORDER BY "offset" LIMIT 1'
        )
        found = {}
        for partition, end in sorted(self.ends.items()):
            rows = self._select(query, (*partition, utc_ms))
            found[partition] = rows[0][0] if rows else end
        return found

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """A group's offsets. Raises LogUnavailableError."""
        query = "SELECT topic, partition, next_offset FROM committed WHERE group_name = ?"
        return {TopicPartition(topic, number): offset for topic, number, offset in self._select(query, (group,))}

    def read(self, wanted: Sequence[tuple[TopicPartition, int]], max_records: int) -> list[LogRecord]:
        """Up to ``max_records`` records of the partitions, each from its offset on. Raises LogUnavailableError."""
        query = (
            'SELECT "offset", key, value, headers FROM record WHERE topic = ? AND partition = ? AND "offset" >= ?'
            ' ORDER BY "offset" LIMIT ?'
        )
        records: list[LogRecord] = []
        for (topic, partition), start in wanted:
            rows = self._select(query, (topic, partition, start, max_records - len(records)))
            records += [
                LogRecord(topic, partition, offset, key, value, _decode_headers(headers))
                for offset, key, value, headers in rows
            ]
            if len(records) >= max_records:
                break
        return records

    def close(self) -> None:
        """Close the file; SQLite then folds its write-ahead log into it."""
        self._drop_reader()
        self._drop_writer()

    def _create(self, writer: sqlite3.Connection, topics: Sequence[Topic]) -> None:
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        if version not in (0, _SCHEMA_VERSION, embedded_trimming.VERSION):
            known = embedded_trimming.VERSION
            raise LogUnavailableError(f"{self._path}: log of version {version}, this program knows {known}")
        writer.execute("BEGIN IMMEDIATE")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                writer.execute(statement)
            writer.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        writer.execute(embedded_trimming.TABLE)
        rows = [(topic.name, topic.partitions) for topic in topics]
        writer.executemany("INSERT OR IGNORE INTO topic VALUES (?, ?)", rows)
        # Only one process has the log: earlier producers are gone, and nobody will ask about their last append.
        writer.execute("DELETE FROM producer")
        writer.execute("COMMIT")

    def _write(self, writer: sqlite3.Connection, shares: Mapping[TopicPartition, Sequence[Entry]]) -> None:
        now_utc_ms = time.time_ns() // 1_000_000
        writer.execute("BEGIN IMMEDIATE")
        for (topic, partition), entries in shares.items():
            end = self.ends[TopicPartition(topic, partition)]
            for first in range(0, len(entries), _ROWS_A_STATEMENT):
                part = entries[first : first + _ROWS_A_STATEMENT]
                values: list[Any] = []
                for offset, entry in enumerate(part, end + first):
                    headers = _encode_headers(entry.headers)
                    values += (topic, partition, offset, now_utc_ms, entry.key, entry.value, headers)
                rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(part))
                writer.execute(f"INSERT INTO record VALUES {rows}", values)
        writer.execute("INSERT OR REPLACE INTO producer VALUES (?, ?)", (self._producer_id, self._sequence))
        writer.execute("COMMIT")

    def _ends_after(self, shares: Mapping[TopicPartition, Sequence[Entry]]) -> dict[TopicPartition, int]:
        return {tp: end + len(shares.get(tp, ())) for tp, end in self.ends.items()}

    def _load_ends(self, writer: sqlite3.Connection) -> dict[TopicPartition, int]:
        every = [TopicPartition(topic, number) for topic, count in self.partitions.items() for number in range(count)]
        return {tp: int(writer.execute(embedded_trimming.END, (*tp, *tp)).fetchone()[0]) for tp in every}

    def _done_in_doubt(self, writer: sqlite3.Connection) -> bool:
        """After a failure: take the ends from the file, and whether it has the append of the current sequence."""
        if not self._in_doubt:
            return False
        self.ends = self._load_ends(writer)
        row = writer.execute("SELECT sequence FROM producer WHERE id = ?", (self._producer_id,)).fetchone()
        self._in_doubt = False
        return row is not None and int(row[0]) == self._sequence

    def _select(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            if self._reader is None:
                self._reader = self._open_connection(self._path)
            return self._reader.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._drop_reader()
            raise LogUnavailableError(f"{self._path}: {error}") from error

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._open_connection(self._path)
            for pragma in _PRAGMAS:
                self._writer.execute(f"PRAGMA {pragma}")
        return self._writer

    def _drop_writer(self) -> None:
        """Close it, which rolls back what is open; the next use finds in the file what was really committed."""
        if self._writer is not None:
            with suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None

    def _drop_reader(self) -> None:
        if self._reader is not None:
            with suppress(sqlite3.Error):
                self._reader.close()
            self._reader = None

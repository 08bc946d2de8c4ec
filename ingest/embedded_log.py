"""The embedded log: the contract of `ingest.log` in one directory, for a hub that runs in one process."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from ingest.consumer_group import ConsumerGroup
from ingest.embedded_store import Connect, LogStore, connect
from ingest.log import Entry, LogRecord, LogUnavailableError, StartOffsets, TopicPartition, check_trimming
from ingest.partitioner import by_place
from ingest.topics import TOPICS, Topic

T = TypeVar("T")


class LogLockedError(LogUnavailableError):
    """Another process (or another EmbeddedLog in this one) has the log's directory open."""


class EmbeddedLog:
    """A durable log in one directory, owned by one process. Groups, too, live within that process.

    Appends go through one thread and reads through another, so the event loop never waits for the disk. A reader in
    the same process is woken when an append commits. Disk trouble raises LogUnavailableError.
    """

    def __init__(self, path: Path, topics: Sequence[Topic] = TOPICS, open_connection: Connect = connect) -> None:
        """``path`` is the log's directory, made at opening; ``open_connection`` opens its SQLite file."""
        self._path = path
        self._topics = tuple(topics)
        self._open_connection = open_connection
        self._store: LogStore | None = None
        self._lock_fd = -1
        self._ends: dict[TopicPartition, int] = {}
        self._groups: dict[str, ConsumerGroup[EmbeddedSubscription]] = {}
        self._members: set[EmbeddedSubscription] = set()

    async def __aenter__(self) -> Self:
        """Open. Raises LogLockedError where the directory is in use, LogUnavailableError where it cannot be read."""
        self._lock_fd = await asyncio.to_thread(_lock, self._path)
        try:
            file = self._path / "log.sqlite3"
            self._store = await asyncio.to_thread(LogStore, file, self._topics, self._open_connection)
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._ends = dict(self._store.ends)
        self._writer = ThreadPoolExecutor(1, "log-writer")
        self._reader = ThreadPoolExecutor(1, "log-reader")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close when what was begun is written."""
        store = self._opened()
        self._store = None
        for member in self._members:
            member.wake()

        def close() -> None:
            self._writer.shutdown()
            self._reader.shutdown()
            store.close()
            os.close(self._lock_fd)

        await asyncio.to_thread(close)

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """See `ingest.log.Log.append`."""
        await self.append_all({topic: entries})

    async def append_all(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """See `ingest.log.Log.append_all`: one SQLite transaction."""
        partitions = {topic: self._partitions_of(topic) for topic in entries}
        store = self._opened()
        if not any(entries.values()):
            return

        def write() -> dict[TopicPartition, int]:
            return store.append(by_place(entries, partitions))

        # Whoever awaits us may be cancelled; the write goes on, and its readers must be told all the same.
        written = asyncio.get_running_loop().run_in_executor(self._writer, write)
        written.add_done_callback(self._appended)
        await asyncio.shield(written)

    async def read(self, partition: TopicPartition, offset: int, max_records: int) -> list[LogRecord]:
        """See `ingest.log.Log.read`. Raises ValueError for an unknown partition."""
        if offset >= self.end_offset(partition) or max_records <= 0:
            return []
        return await self.read_each([(partition, offset)], max_records)

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        """See `ingest.log.Log.end_offsets`."""
        return dict(self._ends_of(topic))

    async def trim(self, before: Mapping[TopicPartition, int], *, wiped: bool = False) -> None:
        """See `ingest.log.Log.trim`."""
        check_trimming(before, {tp: end for topic in {tp.topic for tp in before} for tp, end in self._ends_of(topic)})
        await self._in_thread(self._writer, self._opened().trim, dict(before), wiped)

    async def offsets_since(self, utc_ms: int) -> dict[TopicPartition, int]:
        """For every partition the offset of the first record appended at an instant (Unix time, ms) or later."""
        return await self._in_thread(self._reader, self._opened().offsets_since, utc_ms)

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> "EmbeddedSubscription":
        """See `ingest.log.Log.subscribe`. Raises ValueError for an unknown topic."""
        return EmbeddedSubscription(self, group, self.partitions(topics), start)

    def partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        """All partitions of the topics. Raises ValueError for an unknown topic."""
        return [TopicPartition(topic, number) for topic in topics for number in range(self._partitions_of(topic))]

    def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the partition's next record will get. Raises ValueError for an unknown partition."""
        self._opened()
        if partition not in self._ends:
            raise ValueError(f"the log has no partition {partition.topic}/{partition.partition}")
        return self._ends[partition]

    async def read_each(self, wanted: Sequence[tuple[TopicPartition, int]], max_records: int) -> list[LogRecord]:
        """Records of several partitions, each from its offset on."""
        return await self._in_thread(self._reader, self._opened().read, wanted, max_records)

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """The group's committed offsets."""
        return await self._in_thread(self._reader, self._opened().committed, group)

    async def commit(self, group: str, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Store the group's offsets."""
        await self._in_thread(self._writer, self._opened().commit, group, dict(next_offsets))

    def join(self, group: str, member: "EmbeddedSubscription") -> ConsumerGroup["EmbeddedSubscription"]:
        """Let a member into its group."""
        self._opened()
        self._members.add(member)
        joined = self._groups.setdefault(group, ConsumerGroup())
        joined.join(member)
        return joined

    def leave(self, group: str, member: "EmbeddedSubscription") -> None:
        """Let a member out of its group."""
        self._members.discard(member)
        self._groups[group].leave(member)

    def _appended(self, written: "asyncio.Future[dict[TopicPartition, int]]") -> None:
        if written.cancelled() or written.exception() is not None:
            return
        grown = {tp: end for tp, end in written.result().items() if end > self._ends[tp]}
        self._ends |= grown
        for member in self._members:
            if not member.partitions.isdisjoint(grown):
                member.wake()

    def _ends_of(self, topic: str) -> list[tuple[TopicPartition, int]]:
        return [(partition, self._ends[partition]) for partition in self.partitions((topic,))]

    def _partitions_of(self, topic: str) -> int:
        if topic not in self._opened().partitions:
            raise ValueError(f"the log has no topic {topic!r}")
        return self._opened().partitions[topic]

    def _opened(self) -> LogStore:
        if self._store is None:
            raise LogUnavailableError(f"{self._path}: the log is not open")
        return self._store

    async def _in_thread(self, thread: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work, *args)


class EmbeddedSubscription:
    """A member of a group of the embedded log; see `ingest.log.Subscription`.

    A member that stays in the group without fetching keeps its partitions: within one process that is a fault of the
    program, and there is no clock here to judge it by.
    """

    def __init__(
        self, log: EmbeddedLog, group: str, partitions: Sequence[TopicPartition], start: StartOffsets | None
    ) -> None:
        self.partitions = frozenset(partitions)
        self._log = log
        self._group_name = group
        self._start = start
        self._group: ConsumerGroup[EmbeddedSubscription] | None = None
        self._news = asyncio.Event()
        # The next offset of each partition, the one that has waited longest first.
        self._positions: dict[TopicPartition, int] = {}

    async def __aenter__(self) -> Self:
        """Join the group."""
        self._group = self._log.join(self._group_name, self)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave the group."""
        self._group = None
        self._positions.clear()
        self._log.leave(self._group_name, self)

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    def assignment(self) -> frozenset[TopicPartition]:
        """See `ingest.log.Subscription.assignment`."""
        return self._joined().held_by(self)

    async def fetch(self, max_records: int, timeout_s: float) -> list[LogRecord]:
        """See `ingest.log.Subscription.fetch`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            self._news.clear()
            await self._take_up_assignment()
            behind = [(tp, at) for tp, at in self._positions.items() if at < self._log.end_offset(tp)]
            if behind:
                records = await self._log.read_each(behind, max_records)
                self._advance(records)
                return records
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                return []

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """See `ingest.log.Subscription.commit`."""
        foreign = next_offsets.keys() - self.assignment()
        if foreign:
            names = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(foreign))
            raise LogUnavailableError(f"group {self._group_name}: {names} is not this member's")
        await self._log.commit(self._group_name, next_offsets)

    async def _take_up_assignment(self) -> None:
        group = self._joined()
        for tp in group.release(self):
            self._positions.pop(tp, None)
        group.acquire(self)
        new = group.held_by(self) - self._positions.keys()
        if not new:
            return
        own = dict(await self._start(new)) if self._start else {}
        committed = await self._log.committed(self._group_name)
        for tp in sorted(new):
            if own.get(tp, 0) > self._log.end_offset(tp):
                raise ValueError(
                    f"group {self._group_name}: start offset {own[tp]} of {tp.topic}/{tp.partition} lies beyond the"
                    f" log's end {self._log.end_offset(tp)}: these positions belong to another log"
                )
        self._positions |= {tp: own.get(tp, committed.get(tp, 0)) for tp in sorted(new)}

    def _advance(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            # Out and in again: the partition goes to the back of the queue.
            self._positions.pop(record.topic_partition)
            self._positions[record.topic_partition] = record.offset + 1

    def _joined(self) -> ConsumerGroup["EmbeddedSubscription"]:
        if self._group is None:
            raise LogUnavailableError(f"group {self._group_name}: this member has not joined")
        return self._group


def _lock(path: Path) -> int:
    """Take the directory's lock; its file descriptor. The system frees it when the process ends, however it ends."""
    path.mkdir(parents=True, exist_ok=True)
    lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(lock_fd, 32).decode(errors="replace").strip() or "unknown"
        os.close(lock_fd)
        raise LogLockedError(f"{path}: the log is in use by process {owner}; one process owns a log") from error
    os.truncate(lock_fd, 0)
    os.write(lock_fd, f"{os.getpid()}\n".encode())
    return lock_fd

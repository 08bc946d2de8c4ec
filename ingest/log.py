"""The log: one interface, two adapters (`ingest.embedded_log`, `ingest.kafka_log`), one contract test suite.

Contract, for both adapters:

- Records with the same key in the same topic go to the same partition and keep the order in which they were
  appended. Offsets in a partition grow; they need not be without gaps.
- When `append` or `append_all` returns, the records are durable. Readers see all records of a call or none of them,
  over all its topics and partitions, also where the process is killed in the middle. When it raises, the caller may
  call it again with the same entries: an adapter makes its own retries idempotent, but the records of a call that was
  *interrupted* (LogUnavailableError, or a process killed, while the outcome was unknown) may stand in the log twice,
  all of them. Consumers drop such repeats by record id. On Kafka readers see a call's records some milliseconds after
  it has returned.
- A group's members share the partitions: each record goes to one member at a time, at least once. Committed offsets
  outlive the members. A member that keeps its positions elsewhere (in the same transaction as its results) passes
  ``start``: it is asked, at each assignment and from within `fetch`, where to go on.
- A partition changes hands between two fetches: a member that calls `fetch` again has done with what the last one
  brought (and has committed it, if it commits). One that stays away loses its partitions all the same, in Kafka after
  a few seconds; its commits are refused from then on.
- Members do not go back by themselves: to see a record again, leave the group and join it anew.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

import msgspec

ENTRY_BYTES_MAX = 4 * 1024 * 1024
"""The largest entry, key, value and headers together. Larger things (ephemerides) go to the payload store."""


class TopicPartition(NamedTuple):
    """One ordered stream of records."""

    topic: str
    partition: int


class Entry(msgspec.Struct, frozen=True):
    """A record to append. The key decides the partition; headers carry the label, schema id and the like."""

    key: bytes
    value: bytes
    headers: dict[str, bytes] = {}


class LogRecord(msgspec.Struct, frozen=True):
    """A record as the log keeps it. ``offset`` is its place in ``(topic, partition)``."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]

    @property
    def topic_partition(self) -> TopicPartition:
        """Where it stands."""
        return TopicPartition(self.topic, self.partition)


class LogUnavailableError(Exception):
    """The log cannot be reached or written now; nothing of the call is known to be durable. Try again later."""


# Given the partitions that have just been assigned, answers the offset at which to go on in each of them
# (a partition left out of the answer starts at the group's committed offset, or at the beginning).
StartOffsets = Callable[[frozenset[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


class Subscription(Protocol):
    """One member of a consumer group. An async context manager: leaving it leaves the group."""

    async def fetch(self, max_records: int, timeout_s: float) -> list[LogRecord]:
        """Up to ``max_records`` records in partition order, waiting at most ``timeout_s`` for the first one.

        Raises LogUnavailableError where the log cannot be reached, ValueError where ``start`` answers an offset
        beyond the end (the positions belong to another log), and whatever ``start`` raises. It may be called again
        after any of them.
        """
        ...

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Store, durably and for the group, the offset of the next record to read in each partition.

        Raises LogUnavailableError, also where the partition is no longer this member's.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's at present."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...


class Log(Protocol):
    """A durable, partitioned, append-only log. An async context manager."""

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """Append in order; durable on return.

        Raises LogUnavailableError, ValueError for an unknown topic or an entry above ENTRY_BYTES_MAX.
        """
        ...

    async def append_all(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """Append to several topics at once, each topic's entries in order: all become visible, or none.

        Durable on return. Raises as `append` does.
        """
        ...

    async def read(self, partition: TopicPartition, offset: int, max_records: int) -> list[LogRecord]:
        """Records of one partition from ``offset`` on, without a group. Empty at the end. Never waits for new ones."""
        ...

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        """For every partition of the topic, the offset that the next record will get."""
        ...

    async def trim(self, before: Mapping[TopicPartition, int], *, wiped: bool = False) -> None:
        """Remove the records before these offsets, for good; ends stay, and who reads from before goes on behind.

        ``wiped``: nothing of them may be left in the log's files (Kafka deletes segments by itself, somewhat later).
        Groups are not asked: the caller knows what every reader has done with. Raises LogUnavailableError (some of the
        partitions may be trimmed then; the call may be made again), and ValueError, with nothing trimmed, for an
        unknown partition, a negative offset and one beyond the partition's end.
        """
        ...

    async def offsets_since(self, utc_ms: int) -> dict[TopicPartition, int]:
        """For every partition the offset of the first record appended at an instant (Unix time, ms) or later.

        The end where there is none. Raises LogUnavailableError.
        """
        ...

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> Subscription:
        """A new member of ``group``; it joins when its context is entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...


def check_trimming(before: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
    """Raise ValueError where `Log.trim` is asked for a partition that is not there or beyond its end."""
    for partition, offset in before.items():
        name = f"{partition.topic}/{partition.partition}"
        if partition not in ends:
            raise ValueError(f"the log has no partition {name}")
        if offset < 0:
            raise ValueError(f"{name} has no offset {offset}: nothing is trimmed")
        if offset > ends[partition]:
            raise ValueError(f"{name} ends before {offset}: nothing is trimmed")

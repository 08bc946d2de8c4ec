"""The log: one interface, two adapters (`ingest.embedded_log`, `ingest.kafka_log`), one contract test suite.

Contract, for both adapters:

- Records with the same key in the same topic go to the same partition and keep the order in which they were
  appended. Offsets in a partition grow; they need not be without gaps.
- When `append` returns, the records are durable. When it raises, the caller may call it again with the same entries:
  an adapter makes its own retries idempotent, but a record of a call that was *interrupted* (killed process, or
  LogUnavailableError while its outcome was unknown) may stand in the log twice. Consumers drop such repeats by
  record id.
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

    async def read(self, partition: TopicPartition, offset: int, max_records: int) -> list[LogRecord]:
        """Records of one partition from ``offset`` on, without a group. Empty at the end. Never waits for new ones."""
        ...

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        """For every partition of the topic, the offset that the next record will get."""
        ...

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> Subscription:
        """A new member of ``group``; it joins when its context is entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

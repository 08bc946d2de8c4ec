"""A log that takes nothing while the machine's clock cannot be believed: for services that stamp what they append."""

from collections.abc import Mapping, Sequence
from typing import Self

from ingest.clock_watch import ClockWatch
from ingest.log import Entry, Log, LogRecord, StartOffsets, Subscription, TopicPartition


class ClockedLog:
    """An opened log; see `ingest.log.Log`. Appends raise ClockJumpedError, which is a LogUnavailableError."""

    def __init__(self, log: Log, clock: ClockWatch) -> None:
        self._log, self._clock = log, clock

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """See `ingest.log.Log.append`."""
        self._clock.check()
        await self._log.append(topic, entries)

    async def append_all(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """See `ingest.log.Log.append_all`."""
        self._clock.check()
        await self._log.append_all(entries)

    async def read(self, partition: TopicPartition, offset: int, max_records: int) -> list[LogRecord]:
        """See `ingest.log.Log.read`."""
        return await self._log.read(partition, offset, max_records)

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        """See `ingest.log.Log.end_offsets`."""
        return await self._log.end_offsets(topic)

    async def offsets_since(self, utc_ms: int) -> dict[TopicPartition, int]:
        """See `ingest.log.Log.offsets_since`."""
        return await self._log.offsets_since(utc_ms)

    async def trim(self, before: Mapping[TopicPartition, int], *, wiped: bool = False) -> None:
        """See `ingest.log.Log.trim`."""
        await self._log.trim(before, wiped=wiped)

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> Subscription:
        """See `ingest.log.Log.subscribe`."""
        return self._log.subscribe(group, topics, start)

    async def __aenter__(self) -> Self:
        """Opened and closed by its owner."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Opened and closed by its owner."""

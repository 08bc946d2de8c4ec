"""The log on Apache Kafka: the contract of `ingest.log` for a deployment of many processes and machines."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_producer import TransactionalProducer
from ingest.kafka_subscription import KafkaSubscription, log_record
from ingest.kafka_topics import BATCH_BYTES_MAX, ensure_topics, reaching_kafka, started, stop_consumer
from ingest.kafka_trimming import delete_before
from ingest.log import Entry, LogRecord, LogUnavailableError, StartOffsets, TopicPartition, check_trimming
from ingest.partitioner import by_place
from ingest.topics import TOPICS, Topic


class KafkaLog:
    """A log on Kafka. Every call that needs the brokers gives up with LogUnavailableError after ``timeout_s``.

    Appends are transactions (`ingest.kafka_producer`), and readers see committed ones only. A transaction ends with a
    marker in each of its partitions, which takes an offset: between a partition's last record and its end there may
    be nothing to read.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[Topic] = TOPICS,
        topic_prefix: str = "",
        replication_factor: int = 1,
        timeout_s: float = 20.0,
        producer_name: str | None = None,
    ) -> None:
        """``topics`` are created when absent, as ``topic_prefix`` + name, with ``replication_factor`` replicas.

        ``producer_name`` is the transactional id: of two logs with the same one, the older can append no more, and
        what it had begun is undone at once. None: a name of its own, so what a killed process had begun holds up
        readers until the broker gives it up, some ten seconds after the transaction's timeout.
        """
        self._servers = bootstrap_servers
        self._topics = tuple(topics)
        self._prefix = topic_prefix
        self._replication_factor = replication_factor
        self._timeout_s = timeout_s
        self._partitions: dict[str, int] = {}
        self._producer = TransactionalProducer(
            bootstrap_servers, producer_name or f"{topic_prefix}ssa-hub-{uuid.uuid4().hex}", timeout_s
        )
        self._reader: Any = None
        self._reader_at: tuple[KafkaPartition, int] | None = None
        self._reader_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Connect and make sure of the topics. Raises LogUnavailableError."""
        async with reaching_kafka(f"connecting to {self._servers}", self._timeout_s):
            self._partitions = await ensure_topics(self._servers, self._topics, self._prefix, self._replication_factor)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Disconnect."""
        self._partitions = {}
        await self._producer.close()
        await self._drop_reader()

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """See `ingest.log.Log.append`."""
        await self.append_all({topic: entries})

    async def append_all(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """See `ingest.log.Log.append_all`: one Kafka transaction, which others that wait may share."""
        partitions = {topic: self._partitions_of(topic) for topic in entries}
        # A catalogue's worth of keys takes tens of milliseconds, which the event loop has better uses for.
        shares = await asyncio.to_thread(by_place, entries, partitions)
        if shares:
            await self._producer.append({self._kafka_partition(tp): share for tp, share in shares.items()})

    async def read(self, partition: TopicPartition, offset: int, max_records: int) -> list[LogRecord]:
        """See `ingest.log.Log.read`. Raises ValueError for an unknown partition."""
        if not 0 <= partition.partition < self._partitions_of(partition.topic):
            raise ValueError(f"the log has no partition {partition.topic}/{partition.partition}")
        if max_records <= 0:
            return []
        source = self._kafka_partition(partition)
        async with self._reader_lock:
            try:
                async with reaching_kafka(f"reading {source.topic}/{source.partition}", self._timeout_s):
                    return await self._read(source, offset, max_records)
            except LogUnavailableError:
                await self._drop_reader()
                raise

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        """See `ingest.log.Log.end_offsets`."""
        every = [TopicPartition(topic, number) for number in range(self._partitions_of(topic))]
        async with self._reader_lock:
            try:
                async with reaching_kafka(f"asking for the ends of {topic}", self._timeout_s):
                    reader = await self._started_reader()
                    ends = await reader.end_offsets([self._kafka_partition(tp) for tp in every])
            except LogUnavailableError:
                await self._drop_reader()
                raise
        return {tp: ends[self._kafka_partition(tp)] for tp in every}

    async def trim(self, before: Mapping[TopicPartition, int], *, wiped: bool = False) -> None:
        """See `ingest.log.Log.trim`. Brokers delete the segments by themselves, whatever ``wiped`` says."""
        for topic in sorted({partition.topic for partition in before}):
            ends = await self.end_offsets(topic)
            check_trimming({tp: at for tp, at in before.items() if tp.topic == topic}, ends)
        async with reaching_kafka("trimming the log", self._timeout_s):
            await delete_before(self._servers, {self._kafka_partition(tp): at for tp, at in before.items()})

    async def offsets_since(self, utc_ms: int) -> dict[TopicPartition, int]:
        """See `ingest.log.Log.offsets_since`."""
        ends: dict[TopicPartition, int] = {}
        for topic in self._partitions:
            ends |= await self.end_offsets(topic)
        async with self._reader_lock:
            try:
                async with reaching_kafka("asking for offsets by time", self._timeout_s):
                    reader = await self._started_reader()
                    found = await reader.offsets_for_times({self._kafka_partition(tp): utc_ms for tp in ends})
            except LogUnavailableError:
                await self._drop_reader()
                raise
        firsts = {tp: found.get(self._kafka_partition(tp)) for tp in ends}
        return {tp: end if (first := firsts[tp]) is None else first.offset for tp, end in ends.items()}

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> KafkaSubscription:
        """See `ingest.log.Log.subscribe`. Raises ValueError for an unknown topic."""
        for topic in topics:
            self._partitions_of(topic)
        return KafkaSubscription(self._servers, self._prefix, group, topics, start, self._timeout_s)

    async def _read(self, source: KafkaPartition, offset: int, max_records: int) -> list[LogRecord]:
        reader = await self._started_reader()
        end = (await reader.end_offsets([source]))[source]
        records: list[LogRecord] = []
        at = offset
        if at >= end:
            return records
        if self._reader_at != (source, at):
            if reader.assignment() != {source}:
                reader.assign([source])
            reader.seek(source, at)
        while at < end and len(records) < max_records:
            reader.resume(source)
            # A short wait, not the whole timeout: what lies before the end may be a transaction's marker, or hold
            # nothing else that is for us to see.
            batches = await reader.getmany(source, timeout_ms=50, max_records=max_records - len(records))
            # Paused before anything else can run, or aiokafka would ask on and, at the end, keep the connection
            # waiting for new records: brokers answer a connection's requests one after the other.
            reader.pause(source)
            records += [log_record(found, self._prefix) for found in batches.get(source, ())]
            at = await reader.position(source)
        self._reader_at = (source, at)
        return records

    async def _started_reader(self) -> Any:
        if self._reader is None:
            self._reader = await started(
                lambda: AIOKafkaConsumer(
                    bootstrap_servers=self._servers,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    isolation_level="read_committed",
                    max_partition_fetch_bytes=BATCH_BYTES_MAX,
                    request_timeout_ms=int(self._timeout_s * 1000),
                ),
                stop_consumer,
            )
        return self._reader

    async def _drop_reader(self) -> None:
        reader, self._reader, self._reader_at = self._reader, None, None
        if reader is not None:
            await stop_consumer(reader)

    def _partitions_of(self, topic: str) -> int:
        if not self._partitions:
            raise LogUnavailableError("Kafka: the log is not open")
        if topic not in self._partitions:
            raise ValueError(f"the log has no topic {topic!r}")
        return self._partitions[topic]

    def _kafka_partition(self, partition: TopicPartition) -> KafkaPartition:
        return KafkaPartition(self._prefix + partition.topic, partition.partition)

"""The log on Apache Kafka: the contract of `ingest.log` for a deployment of many processes and machines."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_subscription import KafkaSubscription, log_record
from ingest.kafka_topics import BATCH_BYTES_MAX, ensure_topics, reaching_kafka, started
from ingest.log import Entry, LogRecord, LogUnavailableError, StartOffsets, TopicPartition
from ingest.partitioner import by_partition
from ingest.topics import TOPICS, Topic

_BATCH_BYTES = 512 * 1024
_ABORT_TIMEOUT_S = 2.0


class KafkaLog:
    """A log on Kafka. Every call that needs the brokers gives up with LogUnavailableError after ``timeout_s``.

    Appends go through an idempotent producer (acks=all): a request whose acknowledgement was lost is repeated and
    stands once. When an append gives up, its producer is thrown away, so that nothing of it arrives later, behind
    newer records; the next call makes a new one. An append over several partitions is durable on return, but not
    atomic: after a failure some partitions may have their share.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[Topic] = TOPICS,
        topic_prefix: str = "",
        replication_factor: int = 1,
        timeout_s: float = 20.0,
    ) -> None:
        """``topics`` are created when absent, as ``topic_prefix`` + name, with ``replication_factor`` replicas."""
        self._servers = bootstrap_servers
        self._topics = tuple(topics)
        self._prefix = topic_prefix
        self._replication_factor = replication_factor
        self._timeout_s = timeout_s
        self._partitions: dict[str, int] = {}
        self._producer: Any = None
        self._producer_lock = asyncio.Lock()
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
        await self._abandon_producer(self._producer)
        await self._drop_reader()

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """See `ingest.log.Log.append`."""
        # A catalogue's worth of keys takes tens of milliseconds, which the event loop has better uses for.
        shares = await asyncio.to_thread(by_partition, entries, self._partitions_of(topic))
        if not shares:
            return
        producer = None
        try:
            async with reaching_kafka(f"appending to {topic}", self._timeout_s):
                producer = await self._started_producer()
                partitions = shares.items()
                sent = await asyncio.gather(*(self._send(producer, topic, n, share) for n, share in partitions))
                await asyncio.gather(*(acknowledged for share in sent for acknowledged in share))
        except LogUnavailableError:
            await self._abandon_producer(producer)
            raise

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

    def subscribe(self, group: str, topics: Sequence[str], start: StartOffsets | None = None) -> KafkaSubscription:
        """See `ingest.log.Log.subscribe`. Raises ValueError for an unknown topic."""
        for topic in topics:
            self._partitions_of(topic)
        return KafkaSubscription(self._servers, self._prefix, group, topics, start, self._timeout_s)

    async def _send(self, producer: Any, topic: str, partition: int, entries: Sequence[Entry]) -> list[Any]:
        """Hand one partition's entries to the producer, in order; the batches' acknowledgements to come."""
        name = self._prefix + topic
        acknowledgements = []
        try:
            batch = producer.create_batch()
            for entry in entries:
                headers = list(entry.headers.items())
                if batch.append(timestamp=None, key=entry.key, value=entry.value, headers=headers) is None:
                    acknowledgements.append(await producer.send_batch(batch, name, partition=partition))
                    await asyncio.sleep(0)  # a batch takes milliseconds to build: let others run between two
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=entry.key, value=entry.value, headers=headers)
            acknowledgements.append(await producer.send_batch(batch, name, partition=partition))
        except BaseException:
            for acknowledged in acknowledgements:
                acknowledged.cancel()  # nobody will wait for it any more
            raise
        return acknowledgements

    async def _started_producer(self) -> Any:
        async with self._producer_lock:
            if self._producer is None:
                self._producer = await started(
                    lambda: AIOKafkaProducer(
                        bootstrap_servers=self._servers,
                        acks="all",
                        enable_idempotence=True,
                        compression_type="zstd",
                        max_batch_size=_BATCH_BYTES,
                        max_request_size=BATCH_BYTES_MAX,
                        request_timeout_ms=int(self._timeout_s * 1000),
                    ),
                    _abort,
                )
            return self._producer

    async def _abandon_producer(self, producer: Any) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            await _abort(producer)

    async def _read(self, source: KafkaPartition, offset: int, max_records: int) -> list[LogRecord]:
        reader = await self._started_reader()
        end = (await reader.end_offsets([source]))[source]
        records: list[LogRecord] = []
        at = offset
        if at < end and self._reader_at != (source, at):
            if reader.assignment() != {source}:
                reader.assign([source])
            reader.seek(source, at)
        while at < end and len(records) < max_records:
            reader.resume(source)
            # A short wait, not the whole timeout: what lies before the end may hold nothing that is for us to see.
            batches = await reader.getmany(source, timeout_ms=500, max_records=max_records - len(records))
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
                lambda consumer: consumer.stop(),
            )
        return self._reader

    async def _drop_reader(self) -> None:
        reader, self._reader, self._reader_at = self._reader, None, None
        if reader is not None:
            await reader.stop()

    def _partitions_of(self, topic: str) -> int:
        if not self._partitions:
            raise LogUnavailableError("Kafka: the log is not open")
        if topic not in self._partitions:
            raise ValueError(f"the log has no topic {topic!r}")
        return self._partitions[topic]

    def _kafka_partition(self, partition: TopicPartition) -> KafkaPartition:
        return KafkaPartition(self._prefix + partition.topic, partition.partition)


async def _abort(producer: Any) -> None:
    """Stop a producer without sending what it still holds. Acknowledgements that are due will never come.

    `AIOKafkaProducer.stop` first waits until all is delivered, for ever while the brokers are away (aiokafka issue
    1101). This is the rest of what it does; aiokafka 0.14 has no public names for it.
    """
    producer._closed = True
    try:
        async with asyncio.timeout(_ABORT_TIMEOUT_S):
            await producer._sender.close()
    except TimeoutError:
        pass  # a request that the broker does not answer: it has been cancelled
    await producer.client.close()

"""A member of a Kafka consumer group."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_topics import BATCH_BYTES_MAX, reaching_kafka, started, stop_consumer
from ingest.log import LogRecord, LogUnavailableError, StartOffsets, TopicPartition

_SESSION_TIMEOUT_S = 10.0
_HEARTBEAT_INTERVAL_S = 1.0
# How long a member may take over what it has fetched before its partitions are given to others.
_HAND_OVER_TIMEOUT_S = 10.0
_REBALANCE_TIMEOUT_S = 15.0
# A wait for records is cut into slices: a rebalance may come in between, and new partitions need positions.
_SLICE_S = 0.5
_METADATA_AGE_S = 5.0


def log_record(found: ConsumerRecord, prefix: str) -> LogRecord:
    """Kafka's record as ours. Foreign producers may leave key or value out, or repeat a header: the last one counts."""
    topic = found.topic.removeprefix(prefix)
    return LogRecord(topic, found.partition, found.offset, found.key or b"", found.value or b"", dict(found.headers))


class KafkaSubscription:
    """A member of a consumer group; see `ingest.log.Subscription`.

    aiokafka begins to fetch a partition before its rebalance listener has run (aiokafka issue 738), and it swallows
    what a listener raises. So the listener here only notes what was assigned; `fetch` then asks for the positions,
    seeks, and passes on no record of a partition before that.
    """

    def __init__(
        self,
        servers: str,
        prefix: str,
        group: str,
        topics: Sequence[str],
        start: StartOffsets | None,
        timeout_s: float,
    ) -> None:
        self._servers = servers
        self._prefix = prefix
        self._group = group
        self._topics = tuple(topics)
        self._start = start
        self._timeout_s = timeout_s
        self._member = False
        self._consumer: Any = None
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positioned: set[TopicPartition] = set()
        self._settled = asyncio.Event()  # set while no rebalance is under way
        # The next offsets after what the caller has fetched and may still be working on; the event: there is nothing.
        self._in_hand: dict[TopicPartition, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._last_poll_ms = 0
        self._last_contact_s = 0.0
        self._stopping: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Join the group. Raises LogUnavailableError."""
        self._member = True
        await self._joined()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave the group."""
        self._member = False
        await self._leave()

    def assignment(self) -> frozenset[TopicPartition]:
        """See `ingest.log.Subscription.assignment`."""
        return self._assigned

    async def fetch(self, max_records: int, timeout_s: float) -> list[LogRecord]:
        """See `ingest.log.Subscription.fetch`."""
        self._done_with_everything()
        # aiokafka hands out what it has buffered without a pause, and heartbeats need their turn. Here, not on the
        # way out: a caller that is cancelled must not lose records that have been taken from the buffer.
        await asyncio.sleep(0)
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        while True:
            consumer = await self._joined()
            if await self._is_settled(min(max(deadline - clock(), 0.0), _SLICE_S)):
                await self._take_up_positions(consumer)
                records = await self._poll(consumer, max_records, min(max(deadline - clock(), 0.0), _SLICE_S))
                if records:
                    self._in_hand = {record.topic_partition: record.offset + 1 for record in records}
                    self._idle.clear()
                    self._note_contact()
                    return records
            self._check_contact()
            if clock() >= deadline:
                return []

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """See `ingest.log.Subscription.commit`."""
        foreign = next_offsets.keys() - self._assigned
        if foreign:
            names = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(foreign))
            raise LogUnavailableError(f"group {self._group}: {names} is not this member's")
        if not next_offsets:
            return
        async with reaching_kafka(f"committing for group {self._group}", self._timeout_s):
            await self._consumer.commit({self._kafka_partition(tp): at for tp, at in next_offsets.items()})
        if all(next_offsets.get(tp, 0) >= after for tp, after in self._in_hand.items()):
            self._done_with_everything()

    async def revoked(self, consumer: Any) -> None:
        """A rebalance begins: wait until the caller has done with what it holds, then let go of all partitions."""
        if consumer is not self._consumer:
            return  # one that is being stopped
        self._settled.clear()
        self._note_contact()
        try:
            async with asyncio.timeout(_HAND_OVER_TIMEOUT_S):
                await self._idle.wait()
        except TimeoutError:
            pass  # Too slow. The partitions go to others, who will see these records too.
        self._positioned.clear()
        self._assigned = frozenset()

    def assigned(self, consumer: Any, partitions: Collection[KafkaPartition]) -> None:
        """A rebalance has ended: these are ours. Nothing is to come from them before they have their positions."""
        if consumer is not self._consumer:
            return
        consumer.pause(*partitions)
        self._assigned = frozenset(self._partition(tp) for tp in partitions)
        self._note_contact()
        self._settled.set()

    async def _take_up_positions(self, consumer: Any) -> None:
        """Go, in each new partition, to where the caller, else the group, else the beginning says."""
        new = self._assigned - self._positioned
        if not new:
            return
        own = dict(await self._start(new)) if self._start else {}
        async with reaching_kafka(f"positioning group {self._group}", self._timeout_s):
            ends = await consumer.end_offsets([self._kafka_partition(tp) for tp in new if tp in own])
            rest = [self._kafka_partition(tp) for tp in new if tp not in own]
            positions = await consumer.beginning_offsets(rest)
            for source in rest:
                committed = await consumer.committed(source)
                if committed is not None:
                    positions[source] = committed
        for source, end in ends.items():
            positions[source] = own[self._partition(source)]
            if positions[source] > end:
                raise ValueError(
                    f"group {self._group}: start offset {positions[source]} of {source.topic}/{source.partition} lies"
                    f" beyond the log's end {end}: these positions belong to another log"
                )
        if new <= self._assigned and self._settled.is_set():  # else the group was rebalanced meanwhile: ask again
            for source, position in positions.items():
                consumer.seek(source, position)
                consumer.resume(source)
            self._positioned |= new

    async def _poll(self, consumer: Any, max_records: int, timeout_s: float) -> list[LogRecord]:
        try:
            # getmany keeps to its own timeout, except while the group is being rebalanced.
            async with asyncio.timeout(timeout_s + 1.0):
                async with reaching_kafka(f"fetching for group {self._group}", timeout_s + 2.0):
                    batches = await consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except TimeoutError:
            return []
        except LogUnavailableError:
            # What aiokafka raises here it has not been able to mend by itself: begin anew at the next call.
            await self._leave()
            raise
        return [
            log_record(found, self._prefix)
            for source, batch in batches.items()
            if self._partition(source) in self._positioned
            for found in batch
        ]

    async def _is_settled(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def _check_contact(self) -> None:
        """Raise LogUnavailableError when nothing has come for so long that the brokers must be away."""
        now_s = asyncio.get_running_loop().time()
        polls = [self._consumer.last_poll_timestamp(self._kafka_partition(tp)) or 0 for tp in self._positioned]
        last_poll_ms = max(polls, default=0)
        if last_poll_ms != self._last_poll_ms:  # aiokafka asks twice a second, and notes each answer
            self._last_poll_ms = last_poll_ms
            self._last_contact_s = now_s
        silence_s = now_s - self._last_contact_s
        expecting = self._positioned or not self._settled.is_set()
        if expecting and silence_s > self._timeout_s:
            raise LogUnavailableError(f"Kafka: group {self._group}: no answer from the brokers for {silence_s:.0f} s")

    async def _joined(self) -> Any:
        if not self._member:
            raise LogUnavailableError(f"group {self._group}: this member has not joined")
        if self._consumer is None:
            async with reaching_kafka(f"joining group {self._group}", self._timeout_s):
                self._consumer = await started(self._new_consumer, self._stop)
            # Not before the start, which would then wait for the partitions, and so for the other members.
            listener = _Listener(self, self._consumer)
            self._consumer.subscribe([self._prefix + topic for topic in self._topics], listener=listener)
            self._note_contact()
        return self._consumer

    def _done_with_everything(self) -> None:
        self._in_hand = {}
        self._idle.set()

    def _note_contact(self) -> None:
        self._last_contact_s = asyncio.get_running_loop().time()

    def _new_consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=BATCH_BYTES_MAX,
            session_timeout_ms=int(_SESSION_TIMEOUT_S * 1000),
            heartbeat_interval_ms=int(_HEARTBEAT_INTERVAL_S * 1000),
            rebalance_timeout_ms=int(_REBALANCE_TIMEOUT_S * 1000),
            # Where the first answer about the topics is lost, aiokafka gives the whole group no partitions until it
            # asks anew, by itself after five minutes.
            metadata_max_age_ms=int(_METADATA_AGE_S * 1000),
            # Joining is answered when all members have joined, and must not time out before.
            request_timeout_ms=int((_REBALANCE_TIMEOUT_S + 5.0) * 1000),
        )

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._positioned.clear()
        self._assigned = frozenset()
        self._settled.clear()
        self._done_with_everything()
        if consumer is not None:
            await self._stop(consumer)

    async def _stop(self, consumer: Any) -> None:
        """Stop a consumer; a broker that does not answer delays us by no more than our timeout."""
        stopping = asyncio.create_task(stop_consumer(consumer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait({stopping}, timeout=self._timeout_s)

    def _partition(self, source: KafkaPartition) -> TopicPartition:
        return TopicPartition(source.topic.removeprefix(self._prefix), source.partition)

    def _kafka_partition(self, tp: TopicPartition) -> KafkaPartition:
        return KafkaPartition(self._prefix + tp.topic, tp.partition)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, subscription: KafkaSubscription, consumer: Any) -> None:
        self._subscription = subscription
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        await self._subscription.revoked(self._consumer)

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        self._subscription.assigned(self._consumer, assigned)

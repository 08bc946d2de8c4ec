"""Where a log of the contract tests lives: it can be opened, closed and opened again, with another log object."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_log import KafkaLog
from ingest.log import Entry, Log, LogRecord, Subscription, TopicPartition
from ingest.topics import Topic

ELEMENTS = "elements"
NOTES = "notes"
TOPICS = (Topic(ELEMENTS, 3, "object id"), Topic(NOTES, 1, "author"))
ALL_ELEMENTS = [TopicPartition(ELEMENTS, number) for number in range(3)]

# Generous, for machines under load: a test that passes never waits that long.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Place:
    """One kind of log; ``open`` answers a log, not yet entered, on the same data each time."""

    name: str
    open: Callable[[], Log]


def entries(keys: Sequence[str], tag: str = "") -> list[Entry]:
    """One entry for each key; the value counts the entries."""
    return [Entry(key.encode(), f"{tag}{n}".encode()) for n, key in enumerate(keys)]


async def settled(log: Log, topic: str) -> None:
    """Wait until readers see what was appended: Kafka ends a transaction some milliseconds after it has said so."""
    if not isinstance(log, KafkaLog):
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=log._servers, isolation_level="read_uncommitted")
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = {KafkaPartition(log._prefix + topic, tp.partition): end
                        for tp, end in (await log.end_offsets(topic)).items()}  # fmt: skip
                if await consumer.end_offsets(list(seen)) == seen:
                    return
    finally:
        await consumer.stop()


async def everything(log: Log, topic: str) -> list[LogRecord]:
    """All records of a topic, partition by partition."""
    await settled(log, topic)
    found: list[LogRecord] = []
    for tp, end in (await log.end_offsets(topic)).items():
        at = 0
        while at < end:
            batch = await log.read(tp, at, 10_000)
            if not batch:
                break  # Kafka's markers of transactions take offsets, too
            found += batch
            at = batch[-1].offset + 1
    return found


async def fetch_until(member: Subscription, count: int) -> list[LogRecord]:
    """Fetch until so many records have come."""
    found: list[LogRecord] = []
    while len(found) < count:
        batch = await member.fetch(1000, PATIENCE_S)
        assert batch, f"only {len(found)} of {count} records came"
        found += batch
    return found


def next_offsets(records: Sequence[LogRecord]) -> dict[TopicPartition, int]:
    """What to commit when these records are done with."""
    return {record.topic_partition: record.offset + 1 for record in records}

"""An append to Kafka counts once its transaction has ended in every partition: against a broker, and one made up."""

import asyncio
from collections import deque
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, NotLeaderForPartitionError
from aiokafka.structs import TopicPartition

from ingest import kafka_producer
from ingest.kafka_log import KafkaLog
from ingest.kafka_markers import wait_until_ended
from tests.log.places import ELEMENTS, PATIENCE_S, TOPICS, entries

US, OTHERS = 7, 8
NONE = -1
A, B, C = (TopicPartition("t", number) for number in range(3))


@pytest.mark.kafka
async def test_a_transaction_has_ended_when_it_is_committed_or_given_up_and_not_before(kafka_bootstrap: str) -> None:
    topic = "markers." + ELEMENTS
    async with KafkaLog(kafka_bootstrap, TOPICS, "markers.") as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)], "before:"))
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id="test-kafka-markers")
    partitions = [TopicPartition(topic, number) for number in (0, 2)]
    async with producer:
        for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
            await producer.begin_transaction()
            for partition in partitions:
                await producer.send_and_wait(topic, b"a", partition=partition.partition)
            of = producer._txn_manager.producer_id
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await wait_until_ended(producer.client, of, partitions)
            await end()
            async with asyncio.timeout(PATIENCE_S):
                await wait_until_ended(producer.client, of, partitions)


@pytest.mark.kafka
async def test_an_append_waits_until_its_transaction_has_ended_in_each_partition(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[TopicPartition]] = []
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def held_back(client: Any, producer_id: int, partitions: Collection[TopicPartition]) -> None:
        asked.append(set(partitions))
        waiting.set()
        await go_on.wait()
        await wait_until_ended(client, producer_id, partitions)

    monkeypatch.setattr(kafka_producer, "wait_until_ended", held_back)
    async with KafkaLog(kafka_bootstrap, TOPICS, "markers.") as log:
        appending = asyncio.create_task(log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)], "a:")))
        async with asyncio.timeout(PATIENCE_S):
            await waiting.wait()
        assert not (await asyncio.wait({appending}, timeout=0.3))[0]
        go_on.set()
        await appending
    assert asked == [{TopicPartition("markers." + ELEMENTS, number) for number in range(3)}]


class MadeUpClient:
    """Answers, of each partition, one after the other of what it is given; the last one again and again."""

    def __init__(
        self, answers: dict[TopicPartition, list[tuple[int, list[tuple[int, int]]]]], leaders: list[int]
    ) -> None:
        self.answers = {partition: deque(given) for partition, given in answers.items()}
        self.leaders = leaders
        self.asked: list[tuple[int, list[int]]] = []
        self.refreshed = 0
        self.cluster = SimpleNamespace(leader_for_partition=lambda partition: self.leaders[partition.partition])

    async def force_metadata_update(self) -> None:
        self.refreshed += 1
        self.leaders = [max(leader, 1) for leader in self.leaders]

    async def send(self, leader: int, request: Any) -> Any:
        ((topic, numbers, _),) = request.build(lambda topics, tags: SimpleNamespace(topics=topics)).topics
        self.asked.append((leader, numbers))
        described = []
        for number in numbers:
            waiting = self.answers[TopicPartition(topic, number)]
            code, producers = waiting.popleft() if len(waiting) > 1 else waiting[0]
            told = [(of, 0, 0, 0, 0, start, {}) for of, start in producers]
            described.append((number, code, None, told, {}))
        return SimpleNamespace(topics=[(topic, described, {})])


async def test_it_waits_for_each_partition_and_for_no_other_producer() -> None:
    client = MadeUpClient(
        {
            A: [(0, [(US, 450), (OTHERS, NONE)]), (0, []), (0, [(US, NONE), (OTHERS, 460)])],
            B: [(0, [(US, NONE)])],
            C: [(0, [(OTHERS, NONE)]), (0, [(US, NONE)])],
        },
        leaders=[1, 1, 2],
    )
    await wait_until_ended(client, US, {A, B, C})
    assert client.asked == [(1, [0, 1]), (2, [2]), (1, [0]), (2, [2]), (1, [0])]
    assert client.refreshed == 0


async def test_a_partition_that_moved_is_looked_for_and_asked_again() -> None:
    moved = NotLeaderForPartitionError.errno
    client = MadeUpClient({A: [(moved, []), (0, [(US, NONE)])], B: [(0, [(US, NONE)])]}, leaders=[2, -1])
    await wait_until_ended(client, US, [A, B])
    assert client.refreshed == 1
    assert client.asked == [(2, [0]), (2, [0]), (1, [1])]


async def test_what_does_not_pass_is_raised_with_the_partition() -> None:
    client = MadeUpClient({A: [(GroupAuthorizationFailedError.errno, [])]}, leaders=[1])
    with pytest.raises(GroupAuthorizationFailedError, match="t/0"):
        await wait_until_ended(client, US, [A])

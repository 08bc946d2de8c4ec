"""What the log on Kafka does when acknowledgements are lost and brokers die."""

import asyncio
import logging
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from ingest.kafka_log import KafkaLog
from ingest.log import Entry, LogRecord, LogUnavailableError, Subscription, TopicPartition
from tests.log.places import ELEMENTS, NOTES, PATIENCE_S, TOPICS, entries, everything, fetch_until, next_offsets
from tests.log.proxy import LosingProxy
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.ports import free_ports

pytestmark = pytest.mark.kafka
NOTES_0 = TopicPartition(NOTES, 0)


@pytest.fixture(autouse=True)
def _aiokafka_is_quiet() -> Iterator[None]:
    """aiokafka tells of every failed attempt; here they fail by the hundred, as they should."""
    logger = logging.getLogger("aiokafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


async def fetch_for_ever(member: Subscription) -> None:
    while True:
        assert await member.fetch(10, 0.2) == []


def prefix() -> str:
    return f"{uuid.uuid4().hex[:8]}."


async def test_records_whose_acknowledgement_is_lost_stand_once_and_in_order(kafka_broker: KafkaBroker) -> None:
    async with (
        LosingProxy(kafka_broker.proxy_port, kafka_broker.proxied_port) as proxy,
        KafkaLog(kafka_broker.proxy_bootstrap, TOPICS, prefix()) as log,
    ):
        await log.append(NOTES, entries(["a"] * 10, "before:"))
        requests = proxy.produce_requests
        assert requests > 0, "the client went past the proxy"
        proxy.lose_acknowledgements = 2
        await log.append(NOTES, entries(["a"] * 10, "lost:"))
        assert proxy.lose_acknowledgements == 0
        assert proxy.produce_requests == requests + 3, "sent, repeated, repeated again"
        await log.append(NOTES, entries(["a"] * 10, "after:"))
        found = await everything(log, NOTES)
    expected = [f"{tag}:{n}".encode() for tag in ("before", "lost", "after") for n in range(10)]
    assert [record.value for record in found] == expected


async def test_a_catalogue_whose_acknowledgements_are_lost_stands_once(kafka_broker: KafkaBroker) -> None:
    sent = [Entry(b"object-%d" % n, b"%d" % n * 100) for n in range(5000)]
    async with (
        LosingProxy(kafka_broker.proxy_port, kafka_broker.proxied_port) as proxy,
        KafkaLog(kafka_broker.proxy_bootstrap, TOPICS, prefix()) as log,
    ):
        proxy.lose_acknowledgements = 3
        await log.append(ELEMENTS, sent)
        found = await everything(log, ELEMENTS)
    assert Counter(record.value for record in found) == Counter(entry.value for entry in sent)


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed_in_mid_stream(kafka_broker: KafkaBroker) -> None:
    total, batch_size = 60, 50
    acknowledged: set[int] = set()
    seen: list[LogRecord] = []
    half_way = asyncio.Event()

    async def produce(log: KafkaLog) -> None:
        for call in range(total):
            while True:
                try:
                    await log.append(ELEMENTS, entries([f"object-{n}" for n in range(batch_size)], f"{call}:"))
                    break
                except LogUnavailableError:
                    await asyncio.sleep(0.1)
            acknowledged.add(call)
            if call == total // 2:
                half_way.set()

    async def consume(log: KafkaLog) -> None:
        async with log.subscribe("recorder", [ELEMENTS]) as member:
            while len({record.value for record in seen}) < total * batch_size:
                try:
                    batch = await member.fetch(100, 0.5)
                    seen.extend(batch)
                    await member.commit(next_offsets(batch))
                except LogUnavailableError:
                    await asyncio.sleep(0.1)

    async with KafkaLog(kafka_broker.bootstrap, TOPICS, prefix(), timeout_s=5.0) as log:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(produce(log))
            tasks.create_task(consume(log))
            await half_way.wait()
            await asyncio.to_thread(kafka_broker.kill)
            await asyncio.to_thread(kafka_broker.start)
        stored = await everything(log, ELEMENTS)
    expected = {b"%d:%d" % (call, n) for call in range(total) for n in range(batch_size)}
    assert acknowledged == set(range(total))
    assert {record.value for record in stored} == expected
    assert {record.value for record in seen} == expected
    # Each object's records are in order, whatever was repeated: a repeat never comes after what followed it.
    by_key: dict[bytes, list[int]] = {}
    for record in stored:
        by_key.setdefault(record.key, []).append(int(record.value.partition(b":")[0]))
    assert all(calls == sorted(calls) for calls in by_key.values())


async def test_a_member_that_learns_nothing_of_its_topics_when_it_joins_asks_again_soon(
    kafka_broker: KafkaBroker,
) -> None:
    """aiokafka then gives the whole group no partitions, and by itself asks again five minutes later."""
    async with (
        LosingProxy(kafka_broker.proxy_port, kafka_broker.proxied_port) as proxy,
        KafkaLog(kafka_broker.proxy_bootstrap, TOPICS, prefix()) as log,
    ):
        await log.append(NOTES, entries(["a"], "waits:"))
        proxy.lose_topics = 1
        async with log.subscribe("recorder", [NOTES]) as member:
            async with asyncio.timeout(PATIENCE_S):
                assert [record.value for record in await fetch_until(member, 1)] == [b"waits:0"]
        assert proxy.lose_topics == 0


async def test_a_broker_that_is_away_makes_every_call_fail_in_bounded_time_until_it_is_back(
    kafka_broker: KafkaBroker,
) -> None:
    async with KafkaLog(kafka_broker.bootstrap, TOPICS, prefix(), timeout_s=1.0) as log:
        await log.append(NOTES, entries(["a"], "before:"))
        async with log.subscribe("recorder", [NOTES]) as member:
            first = await fetch_until(member, 1)
            await asyncio.to_thread(kafka_broker.kill)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    with pytest.raises(LogUnavailableError, match=r"appending to .*notes"):
                        await log.append(NOTES, entries(["a"], "never acknowledged:"))
                    with pytest.raises(LogUnavailableError, match="reading"):
                        await log.read(NOTES_0, 0, 10)
                    with pytest.raises(LogUnavailableError, match="ends of notes"):
                        await log.end_offsets(NOTES)
                    with pytest.raises(LogUnavailableError, match="committing"):
                        await member.commit(next_offsets(first))
                    with pytest.raises(LogUnavailableError, match="no answer from the brokers"):
                        await fetch_for_ever(member)
            finally:
                await asyncio.to_thread(kafka_broker.start)
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        await log.append(NOTES, entries(["a"], "after:"))
                        break
                    except LogUnavailableError:
                        await asyncio.sleep(0.1)
                received: list[LogRecord] = []
                while not any(record.value == b"after:0" for record in received):
                    try:
                        received += await member.fetch(10, 0.5)
                    except LogUnavailableError:
                        await asyncio.sleep(0.1)
                assert (await log.read(NOTES_0, 0, 10))[0].value == b"before:0"


async def test_a_log_whose_brokers_are_away_cannot_be_opened_and_says_where_it_looked() -> None:
    (port,) = free_ports(1)
    with pytest.raises(LogUnavailableError, match=f"connecting to 127.0.0.1:{port}"):
        async with KafkaLog(f"127.0.0.1:{port}", TOPICS, timeout_s=0.5):
            pytest.fail("opened")


async def test_a_topic_that_the_operator_made_keeps_its_partitions(kafka_bootstrap: str) -> None:
    own = prefix()
    async with KafkaLog(kafka_bootstrap, [TOPICS[0]._replace(partitions=5)], own) as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)]))
        before = await everything(log, ELEMENTS)
    async with KafkaLog(kafka_bootstrap, TOPICS, own) as log:
        assert len(await log.end_offsets(ELEMENTS)) == 5
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)]))
        places = {(record.key, record.partition) for record in await everything(log, ELEMENTS)}
    assert places == {(record.key, record.partition) for record in before}


async def test_more_replicas_than_brokers_are_refused_with_the_reason(kafka_bootstrap: str) -> None:
    with pytest.raises(LogUnavailableError, match="InvalidReplicationFactor"):
        async with KafkaLog(kafka_bootstrap, TOPICS, prefix(), replication_factor=3):
            pytest.fail("opened")


OPEN_A_TRANSACTION_AND_DIE = """
import asyncio, os, signal, sys
from aiokafka import AIOKafkaProducer
async def main():
    producer = AIOKafkaProducer(bootstrap_servers=sys.argv[1], transactional_id=sys.argv[2], acks="all",
                                transaction_timeout_ms=600_000)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(sys.argv[3], b"half", b"a", partition=0)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_what_a_killed_process_had_begun_is_never_read_and_its_successor_ends_it(kafka_bootstrap: str) -> None:
    own = prefix()
    name = f"{own}producer"
    async with KafkaLog(kafka_bootstrap, TOPICS, own, producer_name=name) as log:
        await log.append(NOTES, entries(["a"], "before:"))
    command = [sys.executable, "-c", OPEN_A_TRANSACTION_AND_DIE, kafka_bootstrap, name, own + NOTES]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == -signal.SIGKILL
    async with KafkaLog(kafka_bootstrap, TOPICS, own, producer_name=name) as log:
        await log.append(NOTES, entries(["a"], "after:"))
        # With the dead one's transaction still open, nothing behind it would be there to read for ten minutes.
        assert [record.value for record in await everything(log, NOTES)] == [b"before:0", b"after:0"]
        async with log.subscribe("recorder", [NOTES]) as member:
            assert [record.value for record in await fetch_until(member, 2)] == [b"before:0", b"after:0"]


async def test_of_two_with_one_name_the_older_is_refused_and_can_take_the_name_back(kafka_bootstrap: str) -> None:
    own = prefix()
    async with (
        KafkaLog(kafka_bootstrap, TOPICS, own, producer_name=f"{own}producer") as older,
        KafkaLog(kafka_bootstrap, TOPICS, own, producer_name=f"{own}producer") as newer,
    ):
        await older.append(NOTES, entries(["a"], "older:"))
        await newer.append(NOTES, entries(["a"], "newer:"))
        with pytest.raises(LogUnavailableError, match=r"appending to .*notes"):
            await older.append(NOTES, entries(["a"], "refused:"))
        await older.append(NOTES, entries(["a"], "again:"))
        assert [record.value for record in await everything(newer, NOTES)] == [b"older:0", b"newer:0", b"again:0"]


async def test_nothing_of_a_log_goes_on_working_when_its_append_was_given_up(kafka_broker: KafkaBroker) -> None:
    before = asyncio.all_tasks()
    async with KafkaLog(kafka_broker.bootstrap, TOPICS, prefix(), timeout_s=1.0) as log:
        await log.append(NOTES, entries(["a"], "before:"))
        await asyncio.to_thread(kafka_broker.kill)
        try:
            for _ in range(2):
                with pytest.raises(LogUnavailableError):
                    await log.append_all({NOTES: entries(["a"], "lost:"), ELEMENTS: entries(["a", "b"])})
            assert {task.get_name() for task in asyncio.all_tasks() - before} == set()
        finally:
            await asyncio.to_thread(kafka_broker.start)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await log.append(NOTES, entries(["a"], "after:"))
                    break
                except LogUnavailableError:
                    await asyncio.sleep(0.1)
        assert [record.value for record in await everything(log, NOTES)] == [b"before:0", b"after:0"]

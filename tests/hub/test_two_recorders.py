"""Two recorders of one group on Kafka: they share the partitions, and take over from each other."""

import asyncio
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.kafka_log import KafkaLog
from ingest.log import Log
from ingest.topics import ELEMENTS, TOPICS
from ssa_hub.services.backlog import all_recorded
from ssa_hub.services.recorder import Recorder
from tests.hub.rooms import PATIENCE_S, Rooms, entries_of, feed_ids, history_ids, newest_ids, orbit, rooms


async def recorded_to_the_end(log: Log, opened: Rooms) -> None:
    ends = {}
    for topic in TOPICS:
        ends.update(await log.end_offsets(topic.name))
    async with asyncio.timeout(PATIENCE_S):
        while not await all_recorded(log, opened.state, ends):  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.05)


@pytest.mark.kafka
async def test_two_recorders_take_over_from_each_other_and_every_record_is_recorded_once(
    tmp_path: Path, sqlite_url: str, kafka_bootstrap: str
) -> None:
    log = KafkaLog(kafka_bootstrap, topic_prefix=f"{uuid.uuid4().hex[:8]}.")
    expected: list[str] = []

    async def append(count: int) -> None:
        rows = [orbit(f"r{len(expected) + n:03d}", f"cat-{len(expected) + n + 1}") for n in range(count)]
        expected.extend(row["record_id"] for row in rows)
        await log.append(ELEMENTS, entries_of([*rows, *rows[:3]]))

    async with rooms(tmp_path, sqlite_url, log) as opened:

        def recorder() -> asyncio.Task[None]:
            return asyncio.create_task(Recorder(log, opened.history, opened.state, retry_s=0.1).run())

        async def end(task: asyncio.Task[None]) -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        await append(40)
        first = recorder()
        await recorded_to_the_end(log, opened)
        second = recorder()
        for _ in range(5):
            await append(20)
            await asyncio.sleep(0.3)  # so that some of them come while the group is being rebalanced
        await end(first)
        await append(30)
        await recorded_to_the_end(log, opened)
        third = recorder()
        await end(second)
        await append(10)
        await recorded_to_the_end(log, opened)
        await end(third)
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == sorted(expected)

"""A consumer whose own task lets a cancellation out when it is stopped must not end the task that reads the log."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher

from ingest.kafka_topics import stop_consumer


async def resting() -> Any:
    """A consumer with a fetch that rests after a failure, as it does while the broker is away."""
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
    forever = [asyncio.create_task(asyncio.Event().wait()) for _ in range(2)]
    parts = SimpleNamespace(_closed=False, _fetch_task=forever[0], _fetch_waiters=(), _pending_tasks={forever[1]})
    consumer._coordinator, consumer._fetcher = None, SimpleNamespace(close=lambda: Fetcher.close(parts))
    await asyncio.sleep(0)
    return consumer


async def test_aiokafkas_own_stop_lets_the_cancellation_out() -> None:
    with pytest.raises(asyncio.CancelledError):
        await (await resting()).stop()


async def test_ours_does_not() -> None:
    await stop_consumer(await resting())

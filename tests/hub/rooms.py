"""The rooms of a hub in a directory, opened for a test: embedded log, Iceberg history, state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.embedded_log import EmbeddedLog
from ingest.log import Entry, Log, TopicPartition
from ingest.messages import element_entries
from ingest.partitioner import partition_of
from schemas.labels import Label
from ssa_hub.history.store import History
from ssa_hub.state.store import State, open_state
from tests.history.examples import element_row, elements

LABEL = Label("PUBLIC", "UNCLASSIFIED")
# Generous, for machines under load: a test that passes never waits that long.
PATIENCE_S = 240.0  # the first screening on a machine compiles its kernels, beside other tests


@dataclass(frozen=True)
class Rooms:
    """What recorder and screening stand on."""

    log: Log
    history: History
    state: State


@asynccontextmanager
async def rooms(directory: Path, state_url: str, log: Log | None = None) -> AsyncIterator[Rooms]:
    """Open them; what an earlier opening of the same directory left is there."""
    async with AsyncExitStack() as stack:
        opened_log = await stack.enter_async_context(log or EmbeddedLog(directory / "log"))
        state = stack.enter_context(open_state(state_url))
        history = stack.enter_context(History.open(directory / "w", f"sqlite:///{directory / 'catalogue.sqlite'}"))
        yield Rooms(opened_log, history, state)


async def running_until(condition: Callable[[], bool | Awaitable[bool]], *services: Coroutine[Any, Any, None]) -> None:
    """Run services until the condition holds, then cancel them. Raises what a service raises before that.

    The condition is asked in a thread; what it answers to be awaited is awaited here.
    """
    tasks = [asyncio.create_task(service) for service in services]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await _answer(condition):
                ended = [task for task in tasks if task.done()]
                for task in ended:
                    task.result()
                assert not ended, "a service has ended by itself"
                await asyncio.sleep(0.02)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                if not task.done() or task.cancelled() or task.exception() is None:
                    await task


async def _answer(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    said = await asyncio.to_thread(condition)
    return said if isinstance(said, bool) else await said


def orbit(record_id: str, object_id: str = "cat-1", **given: Any) -> dict[str, Any]:
    """One element set under LABEL."""
    return element_row(record_id, object_id, **{"label_id": LABEL.label_id, **given})


def entries_of(rows: Iterable[dict[str, Any]]) -> list[Entry]:
    """Their messages for the log."""
    return element_entries(elements(*rows).combine_chunks().to_batches()[0], LABEL)


def everything_recorded(opened: Rooms, topics: Iterable[str] = ("elements", "conjunctions", "quarantine")) -> bool:
    """Whether state stands at the end of the embedded log."""
    log = opened.log
    assert isinstance(log, EmbeddedLog)
    positions = opened.state.positions.all()
    return all(positions.get(partition, 0) == log.end_offset(partition) for partition in log.partitions(list(topics)))


def history_ids(opened: Rooms, kind: str = "elements") -> list[str]:
    """Record ids in history, sorted, repeats and all."""
    found: pa.Table = opened.history.table(kind).scan().to_arrow()
    return sorted(found.column("record_id").to_pylist())


def feed_ids(opened: Rooms) -> list[str]:
    """Record ids in the feed, sorted, repeats and all."""
    with opened.state.database.snapshot() as connection:
        return sorted(connection.exec_driver_sql("SELECT record_id FROM recorded").scalars())


def newest_ids(opened: Rooms, data_mode: str = "TEST") -> list[str]:
    """Record ids of the newest orbits, sorted."""
    return sorted(opened.state.newest.elements(data_mode).column("record_id").to_pylist())


def partition_of_object(object_id: str, topic: str = "elements") -> TopicPartition:
    """Where the messages of an object stand."""
    return TopicPartition(topic, partition_of(object_id.encode(), 6))

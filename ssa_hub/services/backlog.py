"""How far recording is behind the log, and when the newest record was recorded."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import select

from ingest.log import Log, TopicPartition
from ingest.topics import ELEMENTS
from ssa_hub.state.store import State
from ssa_hub.state.tables import recorded


async def all_recorded(log: Log, state: State, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether every record before these ends of partitions is recorded.

    On Kafka the last place before an end is the marker of a transaction, which nobody records: so where recording has
    not come up to an end, it is looked whether a record stands there.

    Raises LogUnavailableError, StateUnavailableError.
    """
    positions = await asyncio.to_thread(state.positions.all)
    for partition, end in ends.items():
        at = positions.get(partition, 0)
        if at < end and any(message.offset < end for message in await log.read(partition, at, 1)):
            return False
    return True


async def unrecorded(log: Log, state: State) -> int:
    """How many places on the log are not recorded yet, over the topics of which anything is recorded.

    On Kafka the marker at the end of each transaction counts, too. Raises LogUnavailableError, StateUnavailableError.
    """
    positions = await asyncio.to_thread(state.positions.all)
    behind = 0
    for topic in {partition.topic for partition in positions} | {ELEMENTS}:
        ends = await log.end_offsets(topic)
        behind += sum(max(0, end - positions.get(partition, 0)) for partition, end in ends.items())
    return behind


def newest_recorded_tai_ns(state: State) -> int:
    """When the newest record was recorded; 0 where there is none. Raises StateUnavailableError."""
    newest = select(recorded.c.recorded_tai_ns).order_by(recorded.c.seq.desc()).limit(1)
    with state.database.snapshot() as connection:
        found: int | None = connection.execute(newest).scalar()
    return found or 0

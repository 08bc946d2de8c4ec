"""The instant at which things are compared, and exactly what is under way then.

Taken in this order: one snapshot of state, then all tables of history at one instant, then the ends of the log. State
follows history, and history follows the log, so a hub that runs is right when state <= history <= log. What may
differ is what the log holds between the positions, message by message: records there may be in history and not yet
in state (``between``), or on the log alone (``ahead``). Nothing else may.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, select

from ingest.log import LogRecord, TopicPartition
from ingest.log_view import Extent, LogView
from schemas.timescales import now_tai_ns
from ssa_hub.history.availability import availability
from ssa_hub.history.file_access import FileAccess, file_access
from ssa_hub.history.pinned import PinnedTable, pinned_tables
from ssa_hub.settings import Settings
from ssa_hub.state.store import State
from ssa_hub.state.tables import positions, recorded


class _Identified(msgspec.Struct):
    record_id: str


class _Cleared(msgspec.Struct):
    cleared: bool = False


_decode = msgspec.json.Decoder(_Identified).decode


class Instant(msgspec.Struct, kw_only=True):
    """What is compared. ``connection``: the snapshot of state, open as long as this is used; ``access``: to the files
    of ``tables``.
    """

    taken_tai_ns: int
    connection: Connection
    state_positions: dict[TopicPartition, int]
    tables: dict[str, PinnedTable]
    access: FileAccess
    extents: dict[TopicPartition, Extent]
    between: set[str] = set()
    ahead: set[str] = set()

    @property
    def history_positions(self) -> dict[TopicPartition, int]:
        """The next offset that history takes, of each partition that it has seen."""
        return {TopicPartition(*at): offset for table in self.tables.values() for at, offset in table.positions.items()}

    @property
    def recorded_kinds(self) -> list[str]:
        """The kinds whose rows come from the log through the recorder: those that state knows by id."""
        kinds = {kind for kind, table in self.tables.items() if table.positions}
        kinds.update(self.connection.execute(select(recorded.c.kind).distinct()).scalars())
        return sorted(kinds & self.tables.keys())


def is_clearing(status: str, places: str) -> bool:
    """Whether a deletion (a row of ``deletions``) still takes records out of state, history, log or payloads."""
    return status == "running" and not msgspec.json.decode(places, type=_Cleared).cleared


def state_positions(connection: Connection) -> dict[TopicPartition, int]:
    """State's positions in a snapshot; on SQLite the snapshot is that of the first read."""
    rows = connection.execute(select(positions.c.topic, positions.c.partition, positions.c.next_offset))
    return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}


@contextmanager
def state_snapshot(state: State) -> Iterator[tuple[Connection, dict[TopicPartition, int]]]:
    """A snapshot of state and the positions in it. Raises StateUnavailableError."""
    with state.database.snapshot() as connection:
        yield connection, state_positions(connection)


async def taken(
    connection: Connection, standing: dict[TopicPartition, int], settings: Settings, log: LogView
) -> Instant:
    """Complete an instant: history after state, the log after history, and what lies between the positions.

    Raises HistoryUnavailableError, LogUnavailableError.
    """
    now = now_tai_ns()
    with availability("the history"):
        access = file_access(settings.warehouse, settings.object_store)
        access.check()
    tables = pinned_tables(settings.catalogue_url)
    extents = await log.extents()
    instant = Instant(
        taken_tai_ns=now, connection=connection, state_positions=standing, tables=tables, access=access, extents=extents
    )
    for partition, history_next in instant.history_positions.items():
        state_next = standing.get(partition, 0)
        end = extents[partition].end if partition in extents else 0
        async for batch in log.messages(partition, min(state_next, history_next), end):
            for message in batch:
                into = instant.between if message.offset < history_next else instant.ahead
                record_id = id_of(message)
                if record_id is not None:
                    into.add(record_id)
    return instant


def id_of(message: LogRecord) -> str | None:
    """The record id that a message holds; None where it holds none."""
    try:
        return _decode(message.value).record_id
    except msgspec.MsgspecError:
        return None

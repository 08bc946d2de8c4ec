"""How the hub stands, in numbers: for ``ssa-hub status`` and for the gauges of ``/metrics``.

Every part is looked at by itself: one that cannot be reached is named, and the others are told all the same.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ingest.disk_reserve import DiskFullError, DiskReserve
from ingest.log import LogUnavailableError, TopicPartition
from ingest.log_view import Extent, LogView, embedded_directory
from schemas.timescales import NS_PER_SECOND, format_utc, now_tai_ns
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.file_access import FileAccess, file_access
from ssa_hub.history.locations import read_path
from ssa_hub.history.pinned import PinnedTable, metadata_locations, pinned_tables
from ssa_hub.services.backlog import newest_recorded_tai_ns
from ssa_hub.settings import Settings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State
from ssa_hub.state.tables import payloads

CHECKPOINTS = "element_checkpoints"
_CHECKPOINT_COLUMN = "checkpoint_tai_ns"
# Recording takes a second or two; who waits this long waits for something that does not happen.
LAG_SECONDS_MAX = 300.0


class HistoryPart(msgspec.Struct, frozen=True):
    """One table: rows, bytes, live files by level of compaction, newest file that compaction made."""

    rows: int
    bytes: int
    files: dict[int, int]
    compacted_utc: str | None
    checkpoint_tai_ns: int | None = None


class Overview(msgspec.Struct, kw_only=True):
    """How it stands at ``taken_utc``. What could not be looked at is None or empty, and said in ``wrong``.

    ``lag``: messages of each partition that history (state, for topics without a table) has not taken; ``lag_seconds``:
    since the oldest of them was received. ``screening_age_seconds``: since the last complete run of each data mode.
    """

    taken_utc: str
    recorded: int = 0
    newest_recorded_utc: str | None = None
    newest_recorded_age_seconds: float | None = None
    lag: dict[str, dict[int, int]] = {}
    lag_seconds: float | None = None
    history: dict[str, HistoryPart] = {}
    checkpoint_age_seconds: float | None = None
    screening_age_seconds: dict[str, float] = {}
    quarantine: dict[str, int] = {}
    unpublished_payloads: int = 0
    state_bytes: int | None = None
    log_bytes: int | None = None
    disk_free_bytes: dict[str, int] = {}
    wrong: list[str] = []

    @property
    def lag_messages(self) -> int:
        """All that waits."""
        return sum(count for partitions in self.lag.values() for count in partitions.values())


class Overlooker:
    """Takes overviews; what a table's metadata say is read once."""

    def __init__(self, settings: Settings, state: State, log: LogView) -> None:
        self._settings, self._state, self._log = settings, state, log
        self._files = file_access(settings.warehouse, settings.object_store)
        self._locations: dict[str, str] = {}
        self._tables: dict[str, PinnedTable] = {}
        self._parts: dict[str, tuple[str, HistoryPart]] = {}

    async def overview(self) -> Overview:
        """One look at everything; raises nothing for a part that is away."""
        now = now_tai_ns()
        seen = Overview(taken_utc=format_utc(now, 3))
        standing: dict[TopicPartition, int] = {}
        for look in (self._look_at_state, self._look_at_history, self._look_at_disk):
            await asyncio.to_thread(_guarded, look, seen, now, standing)
        await self._look_at_log(seen, now, standing)
        if seen.lag_seconds is not None and seen.lag_seconds > LAG_SECONDS_MAX:
            seen.wrong.append(f"records have waited {seen.lag_seconds:,.0f} s to be recorded: is the hub running?")
        return seen

    def _look_at_state(self, seen: Overview, now: int, standing: dict[TopicPartition, int]) -> None:
        state = self._state
        standing.update(state.positions.all())
        seen.recorded = state.recorded.last_seq()
        newest = newest_recorded_tai_ns(state)
        if newest:
            seen.newest_recorded_utc = format_utc(newest, 3)
            seen.newest_recorded_age_seconds = (now - newest) / NS_PER_SECOND
        seen.quarantine = state.quarantine.counts()
        with state.database.snapshot() as connection:
            waiting = select(func.count()).select_from(payloads).where(payloads.c.status == "stored")
            seen.unpublished_payloads = connection.execute(waiting).scalar_one()
            if not state.database.is_sqlite:
                size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
                seen.state_bytes = int(size.scalar_one())
        if state.database.is_sqlite:
            path = Path(str(make_url(self._settings.database_url).database))
            seen.state_bytes = _size(path) + _size(path.with_name(f"{path.name}-wal"))
        for mode in sorted({run.data_mode for run in state.runs.last(50)}):
            run = state.runs.last_complete(mode)
            if run is not None:
                seen.screening_age_seconds[mode.value] = run.age_s

    def _look_at_history(self, seen: Overview, now: int, standing: dict[TopicPartition, int]) -> None:
        locations = metadata_locations(self._settings.catalogue_url)
        if locations != self._locations:
            self._tables, self._locations = pinned_tables(self._settings.catalogue_url, locations), locations
        for kind, table in self._tables.items():
            known = self._parts.get(kind)
            if known is None or known[0] != table.metadata_location:
                known = self._parts[kind] = (table.metadata_location, _part(table, self._files))
            seen.history[kind] = known[1]
            for place, offset in table.positions.items():
                partition = TopicPartition(*place)
                if standing.get(partition, 0) > offset:
                    seen.wrong.append(f"{partition.topic}/{partition.partition}: state is ahead of history")
                standing[partition] = offset
        checkpoints = seen.history.get(CHECKPOINTS)
        if checkpoints is not None and checkpoints.checkpoint_tai_ns is not None:
            seen.checkpoint_age_seconds = (now - checkpoints.checkpoint_tai_ns) / NS_PER_SECOND

    def _look_at_disk(self, seen: Overview, now: int, standing: dict[TopicPartition, int]) -> None:
        settings = self._settings
        for part, directory in (("data", settings.data_dir), ("history", settings.warehouse)):
            if directory.is_dir():
                seen.disk_free_bytes[part] = shutil.disk_usage(directory).free
        log_directory = embedded_directory(settings.log_url)
        if log_directory is not None and log_directory.is_dir():
            seen.log_bytes = sum(_size(path) for path in log_directory.iterdir())
        try:
            DiskReserve((settings.data_dir, settings.warehouse), settings.intake.free_bytes_min).check()
        except DiskFullError as error:
            seen.wrong.append(str(error))

    async def _look_at_log(self, seen: Overview, now: int, standing: dict[TopicPartition, int]) -> None:
        try:
            extents = await self._log.extents()
            recorded = {partition.topic for partition in standing}
            oldest: list[int] = []
            for partition, extent in sorted(extents.items()):
                if partition.topic not in recorded:
                    continue  # nothing records this topic
                at = standing.get(partition, 0)
                if at > extent.end:
                    seen.wrong.append(f"{partition.topic}/{partition.partition}: recorded beyond the log's end")
                received = await self._received(partition, at, extent) if at < extent.end else None
                # On Kafka the mark at the end of a transaction is a place of its own: nothing waits there.
                seen.lag.setdefault(partition.topic, {})[partition.partition] = (
                    0 if received is None else extent.end - at
                )
                oldest += [] if received is None else [received]
        except LogUnavailableError as error:
            seen.wrong.append(f"the log cannot be looked at: {error}")
            return
        seen.lag_seconds = max(0.0, (now - min(oldest)) / NS_PER_SECOND) if oldest else 0.0

    async def _received(self, partition: TopicPartition, at: int, extent: Extent) -> int | None:
        """When the first message that waits was received, TAI ns; None where none waits."""
        async for batch in self._log.messages(partition, at, min(at + 5, extent.end)):
            for message in batch:
                try:
                    return int(msgspec.json.decode(message.value)["received_tai_ns"])
                except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
                    return now_tai_ns()  # no record: it waits all the same, since when it does not say
        return None


def _guarded(look: Callable[..., None], seen: Overview, now: int, standing: dict[TopicPartition, int]) -> None:
    try:
        look(seen, now, standing)
    except (StateUnavailableError, HistoryUnavailableError, SQLAlchemyError, OSError) as error:
        seen.wrong.append(f"cannot be looked at: {' '.join(str(error).split())}")


def _part(table: PinnedTable, access: FileAccess) -> HistoryPart:
    files = table.files()
    merged = [read_path(file.location) for file in files if file.level > 0]
    compacted = access.newest_unix_s(table.table.location(), merged)
    return HistoryPart(
        rows=sum(file.rows for file in files),
        bytes=sum(file.bytes for file in files),
        files=dict(sorted(Counter(file.level for file in files).items())),
        compacted_utc=None if compacted is None else _utc(compacted),
        checkpoint_tai_ns=_greatest(table, _CHECKPOINT_COLUMN) if table.kind == CHECKPOINTS else None,
    )


def _greatest(table: PinnedTable, column: str) -> int | None:
    """The greatest value of a column, by the bounds that manifests keep."""
    from pyiceberg.conversions import from_bytes

    field = table.table.schema().find_field(column)
    bounds = [(file.upper_bounds or {}).get(field.field_id) for file in table.data_files()]
    values: list[Any] = [from_bytes(field.field_type, bound) for bound in bounds if bound is not None]  # type: ignore[arg-type]
    return max(values, default=None)


def _utc(unix_s: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(unix_s, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

"""Which data files a query must read: Iceberg's manifests read once per commit, pruned in memory per query."""

import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError
from ssa_hub.history.locations import read_path
from ssa_hub.history.runs import run_of
from ssa_hub.history.store import History
from ssa_hub.history.tables import definition_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

_SQL_TYPES = {
    "string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "double": "DOUBLE", "boolean": "BOOLEAN",
    "list<string>": "VARCHAR[]",
}  # fmt: skip


class Range(NamedTuple):
    """Values of one column within ``[lowest, highest]``; None leaves a side open."""

    lowest: Any
    highest: Any


class PlannedFile(NamedTuple):
    """A live data file and, per column that has them, the smallest and largest value in it.

    ``whole``: it has every column of the table; one that was written before a column was added has not. ``sequence``:
    number of the commit that added it; ``level`` and ``run``: which run it belongs to (`ssa_hub.history.runs`).
    """

    path: str
    rows: int
    bounds: Mapping[str, Range]
    whole: bool = True
    sequence: int = 0
    level: int = 0
    run: str = ""
    bytes: int = 0

    def may_hold(self, column: str, wanted: Range) -> bool:
        """False where no row can have ``column`` within ``wanted``. A file without bounds may hold anything."""
        held = self.bounds.get(column)
        if held is None:
            return True
        below = wanted.highest is not None and held.lowest is not None and held.lowest > wanted.highest
        above = wanted.lowest is not None and held.highest is not None and held.highest < wanted.lowest
        return not (below or above)

    def may_hold_one_of(self, column: str, ordered: Sequence[Any]) -> bool:
        """False where no row can have ``column`` equal to one of the values, which are in ascending order."""
        held = self.bounds.get(column)
        if held is None or held.lowest is None or held.highest is None:
            return bool(ordered)
        at = bisect_left(ordered, held.lowest)
        return at < len(ordered) and ordered[at] <= held.highest


class Plan(NamedTuple):
    """All live files of one table at one commit, and the table's properties at that commit."""

    metadata_location: str
    files: tuple[PlannedFile, ...]
    schema: "Schema"
    properties: Mapping[str, str] = MappingProxyType({})

    @property
    def whole(self) -> bool:
        """Whether every file has every column."""
        return all(file.whole for file in self.files)

    def paths(self, ranges: Mapping[str, Range], one_of: Sequence[Mapping[str, Sequence[Any]]] = ()) -> list[str]:
        """Paths of the files that may hold a row within every range and, per mapping, any of its columns' values."""
        ordered = [{column: sorted(values) for column, values in columns.items()} for columns in one_of]
        return [
            file.path
            for file in self.files
            if all(file.may_hold(column, wanted) for column, wanted in ranges.items())
            and all(any(file.may_hold_one_of(c, values) for c, values in columns.items()) for columns in ordered)
        ]


def files_sql(plan: Plan) -> str:
    """What SQL reads (as after FROM): the files ``$files`` of a plan, with the columns as stored.

    Where some were written before a column was added, by field id, null where there is none: only there, as DuckDB
    must be told of every column then.
    """
    if plan.whole:
        return "read_parquet($files)"
    columns = ", ".join(
        f"{field.field_id}: {{name: '{field.name}', type: '{_SQL_TYPES[str(field.field_type)]}', default_value: NULL}}"
        for field in plan.schema.fields
    )
    return f"read_parquet($files, schema=MAP {{{columns}}})"


class Planner:
    """Plans by kind, kept until the table's metadata changes. A manifest is read once: manifests never change."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._plans: dict[str, Plan] = {}
        self._manifests: dict[str, dict[str, tuple[PlannedFile, ...]]] = {}

    def plan(self, kind: str) -> Plan:
        """The files as of the newest commit. Raises HistoryUnavailableError, HistoryLayoutError, ValueError."""
        location = self._history.metadata_location(kind)
        with self._lock:
            plan = self._plans.get(kind)
            if plan is None or plan.metadata_location != location:
                plan = self._plans[kind] = self._read(kind)
        return plan

    def _read(self, kind: str) -> Plan:
        table = self._history.table(kind)
        snapshot = table.current_snapshot()
        known = self._manifests.get(kind, {})
        live: dict[str, tuple[PlannedFile, ...]] = {}
        try:
            for manifest in snapshot.manifests(table.io) if snapshot is not None else []:
                path = manifest.manifest_path
                live[path] = known[path] if path in known else _files_of(manifest, table, definition_of(kind).pruned_by)
        except OSError as failure:
            raise HistoryUnavailableError(f"manifests of {kind}: {failure}") from failure
        self._manifests[kind] = live
        files = tuple(file for files in live.values() for file in files)
        return Plan(table.metadata_location, files, table.schema(), dict(table.properties))


def _files_of(manifest: "ManifestFile", table: "Table", columns: Sequence[str]) -> tuple[PlannedFile, ...]:
    from pyiceberg.manifest import ManifestContent

    if manifest.content != ManifestContent.DATA:
        raise HistoryLayoutError(f"{table.name()} has delete files, which this version does not read")
    entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    return tuple(_planned(entry.data_file, entry.sequence_number or 0, table, columns) for entry in entries)


def _planned(file: "DataFile", sequence: int, table: "Table", columns: Sequence[str]) -> PlannedFile:
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import PrimitiveType

    bounds: dict[str, Range] = {}
    for column in columns:
        field = table.schema().find_field(column)
        lowest, highest = (side.get(field.field_id) for side in (file.lower_bounds or {}, file.upper_bounds or {}))
        if lowest is not None and highest is not None and isinstance(field.field_type, PrimitiveType):
            bounds[column] = Range(from_bytes(field.field_type, lowest), from_bytes(field.field_type, highest))
    counted = file.value_counts or {}
    # Lists are counted by their elements, and only what may be null can have been added.
    whole = all(field.field_id in counted for field in table.schema().fields if not field.required)
    path, size = read_path(file.file_path), file.file_size_in_bytes
    return PlannedFile(path, file.record_count, bounds, whole, sequence, *run_of(path), size)

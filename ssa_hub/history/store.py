"""The history's write side: rows and log positions go into one Iceberg commit, compare-and-set; files are replaced.

Why it is exactly once, and what PyIceberg's own retry would break: docs/history.md.
"""

import random
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa

from ssa_hub.history.availability import availability
from ssa_hub.history.failures import (
    HistoryLayoutError,
    HistoryUnavailableError,
    StaleFilesError,
    StalePositionError,
)
from ssa_hub.history.file_access import FileAccess, LocalFiles, file_access
from ssa_hub.history.locations import read_path
from ssa_hub.history.opening import opened_catalogue
from ssa_hub.history.parquet_files import written_files
from ssa_hub.history.runs import new_run_id
from ssa_hub.history.tables import definition_of
from ssa_hub.history.turns import Turns

if TYPE_CHECKING:  # PyIceberg takes over two seconds to import: only those who open a history pay
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from ssa_hub.history.catalogues import DatabaseCatalogue, ServedCatalogue

_POSITION_PREFIX = "ssa-hub.position."
_COMMIT_ATTEMPTS_MAX = 20
# Replacing reads and writes more manifests than an append: where there are no turns, appends overtake it. It has time.
_REPLACE_ATTEMPTS_MAX = 100
_BACKOFF_S_MAX = 1.0


class PositionRange(NamedTuple):
    """The part of a log partition that an append covers: from the expected stored position to the next one.

    ``expected_offset`` is what `History.positions` answered (0 where it had no entry), ``next_offset`` the offset of
    the next record to read. Offsets may have gaps.
    """

    expected_offset: int
    next_offset: int


class History:
    """Append-only tables ``elements`` and ``conjunctions``. Threads may share one; processes may open the same one."""

    def __init__(
        self, catalog: "DatabaseCatalogue | ServedCatalogue", warehouse: Path, files: FileAccess | None = None
    ) -> None:
        self._catalog = catalog
        self.warehouse = warehouse
        self.files = files or LocalFiles(warehouse)
        self._turns = Turns(catalog.engine)

    @classmethod
    def open(cls, warehouse: str | Path, catalogue_uri: str, object_store: str | None = None) -> Self:
        """Open the history, creating the catalogue and the tables where they are absent (safe in a race).

        ``warehouse``: a local directory, of the files and of what is under way (journals of merges, scratch). With
        ``object_store`` (``s3://bucket/prefix``) the files are there, and in the directory only the latter.
        ``catalogue_uri``: ``sqlite:///path``, ``postgresql+psycopg://...``, or ``rest+http://...`` and
        ``rest+https://...`` with an object store. Raises ValueError for other places, HistoryUnavailableError where
        catalogue or files cannot be reached or refuse the hub, HistoryLayoutError where the tables have other columns
        or lie elsewhere.
        """
        directory = Path(warehouse).absolute()
        with availability(f"history in {object_store or directory}"):
            files = file_access(directory, object_store)
            directory.mkdir(parents=True, exist_ok=True)
            return cls(opened_catalogue(files, catalogue_uri), directory, files)

    def close(self) -> None:
        """Release the catalogue's connections."""
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def append(self, kind: str, rows: pa.Table, *, positions: Mapping[tuple[str, int], PositionRange]) -> None:
        """Append rows and move the log positions in one durable commit; both are visible, or neither is.

        ``rows`` has the columns of the kind's record schema, in any order; no rows is fine (the log held only
        repeats). Raises StalePositionError where the table's position of any ``(topic, partition)`` is not the
        expected one, ValueError where rows or ranges do not fit, HistoryUnavailableError where the outcome is not
        known (read the positions again), HistoryLayoutError where another tool has switched PyIceberg's retry on.
        """
        definition = definition_of(kind)
        for (topic, partition), span in positions.items():
            if not 0 <= span.expected_offset <= span.next_offset:
                raise ValueError(f"{topic}/{partition}: {span} is not a range of offsets")
        with availability(f"append to {kind}"):
            table = self._catalog.load_table(definition.identifier)
            _check_positions(table, positions)  # before rows are written: a stale writer leaves no orphan file
            stored = definition.stored_rows(rows)
            files = written_files(table, definition, stored, level=0, run=new_run_id())
            for attempt in range(_COMMIT_ATTEMPTS_MAX):
                with self.turn(kind):
                    if self.metadata_location(kind) != table.metadata_location:
                        table = self._catalog.load_table(definition.identifier)
                        _check_positions(table, positions)
                    if self._committed(table, files, positions):
                        return
                _wait(attempt)
        raise HistoryUnavailableError(f"append to {kind}: {_COMMIT_ATTEMPTS_MAX} conflicts with other writers in a row")

    def _committed(
        self, table: "Table", files: Sequence["DataFile"], positions: Mapping[tuple[str, int], PositionRange]
    ) -> bool:
        """Try one commit based on ``table``, whose positions have been checked. False after a conflict.

        The append makes a snapshot even without rows, so the commit demands that the branch still points to the
        snapshot of ``table``. As positions move only together with a snapshot, they are then still those checked.
        """
        from pyiceberg.exceptions import CommitFailedException

        from ssa_hub.history.committing import FrugalTransaction

        transaction = FrugalTransaction(table)
        with transaction.update_snapshot().merge_append() as appended:
            for file in files:
                appended.append_data_file(file)
        if positions:
            transaction.set_properties({_property(*key): str(span.next_offset) for key, span in positions.items()})
        try:
            transaction.commit_transaction()
        except CommitFailedException:
            return False
        return True

    def write_data_files(self, kind: str, rows: pa.Table, *, level: int, run: str) -> list["DataFile"]:
        """Write rows as durable data files of a run, which no reader sees before `replace` adds them.

        ``rows``: the columns of the kind's record schema, in any order; they are sorted, and split into files of about
        `parquet_files.FILE_ROWS` by the first sort key. No rows, no files. Raises ValueError where rows or run do not
        fit, HistoryUnavailableError.
        """
        definition = definition_of(kind)
        with availability(f"files of {kind}"):
            table = self._catalog.load_table(definition.identifier)
            return written_files(table, definition, definition.stored_rows(rows), level=level, run=run)

    def replace(
        self,
        kind: str,
        removed_paths: Collection[str],
        added_files: Sequence["DataFile"],
        *,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take files out of the table and put others in, in one durable commit on the newest metadata.

        ``removed_paths`` as in `PlannedFile.path`; the files themselves stay on disk for readers with an older plan
        (`ssa_hub.history.orphans` removes them later). ``properties`` are set in the same commit; log positions and
        all others stay. Raises StaleFilesError where a file to be removed is no longer live, ValueError for a
        property that says a position, HistoryUnavailableError where the outcome is not known, HistoryLayoutError.
        """
        definition = definition_of(kind)
        if any(name.startswith(_POSITION_PREFIX) for name in properties):
            raise ValueError("positions move only with the rows of an append")
        with availability(f"files of {kind}"):
            for attempt in range(_REPLACE_ATTEMPTS_MAX):
                with self.turn(kind):
                    table = self._catalog.load_table(definition.identifier)
                    _check_positions(table, {})
                    if self._replaced(table, set(removed_paths), added_files, properties):
                        return
                _wait(min(attempt, 2))
        raise HistoryUnavailableError(f"files of {kind}: {_REPLACE_ATTEMPTS_MAX} conflicts with other writers in a row")

    def turn(self, kind: str) -> AbstractContextManager[None]:
        """A turn for one commit to a table, so that others wait for it instead of racing (`ssa_hub.history.turns`)."""
        return self._turns.turn(definition_of(kind).kind)

    def replace_unless_changed(
        self,
        table: "Table",
        removed_paths: Collection[str],
        added_files: Sequence["DataFile"],
        *,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        """`replace` as one try on the table as it was loaded: False, and nothing done, where anyone committed since.

        Raises as `replace` does.
        """
        with availability(f"files of {table.name()}"):
            return self._replaced(table, set(removed_paths), added_files, properties)

    def _replaced(
        self, table: "Table", removed: set[str], added: Sequence["DataFile"], properties: Mapping[str, str]
    ) -> bool:
        """Try one commit based on ``table``: it demands that the branch still points to the snapshot of ``table``."""
        from pyiceberg.exceptions import CommitFailedException
        from pyiceberg.expressions import AlwaysTrue

        from ssa_hub.history.committing import FrugalTransaction

        live = _live_files(table) if removed else {}
        if missing := removed - live.keys():
            raise StaleFilesError(f"{len(missing)} files of {table.name()} are no longer live, as {min(missing)}")
        transaction = FrugalTransaction(table)
        with transaction.update_snapshot().overwrite() as overwritten:
            # PyIceberg looks only into manifests that may hold the partitions of the files it is to delete, and finds
            # no manifest of a table without partitions (0.12). The predicate makes it look into all of them.
            overwritten.delete_by_predicate(AlwaysTrue())
            for path in removed:
                overwritten.delete_data_file(live[path])
            for file in added:
                overwritten.append_data_file(file)
        if properties:
            transaction.set_properties(dict(properties))
        try:
            transaction.commit_transaction()
        except CommitFailedException:
            return False
        return True

    def positions(self, kind: str) -> dict[tuple[str, int], int]:
        """The next offset to read in each ``(topic, partition)`` that the history has seen.

        Raises ValueError for an unknown kind, HistoryUnavailableError.
        """
        with availability(f"positions of {kind}"):
            return _stored_positions(self._catalog.load_table(definition_of(kind).identifier))

    def table(self, kind: str) -> "Table":
        """The Iceberg table as it is now, for readers and maintenance. Raises as `positions` does."""
        with availability(f"table {kind}"):
            return self._catalog.load_table(definition_of(kind).identifier)

    def metadata_location(self, kind: str) -> str:
        """Where the table's present metadata lies: changes with every commit. A small SQL query, or one request.

        Raises as `positions` does.
        """
        identifier = definition_of(kind).identifier
        with availability(f"table {kind}"):
            location = self._catalog.metadata_location(identifier)
        if location is None:
            raise HistoryLayoutError(f"the catalogue has no table {'.'.join(identifier)} any more")
        return location


def _wait(attempt: int) -> None:
    time.sleep(random.uniform(0, min(_BACKOFF_S_MAX, 0.05 * 2**attempt)))  # noqa: S311  # no secret


def _live_files(table: "Table") -> dict[str, "DataFile"]:
    """The data files of the newest snapshot by path."""
    snapshot = table.current_snapshot()
    manifests = [] if snapshot is None else snapshot.manifests(table.io)
    entries = (entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io))
    return {read_path(entry.data_file.file_path): entry.data_file for entry in entries}


def _property(topic: str, partition: int) -> str:
    return f"{_POSITION_PREFIX}{topic}.{partition}"


def _stored_positions(table: "Table") -> dict[tuple[str, int], int]:
    positions = {}
    for name, value in table.properties.items():
        if name.startswith(_POSITION_PREFIX):
            topic, _, partition = name.removeprefix(_POSITION_PREFIX).rpartition(".")
            positions[topic, int(partition)] = int(value)
    return positions


def _check_positions(table: "Table", positions: Mapping[tuple[str, int], PositionRange]) -> None:
    if table.properties.get("commit.retry.num-retries") != "0":
        # PyIceberg would move a conflicting commit onto newer metadata without checking the positions there.
        raise HistoryLayoutError(f"{table.name()}: commit.retry.num-retries must be 0, another tool changed it")
    stored = _stored_positions(table)
    for (topic, partition), span in positions.items():
        at = stored.get((topic, partition), 0)
        if at != span.expected_offset:
            raise StalePositionError(topic, partition, at, span.expected_offset)

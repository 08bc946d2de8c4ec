"""The history's write side: rows and log positions go into one Iceberg commit, compare-and-set.

Why it is exactly once, and what PyIceberg's own retry would break: docs/history.md.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError, StalePositionError
from ssa_hub.history.tables import (
    NAMESPACE,
    RECEIVED_MONTH,
    TABLES,
    TableDefinition,
    definition_of,
    iceberg_schema,
    partitioning,
    sort_order,
    table_properties,
)
from ssa_hub.state.start_lock import start_lock

if TYPE_CHECKING:  # PyIceberg takes over two seconds to import: only those who open a history pay
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table

_CATALOGUE_NAME = "ssa_hub"
_POSITION_PREFIX = "ssa-hub.position."
_COMMIT_ATTEMPTS_MAX = 20
_BACKOFF_S_MAX = 1.0
_SQLITE_WAIT_S = 60
# DuckDB expands the first three in paths; the others end a file URL's path.
_REFUSED_IN_PATHS = "*[]?#"


class PositionRange(NamedTuple):
    """The part of a log partition that an append covers: from the expected stored position to the next one.

    ``expected_offset`` is what `History.positions` answered (0 where it had no entry), ``next_offset`` the offset of
    the next record to read. Offsets may have gaps.
    """

    expected_offset: int
    next_offset: int


class History:
    """Append-only tables ``elements`` and ``conjunctions``. Threads may share one; processes may open the same one."""

    def __init__(self, catalog: "SqlCatalog", warehouse: Path) -> None:
        self._catalog = catalog
        self.warehouse = warehouse

    @classmethod
    def open(cls, warehouse: str | Path, catalogue_uri: str) -> Self:
        """Open the history, creating the catalogue and the tables where they are absent (safe in a race).

        ``warehouse`` is a local directory; ``catalogue_uri`` is ``sqlite:///path`` or ``postgresql+psycopg://...``.
        Raises ValueError for other databases and for paths that hold one of ``*[]?#``, HistoryUnavailableError where
        catalogue or directory cannot be reached, HistoryLayoutError where the tables have other columns.
        """
        directory = Path(warehouse).absolute()
        if any(character in str(directory) for character in _REFUSED_IN_PATHS):
            raise ValueError(f"the history's directory {directory} must not contain any of {_REFUSED_IN_PATHS}")
        with _availability(f"history in {directory}"):
            directory.mkdir(parents=True, exist_ok=True)
            with start_lock(catalogue_uri, "catalogue"):
                history = cls(_open_catalog(directory, catalogue_uri), directory)
                history._create_tables()
        return history

    def close(self) -> None:
        """Release the catalogue's connections."""
        self._catalog.engine.dispose()

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
        with _availability(f"append to {kind}"):
            table = self._catalog.load_table(definition.identifier)
            _check_positions(table, positions)  # before rows are written: a stale writer leaves no orphan file
            stored = definition.stored_rows(rows)
            for attempt in range(_COMMIT_ATTEMPTS_MAX):
                if self._committed(table, stored, positions):
                    return
                time.sleep(random.uniform(0, min(_BACKOFF_S_MAX, 0.05 * 2**attempt)))  # noqa: S311  # no secret
                table = self._catalog.load_table(definition.identifier)
                _check_positions(table, positions)
        raise HistoryUnavailableError(f"append to {kind}: {_COMMIT_ATTEMPTS_MAX} conflicts with other writers in a row")

    def _committed(self, table: "Table", stored: pa.Table, positions: Mapping[tuple[str, int], PositionRange]) -> bool:
        """Try one commit based on ``table``, whose positions have been checked. False after a conflict.

        The append makes a snapshot even without rows, so the commit demands that the branch still points to the
        snapshot of ``table``. As positions move only together with a snapshot, they are then still those checked.
        """
        from pyiceberg.exceptions import CommitFailedException

        transaction = table.transaction()
        transaction.append(stored)
        if positions:
            transaction.set_properties({_property(*key): str(span.next_offset) for key, span in positions.items()})
        try:
            transaction.commit_transaction()
        except CommitFailedException:
            return False
        return True

    def positions(self, kind: str) -> dict[tuple[str, int], int]:
        """The next offset to read in each ``(topic, partition)`` that the history has seen.

        Raises ValueError for an unknown kind, HistoryUnavailableError.
        """
        with _availability(f"positions of {kind}"):
            return _stored_positions(self._catalog.load_table(definition_of(kind).identifier))

    def table(self, kind: str) -> "Table":
        """The Iceberg table as it is now, for readers and maintenance. Raises as `positions` does."""
        with _availability(f"table {kind}"):
            return self._catalog.load_table(definition_of(kind).identifier)

    def metadata_location(self, kind: str) -> str:
        """Where the table's present metadata lies: changes with every commit, and costs one small SQL query.

        Raises as `positions` does.
        """
        from pyiceberg.catalog.sql import IcebergTables
        from sqlalchemy import select

        namespace, name = definition_of(kind).identifier
        query = select(IcebergTables.metadata_location).where(
            IcebergTables.catalog_name == self._catalog.name,
            IcebergTables.table_namespace == namespace,
            IcebergTables.table_name == name,
        )
        with _availability(f"table {kind}"), self._catalog.engine.connect() as connection:
            location = connection.execute(query).scalar()
        if location is None:
            raise HistoryLayoutError(f"the catalogue has no table {namespace}.{name} any more")
        return str(location)

    def _create_tables(self) -> None:
        """Create what is absent, check what is there. The caller holds the start lock."""
        self._catalog.create_namespace_if_not_exists(NAMESPACE)
        for definition in TABLES.values():
            schema = iceberg_schema(definition)
            table = self._catalog.create_table_if_not_exists(
                definition.identifier,
                schema,
                partition_spec=partitioning(schema),
                sort_order=sort_order(schema, definition),
                properties=table_properties(definition),
            )
            table = _with_new_columns(table, definition)
            expected = [(f.name, str(f.field_type), f.required) for f in schema.fields]
            found = [(f.name, str(f.field_type), f.required) for f in table.schema().fields]
            if [name for name, *_ in expected] != [name for name, *_ in found] or _types_differ(expected, found):
                raise HistoryLayoutError(f"table {definition.kind} has other columns than this version writes")


def _with_new_columns(table: "Table", definition: TableDefinition) -> "Table":
    """The table with the columns that were added to its records since it was made; all of them may be null.

    A required column that is missing is left for the check that follows: of old rows nobody knows it.
    """
    found = {field.name for field in table.schema().fields}
    missing = [field for field in iceberg_schema(definition).fields if field.name not in found and not field.required]
    if missing:
        with table.update_schema() as update:
            for field in missing:
                update.add_column(field.name, field.field_type, doc=field.doc)
                update.move_before(field.name, RECEIVED_MONTH.name)
    return table


def _types_differ(expected: list[tuple[str, str, bool]], found: list[tuple[str, str, bool]]) -> bool:
    # A list's element id is part of its text and differs between a new schema and a stored one.
    return any(
        (e[1] != f[1] and not e[1].startswith("list")) or e[2] != f[2] for e, f in zip(expected, found, strict=True)
    )


def _open_catalog(directory: Path, catalogue_uri: str) -> "SqlCatalog":
    """The SQL catalogue; on SQLite in WAL mode, so that readers do not stop a commit, and waiting for locks."""
    from pyiceberg.catalog.sql import SqlCatalog

    url = make_url(catalogue_uri)
    if url.get_backend_name() == "sqlite":
        url = url.update_query_dict({"timeout": str(_SQLITE_WAIT_S)})
    catalog = SqlCatalog(
        _CATALOGUE_NAME,
        uri=url.render_as_string(hide_password=False),
        warehouse=f"file://{directory}",
        **{"py-io-impl": "ssa_hub.history.durable_io.DurableFileIO"},
    )
    if url.get_backend_name() == "sqlite":
        with catalog.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # kept in the file
    return catalog


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


@contextmanager
def _availability(doing: str) -> Iterator[None]:
    """Failures of database and disk become HistoryUnavailableError, cause attached."""
    try:
        yield
    except (SQLAlchemyError, OSError) as failure:
        raise HistoryUnavailableError(f"{doing}: {failure}") from failure

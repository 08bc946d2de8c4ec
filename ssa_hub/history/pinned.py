"""All tables of a history as they were at one instant, read without a commit: for status, verification, backup.

One query to the catalogue tells where the metadata of every table lies, so the tables are those of one instant. The
files that the metadata names are never changed, and stay for the grace that maintenance gives readers.
"""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ssa_hub.history.availability import availability
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.locations import io_properties, is_object, is_served, local_path, read_path
from ssa_hub.history.tables import NAMESPACE, TABLES

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import StaticTable

_POSITION_PREFIX = "ssa-hub.position."
_LEVEL = re.compile(r"run-L(\d+)-")
_TRIES = 5
PINS = "pins"
_PIN_S_MAX = 7 * 86_400.0


class LiveFile(NamedTuple):
    """A live data file. ``level`` of compaction, 0 for files as they were appended."""

    location: str
    rows: int
    bytes: int
    level: int

    @property
    def path(self) -> str:
        """The name that it is read by, as of `PlannedFile.path`: a local path, or ``s3://bucket/key``."""
        return read_path(self.location)


class PinnedTable(NamedTuple):
    """One table at one instant. ``kind`` is its name in the catalogue."""

    kind: str
    metadata_location: str
    table: "StaticTable"

    @property
    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset to read of each (topic, partition) that it has seen."""
        found = {}
        for name, value in self.table.properties.items():
            if name.startswith(_POSITION_PREFIX):
                topic, _, partition = name.removeprefix(_POSITION_PREFIX).rpartition(".")
                found[topic, int(partition)] = int(value)
        return found

    def manifests(self) -> "list[ManifestFile]":
        """The manifests of the present snapshot. Raises HistoryUnavailableError."""
        snapshot = self.table.current_snapshot()
        try:
            return [] if snapshot is None else snapshot.manifests(self.table.io)
        except OSError as failure:
            raise HistoryUnavailableError(f"manifests of {self.kind}: {failure}") from failure

    def data_files(self) -> "Iterator[DataFile]":
        """The live data files. Raises HistoryUnavailableError where a manifest cannot be read."""
        for manifest in self.manifests():
            try:
                entries = manifest.fetch_manifest_entry(self.table.io, discard_deleted=True)
            except OSError as failure:
                raise HistoryUnavailableError(f"manifest {manifest.manifest_path}: {failure}") from failure
            for entry in entries:
                yield entry.data_file

    def files(self) -> list[LiveFile]:
        """The live data files, as the manifests describe them. Raises HistoryUnavailableError."""
        found = []
        for file in self.data_files():
            level = _LEVEL.search(file.file_path)
            number = int(level[1]) if level else 0
            found.append(LiveFile(file.file_path, file.record_count, file.file_size_in_bytes, number))
        return found


def metadata_locations(catalogue_uri: str) -> dict[str, str]:
    """Where the metadata of each table lies, by kind. Raises HistoryUnavailableError.

    Of a database all are those of one instant. A REST catalogue tells one table after another.
    """
    if is_served(catalogue_uri):
        from ssa_hub.history.catalogues import served_catalogue

        with availability("the history's catalogue"), closing(served_catalogue(catalogue_uri)) as catalogue:
            found = {kind: catalogue.metadata_location(definition.identifier) for kind, definition in TABLES.items()}
        return {kind: location for kind, location in found.items() if location is not None}
    return {table: location for _, table, location in _catalogued(catalogue_uri)}


def catalogue_name(catalogue_uri: str) -> str:
    """The name under which the catalogue knows the tables. Raises HistoryUnavailableError where there are none."""
    for name, _, _ in _catalogued(catalogue_uri):
        return name
    raise HistoryUnavailableError("the history's catalogue has no tables")


def _catalogued(catalogue_uri: str) -> list[tuple[str, str, str]]:
    from pyiceberg.catalog.sql import IcebergTables
    from sqlalchemy import inspect, select

    columns = (IcebergTables.catalog_name, IcebergTables.table_name, IcebergTables.metadata_location)
    query = select(*columns).where(IcebergTables.table_namespace == NAMESPACE)
    url = make_url(catalogue_uri)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise HistoryUnavailableError(f"{url.database}: there is no catalogue of a history")
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(IcebergTables.__tablename__):
                raise HistoryUnavailableError("the history's catalogue has no tables")
            return [(str(name), str(table), str(location)) for name, table, location in connection.execute(query)]
    except SQLAlchemyError as failure:
        raise HistoryUnavailableError(f"the history's catalogue: {failure}") from failure
    finally:
        engine.dispose()


def pinned_tables(catalogue_uri: str, locations: dict[str, str] | None = None) -> dict[str, PinnedTable]:
    """Every table of the history at one instant, by kind: of those metadata, or of those that hold now.

    Raises HistoryUnavailableError. PyIceberg deletes the metadata file of a hundred commits ago: a reader that is so
    slow looks again.
    """
    failure: OSError | None = None
    for _ in range(_TRIES):
        found = metadata_locations(catalogue_uri) if locations is None else locations
        try:
            return {kind: PinnedTable(kind, location, _at(location)) for kind, location in sorted(found.items())}
        except OSError as error:
            failure = error
    raise HistoryUnavailableError(f"the history's metadata: {failure}") from failure


def _at(location: str) -> "StaticTable":
    from pyiceberg.table import StaticTable

    # Local files are read without anything being written: PyIceberg's own FileIO does.
    return StaticTable.from_metadata(location, io_properties(location) if is_object(location) else {})


def files_of_pins(warehouse: Path, now_unix_s: float | None = None) -> set[str]:
    """Paths of every file that a backup under way still needs: maintenance must leave them.

    A pin (``pins/<name>`` in the warehouse) lists metadata locations, one a line. One that is older than a week was
    left by a backup that died, and holds nothing. Raises HistoryUnavailableError.
    """
    now = time.time() if now_unix_s is None else now_unix_s
    directory = warehouse / PINS
    needed: set[str] = set()
    for pin in sorted(directory.iterdir()) if directory.is_dir() else []:
        try:
            stale = now - pin.stat().st_mtime > _PIN_S_MAX
            locations = [] if stale or pin.name.startswith(".") else pin.read_text().split("\n")
        except FileNotFoundError:
            continue  # that backup has just ended
        for location in filter(None, locations):
            try:
                table = PinnedTable("", location, _at(location))
            except OSError as failure:
                raise HistoryUnavailableError(f"pinned metadata: {failure}") from failure
            snapshot = table.table.current_snapshot()
            lists = [] if snapshot is None else [snapshot.manifest_list]
            named = [location, *lists, *(manifest.manifest_path for manifest in table.manifests())]
            needed.update(str(local_path(name)) for name in named)
            needed.update(file.path for file in table.files())
    return needed

"""Taking a backup of a hub that runs: state, then history, then the log, then payloads. docs/backup.md argues it."""

import importlib.metadata
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from ingest.durable_names import sync_directory
from ingest.log_view import LOG_FILE, embedded_directory
from schemas.timescales import format_utc, now_tai_ns
from ssa_hub.backup.failures import BackupError, refuse_object_store
from ssa_hub.backup.files import copy_durably, link, sha256_of, sync_directories, write_durably
from ssa_hub.backup.manifest import FileEntry, HistoryEntry, Manifest, StateEntry, read_manifest, write_manifest
from ssa_hub.backup.postgres_copy import copy_out
from ssa_hub.backup.sqlite_copy import copy_sqlite, read_row
from ssa_hub.history.locations import local_path
from ssa_hub.history.pinned import PINS, PinnedTable, catalogue_name, metadata_locations, pinned_tables
from ssa_hub.settings import Settings
from ssa_hub.state.database import create_database
from ssa_hub.verification.instant import is_clearing

# One that is cleared waits for old files to go; it takes nothing out of anything any more.
_DELETIONS = "SELECT status, places FROM deletions"
_TRIES = 5
_IMMUTABLE = ("payloads", "ephemerides")  # named by their content
# Of the data directory, what is copied in other ways, or says nothing about the hub's data.
_ELSEWHERE = ("log", "history", "state.sqlite", "hub.log.jsonl", "duckdb-spill")


class Backup:
    """One backup being taken into a new directory."""

    def __init__(self, settings: Settings, directory: Path, since: Path | None, tell: Callable[[str], None]) -> None:
        """``since``: an earlier backup, whose files that are still the same are linked instead of copied.

        Raises BackupError where the directory holds something, where ``since`` is no backup, or where the history is in
        an object store.
        """
        refuse_object_store(settings)
        self._settings, self._directory, self._tell = settings, directory, tell
        self._log_directory = embedded_directory(settings.log_url)
        self._since = since
        self._before = {} if since is None else read_manifest(since).files
        self._files: dict[str, FileEntry] = {}
        if directory.exists() and any(directory.iterdir()):
            raise BackupError(f"{directory} is not empty: give a new directory for each backup")
        for kept in (settings.data_dir, settings.warehouse):
            if directory.resolve().is_relative_to(kept):
                raise BackupError(f"{directory} lies inside {kept}, which is to be backed up")

    def take(self) -> Manifest:
        """Take it. Raises BackupError, HistoryUnavailableError, OSError; what is there then is no backup."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)  # it holds all that the hub holds, keys included
        taken_tai_ns = now_tai_ns()
        with self._pin() as pin:
            state, tables, deletions = self._state_and_history(pin)
            if self._log_directory is not None:
                self._tell("log        copying")
                copy_sqlite(self._log_directory / LOG_FILE, self._directory / "log" / LOG_FILE)
                self._note(f"log/{LOG_FILE}")
            history = self._history(tables)
            self._rest_of_data_directory()
        if self._deletions() != deletions:
            raise BackupError("data were deleted as an agreement demands while the backup was taken: take it anew")
        sync_directories(self._directory, [self._directory / name for name in self._files])
        manifest = Manifest(
            hub_version=importlib.metadata.version("ssa-hub"),
            taken_tai_ns=taken_tai_ns,
            taken_utc=format_utc(taken_tai_ns, 6),
            log="kafka" if self._log_directory is None else "embedded",
            state=state,
            history=history,
            files=dict(sorted(self._files.items())),
        )
        write_manifest(self._directory, manifest)
        sync_directory(self._directory.parent)
        return manifest

    @contextmanager
    def _pin(self) -> Iterator[Path]:
        """A file in the warehouse that maintenance respects: it lists metadata whose files must stay."""
        pins = self._settings.warehouse / PINS
        if not self._settings.warehouse.is_dir():
            raise BackupError(f"{self._settings.warehouse} holds no history")
        pins.mkdir(exist_ok=True)
        pin = pins / f"backup-{uuid.uuid4().hex}"
        try:
            yield pin
        finally:
            pin.unlink(missing_ok=True)

    def _state_and_history(self, pin: Path) -> tuple[StateEntry, dict[str, PinnedTable], tuple[int, int]]:
        """State, and the history a little later: state is then never ahead. No deletion may fall between the two."""
        for _ in range(_TRIES):
            before = self._deletions()
            if before[1]:
                raise BackupError(
                    "a deletion that an agreement demands is under way: take the backup when it has ended"
                )
            self._tell("state      copying")
            state = self._state()
            locations = metadata_locations(self._settings.catalogue_url)
            write_durably(pin, "".join(f"{location}\n" for location in sorted(locations.values())).encode())
            tables = pinned_tables(self._settings.catalogue_url, locations)
            if self._deletions() == before:
                return state, tables, before
        raise BackupError("data are being deleted all the time, as agreements demand: try again later")

    def _state(self) -> StateEntry:
        url = make_url(self._settings.database_url)
        if url.get_backend_name() != "sqlite":
            entry, files = copy_out(self._settings.database_url, self._directory / "state")
            self._files.update({f"state/{name}": file for name, file in files.items()})
            return entry
        target = self._directory / "state" / "state.sqlite"
        target.unlink(missing_ok=True)
        copy_sqlite(Path(str(url.database)), target)
        self._note("state/state.sqlite")
        return StateEntry("sqlite", str(read_row(target, "SELECT version_num FROM alembic_version")[0]))

    def _deletions(self) -> tuple[int, int]:
        """How many deletions there have been, and how many are under way."""
        database = create_database(self._settings.database_url)
        try:
            with database.snapshot() as connection:
                rows = connection.exec_driver_sql(_DELETIONS).all()
        finally:
            database.engine.dispose()
        return len(rows), sum(is_clearing(status, places) for status, places in rows)

    def _history(self, tables: dict[str, PinnedTable]) -> HistoryEntry:
        entries: dict[str, str] = {}
        for kind, table in tables.items():
            files = [local_path(file.location) for file in table.files()]
            self._tell(f"history    {kind}: {len(files):,} data files")
            location = local_path(table.metadata_location)
            snapshot = table.table.current_snapshot()
            lists = [] if snapshot is None else [local_path(snapshot.manifest_list)]
            manifests = [local_path(manifest.manifest_path) for manifest in table.manifests()]
            for path in (location, *lists, *manifests, *files):
                self._add(path, f"history/{self._in_warehouse(path)}", immutable=True)
            entries[kind] = str(self._in_warehouse(location))
        return HistoryEntry(
            str(self._settings.warehouse),
            catalogue_name(self._settings.catalogue_url),
            entries,
            {kind: {f"{t}/{p}": at for (t, p), at in table.positions.items()} for kind, table in tables.items()},
        )

    def _in_warehouse(self, path: Path) -> Path:
        try:
            return path.relative_to(self._settings.warehouse)
        except ValueError:
            raise BackupError(f"the history has the file {path}, outside of {self._settings.warehouse}") from None

    def _rest_of_data_directory(self) -> None:
        """Payloads, ephemerides, keys to try: everything that is not log, state or history."""
        root = self._settings.data_dir
        self._tell("payloads   copying")
        elsewhere = {self._settings.warehouse, self._log_directory, self._directory.resolve()}
        count = 0
        for path in _files_below(root, lambda directory: directory in elsewhere):
            relative = path.relative_to(root)
            if (
                relative.parts[0] in _ELSEWHERE
                or relative.name.startswith("state.sqlite")
                or path.name.endswith(".lock")
            ):
                continue
            if path.name.startswith("."):  # being written: what it will be is not noted anywhere yet
                continue
            try:
                self._add(path, f"data/{relative}", immutable=relative.parts[0] in _IMMUTABLE)
            except FileNotFoundError:
                continue  # an export that expired; a payload is deleted only by a deletion, which is noticed
            count += 1
        self._tell(f"payloads   {count:,} files")

    def _add(self, source: Path, name: str, *, immutable: bool) -> None:
        """A file of the hub into the backup: linked from the backup before, where it is immutable and there."""
        target, before = self._directory / name, self._before.get(name)
        if (
            immutable
            and self._since is not None
            and before is not None
            and source.stat().st_size == before.bytes == _size(self._since / name)
            and link(self._since / name, target)
        ):
            self._files[name] = before
            return
        self._files[name] = FileEntry(*copy_durably(source, target))

    def _note(self, name: str) -> None:
        self._files[name] = FileEntry(*sha256_of(self._directory / name))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _files_below(root: Path, passed_over: Callable[[Path], bool]) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if not passed_over(path):
                yield from _files_below(path, passed_over)
        elif path.is_file():
            yield path

"""A backup into a place that holds nothing yet; every file against its SHA-256 on the way.

In an order in which a restoration that dies half way is refused at the hub's start: payloads and the history's files,
which nothing names yet; then the state, which is ahead of a history that is not there; then the history's catalogue,
which is ahead of a log that is not there; the log last.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import make_url

from ingest.log_view import embedded_directory
from ssa_hub.backup.failures import BackupError, refuse_object_store
from ssa_hub.backup.files import copy_durably, sha256_of, sync_directories
from ssa_hub.backup.manifest import Manifest, read_manifest
from ssa_hub.backup.postgres_copy import copy_in, is_empty
from ssa_hub.backup.relocating import Relocation
from ssa_hub.history.pinned import pinned_tables
from ssa_hub.history.tables import NAMESPACE
from ssa_hub.settings import Settings
from ssa_hub.state.start_lock import start_lock


class Restoration:
    """One backup being restored into the places that the settings name."""

    def __init__(self, backup: Path, settings: Settings, tell: Callable[[str], None]) -> None:
        """Raises BackupError where there is no backup, or where one of the places holds something already."""
        refuse_object_store(settings)
        self._backup, self._settings, self._tell = backup, settings, tell
        self._manifest = read_manifest(backup)
        self._log_directory = embedded_directory(settings.log_url)
        self._check_kinds()
        self._check_places()

    def restore(self) -> Manifest:
        """Restore it. Raises BackupError, naming the file, where one is not as it was; OSError."""
        settings = self._settings
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.warehouse.mkdir(parents=True, exist_ok=True)
        placed: list[Path] = []
        for name in self._manifest.files:
            top, _, rest = name.partition("/")
            if top == "data":
                placed.append(self._placed(name, settings.data_dir / rest))
            elif top == "history" and rest.endswith(".parquet"):
                placed.append(self._placed(name, settings.warehouse / rest))
            elif not (top == "state" and self._manifest.state.kind == "sqlite") and top != "log":
                self._checked(name)
        self._tell(f"files      {len(placed):,} in their places, each as it was")
        relocation = Relocation(self._backup / "history", Path(self._manifest.history.warehouse), settings.warehouse)
        locations = {kind: relocation.table(name) for kind, name in self._manifest.history.tables.items()}
        self._state()
        self._register(locations)
        if self._log_directory is not None:
            logs = [name for name in self._manifest.files if name.startswith("log/")]
            placed += [self._placed(name, self._log_directory / name.removeprefix("log/")) for name in logs]
        for root in {settings.data_dir, settings.warehouse, self._log_directory or settings.data_dir}:
            sync_directories(root, [path for path in placed if path.is_relative_to(root)])
        return self._manifest

    def _check_kinds(self) -> None:
        backend = make_url(self._settings.database_url).get_backend_name()
        if backend != self._manifest.state.kind:
            raise BackupError(
                f"the backup's state is of {self._manifest.state.kind}, the database given is {backend}: "
                "give --database-url for one of the same kind"
            )
        log = "kafka" if self._log_directory is None else "embedded"
        if log != self._manifest.log:
            raise BackupError(
                f"the backup belongs to a hub with its log on {self._manifest.log}, and the log given is {log}: "
                "positions of one say nothing in another; give --log-url for one of the same kind"
            )

    def _check_places(self) -> None:
        directories = [self._settings.data_dir, self._settings.warehouse]
        if self._log_directory is not None:
            directories.append(self._log_directory)
        for directory in directories:
            if directory.exists() and any(directory.iterdir()):
                raise BackupError(f"{directory} is not empty: a backup is restored into a place that holds nothing")
        if self._manifest.state.kind == "postgresql" and not is_empty(self._settings.database_url):
            raise BackupError("the database has tables already: a backup is restored into an empty one")

    def _placed(self, name: str, target: Path) -> Path:
        entry = self._manifest.files[name]
        if copy_durably(self._source(name), target) != (entry.sha256, entry.bytes):
            target.unlink()
            raise BackupError(f"{self._source(name)} is not as it was when the backup was taken: its SHA-256 differs")
        return target

    def _checked(self, name: str) -> None:
        entry = self._manifest.files[name]
        if sha256_of(self._source(name)) != (entry.sha256, entry.bytes):
            raise BackupError(f"{self._source(name)} is not as it was when the backup was taken: its SHA-256 differs")

    def _source(self, name: str) -> Path:
        path = self._backup / name
        if not path.is_file():
            raise BackupError(f"{path} is in the backup's manifest and not there")
        return path

    def _state(self) -> None:
        self._tell("state      restoring")
        if self._manifest.state.kind == "sqlite":
            target = Path(str(make_url(self._settings.database_url).database))
            self._placed("state/state.sqlite", target)
        else:
            copy_in(self._settings.database_url, self._manifest.state, self._backup / "state")

    def _register(self, locations: dict[str, str]) -> None:
        """The tables into the catalogue; then the history must stand where the backup's stood."""
        from ssa_hub.history.catalogues import open_catalogue

        with start_lock(self._settings.catalogue_url, "catalogue"):
            catalogue = open_catalogue(f"file://{self._settings.warehouse}", self._settings.catalogue_url)
        try:
            catalogue.create_namespace_if_not_exists(NAMESPACE)
            for kind, location in locations.items():
                catalogue.register_table((NAMESPACE, kind), location)
        finally:
            catalogue.close()
        for kind, table in pinned_tables(self._settings.catalogue_url).items():
            found = {f"{topic}/{number}": at for (topic, number), at in table.positions.items()}
            if found != (expected := self._manifest.history.positions[kind]):
                raise BackupError(f"the restored history of {kind} stands at {found}, not at {expected}")

"""``ssa-hub backup`` and ``ssa-hub restore``: a copy of the whole hub, taken while it runs, and put elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, LogUrl, Warehouse

if TYPE_CHECKING:
    from ssa_hub.settings import Settings


def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory for this backup.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    since: Annotated[
        Path | None, typer.Option(help="An earlier backup: files that are still the same are linked, not copied.")
    ] = None,
) -> None:
    """Copy the whole hub, while it runs or not. The backup is as secret as the hub: it holds its keys."""
    from ssa_hub.backup.failures import BackupError
    from ssa_hub.backup.taking import Backup

    settings = _settings(data_dir, log_url, database_url, catalogue_url, warehouse)
    if database_url is None and not (data_dir / "state.sqlite").exists():
        raise end_with(f"{data_dir} holds no hub: give its directory with --data-dir")
    with mendable_errors():
        try:
            manifest = Backup(settings, directory, since, typer.echo).take()
        except BackupError as error:
            raise end_with(str(error)) from error
    total = sum(entry.bytes for entry in manifest.files.values())
    typer.echo(f"backed up  {len(manifest.files):,} files, {total / 1e6:,.1f} MB, as of {manifest.taken_utc} UTC")
    typer.echo("secret     it holds keys and everything that partners told in confidence: guard it as the hub")


def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The backup.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
) -> None:
    """Put a backup into places that hold nothing yet, each file against its SHA-256; then start the hub there."""
    from ssa_hub.backup.failures import BackupError
    from ssa_hub.backup.restoring import Restoration

    with mendable_errors():
        try:
            manifest = Restoration(
                directory, _settings(data_dir, log_url, database_url, catalogue_url, warehouse), typer.echo
            ).restore()
        except BackupError as error:
            raise end_with(str(error)) from error
    typer.echo(f"restored   the hub of {manifest.taken_utc} UTC; look it over with ssa-hub verify, then start it")


def _settings(
    data_dir: Path, log_url: str | None, database_url: str | None, catalogue_url: str | None, warehouse: str | None
) -> "Settings":
    from ssa_hub.settings import settings_in

    return settings_in(
        data_dir, log_url=log_url, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse
    )

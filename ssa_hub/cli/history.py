"""``ssa-hub history``: the files of the history, and merging them now."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, Warehouse

if TYPE_CHECKING:
    from ssa_hub.settings import Settings
    from ssa_hub.state.store import State

history = typer.Typer(help="The files of the history, and merging them now.", no_args_is_help=True)


@history.command()
def files(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
) -> None:
    """How many runs, files, rows and bytes there are of each kind and level."""
    with existing_state(data_dir, database_url):
        from ssa_hub.history.compaction import runs_of
        from ssa_hub.history.planning import Planner
        from ssa_hub.history.store import History
        from ssa_hub.history.tables import TABLES

        settings = _settings(data_dir, database_url, catalogue_url, warehouse)
        with History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as opened:
            planner = Planner(opened)
            for kind in TABLES:
                runs = runs_of(planner.plan(kind).files)
                if not runs:
                    typer.echo(f"{kind}: no files")
                for level in sorted({run.level for run in runs}):
                    of_level = [run for run in runs if run.level == level]
                    live = [file for run in of_level for file in run.files]
                    rows, size = sum(file.rows for file in live), sum(file.bytes for file in live)
                    typer.echo(
                        f"{kind}, level {level}: {len(of_level):,} runs, {len(live):,} files, {rows:,} rows, "
                        f"{size:,} bytes ({size / max(rows, 1):.1f} a row)"
                    )


@history.command()
def compact(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
) -> None:
    """Do all maintenance that is due, at full speed: checkpoints, merging, forgetting, removing files nobody names."""
    with existing_state(data_dir, database_url) as state:
        from ssa_hub.history.store import History
        from ssa_hub.history.upkeep import Upkeep
        from ssa_hub.services.hub import holder_name
        from ssa_hub.services.maintenance import LEASE, LEASE_S

        settings, holder = _settings(data_dir, database_url, catalogue_url, warehouse), holder_name()
        if not state.leases.acquire(LEASE, holder, LEASE_S):
            raise end_with("a worker of this hub is at it; ask again when it is done")
        try:
            with History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as opened:
                report = Upkeep(opened, _renewing(state, LEASE, holder, LEASE_S)).turn()
        finally:
            state.leases.release(LEASE, holder)
        typer.echo(
            f"{report.checkpoints:,} checkpoints made; {report.merges:,} merges of {report.rows:,} rows; "
            f"{report.snapshots:,} snapshots forgotten, {report.files:,} files removed"
        )


def _settings(data_dir: Path, database_url: str | None, catalogue_url: str | None, warehouse: str | None) -> "Settings":
    from ssa_hub.settings import settings_in

    return settings_in(data_dir, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse)


def _renewing(state: "State", lease: str, holder: str, duration_s: float) -> Callable[[], None]:
    """Between pieces of work: renew the lease in time; end the command where another has taken it."""
    renewed_at = time.monotonic()

    def renew() -> None:
        nonlocal renewed_at
        if time.monotonic() - renewed_at > duration_s / 3:
            if not state.leases.acquire(lease, holder, duration_s):
                raise end_with("another process has taken the maintenance over; nothing is lost")
            renewed_at = time.monotonic()

    return renew

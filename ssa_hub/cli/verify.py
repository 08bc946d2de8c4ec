"""``ssa-hub verify``: whether everything that the hub keeps agrees."""

import asyncio
import sys
from typing import Annotated

import typer

from ssa_hub.cli.existing_state import end_with, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, LogUrl, Warehouse


def verify(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Positions, counts and files; not every byte, every id and the ledger.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Compare payloads, log, history, state and ledger. Ends with status 1 where something disagrees."""
    import msgspec

    from ssa_hub.settings import settings_in
    from ssa_hub.verification.verifying import verify_hub

    settings = settings_in(
        data_dir, log_url=log_url, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse
    )
    if database_url is None and not (data_dir / "state.sqlite").exists():
        raise end_with(f"{data_dir} holds no hub: give its directory with --data-dir")
    with mendable_errors():
        report = asyncio.run(verify_hub(settings, quick=quick, turn=_turn))
    _turn("")
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode({"sound": report.sound, **msgspec.to_builtins(report)})))
    else:
        typer.echo(f"compared     at {report.compared_at_utc} UTC" + (", a quick look" if report.quick else ""))
        width = max(map(len, report.checked), default=0)
        for check, seen in report.checked.items():
            typer.echo(f"{check:<{max(width, 12)}} {seen}")
        for remnant in report.remnants:
            typer.echo(f"left over    {remnant}")
        for finding in report.findings:
            typer.echo(f"WRONG        {finding}")
        typer.echo("nothing disagrees" if report.sound else f"{len(report.findings)} things disagree")
    if not report.sound:
        raise typer.Exit(1)


def _turn(what: str) -> None:
    """Where a person watches: what is looked at, on one line that is written over."""
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{what[:78]}", err=True, nl=False)

"""``ssa-hub export``: everything that a partner may see into a file, offline on the data directory, resumable."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, Warehouse

if TYPE_CHECKING:
    from ssa_hub.release.partner import Partner
    from ssa_hub.sharing.export_desk import Order
    from ssa_hub.sharing.export_parts import Content, Part
    from ssa_hub.sharing.exporting import ExportAsked, Exporting

_Instant = Annotated[str | None, typer.Option(help="UTC; ranges have both ends in them.")]


def export(
    kind: Annotated[Literal["elements", "conjunctions"], typer.Argument(help="What to export.")],
    output: Annotated[Path, typer.Argument(help="The file to write; its SHA-256 goes into OUTPUT.sha256.")],
    partner: Annotated[str, typer.Option(help="As whom: what is written is what he may see, and in the ledger.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    form: Annotated[Literal["parquet", "arrow", "csv", "ndjson"], typer.Option("--format", help="Form.")] = "parquet",
    data_mode: Annotated[Literal["REAL", "TEST", "SIMULATED", "EXERCISE"], typer.Option(help="Data mode.")] = "REAL",
    object_id: Annotated[list[str] | None, typer.Option(help="Only this object; may be repeated.")] = None,
    from_utc: Annotated[str | None, typer.Option("--from", help="First epoch or TCA, UTC, included.")] = None,
    to_utc: Annotated[str | None, typer.Option("--to", help="Last epoch or TCA, UTC, included.")] = None,
    received_from: _Instant = None,
    received_to: _Instant = None,
    known_at: _Instant = None,
) -> None:
    """Export what a partner may see. Interrupted, the same command goes on where it was."""
    with existing_state(data_dir, database_url) as state:
        from schemas.records import DataMode
        from schemas.timescales import parse_utc
        from ssa_hub.history.store import History
        from ssa_hub.settings import settings_in
        from ssa_hub.sharing.disclosures import Disclosures
        from ssa_hub.sharing.export_formats import ExportFormat
        from ssa_hub.sharing.exporting import ExportAsked, Exporting
        from ssa_hub.sharing.policies import Policies

        found = state.partners.get(partner)
        if found is None:
            raise end_with(f"{partner!r} is not a partner of this hub (ssa-hub partners list)")
        texts = (from_utc, to_utc, received_from, received_to, known_at)
        try:
            instants = [None if text is None else parse_utc(text) for text in texts]
        except ValueError as error:
            raise end_with(str(error)) from error
        objects = tuple(object_id) if object_id else None
        asked = ExportAsked(kind, DataMode(data_mode), ExportFormat(form), objects, None, *instants)
        settings = settings_in(data_dir, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse)
        with History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as history:
            exporting = Exporting(history, Policies(state), Disclosures(state))
            content, rows = _made(exporting, found, asked, output)
        typer.echo(f"exported   {rows:,} rows, {content.bytes:,} bytes to {output}")
        typer.echo(f"SHA-256    {content.sha256}")


def _made(exporting: "Exporting", partner: "Partner", asked: "ExportAsked", output: Path) -> "tuple[Content, int]":
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from ssa_hub.history.durable_io import DurableStream
    from ssa_hub.sharing.export_desk import Order
    from ssa_hub.sharing.export_making import made
    from ssa_hub.sharing.export_parts import DamagedError, ExportFiles, Part, remove_files
    from ssa_hub.sharing.exporting import RulesChangedError

    files = ExportFiles(output.with_name(f"{output.name}.export"), uuid.uuid4().hex)
    progress_file = files.directory / "progress.json"
    before = _before(progress_file)
    basis, parts = exporting.basis(partner), list[Part]()
    if before is not None:
        name, order, parts = before
        if (name, order.asked) != (partner.name, asked) or order.basis is None:
            raise end_with(f"{files.directory} is of another export: finish that one, or remove the directory")
        basis = order.basis
        if not files.has_parts(parts):
            typer.echo(f"parts in {files.directory} are gone: begun anew", err=True)
            parts = []
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
            task = bars.add_task("Exporting", total=1.0)
            bars.update(task, completed=parts[-1].fraction if parts else 0.0)

            def note(done: Sequence[Part]) -> None:
                with DurableStream(progress_file) as file:
                    file.write(msgspec.json.encode((partner.name, Order(asked, basis), done)))
                bars.update(task, completed=done[-1].fraction)

            parts, content = made(exporting, files, partner, asked, basis, parts, note, lambda so_far: None)
    except (RulesChangedError, DamagedError) as error:
        remove_files(files.directory)
        raise end_with(f"{error}: begin again") from error
    files.content.replace(output)
    with DurableStream(output.with_name(f"{output.name}.sha256")) as file:
        file.write(f"{content.sha256}  {output.name}\n".encode())
    remove_files(files.directory)
    return content, sum(part.rows for part in parts)


def _before(progress_file: Path) -> "tuple[str, Order, list[Part]] | None":
    import msgspec

    from ssa_hub.sharing.export_desk import Order
    from ssa_hub.sharing.export_parts import Part

    if not progress_file.exists():
        return None
    try:
        return msgspec.json.decode(progress_file.read_bytes(), type=tuple[str, Order, list[Part]])
    except msgspec.DecodeError as error:
        raise end_with(f"{progress_file}: {error}") from error

"""``ssa-hub check`` and ``ssa-hub convert``: messages in files, with no hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_hub.cli.files import content, end, put, refusal_document, refusal_line

if TYPE_CHECKING:
    from schemas.messages import PayloadReading

_SHOWN_REFUSALS = 1000  # of one file, on a terminal; --json has them all

Draft = Annotated[bool, typer.Option("--draft", help="Read the keywords of the CDM 2.0 draft too.")]


def check(
    files: Annotated[list[Path], typer.Argument(help="Files with messages, plain or compressed; - reads the input.")],
    draft: Draft = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for a program.")] = False,
) -> None:
    """Read messages strictly and say what is wrong.

    A line a refusal, known deviations by name; ends with 1 if anything is refused. What a file holds is told by its
    content: TLE, OMM, OEM, CDM, OCM or Starlink's MEME, in any encoding.
    """
    reports = []
    for path in files:
        name, data = content(path)
        reports.append(_report(name, _read(data, name, draft)))
        if not as_json:
            _print_report(reports[-1])
    refused = sum(len(report["refusals"]) for report in reports)
    if as_json:
        import msgspec

        records = sum(report["records"] for report in reports)
        document = {"files": reports, "records": records, "refused": refused}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    raise typer.Exit(1 if refused else 0)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file with messages, plain or compressed.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write; its suffix says the encoding.")],
    to: Annotated[str | None, typer.Option(help="kvn, xml, json, csv or tle, where the suffix does not say.")] = None,
    dialect: Annotated[str, typer.Option(help="Of flat OMM (JSON, CSV): celestrak or space-track.")] = "celestrak",
    creation_date: Annotated[str, typer.Option(help="CREATION_DATE (UTC) where a message states none.")] = "",
    originator: Annotated[str, typer.Option(help="ORIGINATOR where a message states none.")] = "",
    skip_refused: Annotated[bool, typer.Option("--skip-refused", help="Write the rest where some is refused.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it exists.")] = False,
    draft: Draft = False,
) -> None:
    """Write messages in another encoding.

    It stays the same message: OMM and TLE among each other, CDM as KVN, XML or JSON, and so on. Without --skip-refused
    nothing is written unless all of IN is right.
    """
    from schemas.convert import ConversionError, Wanted, converted, form_of_suffix
    from schemas.refusals import CannotRenderError

    name, data = content(source)
    if target.exists() and not force:
        raise end(f"{target} exists; --force replaces it")
    try:
        form = form_of_suffix(target.name, to)
        wanted = Wanted(form, dialect, creation_date, originator, skip_refused, draft)
        result = converted(data, name, wanted)
    except (ConversionError, CannotRenderError) as error:
        raise end(f"{name}: {error}") from error
    for refusal in result.refusals[:_SHOWN_REFUSALS]:
        typer.echo(refusal_line(name, refusal_document(refusal)), err=True)
    written = result.content
    if written is None:
        rest = " (--skip-refused writes the rest)" if not skip_refused else ""
        raise end(f"{name}: {len(result.refusals)} refused, nothing written{rest}")
    put(target, lambda partial: partial.write_bytes(written))
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{target}: {result.records} record{'' if result.records == 1 else 's'} written", err=True)
    if result.refusals:
        raise typer.Exit(1)


def _read(data: bytes, name: str, draft: bool) -> "PayloadReading":
    from schemas.messages import read_payload

    return read_payload(data, name, draft=draft)


def _report(name: str, reading: "PayloadReading") -> dict[str, Any]:
    return {
        "file": name,
        "encoding": reading.encoding,
        "records": reading.records,
        "deviations": reading.deviations(),
        "quality": reading.quality(),
        "left_out": reading.left_out(),
        "refusals": [refusal_document(refusal) for refusal in reading.refusals],
    }


def _print_report(report: dict[str, Any]) -> None:
    refusals = report["refusals"]
    for refusal in refusals[:_SHOWN_REFUSALS]:
        typer.echo(refusal_line(report["file"], refusal))
    if len(refusals) > _SHOWN_REFUSALS:
        typer.echo(f"{report['file']}: {len(refusals) - _SHOWN_REFUSALS} more refusals (--json has them all)")
    for kind, called in (("deviations", "deviation"), ("quality", "quality"), ("left_out", "left out")):
        for name, count in report[kind].items():
            typer.echo(f"{report['file']}: {called}: {name} ({count})")
    typer.echo(f"{report['file']}: {report['encoding']}: {report['records']} read, {len(refusals)} refused")

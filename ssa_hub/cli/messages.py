"""``ssa-hub check`` and ``ssa-hub convert``: messages in files, with no hub."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from schemas.messages import PayloadReading
    from schemas.refusals import Refusal

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
        name, data = _content(path)
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

    name, data = _content(source)
    if target.exists() and not force:
        raise _end(f"{target} exists; --force replaces it")
    try:
        form = form_of_suffix(target.name, to)
        wanted = Wanted(form, dialect, creation_date, originator, skip_refused, draft)
        result = converted(data, name, wanted)
    except (ConversionError, CannotRenderError) as error:
        raise _end(f"{name}: {error}") from error
    for refusal in result.refusals[:_SHOWN_REFUSALS]:
        typer.echo(_refusal_line(name, _refusal(refusal)), err=True)
    if result.content is None:
        rest = " (--skip-refused writes the rest)" if not skip_refused else ""
        raise _end(f"{name}: {len(result.refusals)} refused, nothing written{rest}")
    _write(target, result.content)
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{target}: {result.records} record{'' if result.records == 1 else 's'} written", err=True)
    if result.refusals:
        raise typer.Exit(1)


def _content(path: Path) -> tuple[str, bytes]:
    """How the file is called in what is said of it, and its bytes; never more of them than a payload may have."""
    from schemas.messages import PAYLOAD_BYTES_MAX

    try:
        if str(path) == "-":
            return "<stdin>", sys.stdin.buffer.read(PAYLOAD_BYTES_MAX + 1)
        with path.open("rb") as file:
            return str(path), file.read(PAYLOAD_BYTES_MAX + 1)
    except OSError as error:
        raise _end(f"{path}: {error.strerror or error}") from error


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
        "refusals": [_refusal(refusal) for refusal in reading.refusals],
    }


def _refusal(refusal: "Refusal") -> dict[str, Any]:
    return {
        "record": refusal.record,
        "line": refusal.line,
        "keyword": refusal.field,
        "value": refusal.value,
        "rule": refusal.rule,
        "clause": refusal.clause,
    }


def _refusal_line(name: str, refusal: dict[str, Any]) -> str:
    """``file:line: record n: KEYWORD = 'value': rule [clause]``, which editors and terminals know to open."""
    place = f"{name}:{refusal['line']}" if refusal["line"] else name
    clause = f" [{refusal['clause']}]" if refusal["clause"] else ""
    # What the value holds is escaped where it was read; to escape it again would double its backslashes.
    value = f" = '{refusal['value']}'" if refusal["value"] else ""
    line = f"{place}: record {refusal['record']}: {refusal['keyword']}{value}: {refusal['rule']}{clause}"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def _print_report(report: dict[str, Any]) -> None:
    refusals = report["refusals"]
    for refusal in refusals[:_SHOWN_REFUSALS]:
        typer.echo(_refusal_line(report["file"], refusal))
    if len(refusals) > _SHOWN_REFUSALS:
        typer.echo(f"{report['file']}: {len(refusals) - _SHOWN_REFUSALS} more refusals (--json has them all)")
    for kind, called in (("deviations", "deviation"), ("quality", "quality"), ("left_out", "left out")):
        for name, count in report[kind].items():
            typer.echo(f"{report['file']}: {called}: {name} ({count})")
    typer.echo(f"{report['file']}: {report['encoding']}: {report['records']} read, {len(refusals)} refused")


def _write(target: Path, content: bytes) -> None:
    """Write beside the target and put it in its place, so that no half file is left."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _end(f"{target}: {error.strerror or error}") from error


def _end(text: str) -> typer.Exit:
    typer.echo(f"ssa-hub: {text}", err=True)
    return typer.Exit(2)

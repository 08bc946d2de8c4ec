"""``ssa-hub ledger``: who received what, verified; extracts for originators, and checking one without a hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from ssa_hub.state.ledger_rows import Interval
    from ssa_hub.state.store import State

ledger = typer.Typer(help="The disclosure ledger: what was released to whom, provably.", no_args_is_help=True)

_COLUMNS = ("originator", "partner", "channel", "kind", "data_mode", "rule")


@ledger.command()
def show(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    originator: Annotated[str | None, typer.Option(help="Only data of this originator.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only what this partner received.")] = None,
    from_utc: Annotated[str | None, typer.Option("--from", help="From this UTC instant on.")] = None,
    to_utc: Annotated[str | None, typer.Option("--to", help="Up to this UTC instant, excluded.")] = None,
    record: Annotated[str | None, typer.Option(metavar="RECORD_ID", help="Who received this record.")] = None,
) -> None:
    """What was released: records, entries, first and last instant, by originator, partner, channel, kind, rule."""
    interval = _interval(from_utc, to_utc)
    with existing_state(data_dir, database_url) as state:
        if record is not None:
            _show_record(state, record, originator, partner, interval)
            return
        sums = state.ledger_questions.sums(_COLUMNS, interval, originator=originator, partner=partner)
        if not sums:
            typer.echo("nothing was released")
            return
        lines: list[tuple[str, ...]] = [(*_COLUMNS, "records", "entries", "first (UTC)", "last (UTC)")]
        for key, value in sums:
            counts = (f"{value.records:,}", f"{value.entries:,}")
            lines.append((*map(str, key), *counts, _utc(value.first_tai_ns), _utc(value.last_tai_ns)))
        _table(lines)


def _show_record(
    state: "State", record_id: str, originator: str | None, partner: str | None, interval: "Interval"
) -> None:
    if interval.to_tai_ns is not None:
        raise end_with("--record goes with --from, not with --to: what was received later was received, too")
    try:
        found = state.ledger.who_received([record_id], originator, interval.from_tai_ns or 0)
    except ValueError as error:
        raise end_with(f"a record id is 32 hexadecimal digits, not {record_id!r}") from error
    found = [received for received in found if partner in (None, received.partner)]
    if not found:
        typer.echo(f"the ledger has nobody to whom {record_id} was released")
        return
    lines: list[tuple[str, ...]] = [("partner", "channel", "id shown", "last (UTC)")]
    for received in found:
        shown = "another" if received.pseudonymous else "the true one"
        lines.append((received.partner, received.channel.value, shown, _utc(received.last_tai_ns)))
    _table(lines)


@ledger.command()
def verify(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    head: Annotated[
        str | None, typer.Option(metavar="HEX", help="Hash of an entry or a period noted earlier: must be there.")
    ] = None,
) -> None:
    """Compute chain, sums, roots and signatures anew. Ends with status 1 and the first place that is wrong."""
    from ssa_hub.release.ledger_verification import WrongLedgerError

    known = None if head is None else _hex(head, "--head", 32)
    with existing_state(data_dir, database_url) as state:
        try:
            verified = state.ledger_periods.verify(known)
        except WrongLedgerError as error:
            raise end_with(f"the ledger is not as it was written: {error}") from error
        typer.echo(f"verified   {verified.entries:,} entries, {verified.periods:,} closed days")
        typer.echo(f"head       {verified.head_sha256.hex()}  (note it elsewhere: ssa-hub ledger verify --head)")


@ledger.command()
def extract(
    originator: Annotated[str, typer.Argument(help="Whose entries.")],
    period: Annotated[str, typer.Argument(help="A UTC day that is over, YYYY-MM-DD.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; left out: standard output.")] = None,
) -> None:
    """An originator's entries of a day with the proof that these are all, as JSON."""
    from ssa_hub.release.ledger_extract import write_extract
    from ssa_hub.sharing.ledger_views import LedgerViews

    with existing_state(data_dir, database_url) as state:
        try:
            found = LedgerViews(state).extract(originator, period)
        except ValueError as error:
            raise end_with(f"not a day: {error}") from error
        if found is None:
            raise end_with(f"{period} is not a closed day of this ledger")
        text = write_extract(found).decode()
        if output is None:
            typer.echo(text)
        else:
            output.write_text(text + "\n", encoding="utf-8")


@ledger.command("key")
def public_key(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """The hub's public Ed25519 key, 64 hexadecimal digits."""
    with existing_state(data_dir, database_url) as state:
        typer.echo(state.ledger_periods.keys().public_key.hex())


@ledger.command("check-extract")
def check_extract(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Extracts; days in a row must be a chain.")],
    key: Annotated[str, typer.Option("--public-key", metavar="HEX", help="The hub's key, as noted earlier.")],
) -> None:
    """Verify extracts without a hub. Ends with status 1 and what is wrong with the first that is."""
    from ssa_hub.release.ledger_extract import ExtractError, read_extract, verify_row

    known = _hex(key, "--public-key", 32)
    with mendable_errors():
        try:
            extracts = [read_extract(file.read_bytes()) for file in files]
            verify_row(extracts, known)
        except ExtractError as error:
            raise end_with(f"false extract: {error}") from error
    for read in extracts:
        records = sum(entry.records for entry in read.entries)
        complete = f"{len(read.entries):,} entries, {records:,} records, and these are all"
        what = complete if read.entries else "nothing was released"
        typer.echo(f"verified   {read.originator}, {read.period.day}: {what}; period {read.period.period_sha256}")


def _hex(text: str, option: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError as error:
        raise end_with(f"{option} must be {2 * size} hexadecimal digits, not {text!r}") from error
    if len(value) != size:
        raise end_with(f"{option} must be {2 * size} hexadecimal digits, not {len(text)}")
    return value


def _interval(from_utc: str | None, to_utc: str | None) -> "Interval":
    from schemas.timescales import parse_utc
    from ssa_hub.state.ledger_rows import Interval

    try:
        return Interval(*(None if text is None else parse_utc(text) for text in (from_utc, to_utc)))
    except ValueError as error:
        raise end_with(str(error)) from error


def _utc(tai_ns: int) -> str:
    from schemas.timescales import format_utc

    return format_utc(tai_ns, 3)


def _table(lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())

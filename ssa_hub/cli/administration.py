"""``ssa-hub quarantine`` and ``posture``: looking at a hub.

These work on the state database while the hub runs, or while it does not.
"""

import sys
from typing import Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

quarantine = typer.Typer(help="What could not be read: bytes, place, rule.", no_args_is_help=True)


@quarantine.command("list")
def quarantine_list(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    source: Annotated[str | None, typer.Option(help="Only what this source brought.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last first.")] = 50,
    after: Annotated[int | None, typer.Option(help="Go on after this id.")] = None,
) -> None:
    """Each refusal in one line: id, source, file, record, line, field, value, rule."""
    with existing_state(data_dir, database_url) as state:
        entries = state.quarantine.page(limit=limit, after=after, source=source)
        for entry in entries:
            line = f", line {entry.line}" if entry.line else ""
            typer.echo(
                f"{entry.id:>6}  {entry.source}  {entry.file}: record {entry.record}{line}: "
                f"{entry.field} = {entry.value!r}: {entry.rule}" + (f" [{entry.clause}]" if entry.clause else "")
            )
        if not entries:
            typer.echo("nothing is in quarantine")


@quarantine.command("show")
def quarantine_show(
    entry_id: Annotated[int, typer.Argument(help="The id that list prints.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    raw: Annotated[bool, typer.Option("--raw", help="Only the bytes, as they came.")] = False,
) -> None:
    """One refusal in full, with its bytes."""
    from schemas.timescales import format_utc

    with existing_state(data_dir, database_url) as state:
        entry = state.quarantine.get(entry_id)
        if entry is None:
            raise end_with(f"nothing in quarantine has the id {entry_id}")
        if raw:
            sys.stdout.buffer.write(entry.data)
            return
        for name in ("source", "file", "record", "line", "field", "value", "rule", "clause"):
            typer.echo(f"{name:<9} {getattr(entry, name)}")
        typer.echo(f"received  {format_utc(entry.received_tai_ns)} UTC")
        if entry.source.startswith("log:"):
            typer.echo(f"message   {entry.payload_sha256} (kept whole on the log)")
        else:
            name = f"payloads/{entry.payload_sha256[:2]}/{entry.payload_sha256}"
            typer.echo(f"payload   {entry.payload_sha256} (kept whole in the data directory: {name})")
        typer.echo(f"bytes     {len(entry.data)}")
        for text in entry.data.decode("utf-8", "backslashreplace").splitlines():
            typer.echo(f"          {text}")


def posture(
    new: Annotated[
        str | None,
        typer.Argument(help="peacetime, crisis or conflict; history: who set it, and when; left out: show it."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the posture, who set it, or set it; the next answer follows it."""
    from schemas.timescales import now_tai_ns
    from ssa_hub.cli.acting import acting_user
    from ssa_hub.release.partner import Posture
    from ssa_hub.sharing.posture import changes_of

    with existing_state(data_dir, database_url) as state:
        if new == "history":
            changes = changes_of(state.agreements.posture_history())
            for change in changes:
                typer.echo(f"{change.set_utc[:19]} UTC  {change.before:<9} -> {change.after:<9}  {change.set_by}")
            if not changes:
                typer.echo(f"nobody has set the posture: it is {Posture.PEACETIME}")
            return
        if new is not None:
            if new not in list(Posture):
                raise end_with(f"a posture is one of {', '.join(Posture)}, not {new!r}")
            state.agreements.set_posture(Posture(new), set_by=acting_user(), now_tai_ns=now_tai_ns())
        typer.echo(state.agreements.posture())

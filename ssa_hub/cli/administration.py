"""``ssa-hub quarantine``, ``partners``, ``agreements``, ``posture`` and ``status``: looking at a hub, and its rules.

These work on the state database while the hub runs, or while it does not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from ssa_hub.state.store import State

quarantine = typer.Typer(help="What could not be read: bytes, place, rule.", no_args_is_help=True)
partners = typer.Typer(help="Who has an account, and keys.", no_args_is_help=True)
agreements = typer.Typer(help="Originators' release rules.", no_args_is_help=True)


@contextmanager
def _state(data_dir: Path, database_url: str | None) -> Iterator["State"]:
    """The state of a hub that exists. Ends with one line where there is none, or for what a person can mend."""
    from ssa_hub.cli.starting import MENDABLE
    from ssa_hub.settings import settings_in
    from ssa_hub.state.store import open_state

    if database_url is None and not (data_dir / "state.sqlite").exists():
        typer.echo(f"ssa-hub: {data_dir} holds no hub (give --data-dir, or start one with ssa-hub up)", err=True)
        raise typer.Exit(1)
    try:
        with open_state(settings_in(data_dir, database_url=database_url).database_url) as state:
            yield state
    except MENDABLE as error:
        typer.echo(f"ssa-hub: {error}", err=True)
        raise typer.Exit(1) from error


@quarantine.command("list")
def quarantine_list(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    source: Annotated[str | None, typer.Option(help="Only what this source brought.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last first.")] = 50,
    after: Annotated[int | None, typer.Option(help="Go on after this id.")] = None,
) -> None:
    """Each refusal in one line: id, source, file, record, line, field, value, rule."""
    with _state(data_dir, database_url) as state:
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

    with _state(data_dir, database_url) as state:
        entry = state.quarantine.get(entry_id)
        if entry is None:
            typer.echo(f"ssa-hub: nothing in quarantine has the id {entry_id}", err=True)
            raise typer.Exit(1)
        if raw:
            sys.stdout.buffer.write(entry.data)
            return
        for name in ("source", "file", "record", "line", "field", "value", "rule", "clause"):
            typer.echo(f"{name:<9} {getattr(entry, name)}")
        typer.echo(f"received  {format_utc(entry.received_tai_ns)} UTC")
        typer.echo(f"payload   {entry.payload_sha256} (kept whole under payloads/ in the data directory)")
        typer.echo(f"bytes     {len(entry.data)}")
        for text in entry.data.decode("utf-8", "backslashreplace").splitlines():
            typer.echo(f"          {text}")


@partners.command("list")
def partners_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """Partners, their groups and roles, and their keys that are valid."""
    with _state(data_dir, database_url) as state:
        keys = [key for key in state.partners.all_keys() if key.revoked_tai_ns is None]
        for partner in state.partners.all():
            ids = ", ".join(key.key_id for key in keys if key.partner == partner.name) or "none"
            words = ", ".join([*sorted(partner.groups), *sorted(partner.roles)]) or "no group"
            typer.echo(f"{partner.name:<20} {words:<30} keys: {ids}")


@partners.command("enrol")
def partners_enrol(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="partners.toml (docs/release.md).")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Enter the partners of a file, or change them."""
    from ssa_hub.services.rules import enrol_partners

    with _state(data_dir, database_url) as state:
        for partner in enrol_partners(state, file):
            typer.echo(f"enrolled {partner.name}")


@partners.command("key")
def partners_key(
    name: Annotated[str, typer.Argument(help="The partner.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key for a partner and print it, this once: the hub keeps only its hash."""
    from schemas.timescales import now_tai_ns
    from ssa_hub.release.partner import new_key

    with _state(data_dir, database_url) as state:
        if state.partners.get(name) is None:
            typer.echo(f"ssa-hub: there is no partner {name!r}", err=True)
            raise typer.Exit(1)
        token, record = new_key(name)
        state.partners.add_key(record, now_tai_ns())
        typer.echo(token)


@partners.command("revoke")
def partners_revoke(
    key_id: Annotated[str, typer.Argument(help="The 16 digits between the underscores of the key.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key; it is refused from its next request on."""
    from schemas.timescales import now_tai_ns

    with _state(data_dir, database_url) as state:
        if not state.partners.revoke_key(key_id, now_tai_ns()):
            typer.echo(f"ssa-hub: no valid key has the id {key_id!r}", err=True)
            raise typer.Exit(1)
        typer.echo(f"revoked {key_id}")


_AgreementPath = Annotated[Path, typer.Argument(exists=True, help="An agreement, or a directory of them.")]


@agreements.command("check")
def agreements_check(
    where: _AgreementPath, data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None
) -> None:
    """Read agreements and try their examples on the hub's partners, changing nothing."""
    from ssa_hub.release.admission import unknown_names
    from ssa_hub.services.rules import agreement_files, read_and_admit

    with _state(data_dir, database_url) as state:
        for agreement, _ in read_and_admit(state, agreement_files(where)):
            examples = len(agreement.examples)
            typer.echo(
                f"{agreement.file}: {agreement.originator}, version {agreement.version}, {examples} examples hold"
            )
            for note in unknown_names(agreement, state.partners.all()):
                typer.echo(f"  note: {note}")


@agreements.command("activate")
def agreements_activate(
    where: _AgreementPath, data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None
) -> None:
    """Put agreements into force; the next answer follows them."""
    from ssa_hub.services.rules import activate, agreement_files

    with _state(data_dir, database_url) as state:
        activation = activate(state, agreement_files(where))
        for agreement in activation.activated:
            typer.echo(f"in force: {agreement.originator}, version {agreement.version}")
        for note in activation.remarks:
            typer.echo(f"  note: {note}")
        if not activation.activated:
            typer.echo("nothing changed: they were in force already")


@agreements.command("list")
def agreements_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """The agreements in force."""
    from ssa_hub.release.agreement import read_agreement

    with _state(data_dir, database_url) as state:
        for file, text in state.agreements.active():
            agreement = read_agreement(text, file)
            typer.echo(f"{agreement.originator:<20} version {agreement.version}  {len(agreement.rules)} rules  {file}")


@agreements.command("show")
def agreements_show(
    originator: Annotated[str, typer.Argument(help="Whose agreement.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """The text of an agreement in force."""
    with _state(data_dir, database_url) as state:
        current = [entry for entry in state.agreements.history(originator) if entry.retired_tai_ns is None]
        if not current:
            typer.echo(f"ssa-hub: no agreement of {originator!r} is in force", err=True)
            raise typer.Exit(1)
        typer.echo(current[0].text, nl=False)


def posture(
    new: Annotated[str | None, typer.Argument(help="peacetime, crisis or conflict; left out: show it.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the posture, or set it; the next answer follows it."""
    import getpass

    from schemas.timescales import now_tai_ns
    from ssa_hub.release.partner import Posture

    with _state(data_dir, database_url) as state:
        if new is not None:
            if new not in list(Posture):
                typer.echo(f"ssa-hub: a posture is one of {', '.join(Posture)}, not {new!r}", err=True)
                raise typer.Exit(1)
            state.agreements.set_posture(Posture(new), set_by=getpass.getuser(), now_tai_ns=now_tai_ns())
        typer.echo(state.agreements.posture())


def status(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """What the hub holds and has done: records, quarantine, screening runs, rules."""
    from schemas.timescales import format_utc

    with _state(data_dir, database_url) as state:
        typer.echo(f"records      {state.recorded.last_seq():,} recorded")
        for position, offset in sorted(state.positions.all().items()):
            typer.echo(f"             {position.topic}/{position.partition}: {offset:,} taken from the log")
        quarantined = state.quarantine.counts()
        typer.echo(
            f"quarantine   {sum(quarantined.values()):,}" + "".join(f", {n} of {s}" for s, n in quarantined.items())
        )
        typer.echo(f"payloads     {len(state.payloads.unpublished()):,} stored and not yet on the log")
        typer.echo(f"posture      {state.agreements.posture()}")
        typer.echo(f"agreements   {len(state.agreements.active())} in force, {len(state.partners.all())} partners")
        for run in state.runs.last(5):
            found = "" if run.conjunctions is None else f", {run.conjunctions:,} close approaches"
            took = "" if run.wall_s is None else f" in {run.wall_s:.1f} s"
            typer.echo(
                f"screening    {run.data_mode} from {format_utc(run.start_tai_ns, 0)} UTC: {run.status}"
                f"{took}{found}"
                + (f", {len(run.left_out)} left out" if run.left_out else "")
                + (f": {run.failure}" if run.failure else "")
            )

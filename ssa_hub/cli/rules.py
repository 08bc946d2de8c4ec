"""``ssa-hub partners`` and ``ssa-hub agreements``: who has an account, and originators' release rules.

These work on the state database while the hub runs, or while it does not; a running hub follows at its next answer.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from ssa_hub.release.partner import Partner

partners = typer.Typer(help="Who has an account, and keys.", no_args_is_help=True)
agreements = typer.Typer(help="Originators' release rules.", no_args_is_help=True)


@partners.command("list")
def partners_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """Partners, their groups and roles, and their keys that are valid."""
    with existing_state(data_dir, database_url) as state:
        keys = [key for key in state.partners.all_keys() if key.revoked_tai_ns is None]
        known = state.partners.all()
        width = max((len(partner.name) for partner in known), default=0)
        for partner in known:
            ids = ", ".join(key.key_id for key in keys if key.partner == partner.name) or "none"
            words = ", ".join([*sorted(partner.groups), *sorted(partner.roles)]) or "no group"
            typer.echo(f"{partner.name:<{width}}  {words:<20}  keys: {ids}")
        if not known:
            typer.echo("no partner is enrolled")


@partners.command("enrol")
def partners_enrol(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="partners.toml (docs/release.md).")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Enter the partners of a file, or change them."""
    from ssa_hub.services.rules import enrol_partners

    with existing_state(data_dir, database_url) as state:
        for partner in enrol_partners(state, file):
            typer.echo(f"enrolled {partner.name}")


@partners.command("remove")
def partners_remove(
    name: Annotated[str, typer.Argument(help="The partner.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove a partner and revoke all its keys. What it has sent stays, under its agreement."""
    from schemas.timescales import now_tai_ns

    with existing_state(data_dir, database_url) as state:
        if not state.partners.remove(name, now_tai_ns()):
            raise end_with(f"there is no partner {name!r} (ssa-hub partners list shows who there is)")
        typer.echo(f"removed {name}")


@partners.command("key")
def partners_key(
    name: Annotated[str, typer.Argument(help="The partner.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key for a partner and print it, this once: the hub keeps only its hash."""
    from schemas.timescales import now_tai_ns
    from ssa_hub.release.partner import new_key

    with existing_state(data_dir, database_url) as state:
        if state.partners.get(name) is None:
            raise end_with(f"there is no partner {name!r} (ssa-hub partners list shows who there is)")
        token, record = new_key(name)
        state.partners.add_key(record, now_tai_ns())
        typer.echo(token)


@partners.command("revoke")
def partners_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's second part, as partners list shows it.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key; it is refused from its next request on."""
    from schemas.timescales import now_tai_ns

    with existing_state(data_dir, database_url) as state:
        if not state.partners.revoke_key(key_id, now_tai_ns()):
            raise end_with(f"no valid key has the id {key_id!r} (ssa-hub partners list shows them)")
        typer.echo(f"revoked {key_id}")


_AgreementPath = Annotated[Path, typer.Argument(exists=True, help="An agreement, or a directory of them.")]


@agreements.command("check")
def agreements_check(
    where: _AgreementPath,
    partners_file: Annotated[
        Path | None,
        typer.Option("--partners", exists=True, dir_okay=False, help="Partners to check with, in place of a hub's."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Read agreements and try their examples, changing nothing: on a hub's partners, or with --partners on a file's."""
    from ssa_hub.services.rules import partners_in

    if partners_file is not None:
        with mendable_errors():
            _check(where, partners_in(partners_file))
        return
    otherwise = ", or check on a file of partners with --partners"
    with existing_state(data_dir, database_url, otherwise) as state:
        _check(where, state.partners.all())


def _check(where: Path, known: "list[Partner]") -> None:
    from ssa_hub.release.admission import unknown_names
    from ssa_hub.services.rules import agreement_files, read_and_admit

    for agreement, _ in read_and_admit(known, agreement_files(where)):
        examples = len(agreement.examples)
        hold = {0: "no examples", 1: "its example holds"}.get(examples, f"its {examples} examples hold")
        typer.echo(f"{agreement.file}: {agreement.originator}, version {agreement.version}, {hold}")
        for note in unknown_names(agreement, known):
            typer.echo(f"  note: {note}")


@agreements.command("activate")
def agreements_activate(
    where: _AgreementPath, data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None
) -> None:
    """Put agreements into force; the next answer follows them."""
    from ssa_hub.services.rules import activate, agreement_files

    with existing_state(data_dir, database_url) as state:
        activation = activate(state, agreement_files(where))
        for agreement in activation.activated:
            typer.echo(f"in force: {agreement.originator}, version {agreement.version}")
        for note in activation.remarks:
            typer.echo(f"  note: {note}")
        if not activation.activated:
            typer.echo("nothing changed: they are in force already")


@agreements.command("retire")
def agreements_retire(
    originator: Annotated[str, typer.Argument(help="Whose agreement.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """End an agreement: from the next answer on, nothing of this originator's is shown to others."""
    from schemas.timescales import now_tai_ns

    with existing_state(data_dir, database_url) as state:
        if not state.agreements.retire(originator, now_tai_ns()):
            raise end_with(f"no agreement of {originator!r} is in force")
        typer.echo(f"retired: {originator}")


@agreements.command("list")
def agreements_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """The agreements in force."""
    from ssa_hub.release.agreement import read_agreement

    with existing_state(data_dir, database_url) as state:
        active = [read_agreement(text, file) for file, text in state.agreements.active()]
        width = max((len(agreement.originator) for agreement in active), default=0)
        for agreement in active:
            rules = f"{len(agreement.rules)} rule" + ("" if len(agreement.rules) == 1 else "s")
            typer.echo(f"{agreement.originator:<{width}}  version {agreement.version}  {rules}, from {agreement.file}")
        if not active:
            typer.echo("no agreement is in force, so nobody is shown anything of another's")


@agreements.command("show")
def agreements_show(
    originator: Annotated[str, typer.Argument(help="Whose agreement.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """The text of an agreement in force."""
    with existing_state(data_dir, database_url) as state:
        current = [entry for entry in state.agreements.history(originator) if entry.retired_tai_ns is None]
        if not current:
            raise end_with(f"no agreement of {originator!r} is in force")
        typer.echo(current[0].text, nl=False)

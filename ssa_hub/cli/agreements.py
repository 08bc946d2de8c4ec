"""``ssa-hub agreements``: originators' release rules, brought into force, taken back, compared.

These work on the state database while the hub runs, or while it does not; a running hub follows at its next answer.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.acting import acting_user
from ssa_hub.cli.existing_state import end_with, existing_state, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from ssa_hub.release.agreement import Agreement
    from ssa_hub.release.partner import Partner
    from ssa_hub.services.rules import Activation
    from ssa_hub.state.store import State

agreements = typer.Typer(help="Originators' release rules.", no_args_is_help=True)

_AgreementPath = Annotated[Path, typer.Argument(exists=True, help="An agreement, or a directory of them.")]
_Originator = Annotated[str, typer.Argument(help="Whose agreement.")]


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
    from ssa_hub.release.admission import unknown_names
    from ssa_hub.release.retention import sentences
    from ssa_hub.services.rules import agreement_files, partners_in, read_and_admit, security_policies

    def check(known: "list[Partner]", found: "list[tuple[Agreement, str]]") -> None:
        for agreement, _ in found:
            examples = len(agreement.examples)
            hold = {0: "no examples", 1: "its example holds"}.get(examples, f"its {examples} examples hold")
            typer.echo(f"{agreement.file}: {agreement.originator}, version {agreement.version}, {hold}")
            for sentence in sentences(agreement.retention):
                typer.echo(f"  retention: {sentence}")
            for note in unknown_names(agreement, known):
                typer.echo(f"  note: {note}")

    if partners_file is not None:
        with mendable_errors():
            known = partners_in(partners_file)
            check(known, read_and_admit(known, agreement_files(where)))
        return
    otherwise = ", or check on a file of partners with --partners"
    with existing_state(data_dir, database_url, otherwise) as state:
        known = state.partners.all()
        check(known, read_and_admit(known, agreement_files(where), security_policies(state)))


@agreements.command("activate")
def agreements_activate(
    where: _AgreementPath, data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None
) -> None:
    """Put agreements into force; the next answer follows them."""
    from ssa_hub.services.rules import activate, agreement_files

    with existing_state(data_dir, database_url) as state:
        _tell(activate(state, agreement_files(where), by=acting_user()))


@agreements.command("restore")
def agreements_restore(
    originator: _Originator,
    version: Annotated[str, typer.Argument(help="A version that agreements history shows.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Put an earlier version into force again, as it was; its examples must hold for the partners of now."""
    from ssa_hub.services.rules import restore

    with existing_state(data_dir, database_url) as state:
        _tell(restore(state, originator, version, by=acting_user()))


def _tell(activation: "Activation") -> None:
    from ssa_hub.release.retention import sentences

    for agreement in activation.activated:
        typer.echo(f"in force: {agreement.originator}, version {agreement.version}")
        for sentence in sentences(agreement.retention):
            typer.echo(f"  retention: {sentence}")
    for note in activation.remarks:
        typer.echo(f"  note: {note}")
    if not activation.activated:
        typer.echo("nothing changed: they are in force already")


@agreements.command("retire")
def agreements_retire(
    originator: _Originator, data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None
) -> None:
    """End an agreement: from the next answer on, nothing of this originator's is shown to others."""
    from schemas.timescales import now_tai_ns

    with existing_state(data_dir, database_url) as state:
        if not state.agreements.retire(originator, now_tai_ns(), by=acting_user()):
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
    originator: _Originator,
    version: Annotated[str | None, typer.Option(help="This one; left out: that in force.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """The text of an agreement, as it came into force."""
    from ssa_hub.services.rules import entry_of

    with existing_state(data_dir, database_url) as state:
        typer.echo(entry_of(state, originator, version).text, nl=False)


@agreements.command("history")
def agreements_history(
    originator: Annotated[str | None, typer.Argument(help="Whose agreements; left out: everybody's.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Every time that a version was in force: from when, until when, and whose acts these were."""
    from schemas.timescales import format_utc

    with existing_state(data_dir, database_url) as state:
        entries = state.agreements.history(originator)
        width = max((len(entry.originator) for entry in entries), default=0)
        for entry in entries:
            ended = "in force"
            if entry.retired_tai_ns is not None:
                ended = f"until {format_utc(entry.retired_tai_ns, 0)} UTC by {entry.retired_by or 'not known'}"
            begun = f"from {format_utc(entry.activated_tai_ns, 0)} UTC by {entry.activated_by or 'not known'}"
            typer.echo(f"{entry.originator:<{width}}  {entry.version}  {begun}, {ended}, {entry.file}")
        if not entries:
            typer.echo("no agreement was ever in force" + (f" of {originator!r}" if originator else ""))


@agreements.command("diff")
def agreements_diff(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE | ORIGINATOR VERSION VERSION",
            help="A file, compared with what its originator has in force; or two versions that history shows.",
        ),
    ],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """What a version changes: rule by rule, and which partners see more or less of what, as of now."""
    from schemas.timescales import now_tai_ns
    from ssa_hub.cli.agreement_differences import tell_differences
    from ssa_hub.release.differences import agreement_differences
    from ssa_hub.services.rules import security_policies

    if len(what) not in (1, 3):
        raise end_with("give a file, or an originator and two of his versions (ssa-hub agreements history)")
    with existing_state(data_dir, database_url) as state:
        old, new = _versions(state, *what) if len(what) == 3 else _against_a_file(state, Path(what[0]))
        known, policies = state.partners.all(), security_policies(state)
        tell_differences(agreement_differences(old, new, known, now_tai_ns=now_tai_ns(), policies=policies))


def _versions(state: "State", originator: str, old: str, new: str) -> "tuple[Agreement, Agreement]":
    from ssa_hub.release.agreement import read_agreement
    from ssa_hub.services.rules import entry_of

    first, second = entry_of(state, originator, old), entry_of(state, originator, new)
    return read_agreement(first.text, first.file), read_agreement(second.text, second.file)


def _against_a_file(state: "State", path: Path) -> "tuple[Agreement | None, Agreement]":
    """What is in force of the originator that the file names, None where nothing is; and what the file says."""
    from ssa_hub.release.agreement import read_agreement
    from ssa_hub.services.rules import text_of

    new = read_agreement(text_of(path), str(path))
    active = [entry for entry in state.agreements.history(new.originator) if entry.retired_tai_ns is None]
    return (read_agreement(active[-1].text, active[-1].file) if active else None), new

"""``ssa-hub policies``: the security policies that labels are read by, and whether a label is valid under its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.acting import acting_user
from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from schemas.labels import Label
    from schemas.spif import SecurityPolicy
    from ssa_hub.state.store import State

policies = typer.Typer(help="Security policies (Open XML SPIF), by which labels are read.", no_args_is_help=True)


@policies.command("add")
def policies_add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An Open XML SPIF document, 1.0 to 2.1.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Put a policy in force, in the place of an earlier version. From then on labels must be valid under it."""
    from schemas.spif import SpifError, read_spif
    from schemas.timescales import now_tai_ns

    document = file.read_bytes()
    try:
        policy = read_spif(document, file.name)
    except SpifError as error:
        raise end_with(str(error)) from error
    with existing_state(data_dir, database_url) as state:
        for other in _known(state).values():
            same_name, same_oid = other.is_policy(policy.name) or policy.is_policy(other.name), other.oid == policy.oid
            if same_oid != same_name or (same_name and other.name != policy.name):
                raise end_with(f"{_named(policy)} would stand beside {_named(other)}: a name and an OID are one policy")
        new = state.security_policies.add(
            policy.name, document, file=file.name, by=acting_user(), now_tai_ns=now_tai_ns()
        )
        typer.echo(f"{'added' if new else 'already in force:'} {_named(policy)}")


@policies.command("list")
def policies_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """The policies in force."""
    with existing_state(data_dir, database_url) as state:
        for name, file, document in state.security_policies.all():
            policy = _known_one(name, file, document)
            typer.echo(f"{_named(policy)}  {', '.join(policy.classifications())}  from {file}")


@policies.command("show")
def policies_show(
    name: Annotated[str, typer.Argument(help="The policy's name.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """What a policy has: classifications, lowest first, and the values of each tag."""
    from schemas.spif import policy_of

    with existing_state(data_dir, database_url) as state:
        policy = policy_of(name, _known(state))
        if policy is None:
            raise end_with(f"there is no policy {name!r} (ssa-hub policies list shows them)")
        typer.echo(_named(policy))
        for classification in policy.classifications():
            typer.echo(f"  {policy.hierarchy(classification)}  {classification}")
        for tag_set in policy.spif.tag_sets:
            for tag in tag_set.tags:
                limits = f", at most {tag.selected_max}" if tag.selected_max is not None else ""
                limits += f", at least {tag.selected_min}" if tag.selected_min else ""
                typer.echo(f"{tag.name} ({tag.kind.category_type}{limits})")
                typer.echo(f"  {', '.join(value.name for value in tag.values)}")


@policies.command("check")
def policies_check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A label, as JSON or ADatP-4774 XML.")],
    language: Annotated[str, typer.Option("--language", help="The language of the marking.")] = "en",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Whether a label is valid under its policy, for a record that is sent now, and how it is marked."""
    from schemas.spif import policy_of

    label = _label_in(file)
    with existing_state(data_dir, database_url) as state:
        policy = policy_of(label.policy, _known(state))
    if policy is None:
        raise end_with(f"there is no policy {label.policy!r} (ssa-hub policies list shows them)")
    problems = policy.problems(label, new=True)
    for problem in problems:
        typer.echo(f"{file.name}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(policy.marking(label, language))


def _label_in(file: Path) -> "Label":
    import msgspec

    from schemas.labels import label_from_json

    data = file.read_bytes()
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            from schemas.label_xml import read_label_xml

            return read_label_xml(data, file.name)
        return label_from_json(data)
    except (ValueError, msgspec.MsgspecError) as error:
        raise end_with(f"{file.name}: {error}") from error


def _known_one(name: str, file: str, document: bytes) -> "SecurityPolicy":
    from schemas.spif import SpifError, read_spif

    try:
        return read_spif(document, file)
    except SpifError as error:
        raise end_with(f"policy {name!r} in the state cannot be read: {error}") from error


def _known(state: "State") -> "dict[str, SecurityPolicy]":
    return {name: _known_one(name, file, document) for name, file, document in state.security_policies.all()}


def _named(policy: "SecurityPolicy") -> str:
    return f"{policy.name} ({policy.oid}), version {policy.spif.version}"

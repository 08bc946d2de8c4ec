"""``ssa-hub partners``: who has an account, and keys.

These work on the state database while the hub runs, or while it does not; a running hub follows at its next answer.
"""

from pathlib import Path
from typing import Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

partners = typer.Typer(help="Who has an account, and keys.", no_args_is_help=True)


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

"""``ssa-hub tear-lines``: statements about hidden objects, and what is left of their budgets."""

from typing import Annotated

import typer

from ssa_hub.cli.existing_state import existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

tear_lines = typer.Typer(help="Statements about withheld objects, and their budgets.", no_args_is_help=True)

_HEAD = ("originator", "object", "partner", "data mode", "told", "over budget", "budget", "left", "last (UTC)")


@tear_lines.callback()
def _group() -> None:
    """So that ``list`` stays a command of its own."""


@tear_lines.command("list")
def tear_lines_list(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    originator: Annotated[str | None, typer.Option(help="Only objects of this originator.")] = None,
) -> None:
    """Statements by hidden object and partner: told and kept back within the budget's days, budget, left."""
    with existing_state(data_dir, database_url) as state:
        from ssa_hub.sharing.policies import Policies
        from ssa_hub.sharing.tear_line_budget import TearLineBudgets

        lines = [_HEAD]
        for found in TearLineBudgets(state, Policies(state)).about(originator):
            budget = "none" if found.budget is None else f"{found.budget:,} in {found.budget_days} d"
            left = "" if found.left is None else f"{found.left:,}"
            counts = (f"{found.told:,}", f"{found.over_budget:,}", budget, left)
            lines.append((found.originator, found.object_id, found.partner, found.data_mode, *counts, found.last_utc))
        if len(lines) == 1:
            typer.echo("no statement was made")
            return
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())

"""The state of a hub that exists, for the commands that look at it or change its rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ssa_hub.state.store import State


def end_with(message: str) -> typer.Exit:
    """Tell an error in one line; raise what this answers."""
    typer.echo(f"ssa-hub: {message}", err=True)
    return typer.Exit(1)


@contextmanager
def mendable_errors() -> Iterator[None]:
    """Errors that a person can mend end the command with status 1 and one line each."""
    from ssa_hub.cli.failures import MENDABLE, tell

    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads our output has seen enough; the command line's framework knows what to do
    except MENDABLE as error:
        tell(error)
        raise typer.Exit(1) from error


@contextmanager
def existing_state(data_dir: Path, database_url: str | None, otherwise: str = "") -> Iterator["State"]:
    """The state, while the hub runs or while it does not.

    Ends the command where there is none; ``otherwise`` says what else could be done then.
    """
    if database_url is None and not (data_dir / "state.sqlite").exists():
        raise end_with(
            f"{data_dir} holds no hub: give its directory with --data-dir, or start one with ssa-hub up{otherwise}"
        )
    with mendable_errors():
        from ssa_hub.services.database import opened_state
        from ssa_hub.settings import settings_in

        with opened_state(settings_in(data_dir, database_url=database_url).database_url) as state:
            yield state

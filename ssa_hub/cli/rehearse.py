"""``ssa-hub rehearse``: what each partner would have received under a draft agreement or another posture.

Works on the hub's data while it runs, or while it does not, and changes nothing. Who runs the hub has all records
anyway, so both sides of every conjunction are decided on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, Warehouse

if TYPE_CHECKING:
    from ssa_hub.sharing.rehearsing import Period, Rehearsed, Rehearser

rehearse = typer.Typer(help="What partners would have received under other rules.", no_args_is_help=True)


class Form(StrEnum):
    """Forms of the report."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


_From = Annotated[
    str | None, typer.Option("--from", help="Records received from this UTC on; default: 30 days before the end.")
]
_To = Annotated[str | None, typer.Option("--to", help="Records received before this UTC; default: until now.")]
_Form = Annotated[Form, typer.Option("--format", help="text for people, csv or json for programs.")]


@rehearse.command("agreement")
def rehearse_agreement(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The draft (docs/release.md).")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    received_from: _From = None,
    received_to: _To = None,
    form: _Form = Form.TEXT,
) -> None:
    """A draft agreement in the place of its originator's: what each partner would have received, more and less."""
    from ssa_hub.services.own_agreement import agreement_text

    def ask(rehearser: "Rehearser", period: "Period") -> "Rehearsed":
        return rehearser.agreement(None, agreement_text(file.read_bytes()), str(file), period)

    _run(ask, f"the draft {file}", data_dir, database_url, catalogue_url, warehouse, (received_from, received_to), form)


@rehearse.command("posture")
def rehearse_posture(
    new: Annotated[str, typer.Argument(help="peacetime, crisis or conflict.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    received_from: _From = None,
    received_to: _To = None,
    form: _Form = Form.TEXT,
) -> None:
    """Another posture: what each partner would have received, more and less, of every originator's records."""
    from ssa_hub.release.partner import Posture

    if new not in list(Posture):
        raise end_with(f"a posture is one of {', '.join(Posture)}, not {new!r}")

    def ask(rehearser: "Rehearser", period: "Period") -> "Rehearsed":
        return rehearser.posture(None, Posture(new), period)

    _run(ask, f"posture {new}", data_dir, database_url, catalogue_url, warehouse, (received_from, received_to), form)


def _run(
    ask: "Callable[[Rehearser, Period], Rehearsed]",
    what: str,
    data_dir: Path,
    database_url: str | None,
    catalogue_url: str | None,
    warehouse: str | None,
    bounds: tuple[str | None, str | None],
    form: Form,
) -> None:
    from ssa_hub.cli.rehearsal_report import csv_text, json_text, report_lines
    from ssa_hub.release.rehearsal import TooManyInstantsError
    from ssa_hub.sharing.rehearsing import BadPeriodError, Period

    instants = [_instant(text, option) for text, option in zip(bounds, ("--from", "--to"), strict=True)]
    with _rehearser(data_dir, database_url, catalogue_url, warehouse) as (rehearser, labels):
        try:
            rehearsed = ask(rehearser, Period(*instants))
        except (BadPeriodError, TooManyInstantsError) as error:
            raise end_with(str(error)) from None
    if form is Form.JSON:
        typer.echo(json_text(rehearsed))
    elif form is Form.CSV:
        typer.echo(csv_text(rehearsed), nl=False)
    else:
        for line in report_lines(rehearsed, what, labels):
            typer.echo(line)


def _instant(text: str | None, option: str) -> int | None:
    from schemas.timescales import parse_utc

    try:
        return None if text is None else parse_utc(text)
    except ValueError as error:
        raise end_with(f"{option}: {error}") from None


@contextmanager
def _rehearser(
    data_dir: Path, database_url: str | None, catalogue_url: str | None, warehouse: str | None
) -> "Iterator[tuple[Rehearser, dict[str, str]]]":
    """Over the hub's state and history; and what each label says, by label id."""
    from ssa_hub.cli.rehearsal_report import label_text
    from ssa_hub.history.store import History
    from ssa_hub.history.traffic import Traffic
    from ssa_hub.settings import settings_in
    from ssa_hub.sharing.policies import Policies
    from ssa_hub.sharing.rehearsing import Rehearser

    with existing_state(data_dir, database_url) as state:
        settings = settings_in(data_dir, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse)
        with History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as history:
            policies = Policies(state)
            labels = {label_id: label_text(label) for label_id, label in policies.rules().labels.items()}
            yield Rehearser(state, Traffic(history), policies), labels

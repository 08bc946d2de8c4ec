"""``ssa-hub withdraw`` and ``ssa-hub withdrawals``: for who runs the hub, on an originator's word."""

import re
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.acting import acting_user
from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, Warehouse

if TYPE_CHECKING:
    from ssa_hub.sharing.withdrawal_views import WithdrawalReport

withdrawals = typer.Typer(help="What originators have recalled, and who has confirmed it.", no_args_is_help=True)

_RECORD_ID, _SHA256 = re.compile("[0-9a-f]{32}", re.ASCII), re.compile("[0-9a-f]{64}", re.ASCII)


class Derived(StrEnum):
    """What becomes of conjunctions of withdrawn orbits."""

    FLAG = "flag"
    WITHDRAW = "withdraw"


def withdraw(
    originator: Annotated[str, typer.Argument(help="Whose records.")],
    reason: Annotated[str, typer.Option(help="Why, in one line.")],
    record: Annotated[list[str] | None, typer.Option(help="A record's id; may be given several times.")] = None,
    payload: Annotated[str | None, typer.Option(help="All of his that came with the payload of this SHA-256.")] = None,
    derived: Annotated[
        Derived, typer.Option(help="Conjunctions of withdrawn orbits: flagged, or withdrawn as well.")
    ] = Derived.FLAG,
    keep_reason: Annotated[
        bool, typer.Option("--keep-reason", help="Do not tell the reason to those who received the records.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
) -> None:
    """Recall an originator's records; a running hub follows at its next answer, and tells all who received them."""
    if (not record) == (payload is None):
        raise end_with("give either --record, once or several times, or --payload")
    for text, form in [*((one, _RECORD_ID) for one in record or ()), *([(payload, _SHA256)] if payload else [])]:
        if form.fullmatch(text) is None:
            raise end_with(f"{text!r} is no id: a record's has 32 hexadecimal digits, a payload's SHA-256 64")
    if not reason.strip():
        raise end_with("give a reason")
    with existing_state(data_dir, database_url) as state:
        from ssa_hub.history.archived_bodies import archived_bodies
        from ssa_hub.history.queries import HistoryQueries
        from ssa_hub.history.store import History
        from ssa_hub.settings import settings_in
        from ssa_hub.sharing.withdrawal_views import WithdrawalViews
        from ssa_hub.sharing.withdrawing import NotHisError, Recall, Withdrawing, WithdrawnAlreadyError

        settings = settings_in(data_dir, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse)
        recall = Recall(
            reason=reason,
            record_ids=tuple(record) if record else None,
            payload_sha256=payload,
            reason_to_recipients=not keep_reason,
            derived=derived.value,
        )
        with (
            History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as history,
            HistoryQueries(history) as queries,
        ):
            state.archive.read_with(partial(archived_bodies, history))
            try:
                number = Withdrawing(state, history, queries).withdraw(originator, recall, acting_user())
            except NotHisError:
                raise end_with(f"not all of it exists and is of {originator!r}; nothing was withdrawn") from None
            except WithdrawnAlreadyError:
                raise end_with("all of it is withdrawn already") from None
        _tell(WithdrawalViews(state).made(number))


@withdrawals.command("list")
def withdrawals_list(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = None) -> None:
    """Each withdrawal in one line, the last first."""
    with existing_state(data_dir, database_url) as state:
        from ssa_hub.sharing.withdrawal_views import WithdrawalViews

        views = WithdrawalViews(state)
        made = state.withdrawals.all()
        for withdrawal in made:
            report = views.report_of(withdrawal)
            recipients = len(report.recipients)
            typer.echo(
                f"{report.withdrawal_id}  {report.withdrawn_utc}  {report.originator}: {withdrawal.records:,} records, "
                f"{recipients - report.outstanding} of {recipients} recipients have confirmed"
            )
        if not made:
            typer.echo("nothing was withdrawn")


@withdrawals.command("show")
def withdrawals_show(
    withdrawal_id: Annotated[str, typer.Argument(help="The id that list prints.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """One withdrawal: its records, who received any of them, who was told and has confirmed when."""
    with existing_state(data_dir, database_url) as state:
        from ssa_hub.sharing.withdrawal_views import WithdrawalViews

        views = WithdrawalViews(state)
        withdrawal = views.find(withdrawal_id)
        if withdrawal is None:
            raise end_with(f"there is no withdrawal {withdrawal_id!r} (ssa-hub withdrawals list shows them)")
        _tell(views.report_of(withdrawal))


def _tell(report: "WithdrawalReport") -> None:
    reason = report.reason + ("" if report.reason_to_recipients else " (recipients are not told)")
    typer.echo(f"withdrawal  {report.withdrawal_id}")
    typer.echo(f"made        {report.withdrawn_utc} UTC by {report.withdrawn_by}, for {report.originator}")
    typer.echo(f"reason      {reason}")
    if report.payload_sha256 is not None:
        typer.echo(f"payload     {report.payload_sha256}")
    typer.echo(f"derived     {'withdrawn' if report.derived == Derived.WITHDRAW else 'flagged'}")
    typer.echo(f"screened    {'not yet' if report.screened_utc is None else f'{report.screened_utc} UTC'}")
    typer.echo(f"records     {len(report.record_ids):,}")
    for record_id in report.record_ids:
        typer.echo(f"            {record_id}")
    typer.echo(f"recipients  {len(report.recipients)}, {report.outstanding} outstanding")
    for recipient in report.recipients:
        told = "not told yet" if recipient.told_utc is None else f"told {recipient.told_utc}"
        confirmed = "not confirmed" if recipient.confirmed_utc is None else f"confirmed {recipient.confirmed_utc}"
        typer.echo(
            f"            {recipient.partner}: {recipient.records:,} records and {recipient.conjunctions:,} "
            f"conjunctions, {recipient.tear_lines:,} tear-lines by {', '.join(recipient.channels)}; {told}, {confirmed}"
        )

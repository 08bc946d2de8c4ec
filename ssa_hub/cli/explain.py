"""``ssa-hub explain``: why a partner sees a record or does not, for who runs the hub."""

import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, Warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssa_hub.release.explanation import Explanation

_WIDTH = 110


def explain(
    record_id: Annotated[str, typer.Argument(help="The record's id, 32 hexadecimal digits.")],
    partner: Annotated[str, typer.Argument(help="The partner.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
) -> None:
    """Why a partner sees a record or does not, under the rules of now, with each originator's reason."""
    import msgspec

    from schemas.timescales import now_tai_ns
    from ssa_hub.release.explanation import explain as explanation_of
    from ssa_hub.sharing.policies import Policies
    from ssa_hub.sharing.seen_records import KINDS

    with existing_state(data_dir, database_url) as state:
        state.archive.read_with(partial(_from_history, data_dir, database_url, catalogue_url, warehouse))
        rules = Policies(state).rules()
        about, entry = rules.partners.get(partner), state.recorded.get(record_id)
        if about is None:
            raise end_with(f"there is no partner {partner!r} (ssa-hub partners list shows who there is)")
        if entry is None:
            raise end_with(f"there is no record {record_id!r}")
        withdrawn = record_id in state.withdrawals.table().column("record_id").to_pylist()
        explanation = explanation_of(
            KINDS[entry.kind],
            msgspec.json.decode(entry.body),
            about,
            rules.agreements,
            rules.labels,
            posture=rules.posture,
            now_tai_ns=now_tai_ns(),
            policies=rules.security_policies,
        )
    for line in explained_lines(explanation, withdrawn=withdrawn):
        typer.echo(line)


def _from_history(
    data_dir: Path,
    database_url: str | None,
    catalogue_url: str | None,
    warehouse: str | None,
    kind: str,
    received_tai_ns: "Mapping[str, int]",
) -> dict[str, bytes]:
    """A body that is older than the feed's window: history is opened for it alone."""
    from ssa_hub.history.archived_bodies import archived_bodies
    from ssa_hub.history.store import History
    from ssa_hub.settings import settings_in

    settings = settings_in(data_dir, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse)
    with History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as history:
        return archived_bodies(history, kind, received_tai_ns)


def explained_lines(explanation: "Explanation", *, withdrawn: bool = False) -> list[str]:
    """An explanation as a person reads it. ``withdrawn``: the record was recalled, so nobody sees it."""
    from ssa_hub.release.record_decision import Outcome

    outcome = {
        Outcome.SEEN: "sees it",
        Outcome.EMBARGOED: f"does not see it yet: from {explanation.visible_from_utc} UTC on",
        Outcome.DENIED: "does not see it",
    }[explanation.outcome]
    if withdrawn:
        outcome = "does not see it: it was withdrawn; the rules alone would say as follows"
    lines = [
        f"record    {explanation.record_id} ({explanation.kind})",
        f"partner   {explanation.partner}: {outcome}",
        f"posture   {explanation.posture}, at {explanation.decided_at_utc} UTC",
    ]
    for part in explanation.parts:
        version = f", version {part.agreement_version}" if part.agreement_version else ""
        lines.append(f"{part.originator}: {'allows' if part.allowed else 'denies'} it ({part.code}{version})")
        lines.append(f"    {part.reason}")
    if explanation.outcome is not Outcome.DENIED:
        resolution = explanation.resolution or {}
        steps = ", ".join(f"{name} {step:g}" for name, step in resolution.items())
        withheld = ", ".join(explanation.withheld) or "nothing"
        lines += textwrap.wrap(withheld, _WIDTH, initial_indent="withheld  ", subsequent_indent=" " * 10)
        lines.append(f"in steps  {steps or 'none: exact'}")
    return lines

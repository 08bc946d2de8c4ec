"""Export jobs of a served hub: ordered by a partner, made by a worker's service on the hub's directory."""

from pathlib import Path
from typing import Any

import httpx

from ssa_hub.services.export_jobs import ExportService
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.export_desk import ExportLimits
from ssa_hub.sharing.exporting import Exporting
from tests.api.served_hub import ServedHub


def service_of(hub: ServedHub, *, limits: ExportLimits = ExportLimits(), **others: Any) -> ExportService:  # noqa: B008
    """A worker's service on the hub's directory: parts of one batch of one row."""
    exporting = Exporting(hub.hub.history, hub.hub.policies, Disclosures(hub.state, hub.clock), hub.clock, batch_rows=1)
    return ExportService(
        hub.state, exporting, directory_of(hub), "test", limits, clock_tai_ns=hub.clock, batches_a_part=1, **others
    )


def directory_of(hub: ServedHub) -> Path:
    """Where the hub keeps its exports."""
    return hub.hub.settings.data_dir / "exports"


def ordered(client: httpx.Client, **order: Any) -> str:
    """The id of a job that the client has ordered."""
    answer = client.post("/v1/exports", json={"kind": "elements", **order})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])

"""``GET /v1/screening`` and ``POST /v1/screening/cancel``: for the hub's operators only."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented
from ssa_hub.sharing.screening_state import NotAnOperatorError, ScreeningReport

router = APIRouter(prefix="/v1", dependencies=STRICT)


class Cancelled(msgspec.Struct, frozen=True):
    """How many runs were asked to end."""

    runs: int


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    return msgspec.json.schema_components([ScreeningReport, Cancelled], ref_template="#/components/schemas/{name}")[1]


def _not_for_you() -> ProblemError:
    return ProblemError(403, "not-a-steward", "For stewards of this hub only")


@router.get(
    "/screening",
    response_class=Response,
    responses={200: json_of("ScreeningReport", "How it stands"), **documented(401, 403, 422, 503)},
    summary="Screening runs under way, and the last ones",
)
def screening(used: Used, partner: Asking) -> Response:
    """For stewards: how far the run under way is, how long it may still take, and what the last one found.

    ``seconds_left`` is null as long as no honest estimate can be made.
    """
    try:
        report = used.screening.report(partner)
    except NotAnOperatorError:
        raise _not_for_you() from None
    return Response(msgspec.json.encode(report), headers=NOT_FOR_CACHES, media_type="application/json")


@router.post(
    "/screening/cancel",
    status_code=202,
    response_class=Response,
    responses={202: json_of("Cancelled", "Asked to end"), **documented(401, 403, 422, 503)},
    summary="End the screening run under way",
)
def cancel(used: Used, partner: Asking) -> Response:
    """For stewards: the run ends within a piece of its work, and is noted as failed, with who asked for it.

    The next one begins after ten minutes, or after the hub's pause between runs where that is longer.
    """
    try:
        cancelled = Cancelled(used.screening.cancel(partner))
    except NotAnOperatorError:
        raise _not_for_you() from None
    return Response(msgspec.json.encode(cancelled), 202, headers=NOT_FOR_CACHES, media_type="application/json")

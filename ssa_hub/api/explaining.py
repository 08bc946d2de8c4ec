"""``GET /v1/explain`` and ``GET /v1/health``."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import MEDIA_TYPE, NOT_FOR_CACHES, documented, not_found
from ssa_hub.services.health import HealthReport
from ssa_hub.sharing.explaining import Explained

router = APIRouter(prefix="/v1")


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    return msgspec.json.schema_components([Explained, HealthReport], ref_template="#/components/schemas/{name}")[1]


@router.get(
    "/explain",
    dependencies=STRICT,
    response_class=Response,
    responses={200: json_of("Explained", "The reasons"), **documented(401, 404, 422, 503)},
    summary="Why a partner sees a record or does not",
)
def explain(
    used: Used,
    partner: Asking,
    record_id: Annotated[str, Query(pattern="^[0-9a-f]{32}$", description="the record asked about")],
    about: Annotated[
        str | None, Query(alias="partner", max_length=200, description="the partner asked about; default: you")
    ] = None,
) -> Response:
    """For the record's originator (of a conjunction: of both orbits), a steward, and about yourself what you see.

    Give the id that you are shown: your own pseudonym of a record that you see in part. ``withdrawn``: its originator
    has recalled it. Everybody else gets the answer of a record that does not exist.
    """
    answer = used.explainer.explain(partner, record_id, partner.name if about is None else about)
    if answer is None:
        raise not_found()
    headers = {"SSA-Policy-Version": answer.explained.policy_version, **NOT_FOR_CACHES}
    body = msgspec.json.encode(answer.explained)
    used.disclosures.record(answer.disclosures)
    return Response(body, headers=headers, media_type="application/json")


@router.get(
    "/health",
    response_class=Response,
    responses={
        200: json_of("HealthReport", "Every part works"),
        **documented(),
        503: {
            **json_of("HealthReport", "Some part does not work, or the hub cannot look just now"),
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/HealthReport"}},
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        },
    },
    summary="Whether the hub can do its work",
)
async def health(used: Used) -> Response:
    """Needs no key, and tells nothing of what the hub holds."""
    report = await used.health.report()
    status = 200 if report.status == "ok" else 503
    return Response(msgspec.json.encode(report), status, media_type="application/json")

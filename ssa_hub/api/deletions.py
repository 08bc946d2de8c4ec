"""``GET /v1/deletions`` and ``/proof``: what was deleted of one's own records, and the proof of a record."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented
from ssa_hub.release.deletion_proof import DeletionProof
from ssa_hub.sharing.deletion_views import OwnDeletions

router = APIRouter(prefix="/v1/deletions", dependencies=STRICT)


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    answers = [OwnDeletions, DeletionProof]
    return msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")[1]


@router.get(
    "",
    response_class=Response,
    responses={200: json_of("OwnDeletions", "Your deletions"), **documented(401, 422, 503)},
    summary="What was deleted of your records",
)
def mine(used: Used, partner: Asking) -> Response:
    """Each deletion that your agreement demanded, oldest first: when, how many records, root and signature."""
    return Response(
        msgspec.json.encode(used.deletions.of(partner)), headers=NOT_FOR_CACHES, media_type="application/json"
    )


@router.get(
    "/proof",
    response_class=Response,
    responses={200: json_of("DeletionProof", "The record was deleted"), **documented(401, 404, 422, 503)},
    summary="The proof that a record of yours was deleted",
)
def proof(
    used: Used,
    partner: Asking,
    record_id: Annotated[str, Query(min_length=1, max_length=128, description="the record's id")],
) -> Response:
    """Under the root that is signed and chained; ssa-hub deletions verify checks it. 404: it is in none of yours."""
    found = used.deletions.proof(partner, record_id)
    if found is None:
        raise ProblemError(404, "not-found", "Not found", "No finished deletion of yours has that record.")
    return Response(msgspec.json.encode(found), headers=NOT_FOR_CACHES, media_type="application/json")

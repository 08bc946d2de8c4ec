"""Partners' pushes: a message comes in, a receipt goes out once it is durable.

``POST /v1/elements`` and ``POST /v1/messages`` are one: what came is recognised by its content.
"""

from contextlib import nullcontext
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from connectors.payload import Payload, Provenance
from schemas.labels import Label
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.api.access import Asking, Used
from ssa_hub.api.bodies import read_body
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import documented
from ssa_hub.api.sent_labels import PARAMETER, read_label

MAX_BODY_BYTES = 256 * 2**20

# A record with no label is never released, except to its own originator: no clearance speaks of this policy.
UNLABELLED = Label(policy="", classification="")

router = APIRouter(prefix="/v1", dependencies=STRICT)

_DESCRIBED: dict[str, Any] = {
    "parameters": [PARAMETER],
    "requestBody": {
        "required": True,
        "description": (
            "TLE, 2LE, 3LE, OMM (KVN, XML, JSON, CSV), CDM (KVN, XML, JSON, CSV), OEM, OCM (KVN, XML) or MEME, "
            "gzip or not; recognised by its content. Both endpoints take them all"
        ),
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    },
}
_ACCEPTED: dict[str, Any] = {
    "description": "Durable. Records that were refused are told in `refusals` and kept in quarantine",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}},
}


@router.post(
    "/messages",
    status_code=202,
    response_class=Response,
    responses={202: _ACCEPTED, **documented(401, 413, 422, 503)},
    openapi_extra=_DESCRIBED,
    summary="Push messages of any kind",
)
@router.post(
    "/elements",
    status_code=202,
    response_class=Response,
    responses={202: _ACCEPTED, **documented(401, 413, 422, 503)},
    openapi_extra=_DESCRIBED,
    summary="Push element sets",
)
async def push_elements(
    request: Request,
    used: Used,
    partner: Asking,
    data_mode: Annotated[DataMode | None, Query(description="default: the hub's own")] = None,
    ssa_label: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Take in what you send; you are its originator. Answered when it is durable; sending it again adds nothing."""
    label = UNLABELLED if ssa_label is None else read_label(ssa_label)
    intake = used.ingest.intake
    with intake.room() if intake is not None else nullcontext() as room:
        data = await read_body(request, MAX_BODY_BYTES, room.take if room is not None else lambda size: None)
        if intake is not None:
            intake.check()  # reading may have taken minutes
        receipt = await used.ingest.accept_held(
            Payload(
                provenance=Provenance(
                    source=f"push:{partner.name}",
                    originator=partner.name,
                    data_mode=data_mode or used.data_mode,
                    label=label,
                ),
                data=data,
                location=f"push by {partner.name}",
                retrieved_tai_ns=now_tai_ns(),
                media_type=request.headers.get("content-type"),
            )
        )
    return Response(msgspec.json.encode(receipt), 202, media_type="application/json")

"""Partners' pushes: a message comes in, a receipt goes out once it is durable."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from connectors.payload import Payload, Provenance
from schemas.labels import Label
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.api.access import Asking, Used
from ssa_hub.api.problems import ProblemError, documented, invalid

MAX_BODY_BYTES = 256 * 2**20

# A record with no label is never released, except to its own originator: no clearance speaks of this policy.
UNLABELLED = Label(policy="", classification="")

router = APIRouter(prefix="/v1")

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "TLE, 2LE, 3LE or OMM (KVN, XML, JSON, CSV), gzip or not; recognised by its content",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    }
}
_ACCEPTED: dict[str, Any] = {
    "description": "Durable. Records that were refused are told in `refusals` and kept in quarantine",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}},
}


async def _body(request: Request) -> bytes:
    """The request's body. Raises a 413 problem beyond the limit, 400 where there is none."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise ProblemError(413, "too-large", "Too large", f"At most {MAX_BODY_BYTES} bytes in one push.")
        parts.append(part)
    if not size:
        raise ProblemError(400, "empty", "Nothing to read", "The body is empty.")
    return b"".join(parts)


@router.post(
    "/elements",
    status_code=202,
    response_class=Response,
    responses={202: _ACCEPTED, **documented(400, 401, 413, 422, 503)},
    openapi_extra=_BODY,
    summary="Push element sets",
)
async def push_elements(
    request: Request,
    used: Used,
    partner: Asking,
    data_mode: Annotated[DataMode | None, Query(description="default: the hub's own")] = None,
    ssa_label: Annotated[
        str | None,
        Header(
            max_length=8_000,
            description='label as JSON: {"policy": "…", "classification": "…", "categories": '
            '[{"tag_name": "…", "type": "PERMISSIVE", "values": ["…"]}]}; without one, nobody but you sees the records',
        ),
    ] = None,
) -> Response:
    """Take in what you send; you are its originator. Answered when it is durable; sending it again adds nothing."""
    label = UNLABELLED
    if ssa_label is not None:
        try:
            label = msgspec.json.decode(ssa_label.encode("latin-1", "replace"), type=Label).canonical()
        except (msgspec.DecodeError, ValueError) as error:
            raise invalid(f"not a label: {error}", "ssa-label") from error
    receipt = await used.ingest.accept(
        Payload(
            provenance=Provenance(
                source=f"push:{partner.name}",
                originator=partner.name,
                data_mode=data_mode or used.data_mode,
                label=label,
            ),
            data=await _body(request),
            location=f"push by {partner.name}",
            retrieved_tai_ns=now_tai_ns(),
            media_type=request.headers.get("content-type"),
        )
    )
    return Response(msgspec.json.encode(receipt), 202, media_type="application/json")

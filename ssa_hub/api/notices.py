"""``GET /v1/notices`` and ``POST /v1/notices/{notice_id}/confirm``: what the hub tells a partner by himself."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Response

from schemas.records import DataMode
from ssa_hub.api.access import Asking, Used
from ssa_hub.api.formats import TABLE_FORMATS, Format, choose_format
from ssa_hub.api.parameters import STRICT, Accept, Mode
from ssa_hub.api.problems import NOT_FOR_CACHES, documented, invalid, not_found
from ssa_hub.sharing.notices import Confirmation, Notice, ShownNotice
from ssa_hub.sharing.withdrawal_notice import WithdrawalNotice

router = APIRouter(prefix="/v1", dependencies=STRICT)

_NOTICE_ID = "^[0-9a-f]{32}$"
_FORMATS = tuple(form for form in TABLE_FORMATS if form in (Format.JSON, Format.NDJSON))
_LIST: dict[str, Any] = {
    "type": "object",
    "required": ["data_mode", "next", "items"],
    "additionalProperties": False,
    "properties": {
        "data_mode": {"enum": list(DataMode)},
        "next": {"type": ["string", "null"], "description": "`after` of the next page, null on the last"},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Notice"}},
    },
}
_OK: dict[str, Any] = {
    "description": "Your notices, in the order in which they fell due",
    "content": {
        "application/json": {"schema": _LIST},
        "application/x-ndjson": {"schema": {"type": "string"}},
    },
}


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    schemas = msgspec.json.schema_components(
        [Confirmation, WithdrawalNotice], ref_template="#/components/schemas/{name}"
    )[1]
    return {**schemas, "Notice": _notice_schema()}


def _notice_schema() -> dict[str, Any]:
    text = {"type": "string"}
    properties = {
        "notice_id": {**text, "pattern": _NOTICE_ID, "description": "for confirming it"},
        "kind": {"enum": ["tear-line", "withdrawal"]},
        "data_mode": {"enum": list(DataMode)},
        "confirmed_utc": {"type": ["string", "null"], "description": "when you confirmed it first"},
        "withdrawal": {
            "anyOf": [{"$ref": "#/components/schemas/WithdrawalNotice"}, {"type": "null"}],
            "description": "what was withdrawn; null for a tear-line",
        },
        "tear_line": {
            "type": ["object", "null"],
            "description": "a bounded statement about a close approach to an object of yours; null for a withdrawal",
        },
    }
    return {
        "type": "object",
        "description": ShownNotice.__doc__,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@router.get(
    "/notices",
    response_class=Response,
    responses={200: _OK, **documented(401, 406, 422, 503)},
    summary="What the hub tells you by yourself",
)
def notices(
    used: Used,
    partner: Asking,
    data_mode: Mode = None,
    after: Annotated[
        Annotated[str, Query(pattern=_NOTICE_ID, json_schema_extra={"format": "notice-id"})] | None,
        Query(description="go on after this notice of yours"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="notices on one page")] = 100,
    form: Annotated[Literal["json", "ndjson"] | None, Query(alias="format", description="goes before Accept")] = None,
    accept: Accept = None,
) -> Response:
    """Withdrawals of what you have received, and tear-lines about objects of yours. The stream sends them, too.

    Reading one is being told: its originator sees when that was first. Confirm each that asks for it.
    """
    chosen = choose_format(None if form is None else Format(form), accept, _FORMATS)
    mode = data_mode or used.data_mode
    place = None
    if after is not None and (place := used.notices.number(partner, after)) is None:
        raise invalid("not the id of a notice that was sent to you; start without it", "after")
    found = used.notices.visible(partner, after=place, data_mode=mode, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    used.notices.tell(partner, shown)
    headers = {"SSA-Data-Mode": mode.value, "Vary": "Accept", **NOT_FOR_CACHES}
    if chosen is Format.NDJSON:
        lines = b"".join(notice.data() + b"\n" for notice in shown)
        return Response(lines, headers=headers, media_type="application/x-ndjson")
    return Response(_page(shown, mode, more), headers=headers, media_type="application/json")


def _page(shown: list[Notice], mode: DataMode, more: bool) -> bytes:
    items = tuple(notice.shown() for notice in shown)
    following = shown[-1].shown_id if more else None
    return msgspec.json.encode({"data_mode": mode.value, "next": following, "items": items})


@router.post(
    "/notices/{notice_id}/confirm",
    response_class=Response,
    responses={
        200: {
            "description": "Confirmed",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Confirmation"}}},
        },
        **documented(401, 404, 422, 503),
    },
    summary="Confirm a notice",
)
def confirm(
    used: Used,
    partner: Asking,
    notice_id: Annotated[str, Path(pattern=_NOTICE_ID, description="the notice that you were sent")],
) -> Response:
    """Say that you have done what the notice asks. Confirming again changes nothing: the first time counts."""
    confirmation = used.notices.confirm(partner, notice_id)
    if confirmation is None:
        raise not_found("There is no such notice for you.")
    return Response(msgspec.json.encode(confirmation), headers=NOT_FOR_CACHES, media_type="application/json")

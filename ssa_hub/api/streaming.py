"""``GET /v1/stream``: server-sent events with resumable ids."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from ssa_hub.api.access import Asking, Token, Used
from ssa_hub.api.parameters import STRICT, Mode
from ssa_hub.api.problems import ProblemError, documented, invalid
from ssa_hub.sharing.stream import EventTooOldError, UnknownEventError

router = APIRouter(prefix="/v1", dependencies=STRICT)

_EVENT = {
    "type": "object",
    "description": "one event",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "send it as Last-Event-ID to go on after this event"},
        "event": {
            "enum": ["begun", "elements", "conjunctions", "tear-line", "withdrawal"],
            "description": "the kind; begun: only a place; tear-line, withdrawal: a notice to you",
        },
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"type": "object"},
            "description": "a record as in its listing, with policy_version; a notice as in its listing; begun: {}",
        },
        "retry": {"type": "integer", "description": "ms to wait before connecting again"},
    },
}
_TOO_OLD = (
    "records that came after that event are older than the stream's window: read them from the listings or an export"
    " (those received since), then begin anew without Last-Event-ID"
)
_EVENTS = {"description": "Server-sent events", "content": {"text/event-stream": {"schema": _EVENT}}}


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: _EVENTS, **documented(401, 410, 422, 503)},
    summary="Records as they become yours to see",
)
async def stream(
    used: Used,
    partner: Asking,
    token: Token,
    kind: Annotated[
        list[Literal["elements", "conjunctions", "notices"]] | None, Query(description="default: all of them")
    ] = None,
    data_mode: Mode = None,
    last_event_id: Annotated[
        Annotated[str, Header(max_length=2_000, json_schema_extra={"format": "event-id"})] | None,
        Header(description="go on after this event; sent by browsers by themselves"),
    ] = None,
    last: Annotated[
        int | None, Query(ge=0, le=100_000, description="end after so many events instead of waiting for more")
    ] = None,
    wait_s: Annotated[
        float | None, Query(ge=0, le=86_400, description="end when nothing new has come for so long, s")
    ] = None,
    from_beginning: Annotated[
        bool, Query(description="start with the oldest that the stream keeps, not with now")
    ] = False,
) -> StreamingResponse:
    """Every record once it is released to you, at least once, in the order in which they become visible.

    An embargoed record comes when its delay is over. Notices (tear-lines, withdrawals of what you have received) come
    too; one that you were never sent comes wherever you go on. Reconnect with ``Last-Event-ID`` and nothing is lost.
    Who stays away for longer than the stream's window (400 days unless the hub says otherwise) is answered 410.
    """
    kinds = tuple(dict.fromkeys(kind or ["elements", "conjunctions", "notices"]))
    mode = data_mode or used.data_mode
    try:
        start = await used.stream.start(
            partner, last_event_id, from_beginning=from_beginning, data_mode=mode, kinds=kinds
        )
    except UnknownEventError as error:
        raise invalid("not the id of an event that was sent to you; start without it", "last-event-id") from error
    except EventTooOldError as error:
        raise ProblemError(410, "gone", "Older than what the stream keeps", _TOO_OLD) from error
    events = used.stream.events(
        lambda: used.keys.partner_of(token or ""),
        start,
        kinds=kinds,
        data_mode=mode,
        most=last,
        wait_s=wait_s,
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)

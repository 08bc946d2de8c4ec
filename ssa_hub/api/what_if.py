"""``POST /v1/what-if``: conjunctions of hypothetical orbits, of which nothing is kept."""

import asyncio
import threading
from contextlib import suppress
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response

from schemas.timescales import format_utc
from ssa_hub.api.access import Asking, Services, Used
from ssa_hub.api.answers import rendered_response
from ssa_hub.api.bodies import read_body
from ssa_hub.api.descriptions import item_schema, listing_responses
from ssa_hub.api.formats import MEDIA_TYPES, TABLE_FORMATS, Format, choose_format, write_page
from ssa_hub.api.parameters import STRICT, Accept, Mode, TableFormatOnly, UtcText, instant
from ssa_hub.api.problems import ProblemError, documented
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.release.partner import Partner
from ssa_hub.services.finishing import finished_in_thread, left_in_thread
from ssa_hub.sharing.candidates import BODY_BYTES_MAX, UnusableBodyError
from ssa_hub.sharing.page import Page
from ssa_hub.sharing.utc import with_utc_columns
from ssa_hub.sharing.what_if import (
    HOURS_MAX,
    HOURS_MIN,
    THRESHOLD_KM_MAX,
    THRESHOLD_KM_MIN,
    Answer,
    BusyError,
    GivenUpError,
    Question,
    TooLongError,
    WhatIf,
)
from ssa_hub.sharing.what_if_records import WHAT_IF, WHAT_IF_ALWAYS
from ssa_hub.state.failures import StateUnavailableError

router = APIRouter(prefix="/v1", dependencies=STRICT)

log_event = structlog.get_logger("api")

_NAME = "HypotheticalConjunction"
_TEXT = {"type": "string"}
_NULLABLE_TEXT = {"type": ["string", "null"]}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "OEM, OCM, MEME, TLE or OMM in any encoding, gzip or not; recognised by its content",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    },
}


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of a hypothetical conjunction, and of what was left out."""
    left_out = {
        "candidate": {"type": ["integer", "null"], "description": "the orbit of the body that is meant, from 1"},
        "object_id": {**_NULLABLE_TEXT, "description": "the object whose orbit is meant"},
        "originator": {**_NULLABLE_TEXT, "description": "who made that orbit"},
        "reason": {**_TEXT, "description": "why it was not screened"},
        "from_utc": {**_TEXT, "description": "from when on, UTC"},
        "until_utc": {**_NULLABLE_TEXT, "description": "until when, UTC; null: to the window's end"},
    }
    return {
        _NAME: item_schema(WHAT_IF, WHAT_IF_ALWAYS),
        "LeftOut": {
            "type": "object",
            "properties": left_out,
            "required": list(left_out),
            "additionalProperties": False,
        },
    }


def _responses() -> dict[int | str, dict[str, Any]]:
    """As of a listing; the JSON body says more, and there are no pages."""
    responses = listing_responses(_NAME, TABLE_FORMATS)
    answer = responses[200]
    page = answer["content"][MEDIA_TYPES[Format.JSON]]["schema"]
    more = {
        "start_utc": {**_TEXT, "description": "the window's start, UTC"},
        "stop_utc": {**_TEXT, "description": "the window's end, UTC"},
        "threshold_km": {"type": "number", "description": "up to which miss distance, km"},
        "candidates": {"type": "integer", "description": "orbits in the body"},
        "objects": {"type": "integer", "description": "orbits that they were screened against"},
        "left_out": {"type": "array", "items": {"$ref": "#/components/schemas/LeftOut"}},
    }
    properties = {name: schema for name, schema in page["properties"].items() if name not in ("next", "items")}
    properties |= more | {"items": page["properties"]["items"]}
    answer["content"][MEDIA_TYPES[Format.JSON]]["schema"] = {
        **page,
        "properties": properties,
        "required": list(properties),
    }
    answer["headers"] = {
        name: schema for name, schema in answer["headers"].items() if name not in ("SSA-Next-Cursor", "Link")
    } | {
        "SSA-Window": {"schema": _TEXT, "description": "the window, UTC, start/stop"},
        "SSA-Left-Out": {"schema": _TEXT, "description": "how many orbits were not screened, or not all the time"},
    }
    return {**responses, **documented(401, 406, 413, 422, 429, 503, 504)}


@router.post(
    "/what-if",
    response_class=Response,
    responses=_responses(),
    openapi_extra=_BODY,
    summary="Conjunctions of hypothetical orbits",
)
async def what_if(
    request: Request,
    used: Used,
    partner: Asking,
    object_id: Annotated[
        Annotated[str, Query(max_length=300, pattern=r"^[^\x00-\x1f]+$")] | None,
        Query(description="the hub's id of the object that the orbits stand for: they are no pair with it"),
    ] = None,
    data_mode: Mode = None,
    start: UtcText = None,
    hours: Annotated[float | None, Query(ge=HOURS_MIN, le=HOURS_MAX, description="length of the window, h")] = None,
    threshold_km: Annotated[
        float | None,
        Query(ge=THRESHOLD_KM_MIN, le=THRESHOLD_KM_MAX, description="up to this miss distance; default: the hub's own"),
    ] = None,
    format_: TableFormatOnly = None,
    accept: Accept = None,
) -> Response:
    """Screen a planned manoeuvre: each orbit in the body against the orbits whose conjunctions are released to you.

    Nothing is kept: neither what you send, nor the answer. One at a time for each partner. Results are screening,
    never advice to manoeuvre.
    """
    chosen = choose_format(format_, accept, TABLE_FORMATS)
    question = Question(data_mode or used.data_mode, object_id, instant(start, "start"), hours, threshold_km)
    try:
        with used.what_if.turn(partner):
            data = await read_body(request, BODY_BYTES_MAX)
            answer = await _answered(request, used.what_if, partner, data, question)
            return await finished_in_thread(_response, answer, chosen, used)
    except BusyError:
        raise ProblemError(
            429, "busy", "One what-if at a time", "Your last one is still under way.", Retry_After="5"
        ) from None


async def _answered(request: Request, asked: WhatIf, partner: Partner, data: bytes, question: Question) -> Answer:
    """The answer, computed in a thread, which is told to end when the client goes away."""
    given_up = threading.Event()
    computing = asyncio.ensure_future(left_in_thread(asked.answer, partner, data, question, given_up.is_set))
    watching = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({computing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not computing.done():
            given_up.set()
        return await computing
    except GivenUpError:
        raise ProblemError(400, "cut-off", "Cut off", "Nobody waits for the answer.") from None
    except UnusableBodyError as error:
        told = tuple({"field": field, "message": message} for field, message in error.errors)
        problem = ProblemError(422, "invalid-body", "The body is no orbit that can be screened")
        problem.problem = msgspec.structs.replace(problem.problem, errors=told)
        raise problem from None
    except TooLongError:
        raise ProblemError(
            504, "too-long", "It took too long", "Ask for fewer hours, fewer orbits or a smaller threshold."
        ) from None
    except (StateUnavailableError, HistoryUnavailableError):
        raise
    except Exception as error:
        # Its text and its traceback may say what was sent: neither must get into a log.
        log_event.error("what-if failed", error=type(error).__name__)
        raise ProblemError(500, "internal", "The hub made a mistake") from None
    finally:
        given_up.set()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _gone(request: Request) -> None:
    """Return when the client has gone away. Its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(answer: Answer, chosen: Format, used: Services) -> Response:
    window = answer.window
    start_utc, stop_utc = format_utc(window.start_tai_ns, 6), format_utc(window.stop_tai_ns, 6)
    headers = {
        "SSA-Policy-Version": answer.policy_version,
        "SSA-Data-Mode": answer.data_mode,
        "SSA-Window": f"{start_utc}/{stop_utc}",
        "SSA-Left-Out": str(len(answer.left_out)),
    }
    if chosen is Format.JSON:
        body = msgspec.json.encode(
            {
                "policy_version": answer.policy_version,
                "data_mode": answer.data_mode,
                "start_utc": start_utc,
                "stop_utc": stop_utc,
                "threshold_km": window.threshold_km,
                "candidates": answer.candidates,
                "objects": answer.objects,
                "left_out": answer.left_out,
                "items": with_utc_columns(answer.records).to_pylist(),
            }
        )
    else:
        body = write_page(Page(answer.records, answer.policy_version, answer.data_mode, None), "what-if", chosen)
    return rendered_response(body, MEDIA_TYPES[chosen], headers, used, answer.disclosures)

"""``POST /v1/rehearsals``: what each partner would have received under a draft agreement or another posture."""

from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.timescales import format_utc
from ssa_hub.api.access import Asking, Used
from ssa_hub.api.agreements import BODY_BYTES_MAX, not_yours, refused
from ssa_hub.api.bodies import read_body
from ssa_hub.api.formats import MEDIA_TYPES, TABLE_FORMATS, Format, choose_format
from ssa_hub.api.parameters import STRICT, Accept, TableFormatOnly, instant
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented, invalid
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.rehearsal import EFFECTS_SCHEMA, SUMS_SCHEMA, TooManyInstantsError
from ssa_hub.sharing.places import TooManyAtOnceError
from ssa_hub.sharing.posture import NotEntitledError
from ssa_hub.sharing.rehearsing import BadPeriodError, NotYoursError, Period, Rehearsed, Rehearser

router = APIRouter(prefix="/v1", dependencies=STRICT)

_FILE = "agreement.toml"
_TYPES = {pa.string(): "string", pa.int64(): "integer", pa.bool_(): "boolean"}


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to rehearse: an agreement's TOML text, or a posture; over what was received within the period, UTC."""

    agreement: str | None = None
    posture: Posture | None = None
    received_from: str | None = None
    received_to: str | None = None


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the question, and of an effect and a sum in the answer."""
    question = msgspec.json.schema_components([Question], ref_template="#/components/schemas/{name}")[1]
    renamed = {("RehearsalQuestion" if name == "Question" else name): schema for name, schema in question.items()}
    return {
        **renamed,
        "RehearsalEffect": _schema_of(EFFECTS_SCHEMA),
        "RehearsalSum": _schema_of(SUMS_SCHEMA),
    }


def _schema_of(schema: pa.Schema) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in schema:
        if pa.types.is_list(field.type):
            properties[field.name] = {"type": "array", "items": {"type": "string"}}
        else:
            name = _TYPES[field.type]
            properties[field.name] = {"type": [name, "null"] if field.nullable else name}
    return {"type": "object", "properties": properties, "required": schema.names, "additionalProperties": False}


def _responses() -> dict[int | str, dict[str, Any]]:
    text = {"type": "string"}
    body = {
        "received_from_utc": {**text, "description": "the period's first instant, UTC"},
        "received_to_utc": {**text, "description": "the first instant after it, UTC"},
        "rehearsed_at_utc": {**text, "description": "what was visible by then counts as received, UTC"},
        "remarks": {"type": "array", "items": text, "description": "names in the draft that nobody has"},
        "sums": {"type": "array", "items": {"$ref": "#/components/schemas/RehearsalSum"}},
        "effects": {"type": "array", "items": {"$ref": "#/components/schemas/RehearsalEffect"}},
    }
    page = {"type": "object", "properties": body, "required": list(body), "additionalProperties": False}
    schemas: dict[Format, Any] = {Format.JSON: page, Format.ARROW: {}, Format.PARQUET: {}}
    content = {MEDIA_TYPES[form].split(";")[0]: {"schema": schemas.get(form, text)} for form in TABLE_FORMATS}
    answer = {"description": "The effects; in JSON their sums too", "content": content}
    return {200: answer, **documented(401, 403, 406, 413, 422, 429, 503)}


@router.post(
    "/rehearsals",
    response_class=Response,
    responses=_responses(),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "an agreement of your own or a posture, one of the two, and a period of reception",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RehearsalQuestion"}}},
        }
    },
    summary="What partners would have received under other rules",
)
async def rehearsals(
    request: Request, used: Used, partner: Asking, format_: TableFormatOnly = None, accept: Accept = None
) -> Response:
    """Rehearse a draft of your agreement over recorded traffic, or, as a steward or with the role posture, a posture.

    Nothing is changed. Of a conjunction with another's orbit you are told what your own side allows, and only where
    you see that conjunction yourself.
    """
    chosen = choose_format(format_, accept, TABLE_FORMATS)
    data = await read_body(request, BODY_BYTES_MAX)
    try:
        question = msgspec.json.decode(data, type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(str(error), "body") from None
    if (question.agreement is None) == (question.posture is None):
        raise invalid("give either agreement or posture", "body")
    period = Period(instant(question.received_from, "received_from"), instant(question.received_to, "received_to"))
    return _response(await run_in_threadpool(_rehearsed, used.rehearser, partner, question, period), chosen)


def _rehearsed(rehearser: Rehearser, partner: Partner, question: Question, period: Period) -> Rehearsed:
    try:
        if question.agreement is not None:
            return rehearser.agreement(partner, question.agreement, _FILE, period)
        assert question.posture is not None  # noqa: S101 (one of the two is there)
        return rehearser.posture(partner, question.posture, period)
    except AgreementError as error:
        raise refused(error) from None
    except NotYoursError:
        raise not_yours() from None
    except NotEntitledError:
        detail = "Only stewards and partners with the role posture rehearse one."
        raise ProblemError(403, "not-entitled", "Not for you", detail) from None
    except (BadPeriodError, TooManyInstantsError) as error:
        raise invalid(str(error), "received_from") from None
    except TooManyAtOnceError:
        detail = "Your last one is still under way."
        raise ProblemError(429, "busy", "One rehearsal at a time", detail, Retry_After="5") from None


def _response(rehearsed: Rehearsed, chosen: Format) -> Response:
    headers = {"Vary": "Accept", **NOT_FOR_CACHES}
    return Response(RENDERED[chosen](rehearsed), headers=headers, media_type=MEDIA_TYPES[chosen])


def as_json(rehearsed: Rehearsed) -> bytes:
    """The whole answer as JSON."""
    return msgspec.json.encode(
        {
            "received_from_utc": format_utc(rehearsed.received_from_tai_ns, 6),
            "received_to_utc": format_utc(rehearsed.received_to_tai_ns, 6),
            "rehearsed_at_utc": format_utc(rehearsed.now_tai_ns, 6),
            "remarks": rehearsed.remarks,
            "sums": rehearsed.sums.to_pylist(),
            "effects": rehearsed.effects.to_pylist(),
        }
    )


def as_csv(rehearsed: Rehearsed) -> bytes:
    """The effects as CSV, the names in a list with blanks between them."""
    table = rehearsed.effects
    for index, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [" ".join(names) for names in table.column(index).to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    return bytes(sink.getvalue())


def _as_ndjson(rehearsed: Rehearsed) -> bytes:
    return msgspec.json.Encoder().encode_lines(rehearsed.effects.to_pylist())


def _as_arrow(rehearsed: Rehearsed) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, EFFECTS_SCHEMA) as writer:
        writer.write_table(rehearsed.effects)
    return bytes(sink.getvalue())


def _as_parquet(rehearsed: Rehearsed) -> bytes:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(rehearsed.effects, sink, compression="zstd")
    return bytes(sink.getvalue())


RENDERED: dict[Format, Callable[[Rehearsed], bytes]] = {
    Format.JSON: as_json,
    Format.NDJSON: _as_ndjson,
    Format.CSV: as_csv,
    Format.ARROW: _as_arrow,
    Format.PARQUET: _as_parquet,
}

"""Bulk exports: streamed as they are read, or made by the hub and fetched when they are complete."""

from collections.abc import Generator, Iterator
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from msgspec import Meta, structs
from starlette.concurrency import run_in_threadpool

from schemas.records import DataMode
from ssa_hub.api.access import Asking, Services, Token, Used
from ssa_hub.api.bodies import read_body
from ssa_hub.api.export_answers import BrokenOffError, ExportFile, ExportStream
from ssa_hub.api.parameters import (
    CATALOGUE_NUMBER_MAX,
    ID_LENGTH_MAX,
    IDS_MAX,
    NO_CONTROL,
    STRICT,
    CatalogueNumbers,
    Mode,
    ObjectIds,
    UtcText,
    instant,
)
from ssa_hub.api.problems import (
    NOT_FOR_CACHES,
    ProblemError,
    documented,
    invalid,
    not_found,
    unauthenticated,
    unavailable,
)
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.export_desk import NoRoomError, NotReadyError
from ssa_hub.sharing.export_formats import MEDIA_TYPES, ExportFormat, written
from ssa_hub.sharing.exporting import ExportAsked, ExportBasis, RulesChangedError
from ssa_hub.sharing.places import TooManyAtOnceError
from ssa_hub.state.export_jobs import NotEnrolledError, TooManyJobsError

router = APIRouter(prefix="/v1", dependencies=STRICT)

_BODY_BYTES_MAX = 1_000_000
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the job's id")]
Form = Annotated[ExportFormat, Query(alias="format", description="form of the file")]
_FILES: dict[str, Any] = {form.split(";")[0]: {"schema": {}} for form in MEDIA_TYPES.values()}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Every record released to you that is asked for", "content": _FILES},
    **documented(401, 422, 429, 503),
}


_ObjectId = Annotated[str, Meta(max_length=ID_LENGTH_MAX, pattern=NO_CONTROL)]
_CatalogueNumber = Annotated[int, Meta(ge=1, le=CATALOGUE_NUMBER_MAX)]


class ExportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is ordered: ranges of UTC text with both ends in them, of epochs (conjunctions: TCAs) and of reception."""

    kind: Literal["elements", "conjunctions"]
    format: ExportFormat = ExportFormat.PARQUET
    data_mode: DataMode | None = None
    object_ids: Annotated[list[_ObjectId], Meta(max_length=IDS_MAX)] | None = None
    catalogue_numbers: Annotated[list[_CatalogueNumber], Meta(max_length=IDS_MAX)] | None = None
    from_utc: str | None = None
    to_utc: str | None = None
    received_from_utc: str | None = None
    received_to_utc: str | None = None
    known_at_utc: str | None = None


class ExportStatus(msgspec.Struct, frozen=True):
    """How a job stands. ``fraction``: share of the objects, or of the time, that is done."""

    id: str
    status: Literal["queued", "running", "complete", "failed", "cancelled", "expired"]
    kind: str
    format: ExportFormat
    data_mode: DataMode
    fraction: float
    rows: int
    bytes: int | None
    sha256: str | None
    policy_version: str | None
    requested_utc: str
    as_of_utc: str | None
    finished_utc: str | None
    expires_utc: str | None
    failure: str | None
    content: str | None


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of an order and of a job."""
    return dict(
        msgspec.json.schema_components([ExportOrder, ExportStatus], ref_template="#/components/schemas/{name}")[1]
    )


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_JOB = {"$ref": "#/components/schemas/ExportStatus"}
_JOBS = {"type": "object", "properties": {"items": {"type": "array", "items": _JOB}}, "required": ["items"]}


def _selection(
    used: Used,
    object_id: ObjectIds = None,
    catalogue_number: CatalogueNumbers = None,
    data_mode: Mode = None,
    received_from: UtcText = None,
    received_to: UtcText = None,
    known_at: UtcText = None,
    format_: Form = ExportFormat.PARQUET,
) -> ExportAsked:
    """What the exports of every kind may be asked for; the kind is put in by whom it is of."""
    return ExportAsked(
        "elements", data_mode or used.data_mode, format_, _tuple(object_id), _tuple(catalogue_number),
        received_from_tai_ns=instant(received_from, "received_from"),
        received_to_tai_ns=instant(received_to, "received_to"),
        known_at_tai_ns=instant(known_at, "known_at"),
    )  # fmt: skip


Selected = Annotated[ExportAsked, Depends(_selection)]


@router.get("/elements/export", responses=_STREAM, response_class=StreamingResponse, summary="All element sets at once")
def export_elements(
    used: Used, partner: Asking, token: Token, selected: Selected, epoch_from: UtcText = None, epoch_to: UtcText = None
) -> StreamingResponse:
    """Every element set released to you, by object and epoch, in one answer. One that breaks off is not whole."""
    first, last = instant(epoch_from, "epoch_from"), instant(epoch_to, "epoch_to")
    return _streamed(used, partner, token, structs.replace(selected, from_tai_ns=first, to_tai_ns=last))


@router.get(
    "/conjunctions/export", responses=_STREAM, response_class=StreamingResponse, summary="All close approaches at once"
)
def export_conjunctions(
    used: Used, partner: Asking, token: Token, selected: Selected, tca_from: UtcText = None, tca_to: UtcText = None
) -> StreamingResponse:
    """Every close approach released to you, by TCA, in one answer. One that breaks off is not whole."""
    first, last = instant(tca_from, "tca_from"), instant(tca_to, "tca_to")
    asked = structs.replace(selected, kind="conjunctions", from_tai_ns=first, to_tai_ns=last)
    return _streamed(used, partner, token, asked)


def _tuple(values: Any) -> Any:
    return None if values is None else tuple(values)


def _streamed(used: Services, partner: Partner, token: str | None, asked: ExportAsked) -> ExportStream:
    basis = used.exports.basis(partner)
    pieces = _pieces(used, partner, token, asked, basis)
    try:
        first = next(pieces, b"")  # what fails until here is a problem document, later on only a broken connection
    except TooManyAtOnceError as error:
        raise _too_many_at_once(own=error.own) from None
    except BrokenOffError:
        raise unavailable("The rules changed while this began; ask again.") from None
    headers = {"SSA-Policy-Version": basis.policy_version, "SSA-Data-Mode": asked.data_mode.value, **NOT_FOR_CACHES}
    return ExportStream(first, pieces, headers=headers, media_type=MEDIA_TYPES[asked.format])


def _pieces(
    used: Services, partner: Partner, token: str | None, asked: ExportAsked, basis: ExportBasis
) -> Generator[bytes, None, None]:
    """The file. Raises TooManyAtOnceError first, BrokenOffError at any time."""

    def batches() -> Iterator[pa.Table]:
        for batch in used.exports.batches(partner, asked, basis):
            _check_key(used, partner, token)
            yield batch.records

    with used.export_places.one_more(partner.name):
        try:
            yield from written(batches(), asked.format, used.exports.empty(partner, asked, basis))
        except RulesChangedError as error:
            raise BrokenOffError(str(error)) from error


def _check_key(used: Services, partner: Partner, token: str | None) -> None:
    """Raise BrokenOffError where a key that was good when an answer began is none by now."""
    holder = used.keys.partner_of(token or "")
    if holder is None or holder.name != partner.name:
        raise BrokenOffError("the key is no longer good")


def _too_many_at_once(*, own: bool) -> ProblemError:
    if own:
        detail = "You are being sent as many exports as you may be at once; order one as a job, or ask when one ends."
        return ProblemError(429, "too-many-exports", "Too many exports", detail, Retry_After="60")
    detail = "The hub sends as many exports as it can at once; order one as a job, or ask later."
    return ProblemError(503, "unavailable", "The hub cannot do this just now", detail, Retry_After="60")


@router.post(
    "/exports",
    status_code=202,
    response_class=Response,
    responses={202: _json("Queued", _JOB), **documented(401, 413, 422, 429, 503)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ExportOrder"}}},
        }
    },
    summary="Order an export",
)
async def order_export(request: Request, used: Used, partner: Asking) -> Response:
    """Have an export made, which can be fetched in pieces when it is complete. Whatever is in it counts as released."""
    data = await read_body(request, _BODY_BYTES_MAX)
    try:
        order = msgspec.json.decode(data, type=ExportOrder)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(str(error), "body") from None
    names = ("from_utc", "to_utc", "received_from_utc", "received_to_utc", "known_at_utc")
    asked = ExportAsked(
        order.kind,
        order.data_mode or used.data_mode,
        order.format,
        _tuple(order.object_ids),
        _tuple(order.catalogue_numbers),
        *(instant(getattr(order, name), name) for name in names),
    )
    try:
        job = await run_in_threadpool(used.export_jobs.order, partner, asked)
    except TooManyJobsError:
        detail = "You have as many exports as you may have; delete one that you no longer need."
        raise ProblemError(429, "too-many-exports", "Too many exports", detail, Retry_After="60") from None
    except NotEnrolledError:
        raise unauthenticated("You are no longer a partner of this hub.") from None
    except NoRoomError:
        detail = "There is no room for another export just now."
        raise ProblemError(503, "unavailable", "The hub cannot do this just now", detail, Retry_After="600") from None
    headers = {"Location": f"/v1/exports/{job['id']}", **NOT_FOR_CACHES}
    return Response(msgspec.json.encode(job), 202, headers, "application/json")


@router.get(
    "/exports",
    response_class=Response,
    responses={200: _json("Your exports", _JOBS), **documented(401, 422, 503)},
    summary="Your exports",
)
def list_exports(used: Used, partner: Asking) -> Response:
    """The exports that you ordered, newest first."""
    return _answer({"items": used.export_jobs.jobs(partner)})


@router.get(
    "/exports/{job_id}",
    response_class=Response,
    responses={200: _json("The export", _JOB), **documented(401, 404, 422, 503)},
    summary="How an export stands",
)
def show_export(used: Used, partner: Asking, job_id: JobId) -> Response:
    """One export that you ordered."""
    job = used.export_jobs.job(partner, job_id)
    if job is None:
        raise not_found("You have no such export.")
    return _answer(job)


@router.delete(
    "/exports/{job_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "Given up"}, **documented(401, 404, 422, 503)},
    summary="Give an export up",
)
def delete_export(used: Used, partner: Asking, job_id: JobId) -> Response:
    """Cancel an export, or remove its content."""
    if not used.export_jobs.cancel(partner, job_id):
        raise not_found("You have no such export.")
    return Response(status_code=204, headers=NOT_FOR_CACHES)


_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file", "content": _FILES},
    206: {"description": "The part of the file that Range names", "content": _FILES},
    **documented(401, 404, 409, 410, 416, 422, 503),
}


@router.head("/exports/{job_id}/content", responses=_CONTENT, response_class=FileResponse, summary="Size and digest")
def head_content(used: Used, partner: Asking, token: Token, job_id: JobId) -> Response:
    """What GET would say of the file."""
    return _content(used, partner, token, job_id)


@router.get("/exports/{job_id}/content", responses=_CONTENT, response_class=FileResponse, summary="Fetch an export")
def get_content(used: Used, partner: Asking, token: Token, job_id: JobId) -> Response:
    """The file, or the part that ``Range`` names; ``If-Range`` with its ``ETag``. ``Repr-Digest`` is the file's."""
    return _content(used, partner, token, job_id)


def _content(used: Services, partner: Partner, token: str | None, job_id: str) -> Response:
    try:
        found = used.export_jobs.content(partner, job_id)
        size = None if found is None else found.path.stat()
    except NotReadyError as error:
        detail = f"It is {error}; ask for its status."
        raise ProblemError(409, "not-ready", "The export has no content", detail) from None
    except (RulesChangedError, FileNotFoundError):
        detail = "What it was made under has changed, or it has expired: order it again."
        raise ProblemError(410, "gone", "The export is no longer given out", detail) from None
    if found is None:
        raise not_found("You have no such export.")
    headers = {
        "ETag": f'"{found.content.sha256}"',
        "Repr-Digest": found.content.repr_digest,
        "SSA-Policy-Version": found.policy_version,
        "SSA-Data-Mode": found.data_mode,
        **NOT_FOR_CACHES,
    }

    def look() -> None:
        _check_key(used, partner, token)
        try:
            still = used.export_jobs.content(partner, job_id)
        except (RulesChangedError, NotReadyError) as error:
            raise BrokenOffError(f"an export is no longer given out: {error}") from error
        if still is None:
            raise BrokenOffError("an export is no longer given out")

    return ExportFile(found.path, look, headers=headers, media_type=MEDIA_TYPES[found.format], stat_result=size)


def _answer(body: Any) -> Response:
    return Response(msgspec.json.encode(body), headers=NOT_FOR_CACHES, media_type="application/json")

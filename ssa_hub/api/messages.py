"""Conjunction messages and ephemerides as their originators sent them: listings, and an ephemeris' files."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from schemas.message_records import CONJUNCTION_MESSAGE, EPHEMERIS
from schemas.records import Kind
from ssa_hub.api.access import Asking, Services, Used
from ssa_hub.api.answers import rendered_response
from ssa_hub.api.descriptions import item_schema, listing_responses, media_type_of
from ssa_hub.api.formats import MEDIA_TYPES, TABLE_FORMATS, Format, choose_format, write_page
from ssa_hub.api.listing import Listing
from ssa_hub.api.parameters import (
    STRICT,
    Accept,
    CatalogueNumbers,
    TableFormatOnly,
    UtcText,
    instant,
)
from ssa_hub.api.problems import documented, not_found
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.message_views import EphemerisFile
from ssa_hub.sharing.shown_rows import SHOWN_ALWAYS

router = APIRouter(prefix="/v1", dependencies=STRICT)

_FILE_FORMATS = (Format.NDJSON, Format.ARROW, Format.PARQUET)
FileFormat = Annotated[
    Literal[Format.NDJSON, Format.ARROW, Format.PARQUET] | None,
    Query(alias="format", description="form of the answer; goes before Accept"),
]
Designators = Annotated[
    list[Annotated[str, Query(max_length=300, pattern=r"^[^\x00-\x1f]*$")]] | None,
    Query(alias="object_designator", max_length=1_000, description="as messages designate the object; may be repeated"),
]
RecordId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the ephemeris, by the id that you are shown")]

_MESSAGES = listing_responses("ConjunctionMessage", TABLE_FORMATS, sidecar=True)
_EPHEMERIDES = listing_responses("Ephemeris", TABLE_FORMATS, sidecar=True)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All rows of the file",
        "content": {
            media_type_of(form): {"schema": {"type": "string"} if form is Format.NDJSON else {}}
            for form in _FILE_FORMATS
        },
        "headers": {
            "SSA-Policy-Version": {"schema": {"type": "string"}, "description": "the rules it was released under"},
            "SSA-Data-Mode": {"schema": {"type": "string"}, "description": "the data mode of the ephemeris"},
        },
    },
    **documented(401, 404, 406, 422, 503),
}


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the records in the listings."""
    return {
        "ConjunctionMessage": item_schema(CONJUNCTION_MESSAGE, _never_null(Kind.CONJUNCTION_MESSAGES)),
        "Ephemeris": item_schema(EPHEMERIS, _never_null(Kind.EPHEMERIDES)),
    }


def _never_null(kind: Kind) -> tuple[str, ...]:
    return tuple(SHOWN_ALWAYS[kind])


@router.get(
    "/conjunction-messages",
    responses=_MESSAGES,
    response_class=Response,
    summary="Conjunction messages as they were sent",
)
def conjunction_messages(
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    tca_from: UtcText = None,
    tca_to: UtcText = None,
    known_at: UtcText = None,
    format_: TableFormatOnly = None,
) -> Response:
    """Conjunction messages (CDM) that their originators release to you, by time of closest approach.

    An object named: one of the message's two. ``known_at``: only what the hub had by then.
    """
    chosen = asked.form(format_, TABLE_FORMATS)
    page = asked.used.messages.conjunction_messages(
        asked.partner,
        asked.selection(catalogue_number, known_at),
        tca_from_tai_ns=instant(tca_from, "tca_from"),
        tca_to_tai_ns=instant(tca_to, "tca_to"),
        after=asked.after("conjunction-messages", int, str),
        limit=asked.limit,
    )
    return asked.answer(page, "conjunction-messages", chosen)


@router.get("/ephemerides", responses=_EPHEMERIDES, response_class=Response, summary="Which ephemerides there are")
def ephemerides(
    asked: Listing,
    object_designator: Designators = None,
    usable_from: UtcText = None,
    usable_to: UtcText = None,
    known_at: UtcText = None,
    format_: TableFormatOnly = None,
) -> Response:
    """The index of ephemerides (OEM, OCM, MEME) that are released to you, by reception.

    ``usable_from`` and ``usable_to``: those that can be used at some instant in between. States are at
    ``/v1/ephemerides/{record_id}/states``.
    """
    chosen = asked.form(format_, TABLE_FORMATS)
    page = asked.used.messages.ephemerides(
        asked.partner,
        asked.selection(known_at=known_at),
        designators=object_designator,
        usable_from_tai_ns=instant(usable_from, "usable_from"),
        usable_to_tai_ns=instant(usable_to, "usable_to"),
        after=asked.after("ephemerides", int, str),
        limit=asked.limit,
    )
    return asked.answer(page, "ephemerides", chosen)


@router.get(
    "/ephemerides/{record_id}/states",
    responses=_FILE,
    response_class=Response,
    summary="All states of an ephemeris",
)
def ephemeris_states(
    used: Used, partner: Asking, record_id: RecordId, format_: FileFormat = None, accept: Accept = None
) -> Response:
    """Every state, exactly, by segment: km and km/s. For those who see every field of the ephemeris' index record."""
    return _file(used, partner, record_id, EphemerisFile.STATES, format_, accept)


@router.get(
    "/ephemerides/{record_id}/covariances",
    responses=_FILE,
    response_class=Response,
    summary="All covariances of an ephemeris",
)
def ephemeris_covariances(
    used: Used, partner: Asking, record_id: RecordId, format_: FileFormat = None, accept: Accept = None
) -> Response:
    """Every covariance: lower triangles of position and velocity, km and s. Not there where the ephemeris has none."""
    return _file(used, partner, record_id, EphemerisFile.COVARIANCES, format_, accept)


def _file(
    used: Services, partner: Partner, record_id: str, which: EphemerisFile, wanted: Format | None, accept: str | None
) -> Response:
    # JSON, which answers otherwise come in by default, is no form for a million states.
    chosen = choose_format(wanted, accept or "*/*", _FILE_FORMATS)
    page = used.messages.ephemeris_file(partner, record_id, which)
    if page is None:
        raise not_found()
    headers = {"SSA-Policy-Version": page.policy_version, "SSA-Data-Mode": page.data_mode}
    body = write_page(page, which.value, chosen)
    return rendered_response(body, MEDIA_TYPES[chosen], headers, used, page.disclosures)

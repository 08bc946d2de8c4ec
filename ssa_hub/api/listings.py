"""The listings: newest element sets, their history, objects, conjunctions.

With a sidecar the answer is a ZIP, whatever is accepted; what is in it goes by ``format=``.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from schemas.records import ELEMENT_SET, Kind
from ssa_hub.api.access import Asking, Used
from ssa_hub.api.answers import page_response
from ssa_hub.api.cursors import decode_cursor
from ssa_hub.api.descriptions import item_schema, listing_responses
from ssa_hub.api.formats import ELEMENT_FORMATS, TABLE_FORMATS, choose_format
from ssa_hub.api.parameters import (
    STRICT,
    Accept,
    CatalogueNumbers,
    Cursor,
    ElementFormat,
    Limit,
    Mode,
    ObjectIds,
    TableFormatOnly,
    UtcText,
    instant,
)
from ssa_hub.api.sidecar import Sidecar
from ssa_hub.sharing.shown_rows import SHOWN_ALWAYS, SHOWN_CONJUNCTION
from ssa_hub.sharing.views import OBJECT_FIELDS, Selection

router = APIRouter(prefix="/v1", dependencies=STRICT)

_ELEMENTS = listing_responses("ElementSet", ELEMENT_FORMATS, sidecar=True)
_OBJECTS = listing_responses("SpaceObject", TABLE_FORMATS, sidecar=True)
_CONJUNCTIONS = listing_responses("Conjunction", TABLE_FORMATS, sidecar=True)


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the records in the listings."""
    elements, conjunctions = SHOWN_ALWAYS[Kind.ELEMENTS], SHOWN_ALWAYS[Kind.DERIVED_CONJUNCTIONS]
    return {
        "ElementSet": item_schema(ELEMENT_SET, elements),
        "SpaceObject": item_schema(OBJECT_FIELDS, elements),
        "Conjunction": item_schema(SHOWN_CONJUNCTION, conjunctions),
    }


@router.get(
    "/elements",
    responses=_ELEMENTS,
    response_class=Response,
    summary="Newest element set of each object",
)
def elements(
    request: Request,
    used: Used,
    partner: Asking,
    object_id: ObjectIds = None,
    catalogue_number: CatalogueNumbers = None,
    data_mode: Mode = None,
    known_at: UtcText = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    format_: ElementFormat = None,
    accept: Accept = None,
    sidecar: Sidecar = False,
) -> Response:
    """The newest element set of each object among those released to you; ``known_at``: as it was known then.

    Sorted by object id. Newest is by epoch, then by reception. Epochs that an agreement coarsens select and sort as
    they are shown, here and in the other listings.
    """
    chosen = choose_format(format_, None if sidecar else accept, ELEMENT_FORMATS)
    page = used.views.newest_elements(
        partner,
        Selection(data_mode or used.data_mode, object_id, catalogue_number, instant(known_at, "known_at")),
        after=decode_cursor("elements", cursor, (str,)),
        limit=limit,
    )
    return page_response(page, "elements", chosen, request, used, partner, sidecar=sidecar)


@router.get("/elements/history", responses=_ELEMENTS, response_class=Response, summary="All element sets")
def elements_history(
    request: Request,
    used: Used,
    partner: Asking,
    object_id: ObjectIds = None,
    catalogue_number: CatalogueNumbers = None,
    data_mode: Mode = None,
    epoch_from: UtcText = None,
    epoch_to: UtcText = None,
    known_at: UtcText = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    format_: ElementFormat = None,
    accept: Accept = None,
    sidecar: Sidecar = False,
) -> Response:
    """Every element set released to you, by object and epoch; ``known_at``: only what the hub had by then."""
    chosen = choose_format(format_, None if sidecar else accept, ELEMENT_FORMATS)
    page = used.views.elements_history(
        partner,
        Selection(data_mode or used.data_mode, object_id, catalogue_number, instant(known_at, "known_at")),
        epoch_from_tai_ns=instant(epoch_from, "epoch_from"),
        epoch_to_tai_ns=instant(epoch_to, "epoch_to"),
        after=decode_cursor("history", cursor, (str, int, int, str)),
        limit=limit,
    )
    return page_response(page, "history", chosen, request, used, partner, sidecar=sidecar)


@router.get("/objects", responses=_OBJECTS, response_class=Response, summary="Objects and their names")
def objects(
    request: Request,
    used: Used,
    partner: Asking,
    object_id: ObjectIds = None,
    catalogue_number: CatalogueNumbers = None,
    data_mode: Mode = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    format_: TableFormatOnly = None,
    accept: Accept = None,
    sidecar: Sidecar = False,
) -> Response:
    """The objects of which at least one element set is released to you, as the newest of those describes them."""
    chosen = choose_format(format_, None if sidecar else accept, TABLE_FORMATS)
    page = used.views.objects(
        partner,
        Selection(data_mode or used.data_mode, object_id, catalogue_number, None),
        after=decode_cursor("objects", cursor, (str,)),
        limit=limit,
    )
    return page_response(page, "objects", chosen, request, used, partner, sidecar=sidecar)


@router.get("/conjunctions", responses=_CONJUNCTIONS, response_class=Response, summary="Close approaches")
def conjunctions(
    request: Request,
    used: Used,
    partner: Asking,
    object_id: ObjectIds = None,
    catalogue_number: CatalogueNumbers = None,
    data_mode: Mode = None,
    tca_from: UtcText = None,
    tca_to: UtcText = None,
    miss_distance_max_m: Annotated[float | None, Query(ge=0, le=1e9, description="at most so far apart, m")] = None,
    known_at: UtcText = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    format_: TableFormatOnly = None,
    accept: Accept = None,
    sidecar: Sidecar = False,
) -> Response:
    """Statements about close approaches, by time of closest approach.

    Both parents' originators must allow it. ``parent_withdrawn``: an orbit that it was found with has been recalled.
    Screening with SGP4 is screening: never advice to manoeuvre.
    """
    chosen = choose_format(format_, None if sidecar else accept, TABLE_FORMATS)
    page = used.views.conjunctions(
        partner,
        Selection(data_mode or used.data_mode, object_id, catalogue_number, instant(known_at, "known_at")),
        tca_from_tai_ns=instant(tca_from, "tca_from"),
        tca_to_tai_ns=instant(tca_to, "tca_to"),
        miss_distance_max_m=miss_distance_max_m,
        after=decode_cursor("conjunctions", cursor, (int, str)),
        limit=limit,
    )
    return page_response(page, "conjunctions", chosen, request, used, partner, sidecar=sidecar)

"""The listings: newest element sets, their history, objects, conjunctions.

With a sidecar the answer is a ZIP, whatever is accepted; what is in it goes by ``format=``.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from schemas.records import ELEMENT_SET, Kind
from ssa_hub.api.descriptions import item_schema, listing_responses
from ssa_hub.api.formats import ELEMENT_FORMATS, TABLE_FORMATS
from ssa_hub.api.listing import Listing
from ssa_hub.api.parameters import (
    STRICT,
    CatalogueNumbers,
    ElementFormat,
    TableFormatOnly,
    UtcText,
    instant,
)
from ssa_hub.sharing.shown_rows import SHOWN_ALWAYS, SHOWN_CONJUNCTION
from ssa_hub.sharing.views import OBJECT_FIELDS

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
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    known_at: UtcText = None,
    format_: ElementFormat = None,
) -> Response:
    """The newest element set of each object among those released to you; ``known_at``: as it was known then.

    Sorted by object id. Newest is by epoch, then by reception. Epochs that an agreement coarsens select and sort as
    they are shown, here and in the other listings.
    """
    chosen = asked.form(format_, ELEMENT_FORMATS)
    page = asked.used.views.newest_elements(
        asked.partner,
        asked.selection(catalogue_number, known_at),
        after=asked.after("elements", str),
        limit=asked.limit,
    )
    return asked.answer(page, "elements", chosen)


@router.get("/elements/history", responses=_ELEMENTS, response_class=Response, summary="All element sets")
def elements_history(
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    epoch_from: UtcText = None,
    epoch_to: UtcText = None,
    known_at: UtcText = None,
    format_: ElementFormat = None,
) -> Response:
    """Every element set released to you, by object and epoch; ``known_at``: only what the hub had by then."""
    chosen = asked.form(format_, ELEMENT_FORMATS)
    page = asked.used.views.elements_history(
        asked.partner,
        asked.selection(catalogue_number, known_at),
        epoch_from_tai_ns=instant(epoch_from, "epoch_from"),
        epoch_to_tai_ns=instant(epoch_to, "epoch_to"),
        after=asked.after("history", str, int, int, str),
        limit=asked.limit,
    )
    return asked.answer(page, "history", chosen)


@router.get("/objects", responses=_OBJECTS, response_class=Response, summary="Objects and their names")
def objects(
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    format_: TableFormatOnly = None,
) -> Response:
    """The objects of which at least one element set is released to you, as the newest of those describes them."""
    chosen = asked.form(format_, TABLE_FORMATS)
    page = asked.used.views.objects(
        asked.partner,
        asked.selection(catalogue_number),
        after=asked.after("objects", str),
        limit=asked.limit,
    )
    return asked.answer(page, "objects", chosen)


@router.get("/conjunctions", responses=_CONJUNCTIONS, response_class=Response, summary="Close approaches")
def conjunctions(
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    tca_from: UtcText = None,
    tca_to: UtcText = None,
    miss_distance_max_m: Annotated[float | None, Query(ge=0, le=1e9, description="at most so far apart, m")] = None,
    known_at: UtcText = None,
    format_: TableFormatOnly = None,
) -> Response:
    """Statements about close approaches, by time of closest approach.

    Both parents' originators must allow it. ``parent_withdrawn``: an orbit that it was found with has been recalled.
    Screening with SGP4 is screening: never advice to manoeuvre.
    """
    chosen = asked.form(format_, TABLE_FORMATS)
    page = asked.used.views.conjunctions(
        asked.partner,
        asked.selection(catalogue_number, known_at),
        tca_from_tai_ns=instant(tca_from, "tca_from"),
        tca_to_tai_ns=instant(tca_to, "tca_to"),
        miss_distance_max_m=miss_distance_max_m,
        after=asked.after("conjunctions", int, str),
        limit=asked.limit,
    )
    return asked.answer(page, "conjunctions", chosen)

"""Questions to the history that compare: the catalogue at two instants, and sources of one object side by side."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from schemas.records import ELEMENT_SET, Kind
from ssa_hub.api.descriptions import item_schema, listing_responses
from ssa_hub.api.formats import ELEMENT_FORMATS
from ssa_hub.api.listing import Listing
from ssa_hub.api.parameters import (
    STRICT,
    CatalogueNumbers,
    ElementFormat,
    UtcText,
    instant,
)
from ssa_hub.api.problems import invalid
from ssa_hub.sharing.change_columns import CHANGE_FIELDS
from ssa_hub.sharing.shown_rows import SHOWN_ALWAYS

router = APIRouter(prefix="/v1/elements", dependencies=STRICT)

_CHANGES = listing_responses("ElementChange", ELEMENT_FORMATS, sidecar=True)
_SIDE_BY_SIDE = listing_responses("ElementSet", ELEMENT_FORMATS, sidecar=True)
_From = Annotated[
    Annotated[str, Query(max_length=40, json_schema_extra={"format": "utc"})],
    Query(alias="from", description="the earlier instant, UTC, as `known_at`"),
]
_To = Annotated[
    Annotated[str, Query(max_length=40, json_schema_extra={"format": "utc"})],
    Query(alias="to", description="the later instant, UTC, as `known_at`"),
]


def component_schemas() -> dict[str, Any]:
    """JSON Schema of a change; element sets are described with the listings."""
    always = (*SHOWN_ALWAYS[Kind.ELEMENTS], *(field.name for field in CHANGE_FIELDS))
    return {"ElementChange": item_schema((*ELEMENT_SET, *CHANGE_FIELDS), always)}


@router.get("/changes", responses=_CHANGES, response_class=Response, summary="Changes between two instants")
def changes(
    asked: Listing,
    from_: _From,
    to: _To,
    catalogue_number: CatalogueNumbers = None,
    format_: ElementFormat = None,
) -> Response:
    """Objects whose newest element set as the hub knew it at `to` is another than the one at `from`, by object id.

    Each with the newer element set, `change` (appeared or replaced), and id, epoch and reception of the one before.
    Both as they are released to you now. In TLE and OMM only the newer element sets are written.
    """
    chosen = asked.form(format_, ELEMENT_FORMATS)
    begin, end = instant(from_, "from"), instant(to, "to")
    assert begin is not None  # noqa: S101  # both are required
    assert end is not None  # noqa: S101
    if begin > end:
        raise invalid("must not be after `to`", "from")
    page = asked.used.views.elements_changes(
        asked.partner,
        asked.selection(catalogue_number),
        from_tai_ns=begin,
        to_tai_ns=end,
        after=asked.after("changes", str),
        limit=asked.limit,
    )
    return asked.answer(page, "changes", chosen)


@router.get("/side-by-side", responses=_SIDE_BY_SIDE, response_class=Response, summary="Sources side by side")
def side_by_side(
    asked: Listing,
    catalogue_number: CatalogueNumbers = None,
    known_at: UtcText = None,
    format_: ElementFormat = None,
) -> Response:
    """The newest element set of each object from each originator and source, by these three; `known_at`: as of then."""
    chosen = asked.form(format_, ELEMENT_FORMATS)
    page = asked.used.views.elements_side_by_side(
        asked.partner,
        asked.selection(catalogue_number, known_at),
        after=asked.after("side-by-side", str, str, str),
        limit=asked.limit,
    )
    return asked.answer(page, "side-by-side", chosen)

"""Query parameters that several listings share, read strictly, each with its meaning for the API's description."""

from typing import Annotated

from fastapi import Header, Query

from schemas.records import DataMode
from schemas.timescales import parse_utc
from ssa_hub.api.formats import Format
from ssa_hub.api.problems import invalid

MAX_LIMIT = 100_000
_NO_CONTROL = r"^[^\x00-\x1f]*$"

FormatParameter = Annotated[Format | None, Query(alias="format", description="form of the answer; goes before Accept")]
Accept = Annotated[str | None, Header(description="media types, as an alternative to format=")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="rows on one page")]
Cursor = Annotated[
    str | None, Query(max_length=2_000, description="where to go on: the next_cursor of the page before")
]
Mode = Annotated[DataMode | None, Query(description="data mode; one answer never mixes two. Default: the hub's own")]
ObjectIds = Annotated[
    list[Annotated[str, Query(max_length=100, pattern=_NO_CONTROL)]] | None,
    Query(alias="object_id", max_length=1_000, description="the hub's object ids, e.g. cat-25544; may be repeated"),
]
CatalogueNumbers = Annotated[
    list[Annotated[int, Query(ge=1, le=999_999_999)]] | None,
    Query(alias="catalogue_number", max_length=1_000, description="catalogue numbers; may be repeated"),
]
UtcText = Annotated[str | None, Query(max_length=40, description="UTC, YYYY-MM-DDThh:mm:ss[.d*][Z]")]


def instant(text: str | None, field: str) -> int | None:
    """TAI ns of a UTC parameter. Raises a 422 problem that names the parameter."""
    if text is None:
        return None
    try:
        return parse_utc(text)
    except ValueError as error:
        raise invalid(str(error), field) from error

"""Query parameters that several listings share, read strictly, each with its meaning for the API's description."""

from collections import Counter
from typing import Annotated

from fastapi import Depends, Query, Request

from schemas.records import DataMode
from schemas.timescales import parse_utc
from ssa_hub.api.access import authenticate
from ssa_hub.api.formats import Format, TableFormat
from ssa_hub.api.problems import invalid

MAX_LIMIT = 100_000
# Object ids and catalogue numbers, wherever they are asked for.
IDS_MAX, ID_LENGTH_MAX, CATALOGUE_NUMBER_MAX = 1_000, 300, 999_999_999
NO_CONTROL = r"^[^\x00-\x1f]*$"

_FORMAT = Query(alias="format", description="form of the answer; goes before Accept")
ElementFormat = Annotated[Format | None, _FORMAT]
TableFormatOnly = Annotated[TableFormat | None, _FORMAT]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="rows on one page")]
Cursor = Annotated[
    Annotated[str, Query(max_length=2_000, json_schema_extra={"format": "cursor"})] | None,
    Query(description="where to go on: `next` of the page before"),
]
Mode = Annotated[DataMode | None, Query(description="data mode; one answer never mixes two. Default: the hub's own")]
ObjectIds = Annotated[
    list[Annotated[str, Query(max_length=ID_LENGTH_MAX, pattern=NO_CONTROL)]] | None,
    Query(alias="object_id", max_length=IDS_MAX, description="the hub's object ids, e.g. cat-25544; may be repeated"),
]
CatalogueNumbers = Annotated[
    list[Annotated[int, Query(ge=1, le=CATALOGUE_NUMBER_MAX)]] | None,
    Query(alias="catalogue_number", max_length=IDS_MAX, description="catalogue numbers; may be repeated"),
]
UtcText = Annotated[
    Annotated[str, Query(max_length=40, json_schema_extra={"format": "utc"})] | None,
    Query(description="UTC, YYYY-MM-DDThh:mm:ss[.d*][Z] or YYYY-DDDThh:mm:ss[.d*][Z], years 1972 to 2261"),
]


def instant(text: str | None, field: str) -> int | None:
    """TAI ns of a UTC parameter. Raises a 422 problem that names the parameter."""
    if text is None:
        return None
    try:
        return parse_utc(text)
    except ValueError as error:
        raise invalid(str(error), field) from error


def accepted(request: Request) -> str | None:
    """The ``Accept`` header; several of them are one list (RFC 9110, 5.3). None: there is none."""
    return ", ".join(request.headers.getlist("accept")) or None


Accept = Annotated[str | None, Depends(accepted)]


def only_documented_parameters(request: Request) -> None:
    """Refuse a query parameter that the API's description does not have, and a single one that came twice.

    A filter with a slip of the pen in its name would else be passed over, and the answer be to another question.
    Raises a 422 problem.
    """
    path, method = request.scope["route"].path, request.method.lower()
    operation = request.app.openapi()["paths"][path][method]
    known = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    for name, count in Counter(key for key, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise invalid(f"not a parameter; there are {', '.join(known) or 'none'}", _shown(name))
        if count > 1 and known[name].get("type") != "array":
            raise invalid("given more than once", name)


def _shown(name: str) -> str:
    return name if len(name) <= 100 else name[:100] + "…"


# After authentication: without a key every request gets the same answer.
STRICT = [Depends(authenticate), Depends(only_documented_parameters)]

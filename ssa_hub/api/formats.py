"""The forms that an answer can take, how one is chosen, and how a page of records is written in it.

Metadata of a page (policy version, data mode, next cursor) stands in the headers in every format, and in the body too
in JSON. Formats of the field (TLE, OMM) hold whole element sets only: where the agreement withholds a field that such
a message must have, the answer is a clear 406, never a message with a hole. Nor is a coarsened element set written as
one: elements with another epoch than their own put the object somewhere else, and the message has no place to say so.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, get_args

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from schemas.omm.write import write_omm_csv, write_omm_json, write_omm_kvn, write_omm_xml
from schemas.records import ELEMENT_FIELDS
from schemas.refusals import CannotRenderError
from schemas.tle.write import write_tle
from ssa_hub.api.cursors import encode_cursor
from ssa_hub.api.problems import not_acceptable
from ssa_hub.release.masks import WITHHELD
from ssa_hub.sharing.page import Page
from ssa_hub.sharing.utc import with_utc_columns

_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


class Format(StrEnum):
    """Values of ``format=``."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"
    OMM_KVN = "omm-kvn"
    OMM_XML = "omm-xml"
    OMM_JSON = "omm-json"
    OMM_CSV = "omm-csv"
    TLE = "tle"
    THREE_LINE = "3le"


MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.OMM_KVN: "application/vnd.ccsds.omm+kvn",
    Format.OMM_XML: "application/xml",
    Format.OMM_JSON: "application/vnd.ccsds.omm+json",
    Format.OMM_CSV: "application/vnd.ccsds.omm+csv",
    Format.TLE: "text/plain; charset=us-ascii",
    Format.THREE_LINE: "text/vnd.3le; charset=us-ascii",
}
TableFormat = Literal[Format.JSON, Format.NDJSON, Format.CSV, Format.ARROW, Format.PARQUET]
TABLE_FORMATS: tuple[Format, ...] = get_args(TableFormat)
ELEMENT_FORMATS = tuple(Format)

# Which fields of an element set a TLE or an OMM cannot be written without.
_NEEDED = frozenset(
    field.name
    for field in ELEMENT_FIELDS
    if not field.nullable and field.name not in {"deviations", "payload_record", "epoch_utc", "classification_type"}
)


def choose_format(wanted: Format | None, accept: str | None, offered: tuple[Format, ...]) -> Format:
    """The format to answer in: ``format=`` first, then ``Accept`` by its quality values, else JSON.

    Raises a 406 problem where nothing acceptable is on offer.
    """
    if wanted is not None:
        return wanted
    if accept is None or not accept.strip():
        return Format.JSON
    ranges = [_media_range(part) for part in accept.split(",")]
    # An earlier range goes before a later one of the same quality, and among what it covers our own order.
    ranked = [
        (-quality, position, order, candidate)
        for order, candidate in enumerate(offered)
        for quality, position in [_quality(MEDIA_TYPES[candidate].split(";")[0], ranges)]
        if quality > 0
    ]
    if not ranked:
        types = ", ".join(MEDIA_TYPES[candidate].split(";")[0] for candidate in offered)
        raise not_acceptable(f"This listing can be had as {types}.")
    return min(ranked)[3]


def _media_range(part: str) -> tuple[str, float]:
    """A media range and its quality, of 0 where it is none that RFC 9110 knows. Other parameters are passed over."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            return name, float(parameter[2:]) if _QUALITY.fullmatch(parameter[2:]) else 0.0
    return name, 1.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality of a media type, by the most specific range that covers it, and where that range stands."""
    for wanted in (media_type, media_type.split("/")[0] + "/*", "*/*"):
        for position, (name, quality) in enumerate(ranges):
            if name == wanted:
                return quality, position
    return 0.0, len(ranges)


def next_cursor(page: Page, listing: str) -> str | None:
    """The cursor of the page after this one, None on the last."""
    return None if page.last_key is None else encode_cursor(listing, page.last_key)


def _json(page: Page, listing: str) -> bytes:
    body: dict[str, Any] = {
        "policy_version": page.policy_version,
        "data_mode": page.data_mode,
        "next": next_cursor(page, listing),
        "items": with_utc_columns(page.records).to_pylist(),
    }
    return msgspec.json.encode(body)


def _ndjson(page: Page, listing: str) -> bytes:
    return msgspec.json.Encoder().encode_lines(with_utc_columns(page.records).to_pylist())


def _csv(page: Page, listing: str) -> bytes:
    table = with_utc_columns(page.records)
    for index, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [None if row is None else " ".join(row) for row in table.column(index).to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    return bytes(sink.getvalue())


def _arrow(page: Page, listing: str) -> bytes:
    sink = pa.BufferOutputStream()
    table = with_utc_columns(page.records)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _parquet(page: Page, listing: str) -> bytes:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(with_utc_columns(page.records), sink, compression="zstd")
    return bytes(sink.getvalue())


_TABLE_WRITERS: dict[Format, Callable[[Page, str], bytes]] = {
    Format.JSON: _json,
    Format.NDJSON: _ndjson,
    Format.CSV: _csv,
    Format.ARROW: _arrow,
    Format.PARQUET: _parquet,
}
_MESSAGE_WRITERS: dict[Format, Callable[[pa.Table], bytes]] = {
    Format.OMM_KVN: write_omm_kvn,
    Format.OMM_XML: write_omm_xml,
    Format.OMM_JSON: write_omm_json,
    Format.OMM_CSV: write_omm_csv,
    Format.TLE: lambda elements: write_tle(elements, with_names=False),
    Format.THREE_LINE: lambda elements: write_tle(elements, with_names=True),
}


def write_page(page: Page, listing: str, chosen: Format) -> bytes:
    """The body of a page. Raises a 406 problem where a record cannot be said in the chosen format."""
    if chosen in _TABLE_WRITERS:
        return _TABLE_WRITERS[chosen](page, listing)
    withheld = {name for names in page.records.column(WITHHELD).to_pylist() for name in names or ()} & _NEEDED
    if withheld:
        raise not_acceptable(
            f"A {chosen} message cannot be written without {', '.join(sorted(withheld))}, which the originator's "
            "agreement withholds from you. Ask for json, ndjson, csv, arrow or parquet."
        )
    if page.coarsened:
        raise not_acceptable(
            f"A {chosen} message cannot say that the originator's agreement shows you rounded values, and would be "
            "taken for an orbit. Ask for json, ndjson, csv, arrow or parquet."
        )
    try:
        return _MESSAGE_WRITERS[chosen](page.records)
    except CannotRenderError as error:
        raise not_acceptable(str(error)) from error

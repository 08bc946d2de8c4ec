"""The columns of a conjunction message, derived from the CDM table: one row a message, units in the names.

Keywords are columns in lower case with their unit; those of the two objects begin with ``object1_`` and ``object2_``.
Epochs are int64 TAI nanoseconds. A keyword that the message does not state is null, never a guess.
"""

from typing import Any, NamedTuple

import pyarrow as pa

from schemas.ccsds.table import Keyword, ValueType, message_kind

CDM = message_kind("CDM")
OBJECTS = (1, 2)
STATE_KEYWORDS = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
# The lower triangle, row by row, of position and velocity (R, T, N, RDOT, TDOT, NDOT).
AXES = ("R", "T", "N", "RDOT", "TDOT", "NDOT")
COVARIANCE_KEYWORDS = tuple(f"C{row}_{column}" for index, row in enumerate(AXES) for column in AXES[: index + 1])
_PLACES_OF_MESSAGE = ("header", "body")
# OBJECT is said by the columns' own prefix.
_WITHOUT_COLUMN = frozenset({"OBJECT"})
_COMMENTS = {
    "header": "header_comments",
    "relativeMetadataData": "relative_comments",
    "metadata": "metadata_comments",
    "data": "data_comments",
    "odParameters": "od_comments",
    "additionalParameters": "additional_comments",
    "stateVector": "state_comments",
    "covarianceMatrix": "covariance_comments",
}
_UNIT_SUFFIXES = {
    "": "",
    "%": "_percent",
    "d": "_d",
    "kg": "_kg",
    "km": "_km",
    "km/s": "_km_s",
    "m": "_m",
    "m/s": "_m_s",
    "m/s**2": "_m_s2",
    "m**2": "_m2",
    "m**2/kg": "_m2_kg",
    "m**2/s": "_m2_s",
    "m**2/s**2": "_m2_s2",
    "m**2/s**3": "_m2_s3",
    "m**2/s**4": "_m2_s4",
    "m**3/kg": "_m3_kg",
    "m**3/(kg*s)": "_m3_kg_s",
    "m**3/(kg*s**2)": "_m3_kg_s2",
    "m**4/kg**2": "_m4_kg2",
    "W/kg": "_w_kg",
}
_TYPES = {ValueType.NUMBER: pa.float64(), ValueType.INTEGER: pa.int64(), ValueType.EPOCH: pa.int64()}
_NOT_NULL = frozenset({"tca_tai_ns", "miss_distance_m"})
_TEXTS = pa.list_(pa.string())
# A record's originator is the one whose release rules hold (`schemas.records.PROVENANCE`); the keyword is a statement.
_RENAMED = {"ORIGINATOR": "MESSAGE_ORIGINATOR"}


class KeywordColumn(NamedTuple):
    """The column of one keyword: ``segment`` is 0 for the message, 1 and 2 for its objects."""

    name: str
    segment: int
    block: str
    keyword: Keyword


def column_name(keyword: str, segment: int = 0) -> str:
    """The column of a keyword of CDM 1.0, such as ``object1_cr_r_m2`` of CR_R and 1. Raises KeyError for any other."""
    return _NAMES[keyword, segment]


def comment_column(block: str, segment: int) -> str:
    """The column of a block's comments, by the block's XML element."""
    return f"object{segment}_{_COMMENTS[block]}" if segment else _COMMENTS[block]


def state_columns(segment: int) -> list[str]:
    """The six columns of an object's state: km and km/s."""
    return [column_name(keyword, segment) for keyword in STATE_KEYWORDS]


def covariance_columns(segment: int) -> list[str]:
    """The 21 columns of an object's position and velocity covariance, lower triangle row by row, RTN, m and s."""
    return [column_name(keyword, segment) for keyword in COVARIANCE_KEYWORDS]


def _keyword_columns() -> tuple[KeywordColumn, ...]:
    found = []
    for segment in (0, *OBJECTS):
        for block in CDM.blocks:
            if block.draft or (block.place in _PLACES_OF_MESSAGE) != (segment == 0):
                continue
            for keyword in block.keywords:
                if keyword.draft or keyword.keyword in _WITHOUT_COLUMN:
                    continue
                suffix = "_tai_ns" if keyword.type is ValueType.EPOCH else _UNIT_SUFFIXES[keyword.units]
                prefix = f"object{segment}_" if segment else ""
                name = f"{prefix}{_RENAMED.get(keyword.keyword, keyword.keyword).lower()}{suffix}"
                found.append(KeywordColumn(name, segment, block.name, keyword))
    return tuple(found)


KEYWORD_COLUMNS = _keyword_columns()
_NAMES = {(column.keyword.keyword, column.segment): column.name for column in KEYWORD_COLUMNS}


def _keyword_field(column: KeywordColumn) -> pa.Field:
    keyword = column.keyword
    object_text = f" of object {column.segment}" if column.segment else ""
    units = "TAI ns" if keyword.type is ValueType.EPOCH else keyword.units
    meaning = f"{keyword.keyword}{object_text}" + (f", {units}" if units else "")
    metadata = {"meaning": meaning, "keyword": keyword.keyword, "units": units}
    return pa.field(column.name, _TYPES.get(keyword.type, pa.string()), column.name not in _NOT_NULL, metadata)


def _field(name: str, data_type: pa.DataType, meaning: str, units: str = "", *, nullable: bool = True) -> pa.Field:
    return pa.field(name, data_type, nullable, {"meaning": meaning, "units": units})


def _comment_fields(segment: int) -> list[pa.Field]:
    blocks = [block for block in CDM.blocks if block.name in _COMMENTS]
    names = [block.name for block in blocks if (block.place in _PLACES_OF_MESSAGE) == (segment == 0)]
    return [
        _field(comment_column(name, segment), _TEXTS, f"COMMENT lines of {name}, in order", nullable=False)
        for name in names
    ]


def _computed_fields() -> list[pa.Field]:
    """What the states say, and within what stated and computed values were compared."""
    number = pa.float64()
    fields = [
        _field("computed_miss_distance_m", number, "distance of the stated states", "m"),
        _field("computed_relative_speed_m_s", number, "relative speed of the stated states, inertial", "m/s"),
    ]
    for quantity, unit, suffix in (("position", "m", "m"), ("velocity", "m/s", "m_s")):
        for axis in "rtn":
            meaning = f"{axis.upper()} of the relative {quantity} from the states, object 2 minus 1, axes of object 1"
            fields.append(_field(f"computed_relative_{quantity}_{axis}_{suffix}", number, meaning, unit))
    fields.append(_field("miss_distance_tolerance_m", number, "what MISS_DISTANCE may differ by, from its digits", "m"))
    meaning = "what RELATIVE_SPEED may differ by, from its digits"
    fields.append(_field("relative_speed_tolerance_m_s", number, meaning, "m/s"))
    return fields


def _object_fields(segment: int) -> list[pa.Field]:
    prefix = f"object{segment}_"
    return [
        _field(f"{prefix}catalogue_number", pa.int64(), "OBJECT_DESIGNATOR as a number, where it is one of SATCAT"),
        _field(
            f"{prefix}exclusion_volume_radius_m",
            pa.float64(),
            "radius of 18 SDS's exclusion volume, from a COMMENT or cdm_public's EXCL_VOL",
            "m",
        ),
        _field(f"{prefix}rcs_size", pa.string(), "cdm_public: SMALL, MEDIUM or LARGE radar cross-section"),
        *_comment_fields(segment),
    ]


def _schema() -> pa.Schema:
    text = pa.string()
    fields = [
        _field("version", text, "CCSDS_CDM_VERS; null: not a CDM but a row of Space-Track's cdm_public"),
        *(_keyword_field(column) for column in KEYWORD_COLUMNS),
        _field("tca_utc", text, "TCA as UTC text, nanoseconds kept", nullable=False),
        _field("collision_probability_region", text, "circle or square; null: no message says it"),
        _field("hard_body_radius_m", pa.float64(), "combined hard-body radius, from COMMENT HBR", "m"),
        _field("screening_option", text, "from COMMENT Screening Option"),
        _field("space_track_cdm_id", text, "Space-Track's CDM_ID, from cdm_public, flat JSON or a COMMENT"),
        _field("emergency_reportable", pa.bool_(), "Space-Track's emergency criteria are met; null: not said"),
        *_comment_fields(0),
        *(field for segment in OBJECTS for field in _object_fields(segment)),
        *_computed_fields(),
        _field("draft_keywords", pa.map_(text, text), "keywords of the CDM 2.0 draft, with place", nullable=False),
        _field("quality", _TEXTS, "doubts about what the message says: docs/conjunction-messages.md", nullable=False),
        _field("deviations", _TEXTS, "known deviations from the standard that were accepted", nullable=False),
        _field("payload_record", pa.int32(), "which message of its payload this is, from 1", nullable=False),
    ]
    return pa.schema(fields)


CONJUNCTION_MESSAGE_SCHEMA = _schema()
_NOTHING: dict[str, Any] = dict.fromkeys(CONJUNCTION_MESSAGE_SCHEMA.names)
_LIST_NAMES = tuple(field.name for field in CONJUNCTION_MESSAGE_SCHEMA if field.type == _TEXTS)


def empty_row() -> dict[str, Any]:
    """A row that says nothing: null everywhere, empty lists for comments, quality and deviations."""
    row: dict[str, Any] = _NOTHING.copy()
    row.update({name: [] for name in _LIST_NAMES})
    row["draft_keywords"] = []
    return row

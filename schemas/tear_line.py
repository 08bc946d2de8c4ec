"""A tear-line statement: what the operator of one object is told of a close approach whose other side is withheld.

It has the form of `schemas.records`: one list of fields says name, Arrow type, nullability and meaning. Instants are
TAI nanoseconds beside their UTC text. There is no field for the other object, its originator, a record or its label,
and none for the exact instant or distance: what a statement cannot carry cannot leak.
"""

import hashlib
from typing import Any

import msgspec
import pyarrow as pa

from schemas.records import Field, arrow_schema

METHOD = (
    "hub screening, coarsened as the other object's originator lets it be told; probability_upper is the largest over "
    "all sizes of an isotropic position uncertainty (maximum probability); not advice to manoeuvre"
)

TEAR_LINE = (
    Field("case_number", pa.string(), False, "names the close approach for its operator, for inquiries"),
    Field("revision", pa.int32(), False, "1 for a case's first statement; one more with each that says something else"),
    Field("data_mode", pa.string(), False, "REAL, TEST, SIMULATED or EXERCISE"),
    Field("issued_tai_ns", pa.int64(), False, "since when it may be told, rounded down to the minute, TAI ns"),
    Field("issued_utc", pa.string(), False, "the same as UTC text"),
    Field("object_id", pa.string(), False, "hub id of the operator's own object"),
    Field("catalogue_number", pa.int64(), False, "catalogue number of the operator's own object"),
    Field("orbit_originator", pa.string(), False, "whose orbit of the own object was screened"),
    Field("window_start_tai_ns", pa.int64(), False, "the closest approach lies at or after it, TAI ns"),
    Field("window_start_utc", pa.string(), False, "the same as UTC text"),
    Field("window_end_tai_ns", pa.int64(), False, "the closest approach lies before it, TAI ns"),
    Field("window_end_utc", pa.string(), False, "the same as UTC text"),
    Field("miss_distance_lower_m", pa.float64(), False, "the miss distance is at least that, m"),
    Field("miss_distance_upper_m", pa.float64(), False, "the miss distance is below that, m"),
    Field("approach_angle_lower_deg", pa.float64(), True, "angle between the velocities, from, deg; null: not said"),
    Field("approach_angle_upper_deg", pa.float64(), True, "angle between the velocities, to, deg; null: not said"),
    Field("probability_upper", pa.float64(), False, "no isotropic position uncertainty gives a higher probability"),
    Field("hard_body_radius_m", pa.float64(), False, "both objects' radii together, as assumed for it, m"),
    Field("label", pa.string(), False, "the statement's own confidentiality label, JSON of the ADatP-4774 model"),
    Field("method", pa.string(), False, "how it was made, and what it is not"),
)
TEAR_LINE_SCHEMA = arrow_schema(TEAR_LINE)

# What a statement is about, without when it was issued and as which revision: two with the same of these say the same.
SAID = tuple(
    f.name for f in TEAR_LINE if f.name not in ("case_number", "revision", "issued_tai_ns", "issued_utc", "method")
)


class TearLineStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement; its fields are `TEAR_LINE`, in that order (a test compares the two). ``label``: canonical JSON."""

    case_number: str
    revision: int
    data_mode: str
    issued_tai_ns: int
    issued_utc: str
    object_id: str
    catalogue_number: int
    orbit_originator: str
    window_start_tai_ns: int
    window_start_utc: str
    window_end_tai_ns: int
    window_end_utc: str
    miss_distance_lower_m: float
    miss_distance_upper_m: float
    approach_angle_lower_deg: float | None
    approach_angle_upper_deg: float | None
    probability_upper: float
    hard_body_radius_m: float
    label: msgspec.Raw
    method: str = METHOD

    def to_json(self) -> bytes:
        """The statement in one line, as it is stored and sent."""
        return msgspec.json.encode(self)

    def said_sha256(self) -> str:
        """Hexadecimal SHA-256 of what it says (`SAID`): equal for statements that say the same."""
        said: dict[str, Any] = {name: getattr(self, name) for name in SAID}
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def tear_line_from_json(data: bytes) -> TearLineStatement:
    """Read a statement. Raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(data, type=TearLineStatement)

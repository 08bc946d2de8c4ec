"""The records: element sets and conjunctions, as Arrow schemas and as the row form that travels on the log.

One list of fields a kind says name, Arrow type, nullability and meaning; everything else (Arrow schema, Iceberg
schema, API columns, documentation) is derived from it. Units stand in the names. Times are TAI nanoseconds.
"""

from enum import StrEnum
from typing import Any, NamedTuple

import pyarrow as pa


class DataMode(StrEnum):
    """UDL's ``dataMode``: exercise data never mixes with real data."""

    REAL = "REAL"
    TEST = "TEST"
    SIMULATED = "SIMULATED"
    EXERCISE = "EXERCISE"


class Kind(StrEnum):
    """The kinds of record that agreements speak of."""

    ELEMENTS = "elements"
    DERIVED_CONJUNCTIONS = "derived-conjunctions"
    TEAR_LINES = "tear-lines"
    CONJUNCTION_MESSAGES = "conjunction-messages"
    EPHEMERIDES = "ephemerides"


class Field(NamedTuple):
    """One column: ``meaning`` is what the API documentation says."""

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str


# Where a record comes from: every kind has these, and no agreement can mask them but by denying the record.
PROVENANCE = (
    Field("record_id", pa.string(), False, "hash of the record's canonical content and source"),
    Field("source", pa.string(), False, "who gave it to the hub"),
    Field("originator", pa.string(), False, "who made it; release rules are the originator's"),
    Field("data_mode", pa.string(), False, "REAL, TEST, SIMULATED or EXERCISE"),
    Field("received_tai_ns", pa.int64(), False, "when the hub received it, TAI ns"),
)

# What an element-set message says. A reader's batch has just these columns; the hub adds the rest.
ELEMENT_FIELDS = (
    Field("catalogue_number", pa.int64(), False, "catalogue number, up to nine digits"),
    Field("object_name", pa.string(), True, "object's name as received"),
    Field("cospar_id", pa.string(), True, "international designator YYYY-NNNP{PP}"),
    Field("epoch_tai_ns", pa.int64(), False, "epoch of the elements, TAI ns"),
    Field("epoch_utc", pa.string(), False, "epoch as UTC text, nanoseconds kept"),
    Field("mean_motion_rev_per_day", pa.float64(), False, "mean motion (Kozai, as in the TLE), rev/day"),
    Field("eccentricity", pa.float64(), False, "eccentricity"),
    Field("inclination_deg", pa.float64(), False, "inclination, deg, TEME"),
    Field("ra_of_asc_node_deg", pa.float64(), False, "right ascension of the ascending node, deg, TEME"),
    Field("arg_of_pericenter_deg", pa.float64(), False, "argument of pericentre, deg"),
    Field("mean_anomaly_deg", pa.float64(), False, "mean anomaly, deg"),
    Field("bstar_per_earth_radius", pa.float64(), False, "SGP4 drag term, 1/Earth radii (SGP4-XP: BTERM, m**2/kg)"),
    Field("mean_motion_dot_rev_per_day2", pa.float64(), False, "the TLE's: half of the first derivative, rev/day**2"),
    Field(
        "mean_motion_ddot_rev_per_day3",
        pa.float64(),
        False,
        "the TLE's: a sixth of the second (SGP4-XP: AGOM, m**2/kg)",
    ),
    Field("ephemeris_type", pa.int32(), False, "0 and 2: SGP4; 4: SGP4-XP (stored, never propagated)"),
    Field("classification_type", pa.string(), False, "U, C or S, as in the message"),
    Field("element_set_number", pa.int32(), True, "element set number, as in the message"),
    Field("revolution_at_epoch", pa.int32(), True, "revolution number at epoch"),
    Field("mean_element_theory", pa.string(), False, "SGP4 or SGP4-XP"),
    Field("center_name", pa.string(), False, "EARTH"),
    Field("ref_frame", pa.string(), False, "TEME"),
    Field("time_system", pa.string(), False, "UTC"),
    Field("message_originator", pa.string(), True, "ORIGINATOR keyword of the message, where it has one"),
    Field("creation_date_utc", pa.string(), True, "CREATION_DATE keyword of the message, where it has one"),
    Field("deviations", pa.list_(pa.string()), False, "known deviations from the standard that were accepted"),
    Field("payload_record", pa.int32(), False, "which record of its payload this is, from 1"),
)

ELEMENT_SET = (
    *PROVENANCE,
    Field("label_id", pa.string(), False, "which confidentiality label it carries"),
    Field("payload_sha256", pa.string(), False, "address of the payload it was read from"),
    Field("object_id", pa.string(), False, "the hub's own id of the object"),
    *ELEMENT_FIELDS,
)

CONJUNCTION = (
    *PROVENANCE,
    Field("object_id_1", pa.string(), False, "first object (the smaller id)"),
    Field("object_id_2", pa.string(), False, "second object"),
    Field("catalogue_number_1", pa.int64(), False, "catalogue number of the first object"),
    Field("catalogue_number_2", pa.int64(), False, "catalogue number of the second object"),
    Field("object_name_1", pa.string(), True, "name of the first object"),
    Field("object_name_2", pa.string(), True, "name of the second object"),
    Field("tca_tai_ns", pa.int64(), False, "time of closest approach, TAI ns"),
    Field("miss_distance_m", pa.float64(), False, "distance at TCA, m"),
    Field("relative_speed_m_s", pa.float64(), False, "relative speed at TCA, m/s"),
    Field("relative_position_r_m", pa.float64(), False, "second minus first, radial of the first, m"),
    Field("relative_position_t_m", pa.float64(), False, "second minus first, transverse of the first, m"),
    Field("relative_position_n_m", pa.float64(), False, "second minus first, normal of the first, m"),
    Field("relative_velocity_r_m_s", pa.float64(), False, "second minus first, radial of the first, m/s"),
    Field("relative_velocity_t_m_s", pa.float64(), False, "second minus first, transverse of the first, m/s"),
    Field("relative_velocity_n_m_s", pa.float64(), False, "second minus first, normal of the first, m/s"),
    Field("method", pa.string(), False, "how it was found; SGP4 screening is never advice to manoeuvre"),
    Field("at_window_edge", pa.bool_(), False, "the range was smallest at an edge of the screened window"),
    Field("parent_1", pa.string(), False, "record id of the first object's orbit"),
    Field("parent_2", pa.string(), False, "record id of the second object's orbit"),
    Field("parent_originator_1", pa.string(), False, "originator of the first orbit"),
    Field("parent_originator_2", pa.string(), False, "originator of the second orbit"),
    Field("parent_label_id_1", pa.string(), False, "label of the first orbit"),
    Field("parent_label_id_2", pa.string(), False, "label of the second orbit"),
    # What records that were made before these columns do not say: null.
    Field("approach_angle_deg", pa.float64(), True, "angle between both velocities at TCA, deg; 180: head on"),
    Field("entry_tai_ns", pa.int64(), True, "since when the two were within the screening distance, TAI ns"),
    Field("exit_tai_ns", pa.int64(), True, "until when they are within the screening distance, TAI ns"),
)


# How two objects pass each other, among the fields of CONJUNCTION.
CONJUNCTION_GEOMETRY = (
    "miss_distance_m",
    "relative_speed_m_s",
    "relative_position_r_m",
    "relative_position_t_m",
    "relative_position_n_m",
    "relative_velocity_r_m_s",
    "relative_velocity_t_m_s",
    "relative_velocity_n_m_s",
)


def arrow_schema(fields: tuple[Field, ...]) -> pa.Schema:
    """The Arrow schema of a list of fields, meanings kept as field metadata."""
    return pa.schema([pa.field(f.name, f.type, f.nullable, {"meaning": f.meaning}) for f in fields])


ELEMENT_FIELDS_SCHEMA = arrow_schema(ELEMENT_FIELDS)
ELEMENT_SET_SCHEMA = arrow_schema(ELEMENT_SET)
CONJUNCTION_SCHEMA = arrow_schema(CONJUNCTION)

Row = dict[str, Any]

"""Records for the API's tests: values that a TLE says exactly, so that each format can be read back and compared.

Instants are given in seconds from `NOW_TAI_NS`.
"""

from typing import Any

import pyarrow as pa

from schemas.identity import object_id_of, record_id_of
from schemas.labels import Label
from schemas.message_records import (
    CONJUNCTION_MESSAGE,
    CONJUNCTION_MESSAGE_RECORD_SCHEMA,
    EPHEMERIS,
    EPHEMERIS_RECORD_SCHEMA,
)
from schemas.records import CONJUNCTION_SCHEMA, ELEMENT_SET_SCHEMA, Field, Kind
from schemas.timescales import NS_PER_SECOND, format_utc, parse_utc

NOW_TAI_NS = parse_utc("2031-05-01T12:00:00")
PUBLIC = Label("PUBLIC", "UNCLASSIFIED")
SECRET = Label("PUBLIC", "SECRET")
_LATER_S = 864  # 1e-2 day: a TLE says such epochs exactly

Row = dict[str, Any]


def at_s(seconds: float) -> int:
    """TAI ns of an instant so many seconds after `NOW_TAI_NS`."""
    return NOW_TAI_NS + round(seconds * NS_PER_SECOND)


def utc(seconds: float) -> str:
    """The same as UTC text."""
    return format_utc(at_s(seconds), 6)


def record_id(name: str) -> str:
    """The id of the record that a test calls so."""
    return record_id_of(name.encode())


def element(
    name: str,
    number: int = 25544,
    *,
    originator: str = "ALPHA",
    label: Label = PUBLIC,
    epoch: int = -100,
    received_s: float = -86_400,
    **given: Any,
) -> Row:
    """One element set: its epoch is ``epoch`` times 864 s from now."""
    source = f"push:{originator}"
    epoch_tai_ns = at_s(epoch * _LATER_S)
    return {
        "record_id": record_id(name),
        "source": source,
        "originator": originator,
        "data_mode": "REAL",
        "received_tai_ns": at_s(received_s),
        "label_id": label.label_id,
        "payload_sha256": "ab" * 32,
        "object_id": object_id_of(number, source),
        "catalogue_number": number,
        "object_name": f"OBJECT {number}",
        "cospar_id": "1998-067A",
        "epoch_tai_ns": epoch_tai_ns,
        "epoch_utc": format_utc(epoch_tai_ns, 9),
        "mean_motion_rev_per_day": 15.72125391,
        "eccentricity": 0.0006703,
        "inclination_deg": 51.6416,
        "ra_of_asc_node_deg": 247.4627,
        "arg_of_pericenter_deg": 130.536,
        "mean_anomaly_deg": 325.0288,
        "bstar_per_earth_radius": -1.1606e-05,
        "mean_motion_dot_rev_per_day2": -2.182e-05,
        "mean_motion_ddot_rev_per_day3": 0.0,
        "ephemeris_type": 0,
        "classification_type": "U",
        "element_set_number": 292,
        "revolution_at_epoch": 56353,
        "mean_element_theory": "SGP4",
        "center_name": "EARTH",
        "ref_frame": "TEME",
        "time_system": "UTC",
        "message_originator": None,
        "creation_date_utc": None,
        "deviations": [],
        "payload_record": 1,
        **given,
    }


def conjunction(
    name: str,
    first: int = 25544,
    second: int = 43013,
    *,
    originators: tuple[str, str] = ("ALPHA", "ALPHA"),
    labels: tuple[Label, Label] = (PUBLIC, PUBLIC),
    tca_s: float = 3_600,
    received_s: float = -86_400,
    miss_distance_m: float = 750.0,
    **given: Any,
) -> Row:
    """One conjunction of two numbers' objects."""
    numbers = (first, second)
    sides = {
        f"{key}_{side}": value
        for side in (1, 2)
        for key, value in {
            "object_id": f"cat-{numbers[side - 1]}",
            "catalogue_number": numbers[side - 1],
            "object_name": f"OBJECT {numbers[side - 1]}",
            "parent": record_id(f"{name}, parent {side}"),
            "parent_originator": originators[side - 1],
            "parent_label_id": labels[side - 1].label_id,
        }.items()
    }
    parts = [
        f"relative_{what}_{axis}_{unit}" for what, unit in (("position", "m"), ("velocity", "m_s")) for axis in "rtn"
    ]
    return {
        "record_id": record_id(name),
        "source": "SSA-HUB",
        "originator": "SSA-HUB",
        "data_mode": "REAL",
        "received_tai_ns": at_s(received_s),
        **sides,
        "tca_tai_ns": at_s(tca_s),
        "miss_distance_m": miss_distance_m,
        "relative_speed_m_s": 9_876.5,
        **dict.fromkeys(parts, 12.5),
        "method": "SGP4 screening, not advice to manoeuvre",
        "at_window_edge": False,
        # As of a record that was made before these columns.
        "approach_angle_deg": None,
        "entry_tai_ns": None,
        "exit_tai_ns": None,
        **given,
    }


def conjunction_message(
    name: str, *, originator: str = "ALPHA", label: Label = PUBLIC, tca_s: float = 3_600, **given: Any
) -> Row:
    """One conjunction message of cat-25544 and cat-43013, with states, a probability and a comment."""
    stated = {
        "object_id_1": "cat-25544",
        "object_id_2": "cat-43013",
        "object1_catalogue_number": 25544,
        "tca_tai_ns": at_s(tca_s),
        "tca_utc": format_utc(at_s(tca_s), 9),
        "miss_distance_m": 750.0,
        "object1_x_km": 7_000.125,
        "collision_probability": 1.5e-5,
        "relative_comments": ["MISS 750"],
    }
    return _message(CONJUNCTION_MESSAGE, name, originator, label, stated | given)


def ephemeris(name: str, *, originator: str = "ALPHA", label: Label = PUBLIC, start_s: float = 0, **given: Any) -> Row:
    """The index record of an ephemeris of cat-25544 that lasts an hour; there is no file of its states."""
    stated = {
        "object_ids": ["cat-25544"],
        "object_designators": ["25544"],
        "message": "OEM",
        "usable_start_tai_ns": at_s(start_s),
        "usable_stop_tai_ns": at_s(start_s + 3_600),
        "states": 61,
    }
    return _message(EPHEMERIS, name, originator, label, stated | given)


def _message(fields: tuple[Field, ...], name: str, originator: str, label: Label, given: dict[str, Any]) -> Row:
    fillers: dict[pa.DataType, Any] = {pa.string(): "x", pa.list_(pa.string()): []}
    row = {field.name: None if field.nullable else fillers.get(field.type, 1) for field in fields}
    if "received_s" in given:
        given["received_tai_ns"] = at_s(given.pop("received_s"))
    origin = {
        "record_id": record_id(name),
        "source": f"push:{originator}",
        "originator": originator,
        "data_mode": "REAL",
        "received_tai_ns": at_s(-86_400),
        "label_id": label.label_id,
        "payload_sha256": "ab" * 32,
    }
    assert not given.keys() - row.keys()
    return row | origin | given


TABLES = {
    Kind.ELEMENTS: "elements",
    Kind.DERIVED_CONJUNCTIONS: "conjunctions",
    Kind.CONJUNCTION_MESSAGES: "conjunction_messages",
    Kind.EPHEMERIDES: "ephemerides",
}
_SCHEMAS = {
    Kind.ELEMENTS: ELEMENT_SET_SCHEMA,
    Kind.DERIVED_CONJUNCTIONS: CONJUNCTION_SCHEMA,
    Kind.CONJUNCTION_MESSAGES: CONJUNCTION_MESSAGE_RECORD_SCHEMA,
    Kind.EPHEMERIDES: EPHEMERIS_RECORD_SCHEMA,
}


def kind_of(row: Row) -> Kind:
    """What a row of a test is."""
    for column, kind in (
        ("states_sha256", Kind.EPHEMERIDES),
        ("tca_utc", Kind.CONJUNCTION_MESSAGES),
        ("tca_tai_ns", Kind.DERIVED_CONJUNCTIONS),
    ):
        if column in row:
            return kind
    return Kind.ELEMENTS


def table_of(rows: list[Row]) -> pa.Table:
    """Rows of one kind as the table that is recorded."""
    schema = _SCHEMAS[kind_of(rows[0])]
    return pa.Table.from_pylist(rows, schema=schema)

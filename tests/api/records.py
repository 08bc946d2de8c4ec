"""Records for the API's tests: values that a TLE says exactly, so that each format can be read back and compared.

Instants are given in seconds from `NOW_TAI_NS`.
"""

from typing import Any

import pyarrow as pa

from schemas.identity import object_id_of, record_id_of
from schemas.labels import Label
from schemas.records import CONJUNCTION_SCHEMA, ELEMENT_SET_SCHEMA
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


def table_of(rows: list[Row]) -> pa.Table:
    """Rows of one kind as the table that is recorded."""
    schema = CONJUNCTION_SCHEMA if "tca_tai_ns" in rows[0] else ELEMENT_SET_SCHEMA
    return pa.Table.from_pylist(rows, schema=schema)

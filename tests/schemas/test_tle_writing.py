import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4.api import Satrec

from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import CannotRenderError
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle
from schemas.tle.write import write_tle
from tests.schemas.generated_elements import (
    ISS_1,
    ISS_2,
    TLE_LATEST_TAI_NS,
    batch,
    changed,
    data_file,
    rows,
    tle,
    tle_lines,
)

HALF_UNIT_NS = 432_000
TLE_ROWS = rows(numbers_max=339_999, latest_tai_ns=TLE_LATEST_TAI_NS - 1_000_000_000)


def one(**changes):
    """The ISS with other values."""
    row = read_tle(tle(), "test").elements.to_pylist()[0] | changes
    return pa.Table.from_pylist([row], schema=ELEMENT_FIELDS_SCHEMA)


@given(st.lists(TLE_ROWS, min_size=1, max_size=3), st.booleans())
def test_what_is_written_reads_back_to_the_formats_digits(written, with_names):
    reading = read_tle(write_tle(batch(written), with_names), "test")
    assert reading.refusals == []
    for row, back in zip(written, reading.elements.to_pylist(), strict=True):
        assert back["catalogue_number"] == row.catalogue_number
        assert back["object_name"] == (row.object_name if with_names else None)
        assert back["cospar_id"] == row.cospar_id
        assert abs(back["epoch_tai_ns"] - row.epoch_tai_ns) <= HALF_UNIT_NS
        assert back["inclination_deg"] == pytest.approx(row.inclination_deg, abs=0.50001e-4)
        for angle in ("ra_of_asc_node_deg", "arg_of_pericenter_deg", "mean_anomaly_deg"):
            difference = abs(back[angle] - getattr(row, angle))
            assert min(difference, 360.0 - difference) <= 0.50001e-4
        assert 0.0 <= row.eccentricity - back["eccentricity"] < 1.00001e-7
        assert back["mean_motion_rev_per_day"] == pytest.approx(row.mean_motion_rev_per_day, abs=0.50001e-8)
        assert back["mean_motion_dot_rev_per_day2"] == pytest.approx(row.mean_motion_dot_rev_per_day2, abs=0.50001e-8)
        for term in ("bstar_per_earth_radius", "mean_motion_ddot_rev_per_day3"):
            assert back[term] == pytest.approx(getattr(row, term), rel=0.50001e-4, abs=0.50001e-14)
        assert back["element_set_number"] == row.element_set_number
        assert back["revolution_at_epoch"] == row.revolution_at_epoch
        assert (back["ephemeris_type"], back["classification_type"]) == (row.ephemeris_type, row.classification_type)
        assert back["deviations"] == []


@given(tle_lines())
def test_a_tle_read_and_written_states_the_same(lines):
    elements = read_tle(tle(*lines), "test").elements
    again = read_tle(write_tle(elements, False), "test").elements
    assert again.equals(elements)


@given(TLE_ROWS)
def test_python_sgp4_reads_what_is_written(row):
    _, line1, line2 = write_tle(batch([row]), True).decode().splitlines()
    assert (len(line1), len(line2)) == (69, 69)
    satellite = Satrec.twoline2rv(line1, line2)
    assert satellite.satnum == row.catalogue_number
    assert satellite.ecco == pytest.approx(row.eccentricity, abs=1.00001e-7)
    assert satellite.bstar == pytest.approx(row.bstar_per_earth_radius, rel=0.50001e-4, abs=0.50001e-14)


def test_a_catalogue_of_space_track_is_written_as_it_came():
    """All but the lines with a minus before .00000000, or with a COSPAR id that names no piece."""
    data = gzip.decompress(data_file("catalogues/2024-07-05_26389.tle.gz").read_bytes())
    written = write_tle(read_tle(data, "catalogue").elements, False).splitlines()
    others = [line for line, mine in zip(data.splitlines(), written, strict=True) if line != mine]
    assert len(others) < 100
    assert all(b"-.00000000" in line or line[14:17] == b"   " for line in others)


@pytest.mark.parametrize("number", [340_000, 799_501_621])
def test_a_number_that_no_tle_can_say_is_refused_by_name(number):
    with pytest.raises(CannotRenderError, match=rf"object {number} \(ISS\).*339999"):
        write_tle(one(catalogue_number=number, object_name="ISS"), True)


def test_the_conformance_vectors_numbers_are_written_or_refused():
    """A TLE says those up to 339,999, and reads back the same; no other is cut to its columns."""
    vectors = json.loads(data_file("omm/vectors/norad-cat-id-text.json").read_text())
    for _, number in vectors["valid"]:
        if number > 339_999:
            with pytest.raises(CannotRenderError, match=str(number)):
                write_tle(one(catalogue_number=number), False)
        else:
            back = read_tle(write_tle(one(catalogue_number=number), False), "test").elements
            assert back["catalogue_number"].to_pylist() == [number]


def test_the_alpha5_vectors_hold_in_whole_element_sets():
    vectors = json.loads(data_file("omm/vectors/alpha5.json").read_text())
    for number, text in vectors["pairs"]:
        written = write_tle(one(catalogue_number=number), False)
        assert written[2:7] == text.encode()
        assert read_tle(written, "test").elements["catalogue_number"].to_pylist() == [number]
    for text in vectors["must_reject_decode"]:
        if len(text) == 5:
            lines = (changed(ISS_1, 3, text), changed(ISS_2, 3, text))
            (refusal,) = read_tle(tle(*lines), "test").refusals
            assert refusal.value == text


def test_numbers_from_100000_are_written_in_alpha5():
    assert write_tle(one(catalogue_number=270_001), False).split()[1] == b"T0001U"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mean_motion_rev_per_day", 100.0),
        ("mean_motion_rev_per_day", 99.999999996),
        ("mean_motion_rev_per_day", 1e-9),
        ("mean_motion_rev_per_day", -1.0),
        ("mean_motion_rev_per_day", float("nan")),
        ("mean_motion_dot_rev_per_day2", 1.0),
        ("mean_motion_dot_rev_per_day2", -0.999999999),
        ("mean_motion_dot_rev_per_day2", float("inf")),
        ("bstar_per_earth_radius", 1e9),
        ("bstar_per_earth_radius", float("nan")),
        ("eccentricity", 1.0),
        ("inclination_deg", 180.1),
        ("ra_of_asc_node_deg", float("inf")),
        ("element_set_number", 10_000),
        ("epoch_tai_ns", parse_utc("2057-01-01T00:00:00")),
        ("epoch_tai_ns", parse_utc("2016-12-31T23:59:60.5")),
    ],
)
def test_what_does_not_fit_its_columns_is_refused_by_name(field, value):
    with pytest.raises(CannotRenderError, match="object 25544"):
        write_tle(one(**{field: value}), False)


@pytest.mark.parametrize("field", ["mean_motion_rev_per_day", "bstar_per_earth_radius", "epoch_tai_ns"])
def test_a_field_that_is_withheld_is_named(field):
    elements = one().drop_columns([field])
    with pytest.raises(CannotRenderError, match=f"object 25544: {field}"):
        write_tle(elements, False)


def test_the_last_moment_of_a_year_rounds_into_the_next():
    line = write_tle(one(epoch_tai_ns=parse_utc("2023-12-31T23:59:59.9999")), False).decode()
    assert line[18:32] == "24001.00000000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, " 00000+0"),
        (-0.11606e-4, "-11606-4"),
        (0.123455, " 12346+0"),
        (0.999996, " 10000+1"),
        (1.5, " 15000+1"),
        (1e-10, " 10000-9"),
        (1.234e-12, " 00123-9"),
        (1e-16, " 00000+0"),
        (-1e-16, " 00000+0"),
        (0.99e9, " 99000+9"),
    ],
)
def test_drag_terms_are_written_in_five_digits(value, text):
    assert write_tle(one(bstar_per_earth_radius=value), False).decode()[53:61] == text


def test_names_and_missing_values_have_a_form():
    elements = one(object_name="ÉTOILE", cospar_id=None, element_set_number=None, revolution_at_epoch=None)
    name, line1, line2 = write_tle(elements, True).decode("ascii").splitlines()
    assert (name, line1[9:17], line1[64:68], line2[63:68]) == ("0 ?TOILE", " " * 8, "   0", "    0")
    assert write_tle(one(object_name=None), True).startswith(b"0 UNKNOWN\n1 25544U")


def test_sgp4_xp_keeps_its_type_and_terms():
    elements = one(mean_element_theory="SGP4-XP", ephemeris_type=4, bstar_per_earth_radius=0.0067890)
    back = read_tle(write_tle(elements, False), "test").elements
    assert back["mean_element_theory"].to_pylist() == ["SGP4-XP"]
    assert back["bstar_per_earth_radius"].to_pylist() == [0.0067890]


def test_no_elements_are_no_bytes():
    assert write_tle(ELEMENT_FIELDS_SCHEMA.empty_table(), True) == b""

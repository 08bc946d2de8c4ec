import csv
import io
import json
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4 import omm
from sgp4.api import Satrec

from schemas.omm.keywords import CELESTRAK_KEYS, SPACE_TRACK_KEYS
from schemas.omm.read_csv import read_omm_csv
from schemas.omm.read_json import read_omm_json
from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.omm.write import (
    write_omm_csv,
    write_omm_json,
    write_omm_kvn,
    write_omm_xml,
    write_space_track_csv,
    write_space_track_json,
)
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import CannotRenderError
from schemas.timescales import format_utc, parse_utc
from schemas.tle.read import read_tle
from tests.schemas.generated_elements import batch, data_file, rows, tle

FORMATS = {
    "omm-kvn": (write_omm_kvn, read_omm_kvn),
    "omm-xml": (write_omm_xml, read_omm_xml),
    "omm-json": (write_omm_json, read_omm_json),
    "omm-csv": (write_omm_csv, read_omm_csv),
    "space-track-json": (write_space_track_json, read_omm_json),
    "space-track-csv": (write_space_track_csv, read_omm_csv),
}
FLAT = ("omm-json", "omm-csv")
NOT_COMPARED = {"deviations", "payload_record"}
NOT_IN_FLAT = {"message_originator", "creation_date_utc"}


def one(**changes):
    """The ISS with other values."""
    row = read_tle(tle(), "test").elements.to_pylist()[0] | changes
    return pa.Table.from_pylist([row], schema=ELEMENT_FIELDS_SCHEMA)


@pytest.mark.parametrize("encoding", FORMATS)
@given(st.lists(rows(), min_size=1, max_size=3))
def test_every_number_reads_back_exactly(encoding, written):
    write, read = FORMATS[encoding]
    elements = batch(written)
    reading = read(write(elements), "test")
    assert reading.refusals == []
    assert reading.encoding == encoding.replace("space-track", "omm")
    ignored = NOT_COMPARED | (NOT_IN_FLAT if encoding in FLAT else set())
    for name in ELEMENT_FIELDS_SCHEMA.names:
        if name not in ignored:
            assert reading.elements[name].to_pylist() == elements[name].to_pylist(), name


@given(st.lists(rows(numbers_max=339_999), min_size=1, max_size=3))
def test_python_sgp4_reads_what_is_written(written):
    elements = batch(written)
    parsed = {
        "xml": list(omm.parse_xml(io.BytesIO(write_omm_xml(elements)))),
        "csv": list(omm.parse_csv(io.StringIO(write_omm_csv(elements).decode()))),
        "json": json.loads(write_omm_json(elements)),
    }
    for messages in parsed.values():
        for row, fields in zip(written, messages, strict=True):
            satellite = Satrec()
            omm.initialize(satellite, fields)
            assert satellite.satnum == row.catalogue_number
            assert satellite.ecco == row.eccentricity
            assert satellite.bstar == row.bstar_per_earth_radius
            assert satellite.elnum == row.element_set_number
            assert satellite.revnum == row.revolution_at_epoch
            assert float(fields["MEAN_MOTION"]) == row.mean_motion_rev_per_day
            assert float(fields["MEAN_MOTION_DOT"]) == row.mean_motion_dot_rev_per_day2
            assert fields["EPOCH"] == format_utc(row.epoch_tai_ns, 6)


@given(rows())
def test_xml_is_valid_against_the_schema_of_ccsds(row):
    text = write_omm_xml(batch([row]), creation_date_utc="2026-11-22T10:00:00", originator="SSA HUB").decode()
    root = ET.fromstring(text)  # noqa: S314
    assert root.tag == "ndm"  # in no namespace: python-sgp4 finds no record in one
    assert [element.tag for element in root] == ["omm"]
    schema = compiled_schema()
    document = schema.parse(text)
    assert schema.errors(document) == []


class _Schema:
    def __init__(self, path):
        etree = pytest.importorskip("lxml.etree", reason="lxml validates against XML schemas")
        self._etree, self._schema = etree, etree.XMLSchema(etree.parse(str(path)))

    def parse(self, text):
        return self._etree.fromstring(text.encode())

    def errors(self, document):
        self._schema.validate(document)
        return [str(error) for error in self._schema.error_log]


_SCHEMAS = []


def compiled_schema():
    if not _SCHEMAS:
        _SCHEMAS.append(_Schema(data_file("ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd")))
    return _SCHEMAS[0]


def test_kvn_is_the_standards_order_with_a_point_in_every_number():
    text = write_omm_kvn(one(object_name="ISS (ZARYA)", creation_date_utc="2026-11-22T10:00:00")).decode()
    assert text == (
        "CCSDS_OMM_VERS = 3.0\n"
        "CREATION_DATE = 2026-11-22T10:00:00\n"
        "ORIGINATOR =\n"
        "OBJECT_NAME = ISS (ZARYA)\n"
        "OBJECT_ID = 1998-067A\n"
        "CENTER_NAME = EARTH\n"
        "REF_FRAME = TEME\n"
        "TIME_SYSTEM = UTC\n"
        "MEAN_ELEMENT_THEORY = SGP4\n"
        "EPOCH = 2008-09-20T12:25:40.104192\n"
        "MEAN_MOTION = 15.72125391\n"
        "ECCENTRICITY = 0.0006703\n"
        "INCLINATION = 51.6416\n"
        "RA_OF_ASC_NODE = 247.4627\n"
        "ARG_OF_PERICENTER = 130.536\n"
        "MEAN_ANOMALY = 325.0288\n"
        "EPHEMERIS_TYPE = 0\n"
        "CLASSIFICATION_TYPE = U\n"
        "NORAD_CAT_ID = 25544\n"
        "ELEMENT_SET_NO = 292\n"
        "REV_AT_EPOCH = 56353\n"
        "BSTAR = -1.1606e-05\n"
        "MEAN_MOTION_DOT = -2.182e-05\n"
        "MEAN_MOTION_DDOT = 0.0\n"
    )
    assert "BSTAR = 1.0e-05\n" in write_omm_kvn(one(bstar_per_earth_radius=1e-5)).decode()


def test_json_has_celestraks_17_keys_with_numbers_as_numbers():
    (message,) = json.loads(write_omm_json(one(catalogue_number=799_501_621, object_name=None, cospar_id=None)))
    assert tuple(message) == CELESTRAK_KEYS
    assert message["NORAD_CAT_ID"] == 799_501_621
    assert message["BSTAR"] == -0.11606e-4
    assert (message["OBJECT_NAME"], message["OBJECT_ID"]) == ("UNKNOWN", "")
    assert (message["ELEMENT_SET_NO"], message["REV_AT_EPOCH"]) == (292, 56353)


def test_space_tracks_forms_have_its_40_keys_all_strings_and_nothing_made_up():
    elements = one(object_name="ISS (ZARYA)", catalogue_number=25544, message_originator=None, creation_date_utc=None)
    (message,) = json.loads(write_space_track_json(elements))
    assert tuple(message) == SPACE_TRACK_KEYS
    assert len(SPACE_TRACK_KEYS) == 40
    assert all(value is None or isinstance(value, str) for value in message.values())
    unknown = {key for key, value in message.items() if value is None}
    assert unknown == {
        *("CREATION_DATE", "ORIGINATOR", "OBJECT_TYPE", "RCS_SIZE", "COUNTRY_CODE", "LAUNCH_DATE"),
        *("SITE", "DECAY_DATE", "FILE", "GP_ID"),
    }
    assert message["TLE_LINE0"] == "0 ISS (ZARYA)"
    assert f"{message['TLE_LINE1']}\n{message['TLE_LINE2']}\n".encode() == tle()
    (row,) = csv.DictReader(io.StringIO(write_space_track_csv(elements).decode()))
    assert row == {key: value or "" for key, value in message.items()}


def test_space_tracks_size_of_an_orbit_follows_from_its_elements():
    # GOES 9 of CCSDS 502.0-B-3, figure 4-1: a day's orbit has some 42,164 km; and the definitions of the four.
    elements = one(mean_motion_rev_per_day=1.00273272, eccentricity=0.0005013)
    (message,) = json.loads(write_space_track_json(elements))
    size, period, high, low = (float(message[key]) for key in ("SEMIMAJOR_AXIS", "PERIOD", "APOAPSIS", "PERIAPSIS"))
    assert size == pytest.approx(42_164.1, abs=0.5)
    assert period == pytest.approx(1_440 / 1.00273272, abs=1e-3)
    assert high + low == pytest.approx(2 * (size - 6_378.135), abs=2e-3)
    assert high - low == pytest.approx(2 * size * 0.0005013, abs=2e-3)


def test_space_tracks_forms_leave_out_the_lines_that_no_tle_can_say():
    numbers = [25544, 339_999, 340_000, 799_501_621, 5]
    elements = pa.concat_tables([one(catalogue_number=number) for number in numbers])
    messages = json.loads(write_space_track_json(elements))
    lines = [message["TLE_LINE1"] and message["TLE_LINE1"][2:7] for message in messages]
    assert lines == ["25544", "Z9999", None, None, "00005"]
    assert read_omm_json(write_space_track_json(elements), "test").elements["catalogue_number"].to_pylist() == numbers


def test_csv_quotes_what_needs_it():
    name = 'A, "B"'
    text = write_omm_csv(one(object_name=name)).decode()
    assert next(csv.DictReader(io.StringIO(text)))["OBJECT_NAME"] == name
    assert read_omm_csv(text.encode(), "test").elements["object_name"].to_pylist() == [name]


@pytest.mark.parametrize("name", ["<&>", "A&amp;B", "]]>", "ÉTOILE", "[X]", "A = B", 'A "B"'])
@pytest.mark.parametrize("encoding", FORMATS)
def test_names_survive_every_encoding(encoding, name):
    write, read = FORMATS[encoding]
    reading = read(write(one(object_name=name)), "test")
    assert reading.refusals == []
    assert reading.elements["object_name"].to_pylist() == [name]


@pytest.mark.parametrize("encoding", FORMATS)
def test_sgp4_xp_keeps_its_terms(encoding):
    write, read = FORMATS[encoding]
    elements = one(
        mean_element_theory="SGP4-XP",
        ephemeris_type=4,
        bstar_per_earth_radius=0.0089,
        mean_motion_ddot_rev_per_day3=0.012,
    )
    reading = read(write(elements), "test")
    assert reading.refusals == []
    back = reading.elements.to_pylist()[0]
    assert (back["mean_element_theory"], back["ephemeris_type"]) == ("SGP4-XP", 4)
    assert (back["bstar_per_earth_radius"], back["mean_motion_ddot_rev_per_day3"]) == (0.0089, 0.012)


def test_sgp4_xp_has_its_own_keywords_in_kvn_and_xml():
    elements = one(mean_element_theory="SGP4-XP", ephemeris_type=4)
    assert "BTERM = " in write_omm_kvn(elements).decode()
    assert "<AGOM>" in write_omm_xml(elements).decode()
    assert "BSTAR" not in write_omm_xml(elements).decode()


@pytest.mark.parametrize("encoding", FORMATS)
def test_an_epoch_below_the_microsecond_is_rounded_half_to_even(encoding):
    write, read = FORMATS[encoding]
    second = parse_utc("2020-01-01T00:00:00")
    for ns, expected in ((1_500, 2_000), (2_500, 2_000), (2_501, 3_000), (999_999_999, 1_000_000_000)):
        back = read(write(one(epoch_tai_ns=second + ns)), "test").elements["epoch_tai_ns"].to_pylist()
        assert back == [second + expected]


@pytest.mark.parametrize("encoding", FORMATS)
def test_a_classification_that_is_not_there_is_not_made_up(encoding):
    write, read = FORMATS[encoding]
    payload = write(one(classification_type=None))
    assert b"U" not in payload.partition(b"CLASSIFICATION_TYPE")[2].split(b"NORAD_CAT_ID")[0].replace(b"NUM", b"")
    assert b"25544U" not in payload
    assert read(payload, "test").refusals == []


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize(
    "elements",
    [one().drop_columns(["bstar_per_earth_radius"]), one(bstar_per_earth_radius=float("nan"))],
    ids=["withheld", "not finite"],
)
def test_a_message_with_a_hole_is_not_written(encoding, elements):
    with pytest.raises(CannotRenderError, match="object 25544: bstar_per_earth_radius"):
        FORMATS[encoding][0](elements)


@pytest.mark.parametrize("encoding", FORMATS)
def test_no_elements_read_back_as_none(encoding):
    write, read = FORMATS[encoding]
    reading = read(write(ELEMENT_FIELDS_SCHEMA.empty_table()), "test")
    assert (reading.elements.num_rows, reading.refusals) == (0, [])

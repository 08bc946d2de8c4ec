"""The lanes against the readers of single messages: whatever comes in, both say the same."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.element_rows import ElementRow
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
from schemas.tle.read import read_tle
from tests.schemas.generated_elements import batch, rows, tle

DIALECTS = {
    "kvn": (write_omm_kvn, read_omm_kvn),
    "xml": (write_omm_xml, read_omm_xml),
    "celestrak-json": (write_omm_json, read_omm_json),
    "celestrak-csv": (write_omm_csv, read_omm_csv),
    "space-track-json": (write_space_track_json, read_omm_json),
    "space-track-csv": (write_space_track_csv, read_omm_csv),
}
# Bytes that mean something in one of the encodings, and values that break a rule or are a known deviation.
PIECES = [b'"', b",", b"\n", b"\r\n", b"{", b"}", b"[", b"]", b":", b"=", b"\\", b" ", b"\t", b"\x00", b"\xff", b"<"]
PIECES += [b"null", b"nan", b"1e999", b".5", b"5.", b"+7", b"01", b"2.0", b"-1", b"360.0", b"\xc3\xa9", b'""', b">"]
PIECES += [b" [deg]", b"COMMENT x\n", b'\\"', b"\\u00e9", b"</omm>", b"},{", b"CCSDS_OMM_VERS = 3.0\n", b"<!--x-->"]
PIECES += [b"BSTAR = 1.0\n", b'"BSTAR":1,', b"<BSTAR>1</BSTAR>", b"&amp;", b"&#65;", b"U", b"-0", b"1_5.0", b"\n\n"]


def iss():
    """The ISS as a row."""
    row = read_tle(tle(), "test").elements.to_pylist()[0]
    return ElementRow(**{name: row[name] for name in ElementRow._fields})


def assert_same(read, payload):
    """With and without its lane a reader says the same of a payload, deviations and refusals included."""
    fast, slow = read(payload, "test"), read(payload, "test", lane=False)
    assert fast.elements.to_pylist() == slow.elements.to_pylist()
    assert fast.refusals == slow.refusals
    fast.elements.validate(full=True)
    return fast


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.lists(rows(), min_size=1, max_size=6))
@settings(max_examples=12)
def test_the_lane_reads_what_is_written_as_the_slow_reader_does(dialect, written):
    write, read = DIALECTS[dialect]
    reading = assert_same(read, write(batch(written)))
    assert reading.elements["catalogue_number"].to_pylist() == [row.catalogue_number for row in written]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.lists(rows(), min_size=2, max_size=6), st.data())
@settings(max_examples=40)
def test_damage_is_judged_alike_with_and_without_the_lane(dialect, written, data):
    write, read = DIALECTS[dialect]
    payload = bytearray(write(batch(written), **({} if dialect.startswith("celestrak") else {"originator": "X"})))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(payload)))
        length = data.draw(st.integers(0, 4))
        payload[place : place + length] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    assert_same(read, bytes(payload))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.lists(rows(), min_size=3, max_size=5), st.data())
@settings(max_examples=20)
def test_values_of_any_kind_are_judged_alike_with_and_without_the_lane(dialect, written, data):
    write, read = DIALECTS[dialect]
    payload = write(batch(written))
    old = [f"{row.inclination_deg!r}".encode() for row in written if "e" not in repr(row.inclination_deg)]
    old += [row.object_name.encode() for row in written]
    target = data.draw(st.sampled_from(old))
    assert_same(read, payload.replace(target, data.draw(st.sampled_from(PIECES) | st.binary(max_size=4))))


def members(**changes):
    return {
        "OBJECT_NAME": "A, B: [C] {D}",
        "OBJECT_ID": "1998-067A",
        "EPOCH": "2026-01-01T00:00:00.000000",
        "MEAN_MOTION": 15.5,
        "ECCENTRICITY": 0.001,
        "INCLINATION": 51.6,
        "RA_OF_ASC_NODE": 1,
        "ARG_OF_PERICENTER": 2,
        "MEAN_ANOMALY": 3,
        "NORAD_CAT_ID": 25544,
        "BSTAR": 1e-05,
        "MEAN_MOTION_DOT": 1e-5,
        "MEAN_MOTION_DDOT": 0,
    } | changes


@pytest.mark.parametrize("indent", [None, 0, 1, 2])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\t", " :\r\n ")])
def test_json_lane_reads_any_layout_of_blanks(indent, separators):
    payload = json.dumps([members(NORAD_CAT_ID=n) for n in range(1, 6)], indent=indent, separators=separators).encode()
    reading = assert_same(read_omm_json, payload)
    assert reading.elements["catalogue_number"].to_pylist() == [1, 2, 3, 4, 5]


def test_json_objects_with_other_keys_in_other_orders_are_read_in_one_payload():
    several = [
        members(NORAD_CAT_ID=1),
        dict(reversed(members(NORAD_CAT_ID=2).items())),
        members(NORAD_CAT_ID=3, RCS_SIZE=None, PERIOD=90.5, COMMENT="x"),
        members(NORAD_CAT_ID="4", OBJECT_ID=None),
        members(NORAD_CAT_ID=5, OBJECT_NAME='with "quotes" and \\'),
        members(NORAD_CAT_ID=6, OBJECT_NAME="ÉTOILE"),
    ]
    for ascii_only in (True, False):
        payload = json.dumps(several, ensure_ascii=ascii_only).encode()
        reading = assert_same(read_omm_json, payload)
        assert reading.elements["catalogue_number"].to_pylist() == [1, 2, 3, 4, 5, 6]
        assert reading.elements["object_name"][4].as_py() == 'with "quotes" and \\'


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": {"EPOCH": "x"}}',
        '{"EPOCH" "x"}',
        '{"EPOCH": "x",}',
        '{"EPOCH": "x" "y"}',
        '{,"EPOCH": "x"}',
        '{"EPOCH": tru}',
        '{"EPOCH": 1 2}',
        '{"EPOCH": }',
        '{"EPOCH": 01}',
        '{"EPOCH": .5}',
        '{"EPOCH": "\x01"}',
        "{}",
        '"a"',
        "[[1]]",
        '{"EPOCH"}',
        '{"EPOCH": "a", "EPOCH": "a"}',
        '{"NOT A KEY": "a"}',
    ],
)
def test_json_that_is_no_flat_object_is_refused_alike_and_loses_nothing_else(broken):
    good = [json.dumps(members(NORAD_CAT_ID=n)) for n in range(1, 5)]
    payload = f"[{good[0]},{good[1]}, {broken} ,{good[2]},\n{good[3]}]".encode()
    reading = assert_same(read_omm_json, payload)
    assert reading.elements["catalogue_number"].to_pylist() == [1, 2, 3, 4]
    assert [refusal.record for refusal in reading.refusals] == [3]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_payload_of_several_parts_is_one_reading(dialect, monkeypatch):
    write, read = DIALECTS[dialect]
    monkeypatch.setattr("schemas.omm.read_csv._PART_BYTES", 3_000)
    monkeypatch.setattr("schemas.omm.read_json._PART_BYTES", 3_000)
    monkeypatch.setattr("schemas.omm.read_kvn._PART_BYTES", 3_000)
    one = batch([iss()]).to_pylist()[0]
    table = pa.Table.from_pylist([one | {"catalogue_number": n} for n in range(1, 61)], schema=ELEMENT_FIELDS_SCHEMA)
    payload = write(table)
    for bad in (None, b"nan"):
        changed = payload if bad is None else payload.replace(b"37", bad)
        reading = assert_same(read, changed)
        refused = [refusal.record for refusal in reading.refusals]
        read_records = reading.elements["payload_record"].to_pylist()
        assert sorted([*refused, *read_records]) == list(range(1, 61))
        assert read_records == sorted(read_records)
        assert bool(refused) == (bad is not None)


def test_a_json_string_without_its_end_takes_the_next_object_with_it():
    good = [json.dumps(members(NORAD_CAT_ID=n)) for n in range(1, 5)]
    broken = '{"EPOCH": "x\\"}'
    reading = assert_same(read_omm_json, f"[{good[0]}, {broken}, {','.join(good[1:])}]".encode())
    assert reading.elements["catalogue_number"].to_pylist() == [1, 3, 4]
    assert len(reading.refusals) == 1


def test_kvn_units_comments_and_blank_lines_have_layouts_of_their_own():
    table = batch([iss()])
    plain = write_omm_kvn(table, creation_date_utc="2026-01-01T00:00:00", originator="X").decode()
    with_units = plain.replace("MEAN_MOTION = 15.72125391", "MEAN_MOTION = 15.72125391 [rev/day]")
    with_comment = plain.replace("OBJECT_NAME", "COMMENT one\nOBJECT_NAME")
    user = plain + "USER_DEFINED_X = 1\n"
    wrong_units = plain.replace("MEAN_MOTION = 15.72125391", "MEAN_MOTION = 15.72125391 [deg]")
    texts = [plain, plain, with_units, with_units, with_comment, with_comment, user, user, wrong_units, plain]
    for end in ("\n", "\r\n"):
        reading = assert_same(read_omm_kvn, "\n".join(texts).replace("\n", end).encode())
        assert reading.elements["payload_record"].to_pylist() == [1, 2, 3, 4, 5, 6, 7, 8, 10]
        assert [(refusal.record, refusal.field) for refusal in reading.refusals] == [(9, "MEAN_MOTION")]


def test_records_beyond_the_lane_keep_their_numbers_in_the_table_of_refusals():
    payload = json.dumps([members(NORAD_CAT_ID=n, ECCENTRICITY=2 if n % 3 else 0) for n in range(1, 31)]).encode()
    table = assert_same(read_omm_json, payload).refusal_table
    assert table.column_names == ["file", "record", "line", "field", "value", "rule", "clause"]
    assert table["record"].to_pylist() == [n for n in range(1, 31) if n % 3]
    assert set(table["field"].to_pylist()) == {"ECCENTRICITY"}
    assert np.all(table["line"].to_numpy() == 1)

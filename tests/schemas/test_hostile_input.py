import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import refusals as refusal_limits
from schemas.omm.write import write_omm_csv, write_omm_json, write_omm_kvn, write_omm_xml
from schemas.recognise import read_elements
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.tle.read import read_tle
from schemas.tle.write import write_tle
from tests.schemas.generated_elements import tle

ISS = read_tle(tle(), "test").elements
SEEDS = [write_tle(ISS, True) * 2, write_omm_kvn(ISS) * 2, write_omm_xml(ISS), write_omm_json(ISS), write_omm_csv(ISS)]
DOCTYPES = {
    "billion laughs": b'<!DOCTYPE ndm [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><ndm>&b;</ndm>',
    "external entity": b'<!DOCTYPE ndm [<!ENTITY x SYSTEM "file:///etc/passwd">]><ndm>&x;</ndm>',
    "external DTD": b'<!DOCTYPE ndm SYSTEM "http://example.invalid/x.dtd"><ndm/>',
    "bare": b"<!DOCTYPE html><html></html>",
}


def assert_sound(reading):
    """Whatever came in: a valid batch, and refusals that any encoder takes."""
    reading.elements.validate(full=True)
    assert reading.elements.schema.equals(ELEMENT_FIELDS_SCHEMA)
    assert len(msgspec.json.encode(reading.refusals)) > 0
    assert all(len(refusal.value) <= 200 for refusal in reading.refusals)
    if reading.elements.num_rows:
        write_omm_json(reading.elements)
        write_omm_xml(reading.elements)


@given(st.binary(max_size=300))
def test_no_bytes_at_all_raise(data):
    for payload in (data, b"\x1f\x8b" + data, b"[" + data, b"<ndm>" + data, b"CCSDS_OMM_VERS=" + data, b"1 " + data):
        assert_sound(read_elements(payload, "test"))


@given(st.sampled_from(SEEDS), st.data())
def test_damaged_messages_never_raise(seed, data):
    payload = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload)))
        length = data.draw(st.integers(0, 5))
        payload[place : place + length] = data.draw(st.binary(max_size=5))
    for whole in (bytes(payload), gzip.compress(bytes(payload))):
        assert_sound(read_elements(whole, "test"))


@pytest.mark.parametrize("name", DOCTYPES)
def test_a_document_type_is_refused_before_anything_in_it_is_read(name):
    reading = read_elements(b'<?xml version="1.0"?>' + DOCTYPES[name], "test")
    assert [refusal.rule for refusal in reading.refusals] == ["no document type declaration"]


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        (b"<a>" * 200_000, "the root is ndm or omm"),
        (b"<ndm><omm>" + b"<a>" * 200_000, "at most 16 levels"),
        (b"<ndm><omm " + b" ".join(b'a%d=""' % n for n in range(100_000)) + b"/></ndm>", "at most 16 attributes"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><ndm/>', "UTF-8"),
        ("<ndm/>".encode("utf-16"), "TLE, or OMM"),
        (b'<?xml version="1.0" encoding="UTF-16"?><ndm/>', "UTF-8"),
        (b'<ndm xmlns="urn:other"/>', "no namespace"),
        (b"<ndm>\x00</ndm>", "well-formed XML"),
        (b"<ndm>\xff</ndm>", "well-formed XML"),
        (b"<ndm>&undefined;</ndm>", "well-formed XML"),
        (b"[" * 100_000, "nested less deeply"),
        (b'[{"a":' * 100_000, "nested less deeply"),
        (b'{"EPOCH": "\\ud800"}', "keyword must be there"),
        (b'{"OBJECT_NAME": "\\ud800"}', "printable"),
        (b"[1, 2]", "an object"),
        (b"[" + b"9" * 100_000 + b"]", "an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_shapes_that_harm_other_readers_are_refused(payload, rule):
    reading = read_elements(payload, "test")
    assert_sound(reading)
    assert reading.elements.num_rows == 0
    assert rule in reading.refusals[0].rule


def test_a_payload_of_nothing_but_bad_records_is_given_up(monkeypatch):
    monkeypatch.setattr("schemas.element_rows.REFUSALS_MAX", 10)
    for payload in (b"1 x\n" * 1_000, b"CCSDS_OMM_VERS = 9\n" * 1_000, b"[" + b"1," * 1_000 + b"1]"):
        reading = read_elements(payload, "test")
        assert len(reading.refusals) == 11
        assert "not read" in reading.refusals[-1].rule
    assert refusal_limits.REFUSALS_MAX == 100_000


def test_long_lines_without_end_are_one_refusal():
    for start in (b"1 ", b"CCSDS_OMM_VERS = ", b"NORAD_CAT_ID,EPOCH\n"):
        reading = read_elements(start + b"9" * 2_000_000, "test")
        assert_sound(reading)
        assert len(reading.refusals) == 1

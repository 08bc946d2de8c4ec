import gzip

import pytest

from schemas.gunzip import gunzip
from schemas.omm.write import write_omm_csv, write_omm_json, write_omm_kvn, write_omm_xml
from schemas.recognise import EMPTY_ELEMENTS, encoding_of, read_elements
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import REFUSED_BYTES_MAX, RecordRefusedError
from schemas.tle.read import read_tle
from schemas.tle.write import write_tle
from tests.schemas.generated_elements import tle

ISS = read_tle(tle(), "test").elements
PAYLOADS = {
    "tle": write_tle(ISS, True),
    "omm-kvn": write_omm_kvn(ISS),
    "omm-xml": write_omm_xml(ISS),
    "omm-json": write_omm_json(ISS),
    "omm-csv": write_omm_csv(ISS),
}


@pytest.mark.parametrize("encoding", PAYLOADS)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\n  "], ids=["plain", "byte order mark", "blank"])
def test_each_encoding_is_recognised_by_its_content_plain_and_compressed(encoding, before):
    payload = before + PAYLOADS[encoding]
    if before.isspace() and encoding == "omm-xml":
        payload = payload.replace(b'<?xml version="1.0" encoding="UTF-8"?>\n', b"")  # must be first where it stands
    for data in (payload, gzip.compress(payload)):
        reading = read_elements(data, "test")
        assert (reading.encoding, reading.elements.num_rows, reading.refusals) == (encoding, 1, [])


def test_a_kvn_message_may_begin_with_comments():
    assert encoding_of(b"COMMENT a\nCOMMENT b = c\n\nCCSDS_OMM_VERS = 2.0\n") == "omm-kvn"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \r\n ",
        b"No GP data found",
        b"CCSDS_OEM_VERS = 2.0\n",
        b"\x00" * 100,
        b"a,b,c\n1,2,3\n",
        b"PK\x03\x04",
        b"\x1f\x8b",
    ],
)
def test_what_is_no_element_set_at_all_is_one_refusal(data):
    reading = read_elements(data, "somewhere")
    assert (reading.encoding, reading.elements.num_rows) == ("unknown", 0)
    (refusal,) = reading.refusals
    assert (refusal.file, refusal.record, refusal.line, refusal.data) == ("somewhere", 1, 0, data)
    assert reading.elements.schema.equals(ELEMENT_FIELDS_SCHEMA)


def test_a_refusal_carries_no_more_than_a_person_can_look_at():
    (refusal,) = read_elements(b"x" * 1_000_000, "test").refusals
    assert len(refusal.data) == REFUSED_BYTES_MAX


def test_payloads_above_the_limit_are_one_refusal():
    payload = PAYLOADS["tle"]
    assert read_elements(payload, "test", bytes_max=len(payload)).refusals == []
    for data in (payload, gzip.compress(payload)):
        reading = read_elements(data, "test", bytes_max=len(payload) - 1)
        assert (reading.elements.num_rows, len(reading.refusals)) == (0, 1)
        assert str(len(payload) - 1) in reading.refusals[0].rule


def test_a_gzip_bomb_is_one_refusal():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    (refusal,) = read_elements(bomb, "test", bytes_max=1_000_000).refusals
    assert refusal.rule == "at most 1000000 bytes when decompressed"


@pytest.mark.parametrize("cut", [3, 10, 20, -1, -8, -12])
def test_gzip_that_is_cut_short_is_one_refusal(cut):
    reading = read_elements(gzip.compress(PAYLOADS["tle"] * 50)[:cut], "test")
    assert (reading.encoding, reading.elements.num_rows, len(reading.refusals)) == ("unknown", 0, 1)


def test_gzip_that_is_damaged_or_followed_by_something_is_one_refusal():
    whole = bytearray(gzip.compress(PAYLOADS["tle"] * 50))
    whole[-6] ^= 1  # its CRC
    for data in (bytes(whole), gzip.compress(PAYLOADS["tle"]) + b"more", gzip.compress(gzip.compress(PAYLOADS["tle"]))):
        reading = read_elements(data, "test")
        assert (reading.elements.num_rows, len(reading.refusals)) == (0, 1)


def test_members_of_gzip_are_joined():
    members = gzip.compress(b"a") + gzip.compress(b"") + gzip.compress(b"b") + b"\0\0"
    assert gunzip(members, 2) == b"ab"
    with pytest.raises(RecordRefusedError, match="at most 1 bytes"):
        gunzip(members, 1)


def test_the_empty_batch_has_the_columns_of_the_records():
    assert EMPTY_ELEMENTS.num_rows == 0
    assert EMPTY_ELEMENTS.schema.equals(ELEMENT_FIELDS_SCHEMA)

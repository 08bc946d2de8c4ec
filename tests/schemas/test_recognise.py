"""What a payload holds is told by its content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.recognise import Recognised, recognise, without_byte_order_mark
from tests.schemas.seeds import GOOD, seed


@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("before", [b"", b"\r\n\n  ", b"\n" * 1_000], ids=["plain", "blank", "many lines"])
def test_each_form_is_recognised_by_its_content(form: str, before: bytes) -> None:
    found = recognise(before + seed(form))
    assert found is not None
    assert found.encoding == form


@pytest.mark.parametrize(
    ("content", "message", "form"),
    [
        (b"COMMENT a\nCOMMENT b = c\n\nCCSDS_OMM_VERS = 2.0\n", "OMM", "kvn"),
        (b"COMMENT a\rCCSDS_CDM_VERS=1.0\r", "CDM", "kvn"),
        (b"CCSDS_OPM_VERS = 2.0\n", "OPM", "kvn"),
        (b"<?xml version='1.0'?><!-- a --><ndm><omm/></ndm>", "NDM", "xml"),
        (b'<?xml version="1.0"?>\n<cdm id="CCSDS_CDM_VERS" version="1.0">', "CDM", "xml"),
        (b'<ns:oem xmlns:ns="urn:a">', "OEM", "xml"),
        (b"<tdm/>", "TDM", "xml"),
        (b'{"cdm": {"@id": "CCSDS_CDM_VERS"}}', "CDM", "json"),
        (b'[{"omm": {"header": {}}}]', "OMM", "json"),
        (b'[{"CDM_ID": "1", "TCA": "2026-01-01T00:00:00"}]', "CDM", "json"),
        (b"[]", "OMM", "json"),
        (b"CDM_ID,CREATED,TCA\n", "CDM", "csv"),
        (b'"CCSDS_OMM_VERS","EPOCH","NORAD_CAT_ID"\r\n', "OMM", "csv"),
        (b"ISS (ZARYA)\n1 25544U\n2 25544\n", "TLE", "tle"),
        (b"Created:2026-01-01 00:00:00 UTC\r\nephemeris_start:x", "MEME", "text"),
    ],
)
def test_what_begins_so_is_that_message(content: bytes, message: str, form: str) -> None:
    assert recognise(content) == Recognised(message, form)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \r\n ",
        b"No GP data found",
        b"\x00" * 100,
        b"a,b,c\n1,2,3\n",
        b"PK\x03\x04",
        b"<html></html>",
        b"<",
        b"CCSDS_XYZ_VERS = 1.0",
        b"EPOCH = 2026-01-01T00:00:00",
        "CCSDS_OMM_VERS = 3.0".encode("utf-16"),
    ],
)
def test_other_content_is_nothing_we_know(content: bytes) -> None:
    assert recognise(content) is None


def test_a_sign_far_behind_is_not_looked_for() -> None:
    assert recognise(b"x" * 70_000 + b"\n1 25544U") is None


def test_one_byte_order_mark_is_taken_away() -> None:
    assert without_byte_order_mark(b"\xef\xbb\xbf\xef\xbb\xbfa") == b"\xef\xbb\xbfa"
    assert without_byte_order_mark(b"a\xef\xbb\xbf") == b"a\xef\xbb\xbf"


@given(st.binary(max_size=100), st.sampled_from([b"", b"<", b"[", b"{", b"CCSDS_OMM_VERS", b"1 ", b"COMMENT "]))
def test_no_bytes_raise(data: bytes, start: bytes) -> None:
    recognise(start + data)

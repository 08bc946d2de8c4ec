"""Hostile input is harmless: a clear refusal, bounded memory, and the good record beside it is still read."""

import bz2
import gzip
import json
import lzma
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import refusals as refusal_limits
from schemas.messages import PayloadReading, read_payload
from schemas.omm.read_kvn import read_omm_kvn
from tests.fuzz.properties import require_sound
from tests.schemas.cdm.messages import flat_json_members
from tests.schemas.seeds import GOOD, bare_xml, seed

XML_FORMS = ("omm-xml", "oem-xml", "cdm-xml", "ocm-xml")
KVN_FORMS = ("omm-kvn", "oem-kvn", "cdm-kvn", "ocm-kvn")
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}
# A number in the good record of each form that a message may not do without, as it stands there.
NUMBERS = {
    "tle": b"51.6416",
    "omm-kvn": b"51.6416",
    "omm-xml": b"51.6416",
    "omm-json": b"51.6416",
    "omm-csv": b"51.6416",
    "oem-kvn": b"459.4",
    "oem-xml": b"459.4",
    "cdm-kvn": b"241.9",
    "cdm-xml": b"241.9",
    "cdm-json": b'"241.9"',
    "cdm-csv": b'"241"',
    "ocm-kvn": b"459.4",
    "ocm-xml": b"459.4",
    "meme": b"6801.5",
}
NO_NUMBERS = {
    "beyond float64": b"1e999",
    "10,000 digits": b"9" * 10_000,
    "10,000 decimals": b"0." + b"3" * 10_000 + b"x",
    "an exponent of 10,000 digits": b"1E" + b"9" * 10_000,
    "an underscore": b"1_5.0",
    "Arabic digits": "٥١.٦".encode(),
    "fullwidth digits": "５１.６".encode(),
    "nan": b"nan",
    "inf": b"-Infinity",
    "hexadecimal": b"0x1.8p3",
    "NUL": b"1\x005",
    "no UTF-8": b"1\xff5",
    "a tab": b"1\t5",
    "a vertical tab": b"1\x0b5",
}


def read(payload: bytes, **options: int) -> PayloadReading:
    reading = read_payload(payload, "test", **options)
    require_sound(reading)
    return reading


def beside(form: str, bad: bytes) -> bytes:
    """A payload of the bad record and, behind it, good ones."""
    good = seed(form)
    if form.endswith("xml"):
        return b"<ndm>\n" + bad.split(b"?>", 1)[-1] + b"\n" + bare_xml(form) + b"\n</ndm>"
    if form.endswith("json"):
        return b"[" + bad.strip(b"[]") + b"," + good.strip(b"[]") + b"]"
    if form.endswith("csv"):
        return bad + good.partition(b"\n")[2]
    return bad + good


@given(st.binary(max_size=200), st.sampled_from(sorted(GOOD)))
def test_no_bytes_at_all_raise(data: bytes, form: str) -> None:
    start = seed(form)[:60]
    for payload in (data, start + data, b"\x1f\x8b" + data, b"BZh" + data, b"\xfd7zXZ\x00" + data, b"[{" + data):
        read(payload)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_damaged_messages_never_raise(form: str, data: st.DataObject) -> None:
    payload = bytearray(seed(form))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload)))
        payload[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    read(bytes(payload))
    read(gzip.compress(bytes(payload)))


@pytest.mark.parametrize("name", NO_NUMBERS)
@pytest.mark.parametrize("form", NUMBERS)
def test_what_is_no_number_refuses_its_record_alone(form: str, name: str) -> None:
    good = seed(form)
    assert NUMBERS[form] in good
    expected = read(good).records
    text = NO_NUMBERS[name]
    if form == "cdm-csv" or form == "cdm-json":
        text = b'"' + text + b'"'
    reading = read(beside(form, good.replace(NUMBERS[form], text, 1)))
    assert reading.refusals
    if form == "meme":  # is one record, whole or not at all
        assert reading.records == 0
    elif form.endswith("xml") and name in ("NUL", "no UTF-8", "a vertical tab"):
        assert reading.records == 0  # is no XML from there on
        assert "XML" in reading.refusals[0].rule
    else:
        assert reading.records >= expected
        assert len(reading.refusals) <= 3


@pytest.mark.parametrize("form", XML_FORMS)
@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE ndm [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        b'<!DOCTYPE ndm [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE ndm [<!ENTITY % x SYSTEM "http://example.invalid/x"> %x;]>',
        b'<!DOCTYPE ndm SYSTEM "http://example.invalid/x.dtd">',
        b"<!DOCTYPE ndm>",
    ],
    ids=["entities", "external entity", "parameter entity", "external DTD", "bare"],
)
def test_a_document_type_is_refused_before_anything_in_it_is_read(form: str, doctype: bytes) -> None:
    reading = read(b'<?xml version="1.0"?>' + doctype + b"<ndm>" + bare_xml(form) + b"</ndm>")
    assert [refusal.rule for refusal in reading.refusals] == ["no document type declaration"]
    assert reading.records == 0


@pytest.mark.parametrize("form", XML_FORMS)
@pytest.mark.parametrize(
    "harm",
    [
        b"<a>" * 200_000,
        b"<a>" * 200_000 + b"</a>" * 200_000,
        b"<COMMENT>" * 200_000,
        b"<a " + b" ".join(b'a%d=""' % n for n in range(200_000)) + b"/>",
        b"<a" * 200_000,
        b"<!--" + b"-" * 200_000,
        b"<![CDATA[" + b"[" * 200_000,
        b"&a;" * 200_000,
        b"&#x110000;",
        b"</ndm>" * 200_000,
    ],
    ids=[
        "nested",
        "nested and closed",
        "nested comments",
        "attributes",
        "unfinished tags",
        "unfinished comment",
        "unfinished CDATA",
        "unknown entities",
        "no character",
        "ends",
    ],
)
def test_a_document_that_goes_wrong_keeps_the_messages_before(form: str, harm: bytes) -> None:
    reading = read(b"<ndm>" + bare_xml(form) + harm + bare_xml(form) + b"</ndm>")
    assert reading.records in (1, 2)
    assert 1 <= len(reading.refusals) <= 3


@pytest.mark.parametrize("form", XML_FORMS)
def test_xml_of_another_encoding_is_refused(form: str) -> None:
    text = bare_xml(form).decode()
    for payload in (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + text.encode(),
        b'<?xml version="1.0" encoding="UTF-16"?>' + text.encode(),
        f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16"),
    ):
        reading = read(payload)
        assert (reading.records, len(reading.refusals)) == (0, 1)
        assert "UTF-8" in reading.refusals[0].rule


@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_32_are_refused_and_never_half_read(form: str, encoding: str) -> None:
    reading = read(seed(form).decode().encode(encoding))
    assert (reading.records, len(reading.refusals)) == (0, 1)


@pytest.mark.parametrize("start", [b"[", b'[{"a":', b'{"omm":', b'{"cdm":{"a":', b'[{"CDM_ID":1,"TCA":', b"[[1],"])
def test_json_nested_beyond_all_use_is_refused(start: bytes) -> None:
    reading = read(start * 200_000)
    assert reading.records == 0
    assert 1 <= len(reading.refusals) <= refusal_limits.REFUSALS_MAX + 1


@pytest.mark.parametrize("form", ["omm-json", "cdm-json"])
@pytest.mark.parametrize(
    "bad",
    [
        b'{"OBJECT_NAME": "\\ud800", "EPOCH": "\\udfff"}',
        b'{"EPOCH": ' + b"9" * 10_000 + b"}",
        b'{"EPOCH": 1e99999}',
        b'{"EPOCH": {"EPOCH": [[[[]]]]}}',
        b'{"EPOCH": "1", "EPOCH": "2"}',
        b'{"' + b"K" * 100_000 + b'": 1}',
        b"[[[[]]]]",
        b"-0",
        b"9" * 100_000,
        b"null",
        b'"' + b"x" * 100_000 + b'"',
    ],
    ids=lambda bad: bad[:24].decode(),
)
def test_a_bad_value_in_an_array_leaves_the_good_record_beside_it(form: str, bad: bytes) -> None:
    good = seed(form).strip(b"[]")
    expected = read(seed(form)).records
    for payload in (b"[" + good + b"," + bad + b"]", b"[" + good + b"," + bad + b"," + good + b"]"):
        reading = read(payload)
        assert reading.records >= expected
        assert reading.refusals


def test_lone_surrogates_in_a_name_refuse_the_record_alone() -> None:
    good = seed("omm-json")
    reading = read(good.replace(b"ALPHA STATION", b"\\ud800", 1))
    assert (reading.records, [refusal.field for refusal in reading.refusals]) == (1, ["OBJECT_NAME"])


@pytest.mark.parametrize("name", COMPRESSIONS)
@pytest.mark.parametrize("cut", [4, 12, 20, -1, -5, -12])
def test_compressed_data_that_is_cut_short_is_one_refusal(name: str, cut: int) -> None:
    reading = read(COMPRESSIONS[name](seed("omm-kvn") * 20)[:cut])
    assert (reading.encoding, reading.records, len(reading.refusals)) == ("unknown", 0, 1)


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_a_bomb_is_one_refusal(name: str) -> None:
    bomb = COMPRESSIONS[name](b"\0" * 20_000_000)
    assert len(bomb) < 30_000
    (refusal,) = read(bomb, bytes_max=1_000_000).refusals
    assert refusal.rule == "at most 1000000 bytes when decompressed"


def test_a_bomb_in_a_bomb_is_not_unpacked_twice() -> None:
    (refusal,) = read(gzip.compress(gzip.compress(seed("tle")))).refusals
    assert refusal.field == "payload"


LONG_LINE = """
import resource, sys
from schemas.messages import read_payload
start = sys.argv[1].encode("latin-1").decode("unicode_escape").encode("latin-1")
read_payload(start + b"9" * 1_000 + b"\\n", "warm")
payload = start.ljust(64 << 20, b"9")  # one allocation, so that the peak is the reading's own
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reading = read_payload(payload, "test")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert reading.records == 0, reading.records
assert 1 <= len(reading.refusals) <= 3, reading.refusals
assert all(len(refusal.data) <= 65_536 and len(refusal.value) <= 200 for refusal in reading.refusals)
print((after - before) // 1024)
"""
LONG_LINE_MB_MAX = 256  # beside the 64 MiB themselves: a few copies, and never an object a character


@pytest.mark.parametrize(
    "start",
    [
        *(
            "1 ",
            "CCSDS_OMM_VERS = ",
            "CCSDS_OEM_VERS = 2.0\n",
            "CCSDS_CDM_VERS = 1.0\nCOMMENT ",
            "CCSDS_OCM_VERS=3.0\n",
        ),
        *("NORAD_CAT_ID,EPOCH\n", "CDM_ID,TCA\n", '[{"EPOCH": "', '{"CDM_ID": "1", "TCA": ', "<omm><header><COMMENT>"),
        *("created:\nephemeris_start:", "<", "{", ""),
    ],
)
def test_a_line_of_64_mib_without_end_is_refused_in_bounded_memory(start: str) -> None:
    escaped = start.encode("unicode_escape").decode()
    done = subprocess.run([sys.executable, "-c", LONG_LINE, escaped], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < LONG_LINE_MB_MAX


TINY_BAD = {
    "tle": (b"1 x\n", b""),
    "omm-kvn": (b"CCSDS_OMM_VERS = 9\n", b""),
    "oem-kvn": (b"CCSDS_OEM_VERS = 9\n", b""),
    "cdm-kvn": (b"CCSDS_CDM_VERS = 9\n", b""),
    "ocm-kvn": (b"CCSDS_OCM_VERS = 9\n", b""),
    "omm-xml": (b"<omm/>", b"<ndm>"),
    "oem-xml": (b"<oem/>", b"<ndm>"),
    "cdm-xml": (b"<cdm/>", b"<ndm>"),
    "ocm-xml": (b"<ocm/>", b"<ndm>"),
    "omm-json": (b"1,", b"["),
    "cdm-json": (b"{},", b'[{"CDM_ID":1,"TCA":2},'),
    "omm-csv": (b"x\n", b"NORAD_CAT_ID,EPOCH\n"),
}


@pytest.mark.parametrize("form", TINY_BAD)
def test_100_000_tiny_bad_records_are_a_bounded_number_of_refusals(form: str) -> None:
    bad, start = TINY_BAD[form]
    reading = read(start + bad * 100_010)
    assert reading.records == 0
    # One more says that the rest was not read, and one that the document is not finished.
    assert 1 <= len(reading.refusals) <= refusal_limits.REFUSALS_MAX + 2


@pytest.mark.parametrize("form", [form for form in GOOD if form != "meme"])
@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["CR LF", "CR alone"])
def test_other_line_ends_lose_nothing_in_silence(form: str, end: bytes) -> None:
    good = seed(form)
    expected, reading = read(good), read(good.replace(b"\r\n", b"\n").replace(b"\n", end))
    if end == b"\r\n":
        assert (reading.records, reading.refusals) == (expected.records, [])
    else:
        assert reading.records == expected.records or reading.refusals


@pytest.mark.parametrize("form", KVN_FORMS)
def test_mixed_line_ends_lose_nothing_in_silence(form: str) -> None:
    lines = seed(form).splitlines()
    mixed = b"".join(line + (b"\r\n" if place % 2 else b"\n") for place, line in enumerate(lines))
    reading = read(mixed)
    assert reading.records == read(seed(form)).records or reading.refusals


@pytest.mark.parametrize("form", GOOD)
def test_a_byte_order_mark_is_passed_over(form: str) -> None:
    reading, expected = read(b"\xef\xbb\xbf" + seed(form)), read(seed(form))
    assert (reading.encoding, reading.records, reading.refusals) == (expected.encoding, expected.records, [])


@pytest.mark.parametrize(
    "payload", [b"", b" \r\n ", b"\xef\xbb\xbf", bytes(range(256)) * 20, b"\x00" * 5_000, b"PK\x03\x04"]
)
def test_nothing_and_what_is_nothing_we_know_is_one_refusal(payload: bytes) -> None:
    reading = read(payload)
    assert (reading.encoding, reading.records, len(reading.refusals)) == ("unknown", 0, 1)


@pytest.mark.parametrize("copies", [1, 2_000])
def test_a_keyword_that_begins_as_the_version_line_begins_no_message(copies: int) -> None:
    good = seed("omm-kvn")
    almost = good.replace(b"CCSDS_OMM_VERS ", b"CCSDS_OMM_VERSION ")
    assert read_omm_kvn(almost * copies, "test").elements.num_rows == 0
    payload = good + almost * copies + good  # beyond what the lane reads at once
    fast, slow = read_omm_kvn(payload, "test"), read_omm_kvn(payload, "test", lane=False)
    assert fast.elements.equals(slow.elements)
    assert fast.refusals == slow.refusals
    assert fast.elements.num_rows >= 1


@pytest.mark.parametrize(
    "payload",
    [json.dumps([flat_json_members() | {"": "m**2"}]).encode(), b'[{"NORAD_CAT_ID": 5, "EPOCH": "x", "": 1}]'],
    ids=["CDM", "OMM"],
)
def test_a_member_without_a_name_is_refused_as_one(payload: bytes) -> None:
    """Found by the fuzzer: the refusal named no field at all."""
    (refusal,) = read(payload).refusals
    assert refusal.field == '""'

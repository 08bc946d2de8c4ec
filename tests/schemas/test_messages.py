"""A payload of anything: records of every kind, each refusal once, limits, deviations counted."""

import bz2
import gzip
import lzma

import pytest

from schemas.messages import EMPTY_CONJUNCTIONS, read_as, read_payload
from schemas.recognise import Recognised
from schemas.refusals import REFUSED_BYTES_MAX, RecordRefusedError
from tests.fuzz.properties import require_sound
from tests.schemas.seeds import GOOD, bare_xml, seed

RECORDS = {"omm-kvn": 2, "omm-json": 2, "omm-csv": 3, "cdm-kvn": 2, "cdm-csv": 2}


@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=lambda f: f.__module__)
def test_every_form_is_read_plain_and_compressed(form: str, compress) -> None:
    reading = read_payload(compress(seed(form)), "test")
    assert (reading.encoding, reading.records, reading.refusals) == (form, RECORDS.get(form, 1), [])
    kind = {"t": "elements", "om": "elements", "oe": "ephemerides", "oc": "ephemerides", "m": "ephemerides"}
    where = next((name for start, name in kind.items() if form.startswith(start)), "conjunctions")
    counts = {
        "elements": reading.elements.num_rows,
        "ephemerides": len(reading.ephemerides),
        "conjunctions": reading.conjunctions.num_rows,
    }
    assert counts.pop(where) == reading.records
    assert set(counts.values()) == {0}
    require_sound(reading)


def test_a_document_of_several_kinds_has_records_of_each() -> None:
    reading = read_payload(seed("ndm-xml", "all.xml"), "test")
    assert (reading.encoding, reading.refusals) == ("ndm-xml", [])
    assert (reading.elements.num_rows, len(reading.ephemerides), reading.conjunctions.num_rows) == (2, 2, 1)
    assert [ephemeris.message for ephemeris in reading.ephemerides] == ["OEM", "OCM"]


def test_messages_of_a_kind_that_is_not_read_are_refused_beside_the_others() -> None:
    reading = read_payload(seed("ndm-xml", "unread-kind.xml"), "test")
    assert (reading.records, [(refusal.record, refusal.value) for refusal in reading.refusals]) == (2, [(2, "opm")])


def test_a_refused_message_of_several_kinds_loses_no_other() -> None:
    bad = bare_xml("oem-xml").replace(b"459.4", b"nan")
    reading = read_payload(b"<ndm>" + bad + bare_xml("omm-xml") + bare_xml("cdm-xml") + b"</ndm>", "test")
    assert [(refusal.record, refusal.field) for refusal in reading.refusals] == [(1, "Y")]
    assert (reading.elements.num_rows, len(reading.ephemerides), reading.conjunctions.num_rows) == (1, 0, 1)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "a payload with something in it"),
        (b" \r\n", "a payload with something in it"),
        (b"No GP data found", "TLE, OMM, OEM, CDM, OCM or MEME"),
        ("CCSDS_OMM_VERS = 3.0".encode("utf-16"), "UTF-8, not UTF-16"),
        (b"CCSDS_OPM_VERS = 2.0\n", "this message is not read here"),
        (b"<rdm/>", "this message is not read here"),
        (b"\x1f\x8b", "not cut short"),
    ],
)
def test_what_holds_nothing_for_us_is_one_refusal_of_the_whole(data: bytes, rule: str) -> None:
    reading = read_payload(data, "somewhere")
    assert (reading.encoding, reading.records) == ("unknown", 0)
    (refusal,) = reading.refusals
    assert (refusal.file, refusal.record, refusal.line, refusal.data) == ("somewhere", 1, 0, data)
    assert rule in refusal.rule
    assert reading.conjunctions is EMPTY_CONJUNCTIONS


def test_a_refusal_carries_no_more_than_a_person_can_look_at() -> None:
    (refusal,) = read_payload(b"x" * 1_000_000, "test").refusals
    assert len(refusal.data) == REFUSED_BYTES_MAX
    assert len(refusal.value) <= 200


@pytest.mark.parametrize("form", ["tle", "omm-csv", "oem-kvn"])
def test_payloads_above_the_limit_are_one_refusal(form: str) -> None:
    payload = seed(form)
    assert read_payload(payload, "test", bytes_max=len(payload)).refusals == []
    for data in (payload, gzip.compress(payload)):
        reading = read_payload(data, "test", bytes_max=len(payload) - 1)
        assert (reading.records, len(reading.refusals)) == (0, 1)
        assert f"at most {len(payload) - 1} bytes" in reading.refusals[0].rule


def test_deviations_and_quality_are_counted_over_all_records() -> None:
    reading = read_payload(seed("omm-xml", "celestrak.xml"), "test")
    assert reading.deviations() == {"empty-creation-date": 2, "empty-originator": 2}
    assert read_payload(seed("oem-kvn", "segments.oem"), "test").deviations() == {"bare-decimal-point": 2}
    assert read_payload(seed("cdm-csv"), "test").deviations() == {"probability-without-method": 1}
    wrong = seed("cdm-kvn").replace(b"241.9", b"999.9")
    assert "miss-distance" in " ".join(read_payload(wrong, "test").quality())


def test_the_draft_of_the_next_cdm_is_read_behind_its_flag() -> None:
    draft = seed("cdm-json", "nested.json").replace(b'"@version": "1.0"', b'"@version": "2.0"')
    assert draft != seed("cdm-json", "nested.json")
    assert read_payload(draft, "test").refusals[0].value == "2.0"
    assert all(refusal.value != "2.0" for refusal in read_payload(draft, "test", draft=True).refusals)


def test_content_may_be_read_as_what_it_is_said_to_be() -> None:
    reading = read_as(Recognised("OEM", "kvn"), seed("omm-kvn"), "test")
    assert (reading.encoding, reading.records) == ("oem-kvn", 0)
    assert reading.refusals
    with pytest.raises(RecordRefusedError, match="not read here"):
        read_as(Recognised("TDM", "kvn"), b"CCSDS_TDM_VERS = 2.0\n", "test")

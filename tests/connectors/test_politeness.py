"""How long to wait, and what is data: the rules without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.gp_form import first_words, is_data, says_not_updated
from connectors.politeness import LONGEST_WAIT_S, after_failure_s, after_no_connection_s, retry_after_s
from connectors.sources import GpFormat
from schemas.timescales import parse_utc

CSV = (
    b"OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,MEAN_ANOMALY,"
    b"EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,MEAN_MOTION_DOT,"
    b"MEAN_MOTION_DDOT\r\nISS (ZARYA),1998-067A,2026-11-22T04:01:07.000000,15.5,.0005,51.6,1,2,3,0,U,25544,999,1,0,0,0"
)
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<ndm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><omm id="x">'
TLE = (
    b"ISS (ZARYA)             \r\n"
    b"1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927\r\n"
    b"2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537\r\n"
)
DATA = {
    GpFormat.JSON: [b'[{"OBJECT_NAME":"ISS"}]', b'\xef\xbb\xbf [\n  {\n    "OBJECT_NAME": "ISS"'],
    GpFormat.CSV: [CSV, b'"CCSDS_OMM_VERS","EPOCH","NORAD_CAT_ID"\n"3.0","2026","1"'],
    GpFormat.XML: [XML, b"<omm>", b'<?xml version="1.0"?><!-- c --><n:ndm xmlns:n="urn:ccsds">'],
    GpFormat.KVN: [b"CCSDS_OMM_VERS = 2.0\nCREATION_DATE = 2026"],
    GpFormat.TLE: [TLE, TLE.split(b"\r\n", 1)[1], TLE.replace(b"\r\n", b"\n"), TLE.replace(b"25544", b"A0001")],
}
SENTENCES = [
    b"",
    b"[]",
    b"No GP data found",
    b'Invalid query: "GROUP=none&FORMAT=json" (GROUP "none" not found)',
    b"GP data has not updated since your last successful download of GROUP=active at 2026-11-22 10:00:00 UTC.",
    b"<!DOCTYPE html><html><head><title>403</title></head><body>ndm and omm are blocked</body></html>",
    b"<html><body><omm></body></html>",
    b'{"error": "too many requests"}',
    b"1 of 2 servers is down\r\n2 of 2 are busy",
]


@pytest.mark.parametrize("encoding", GpFormat)
def test_data_are_taken_in_their_own_encoding_only(encoding: GpFormat) -> None:
    for other, bodies in DATA.items():
        assert [is_data(body, encoding) for body in bodies] == [other is encoding] * len(bodies)


@pytest.mark.parametrize("encoding", GpFormat)
@pytest.mark.parametrize("body", SENTENCES)
def test_a_sentence_is_data_in_no_encoding(encoding: GpFormat, body: bytes) -> None:
    assert not is_data(body, encoding)


@given(st.binary(max_size=200), st.sampled_from(GpFormat))
def test_any_bytes_are_judged_and_shown_without_an_error(body: bytes, encoding: GpFormat) -> None:
    is_data(body, encoding)
    shown = first_words(body)
    assert len(shown) <= 200
    assert shown.isprintable()


def test_not_updated_is_told_from_other_refusals() -> None:
    assert [says_not_updated(sentence) for sentence in SENTENCES].count(True) == 1


statuses = st.sampled_from([None, 200, 400, 403, 404, 429, 500, 503])
intervals = st.floats(7_200, 30 * 86_400)


@given(statuses, st.integers(1, 10_000), intervals, st.none() | st.floats(0, 1e12), st.floats(0, 0.999))
def test_no_failure_makes_a_request_come_sooner(
    status: int | None, failures: int, interval_s: float, asked_s: float | None, jitter: float
) -> None:
    wait_s = after_failure_s(status, failures, interval_s, asked_s, jitter)
    assert wait_s >= interval_s
    assert wait_s >= min(asked_s or 0, LONGEST_WAIT_S)
    assert after_failure_s(status, failures + 1, interval_s, asked_s, jitter) >= wait_s
    assert wait_s <= LONGEST_WAIT_S + 2 * interval_s


def test_back_off_doubles_to_a_day_and_403_is_one_step_ahead() -> None:
    assert [after_failure_s(500, n, 7200, None, 0) for n in range(1, 7)] == [7200, 14400, 28800, 57600, 86400, 86400]
    assert [after_failure_s(403, n, 7200, None, 0) for n in range(1, 4)] == [14400, 28800, 57600]
    assert after_failure_s(500, 1, 7200, None, 0.5) == 8100


@given(st.integers(1, 10_000), intervals, st.floats(0, 0.999))
def test_an_attempt_that_reached_nobody_is_repeated_within_the_interval(n: int, interval_s: float, u: float) -> None:
    assert 60 <= after_no_connection_s(n, interval_s, u) <= interval_s * 1.25


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    now = parse_utc("2026-11-22T12:00:00")
    assert retry_after_s("120", now) == 120
    assert retry_after_s(" 0 ", now) == 0
    assert retry_after_s("Sun, 22 Nov 2026 13:00:00 GMT", now) == 3600
    assert retry_after_s("Sun, 22 Nov 2026 14:00:00 +0100", now) == 3600
    assert retry_after_s("Sun, 22 Nov 2026 11:00:00 GMT", now) == 0
    assert retry_after_s(None, now) is None
    assert retry_after_s("soon", now) is None


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"))
def test_any_retry_after_is_read_or_ignored(value: str) -> None:
    read = retry_after_s(value, parse_utc("2026-11-22T12:00:00"))
    assert read is None or read >= 0

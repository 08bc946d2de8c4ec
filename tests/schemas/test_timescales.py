import json
import re
from datetime import UTC, datetime

import erfa
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.timescales import (
    NS_PER_DAY,
    NS_PER_SECOND,
    format_utc,
    format_utc_column,
    now_tai_ns,
    parse_utc,
    seconds_in_utc_day,
    tai_minus_utc_s,
    utc_day_to_tai_ns,
    utc_julian_date,
)
from tests.schemas.generated_elements import EARLIEST_TAI_NS, LATEST_TAI_NS, data_file

TAI_NS = st.integers(EARLIEST_TAI_NS, LATEST_TAI_NS)
JD_1970 = 2_440_587.5
LEAP_SECOND = parse_utc("2016-12-31T23:59:60")
AROUND_THE_LEAP_SECOND = st.integers(LEAP_SECOND - 2 * NS_PER_SECOND, LEAP_SECOND + 2 * NS_PER_SECOND)


def erfa_tai_ns(year, month, day, hour, minute, second, ns):
    """TAI ns by ERFA; whole seconds, so that two float64 hold the result to far better than a second."""
    utc1, utc2 = erfa.dtf2d("UTC", year, month, day, hour, minute, float(second))
    tai1, tai2 = erfa.utctai(utc1, utc2)
    return round(((tai1 - JD_1970) + tai2) * 86_400) * NS_PER_SECOND + ns


@pytest.mark.filterwarnings("ignore:ERFA function")
@given(st.datetimes(datetime(1972, 1, 1), datetime(2035, 12, 31)), st.integers(0, 999_999_999))
def test_parsing_agrees_with_erfa(at, ns):
    text = at.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns:09d}"
    assert parse_utc(text) == erfa_tai_ns(at.year, at.month, at.day, at.hour, at.minute, at.second, ns)


@pytest.mark.filterwarnings("ignore:ERFA function")
@pytest.mark.parametrize("date", [(1972, 6, 30), (1990, 12, 31), (2015, 6, 30), (2016, 12, 31)])
def test_leap_seconds_agree_with_erfa(date):
    year, month, day = date
    text = f"{year}-{month:02d}-{day:02d}T23:59:60.25"
    assert parse_utc(text) == erfa_tai_ns(year, month, day, 23, 59, 60, 250_000_000)
    assert format_utc(parse_utc(text), 2) == text


@given(TAI_NS)
@example(LEAP_SECOND)
@example(LEAP_SECOND - 1)
@example(LEAP_SECOND + NS_PER_SECOND)
def test_text_with_nine_decimals_reads_back_as_the_same_instant(tai_ns):
    assert parse_utc(format_utc(tai_ns, 9)) == tai_ns


@given(
    st.lists(TAI_NS | st.integers(LEAP_SECOND - 2 * NS_PER_SECOND, LEAP_SECOND + 2 * NS_PER_SECOND)), st.integers(1, 9)
)
def test_a_column_of_instants_reads_as_its_elements(instants, digits):
    assert format_utc_column(np.array(instants, dtype=np.int64), digits) == [format_utc(t, digits) for t in instants]


def test_a_column_before_1972_is_refused():
    with pytest.raises(ValueError, match="1972"):
        format_utc_column(np.array([0], dtype=np.int64))


@given(st.integers(1972, 2056), st.data())
def test_a_tles_epoch_is_the_same_instant_as_its_text(year, data):
    leap = year % 4 == 0
    day = data.draw(st.integers(1, 365 + leap))
    units = data.draw(st.integers(0, 99_999_999))
    ns = units * 864_000
    columns = (np.array([value], dtype=np.int64) for value in (year, day - 1, ns))
    second, ns_of_second = divmod(ns, NS_PER_SECOND)
    text = f"{year}-{day:03d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{ns_of_second:09d}"
    assert utc_day_to_tai_ns(*columns).tolist() == [parse_utc(text)]


def test_tai_minus_utc_is_the_iers_table():
    days = np.array([41_317, 41_498, 41_499, 57_753, 57_754], dtype=np.int64)
    assert tai_minus_utc_s(days).tolist() == [10, 10, 11, 36, 37]
    assert (seconds_in_utc_day(57_753), seconds_in_utc_day(57_754)) == (86_401, 86_400)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2026-9-20T12:42:37", "not a UTC time"),
        ("2026-09-20 12:42:37", "not a UTC time"),
        ("26263.52959654", "not a UTC time"),
        ("2026-09-20T12:42:37.141056+00:00", "not a UTC time"),
        ("20260920T124237", "not a UTC time"),
        ("２０26-09-20T12:42:37", "not a UTC time"),
        ("2026-09-20T12:42", "not a UTC time"),
        ("2026-09-20T12:42:37\n", "not a UTC time"),
        ("", "not a UTC time"),
        ("2026-13-01T00:00:00", "month 13"),
        ("2026-00-01T00:00:00", "month 0"),
        ("2026-02-29T00:00:00", "day 29"),
        ("2026-366T00:00:00", "day 366"),
        ("2026-000T00:00:00", "day 0"),
        ("2026-01-01T24:00:00", "out of range"),
        ("2026-01-01T00:60:00", "out of range"),
        ("2026-01-01T00:00:61", "out of range"),
        ("2026-01-01T23:59:60", "second 60"),
        ("2016-12-31T22:59:60", "second 60"),
        ("1971-12-31T23:59:59", "before 1972"),
        ("2262-01-01T00:00:00", "2262"),
        ("9999-01-01T00:00:00", "2262"),
    ],
)
def test_text_that_is_no_instant_is_refused_by_its_rule(text, rule):
    with pytest.raises(ValueError, match=re.escape(rule)):
        parse_utc(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("0000000005", 0), ("0000000015", 2), ("00000000051", 1), ("9999999995", 10**9), ("0000000004999", 0)],
)
def test_digits_beyond_the_nanosecond_round_half_to_even(text, ns):
    assert parse_utc(f"2020-01-01T00:00:00.{text}") - parse_utc("2020-01-01T00:00:00") == ns


@pytest.mark.filterwarnings("ignore:ERFA function")
@given(st.integers(EARLIEST_TAI_NS, parse_utc("2035-01-01T00:00:00")))
def test_julian_dates_give_back_the_calendar(tai_ns):
    jd, fraction = utc_julian_date(np.array([tai_ns], dtype=np.int64))
    assert jd[0] % 1 == 0.5
    assert 0.0 <= fraction[0] < 1.0
    text = format_utc(tai_ns, 9)
    ns = ((int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])) * NS_PER_SECOND + int(text[20:])
    midnight1, midnight2 = erfa.dtf2d("UTC", int(text[:4]), int(text[5:7]), int(text[8:10]), 0, 0, 0.0)
    days = (jd[0] - (midnight1 + midnight2)) + fraction[0]
    assert days * NS_PER_DAY == pytest.approx(ns, abs=20.0)  # float64 of a day fraction: 1e-16 day


def test_now_is_the_machines_clock():
    before = datetime.now(UTC)
    text = format_utc(now_tai_ns(), 6)
    assert abs((datetime.fromisoformat(text + "+00:00") - before).total_seconds()) < 60.0


def test_the_conformance_vectors_hold():
    vectors = json.loads(data_file("omm/vectors/ccsds-epoch-strings.json").read_text())
    for case in vectors["valid"]:
        if "note" not in case:
            assert format_utc(parse_utc(case["text"]), 6) == case["iso"]
    for case in vectors["invalid"]:
        with pytest.raises(ValueError, match="UTC"):
            parse_utc(case["text"])

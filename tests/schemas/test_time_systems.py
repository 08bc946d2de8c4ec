import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import astropy_iers_data
import erfa
import numpy as np
import pytest
from astropy.time import Time
from astropy.utils import iers
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas import epoch_matrix
from schemas.earth_orientation import EarthOrientationSpanError, iers_table
from schemas.time_systems import (
    EARLIEST_TAI_NS,
    LATEST_TAI_NS,
    TIME_SYSTEMS,
    calendar_to_tai_ns,
    format_epoch,
    format_epoch_column,
    from_tai_ns,
    to_tai_ns,
)
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, parse_utc

FIRST_UT1, LAST_UT1 = iers_table().span_tai_ns
parse_epoch_matrix = partial(epoch_matrix.parse_epoch_matrix, few=0)
LEAP_SECOND = parse_utc("2016-12-31T23:59:60")
WITHOUT_LEAP_SECONDS = [system for system in TIME_SYSTEMS if system != "UTC"]
EVEN = ["UTC", "TAI", "TT", "GPS"]


def instants(system):
    """TAI ns that the time system reaches, those about leap seconds often."""
    low, high = (FIRST_UT1, LAST_UT1) if system == "UT1" else (EARLIEST_TAI_NS, LATEST_TAI_NS)
    near = st.integers(LEAP_SECOND - 3 * NS_PER_SECOND, LEAP_SECOND + 3 * NS_PER_SECOND)
    return st.integers(low, high) | near | st.sampled_from([low, high])


SYSTEM_AND_INSTANT = st.sampled_from(TIME_SYSTEMS).flatmap(lambda system: st.tuples(st.just(system), instants(system)))


@pytest.fixture
def astropy_iers_a():
    """astropy with the same finals2000A as we have, and no network."""
    table = iers.IERS_A.open(astropy_iers_data.IERS_A_FILE)
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.earth_orientation_table.set(table),
    ):
        yield table


def astropy_text(tai_ns, scale):
    """What astropy writes, nine decimals, of whole TAI seconds and nanoseconds."""
    days, ns_of_day = divmod(tai_ns, NS_PER_DAY)
    time = Time(2_440_587.5 + days, ns_of_day / NS_PER_DAY, format="jd", scale="tai", precision=9)
    return getattr(time, scale).isot


def ns_between(one, other):
    """Difference of two texts of one calendar day or neighbouring ones, ns."""
    parts = [text.split(".") for text in (one, other)]
    whole = datetime.fromisoformat(parts[0][0]) - datetime.fromisoformat(parts[1][0])
    fraction = Decimal(f"0.{parts[0][1]}") - Decimal(f"0.{parts[1][1]}")
    return float((whole // timedelta(seconds=1) + fraction) * NS_PER_SECOND)


@given(SYSTEM_AND_INSTANT)
@example(("UTC", LEAP_SECOND))
@example(("UTC", LEAP_SECOND + NS_PER_SECOND - 1))
def test_text_with_nine_decimals_reads_back_as_the_same_instant_in_every_time_system(case):
    system, tai_ns = case
    assert to_tai_ns(system, format_epoch(system, tai_ns)) == tai_ns


def around_a_change(system, day):
    """Eight instants about one where the whole nanoseconds between the time system and TAI change, None without one."""
    # Steps in which there is one change at most: UT1 slips by some 10 ns in a second against TAI, TDB by 0.3 ns.
    step = NS_PER_SECOND // 50 if system == "UT1" else NS_PER_SECOND
    steps = parse_utc("1980-01-01T00:00:00") + day * NS_PER_DAY + np.arange(200, dtype=np.int64) * step
    offsets = from_tai_ns(system, steps) - steps
    changes = np.flatnonzero(np.abs(np.diff(offsets)) == 1)
    if not len(changes):
        return None
    low, first = int(steps[changes[0]]), int(offsets[changes[0]])
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        at_middle = int(from_tai_ns(system, np.array([middle], dtype=np.int64))[0]) - middle
        low, high = (middle, high) if at_middle == first else (low, middle)
    return np.arange(low - 3, low + 5, dtype=np.int64)


@given(st.sampled_from(["UT1", "TDB"]), st.integers(0, 17_000))
def test_where_the_offset_changes_by_a_nanosecond_the_text_is_still_exact(system, day):
    around = around_a_change(system, day)
    assume(around is not None)
    texts = format_epoch_column(system, around)
    assert [to_tai_ns(system, text) for text in texts] == around.tolist()
    assert texts == sorted(texts)
    assert len(set(texts)) == len(texts)


def test_where_ut1_falls_behind_one_instant_needs_a_tenth_digit_and_shares_its_calendar_count():
    around = around_a_change("UT1", 4_000)  # 1990: a day had 86,400.002 s
    lengths = [len(text) for text in format_epoch_column("UT1", around)]
    assert sorted(lengths) == [29] * 7 + [30]
    counts = from_tai_ns("UT1", around)
    assert len(set(counts.tolist())) == 7
    assert np.abs(calendar_to_tai_ns("UT1", counts) - around).max() == 1


@given(SYSTEM_AND_INSTANT, st.integers(1, 9))
def test_a_column_is_its_elements(case, digits):
    system, tai_ns = case
    column = np.array(
        [tai_ns, tai_ns, (EARLIEST_TAI_NS if system != "UT1" else FIRST_UT1) + NS_PER_DAY], dtype=np.int64
    )
    assert format_epoch_column(system, column, digits) == [format_epoch(system, t, digits) for t in column.tolist()]


@given(SYSTEM_AND_INSTANT)
def test_calendar_counts_are_the_text_as_numpy_reads_it(case):
    system, tai_ns = case
    text = format_epoch(system, tai_ns)
    assume(text[17:19] != "60")
    count = from_tai_ns(system, np.array([tai_ns], dtype=np.int64))
    assert str(count.view("datetime64[ns]")[0]) == text[:29]
    back = int(calendar_to_tai_ns(system, count)[0])
    assert back == tai_ns if len(text) == 29 else abs(back - tai_ns) == 1


@given(st.lists(st.integers(EARLIEST_TAI_NS, LATEST_TAI_NS)), st.sampled_from(EVEN))
def test_columns_over_many_leap_seconds_are_exact(values, system):
    tai_ns = np.array(values, dtype=np.int64)
    texts = format_epoch_column(system, tai_ns)
    assume(not any(text[17:19] == "60" for text in texts))
    assert calendar_to_tai_ns(system, from_tai_ns(system, tai_ns)).tolist() == values


def test_tt_and_gps_are_at_their_defined_distances():
    at = parse_utc("2026-11-22T00:00:00")
    assert format_epoch("TAI", at) == "2026-11-22T00:00:37.000000000"
    assert format_epoch("TT", at) == "2026-11-22T00:01:09.184000000"
    assert format_epoch("GPS", at) == "2026-11-22T00:00:18.000000000"
    assert to_tai_ns("GPS", "1980-01-06T00:00:00") == parse_utc("1980-01-06T00:00:00")


@pytest.mark.filterwarnings("ignore:ERFA function")
@given(st.integers(FIRST_UT1 + NS_PER_DAY, LAST_UT1 - NS_PER_DAY))
def test_tdb_agrees_with_astropy_to_a_nanosecond(tai_ns):
    assert abs(ns_between(format_epoch("TDB", tai_ns), astropy_text(tai_ns, "tdb"))) <= 1.5


@given(st.integers(EARLIEST_TAI_NS, parse_utc("2100-01-01T00:00:00")))
def test_tdb_is_erfas_dtdb_where_it_is_interpolated(tai_ns):
    days, ns_of_day = divmod(tai_ns, NS_PER_DAY)
    tdb_minus_tt_s = erfa.dtdb(2_440_587.5 + days, (ns_of_day / 1e9 + 32.184) / 86_400.0, 0.0, 0.0, 0.0, 0.0)
    count = int(from_tai_ns("TDB", np.array([tai_ns], dtype=np.int64))[0])
    assert abs(count - tai_ns - 32_184_000_000 - tdb_minus_tt_s * 1e9) <= 0.51


def test_ut1_agrees_with_astropy_where_the_table_has_its_values(astropy_iers_a):
    for day in ("1975-03-01", "2004-04-06", "2016-12-31", "2017-01-01", "2026-09-01", "2026-12-24"):
        tai_ns = parse_utc(f"{day}T00:00:00")
        assert abs(ns_between(format_epoch("UT1", tai_ns), astropy_text(tai_ns, "ut1"))) <= 1.5


def test_ut1_between_the_tables_values_is_within_the_tides_of_astropys_straight_line(astropy_iers_a):
    for text in ("1990-12-31T18:00:00", "2004-04-06T07:51:28", "2016-12-31T23:59:59", "2026-09-01T12:00:00"):
        tai_ns = parse_utc(text)
        assert abs(ns_between(format_epoch("UT1", tai_ns), astropy_text(tai_ns, "ut1"))) < 40_000.0


@pytest.mark.parametrize("system", ["UT1", "TDB"])
def test_digits_beyond_the_nanosecond_enter_where_tai_is_no_whole_nanosecond_away(system):
    low, high = (to_tai_ns(system, f"2026-01-01T00:00:00.{digits}") for digits in ("000000000", "000000001"))
    assert to_tai_ns(system, "2026-01-01T00:00:00.00000000000001") in (low, high)
    assert to_tai_ns(system, "2026-01-01T00:00:00.00000000099999999999999") == high


@pytest.mark.parametrize(
    ("digits", "ns"), [("0000000005", 0), ("0000000015", 2), ("00000000051", 1), ("9999999995", 10**9)]
)
@pytest.mark.parametrize("system", EVEN)
def test_digits_beyond_the_nanosecond_round_half_to_even(system, digits, ns):
    text, whole = f"2020-01-01T00:00:00.{digits}", to_tai_ns(system, "2020-01-01T00:00:00")
    assert to_tai_ns(system, text) - whole == ns
    assert parse_epoch_matrix(as_matrix([text]), system)[0].tolist() == [whole + ns]


@pytest.mark.parametrize("system", ["MET", "MRT", "SCLK", "GMST", "TCB", "TCG", "utc", "", "GLONASS"])
def test_other_time_systems_are_refused_by_the_rule(system):
    column = np.array([0], dtype=np.int64)
    for refused in (
        lambda: to_tai_ns(system, "2026-01-01T00:00:00"),
        lambda: calendar_to_tai_ns(system, column),
        lambda: from_tai_ns(system, column),
        lambda: format_epoch_column(system, column),
        lambda: parse_epoch_matrix(np.zeros((1, 19), dtype=np.uint8), system),
    ):
        with pytest.raises(ValueError, match=r"CCSDS 502\.0-B-3, 3\.2\.3\.2"):
            refused()


@pytest.mark.parametrize("system", WITHOUT_LEAP_SECONDS)
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2016-12-31T23:59:60", "which has no leap second"),
        ("2016-366T23:59:60Z", "which has no leap second"),
        ("2026-02-29T00:00:00", "day 29"),
        ("2026-366T00:00:00", "day 366"),
        ("2026-01-01T24:00:00", "out of range"),
        ("2026-01-01 00:00:00", "not a"),
        ("２０26-09-20T12:42:37", "not a"),
        ("1970-12-31T00:00:00", "before 1971"),
        ("1971-12-30T00:00:00", "before 1972-01-01 UTC"),
        ("2262-12-31T00:00:00", "2261"),
        ("9999-01-01T00:00:00", "2262"),
    ],
)
def test_text_that_is_no_instant_is_refused_in_every_calendar(system, text, rule):
    with pytest.raises(ValueError, match=re.escape(rule)):
        to_tai_ns(system, text)


@pytest.mark.parametrize("at", [FIRST_UT1 - NS_PER_SECOND, LAST_UT1 + NS_PER_SECOND])
def test_ut1_outside_the_earth_orientation_data_is_refused_with_the_span(at):
    with pytest.raises(EarthOrientationSpanError, match=r"finals2000A of astropy-iers-data .* covers 1973-01-02"):
        format_epoch("UT1", at)
    with pytest.raises(EarthOrientationSpanError, match="covers"):
        to_tai_ns("UT1", format_epoch("UTC", at))


@pytest.mark.parametrize("system", TIME_SYSTEMS)
@pytest.mark.parametrize("at", [EARLIEST_TAI_NS - 1, LATEST_TAI_NS + 1, np.iinfo(np.int64).max, np.iinfo(np.int64).min])
def test_instants_outside_the_hubs_years_are_refused(system, at):
    column = np.array([EARLIEST_TAI_NS, at], dtype=np.int64)
    for refused in (from_tai_ns, format_epoch_column):
        with pytest.raises(ValueError, match="1972"):
            refused(system, column)


@pytest.mark.parametrize("system", TIME_SYSTEMS)
@pytest.mark.parametrize("count", [np.iinfo(np.int64).max, np.iinfo(np.int64).min, 0])
def test_calendar_counts_outside_the_hubs_years_are_refused(system, count):
    with pytest.raises(ValueError, match=r"1972|covers"):
        calendar_to_tai_ns(system, np.array([count], dtype=np.int64))


def test_a_leap_second_has_no_calendar_count():
    for inside in (LEAP_SECOND, LEAP_SECOND + NS_PER_SECOND - 1):
        with pytest.raises(ValueError, match="leap second"):
            from_tai_ns("UTC", np.array([inside], dtype=np.int64))
    around = np.array([LEAP_SECOND - 1, LEAP_SECOND + NS_PER_SECOND], dtype=np.int64)
    assert from_tai_ns("UTC", around).view("datetime64[ns]").astype(str).tolist() == [
        "2016-12-31T23:59:59.999999999",
        "2017-01-01T00:00:00.000000000",
    ]


@pytest.mark.parametrize("digits", [0, 10, -1])
def test_a_number_of_decimals_that_cannot_be_is_refused(digits):
    with pytest.raises(ValueError, match="1 to 9"):
        format_epoch("TAI", EARLIEST_TAI_NS, digits)


@pytest.mark.parametrize("system", TIME_SYSTEMS)
def test_no_instants_are_no_instants(system):
    none = np.array([], dtype=np.int64)
    assert from_tai_ns(system, none).tolist() == calendar_to_tai_ns(system, none).tolist() == []
    assert format_epoch_column(system, none) == []
    tai_ns, ok = parse_epoch_matrix(np.zeros((0, 26), dtype=np.uint8), system)
    assert (len(tai_ns), len(ok)) == (0, 0)


def as_matrix(texts):
    return np.array([list(text.encode("latin-1")) for text in texts], dtype=np.uint8).reshape(len(texts), -1)


def read_alone(system, text):
    try:
        return to_tai_ns(system, text)
    except ValueError:
        return None


TWO = st.sampled_from(["00", "01", "02", "12", "23", "24", "28", "29", "30", "31", "59", "60", "61", "99"])
DATES = st.one_of(
    st.builds("{:04d}-{}-{}".format, st.integers(1971, 2262) | st.integers(0, 9999), TWO, TWO),
    st.builds("{:04d}-{:03d}".format, st.integers(1971, 2262), st.integers(0, 367)),
    st.sampled_from(["2016-12-31", "2016-366", "2017-01-01", "2015-06-30", "2262-04-11", "1971-12-31", "1972-01-01"]),
)
DIGITS = st.text("0123456789", max_size=14) | st.builds(
    "{}{}".format, st.just("999999999"), st.text("0459", max_size=4)
)
EPOCH_TEXTS = st.builds(
    "{}T{}:{}:{}{}{}".format,
    DATES,
    TWO | st.just("23"),
    TWO | st.just("59"),
    TWO,
    st.just("") | st.builds(".{}".format, DIGITS),
    st.sampled_from(["", "Z"]),
)
DAMAGED = st.builds(
    lambda text, at, char: text[: at % len(text)] + char + text[at % len(text) + 1 :],
    EPOCH_TEXTS,
    st.integers(0, 40),
    st.sampled_from("0T:-.Z z+\x00\xb2/"),
)


@given(st.sampled_from(TIME_SYSTEMS), EPOCH_TEXTS | DAMAGED | st.text("0123456789-T:.Z", min_size=1, max_size=30))
@example("UTC", "2016-12-31T23:59:60.9999999995")
@example("UTC", "2016-12-31T23:59:59.9999999995")
@example("UTC", "2017-12-31T23:59:60")
@example("UTC", "2261-12-31T23:59:59.9999999999Z")
@example("TAI", "2262-04-12T00:00:00")
def test_a_row_of_a_matrix_reads_as_its_text_or_is_left(system, text):
    tai_ns, ok = parse_epoch_matrix(as_matrix([text]), system)
    if ok[0]:
        assert int(tai_ns[0]) == read_alone(system, text)
    else:
        assert int(tai_ns[0]) == 0
        if system == "UTC":
            assert read_alone(system, text) is None


@given(SYSTEM_AND_INSTANT, st.integers(1, 9), st.sampled_from(["", "Z"]), st.booleans())
def test_written_epochs_are_all_read_by_the_matrix(case, digits, end, by_day_of_year):
    system, tai_ns = case
    text = format_epoch(system, tai_ns, digits)
    if by_day_of_year:
        date = datetime.fromisoformat(text[:10])
        text = f"{date:%Y-%j}{text[10:]}"
    read, ok = parse_epoch_matrix(as_matrix([text + end]), system)
    low, high = (FIRST_UT1, LAST_UT1) if system == "UT1" else (EARLIEST_TAI_NS, LATEST_TAI_NS)
    ten_digits = len(text.partition(".")[2]) == 10
    near_an_end = not low + NS_PER_DAY <= tai_ns <= high - NS_PER_DAY
    assert ok[0] or ten_digits or near_an_end
    if ok[0]:
        assert int(read[0]) == to_tai_ns(system, text + end)


INNER_TAI_NS = st.integers(EARLIEST_TAI_NS + NS_PER_DAY, LATEST_TAI_NS - NS_PER_DAY)


@given(st.lists(INNER_TAI_NS, min_size=1), st.sampled_from(EVEN), st.data())
def test_one_bad_row_loses_no_other(values, system, data):
    texts = format_epoch_column(system, np.array(values, dtype=np.int64), 6)
    bad = data.draw(st.integers(0, len(texts) - 1))
    matrix = as_matrix(texts)
    matrix[bad, data.draw(st.integers(0, 25))] = ord("x")
    tai_ns, ok = parse_epoch_matrix(matrix, system)
    assert np.flatnonzero(~ok).tolist() == [bad]
    assert tai_ns.tolist() == [0 if row == bad else to_tai_ns(system, text) for row, text in enumerate(texts)]


@pytest.mark.parametrize("width", [0, 1, 16, 17, 18, 19, 20])
def test_a_matrix_too_narrow_for_an_epoch_has_no_good_row(width):
    text = "2026-001T00:00:00"
    row = as_matrix([text.ljust(width, "0")[:width]])
    _, ok = parse_epoch_matrix(row.reshape(1, width), "UTC")
    assert ok.tolist() == [width == len(text)]


def test_a_matrix_need_not_be_contiguous():
    wide = as_matrix(["x2026-01-01T00:00:00x", "x2026-01-02T00:00:00x"])
    tai_ns, ok = parse_epoch_matrix(wide[::-1, 1:-1], "UTC")
    assert ok.all()
    assert tai_ns.tolist() == [parse_utc("2026-01-02T00:00:00"), parse_utc("2026-01-01T00:00:00")]


@pytest.mark.parametrize("matrix", [np.zeros((2, 19), dtype=np.int64), np.zeros(19, dtype=np.uint8)])
def test_what_is_no_matrix_of_bytes_is_refused(matrix):
    with pytest.raises(ValueError, match="uint8 of shape"):
        parse_epoch_matrix(matrix, "UTC")


@pytest.mark.parametrize("system", TIME_SYSTEMS)
def test_only_ut1_and_tdb_leave_digits_beyond_the_nanosecond_to_the_reader_of_one(system):
    rows = as_matrix(["2026-01-01T00:00:00.1234567895", "2026-01-01T00:00:00.1234567890"])
    tai_ns, ok = parse_epoch_matrix(rows, system)
    assert ok.tolist() == [system not in ("UT1", "TDB"), True]
    assert int(tai_ns[1]) == to_tai_ns(system, "2026-01-01T00:00:00.123456789")


def test_a_few_rows_are_left_to_the_reader_of_texts() -> None:
    tai_ns, ok = epoch_matrix.parse_epoch_matrix(as_matrix(["2026-03-10T00:00:00"]), "UTC")
    assert (tai_ns.tolist(), ok.tolist()) == ([0], [False])

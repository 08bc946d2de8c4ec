import astropy_iers_data
import numpy as np
import pytest
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from schemas.earth_orientation import (
    RADIANS_PER_ARCSECOND,
    EarthOrientationSpanError,
    FixedEarthOrientation,
    iers_table,
    read_finals2000a,
)
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, parse_utc, tai_minus_utc_s

TABLE = iers_table()
FIRST, LAST = TABLE.span_tai_ns
WIDTH = 187


def row(mjd, *, flag="I", ut1="", xp="", yp="", dx="", dy="", b=("", "", "", "", "")):
    """One line of finals2000A, each field put at its place in the format's description (1-based columns)."""
    line = [" "] * WIDTH

    def put(first, last, text):
        line[first - 1 : last] = list(text.rjust(last - first + 1))

    put(8, 15, f"{mjd:.2f}")
    for column in (17, 58, 96):
        put(column, column, flag)
    for (first, last), text in zip(
        ((19, 27), (38, 46), (59, 68), (98, 106), (117, 125)), (xp, yp, ut1, dx, dy), strict=True
    ):
        put(first, last, text)
    for (first, last), text in zip(((135, 144), (145, 154), (155, 165), (166, 175), (176, 185)), b, strict=True):
        put(first, last, text)
    return "".join(line)


def steady(first_mjd, count, **changes):
    """Days of constant values."""
    values = {"ut1": "0.1000000", "xp": "0.200000", "yp": "0.300000", "dx": "0.400", "dy": "-0.500"} | changes
    return [row(first_mjd + day, **values) for day in range(count)]


def at(table, tai_ns):
    return table.at(np.array([tai_ns], dtype=np.int64))


def test_daily_values_are_astropys_reading_of_the_same_file():
    theirs = iers.IERS_A.open(astropy_iers_data.IERS_A_FILE)
    mjd = np.arange(TABLE.first_mjd, TABLE.last_predicted_mjd)  # astropy interpolates nothing on its last day
    values = TABLE.at(TABLE.node_tai_ns[:-1])
    jd = mjd + 2_400_000.5
    ut1_minus_utc_s = values.ut1_minus_tai_s + tai_minus_utc_s(mjd)
    x, y = (angle.to_value("rad") for angle in theirs.pm_xy(jd))
    np.testing.assert_allclose(ut1_minus_utc_s, theirs.ut1_utc(jd).to_value("s"), rtol=0, atol=2e-14)
    np.testing.assert_allclose(values.xp_rad, x, rtol=0, atol=1e-18)
    np.testing.assert_allclose(values.yp_rad, y, rtol=0, atol=1e-18)
    given_offsets = mjd < TABLE.last_pole_offset_mjd
    dx, dy = (angle.to_value("rad") for angle in theirs.dcip_xy(jd[given_offsets]))
    np.testing.assert_allclose(values.dx_rad[given_offsets], dx, rtol=0, atol=1e-20)
    np.testing.assert_allclose(values.dy_rad[given_offsets], dy, rtol=0, atol=1e-20)
    assert not values.dx_rad[mjd > TABLE.last_pole_offset_mjd].any()


def test_the_table_says_where_it_comes_from_and_how_far_it_goes():
    assert TABLE.source == f"finals2000A of astropy-iers-data {astropy_iers_data.__version__}"
    assert TABLE.last_measured_date < TABLE.last_predicted_date
    assert parse_utc(f"{TABLE.last_predicted_date}T00:00:00") == LAST
    assert parse_utc("1973-01-02T00:00:00") == FIRST
    assert TABLE.last_measured_mjd <= TABLE.last_pole_offset_mjd <= TABLE.last_predicted_mjd


def test_values_over_a_leap_second_do_not_jump():
    leap = parse_utc("2016-12-31T23:59:60")
    around = TABLE.ut1_minus_tai_s(np.arange(leap - NS_PER_SECOND, leap + 3 * NS_PER_SECOND, NS_PER_SECOND // 4))
    # The day had 1.0 ms more than 86,400 s: 1.2e-8 s a second.
    assert np.abs(np.diff(around)).max() < 1e-8
    midnight = parse_utc("2017-01-01T00:00:00")
    # IERS 20 C04: UT1 - UTC of 2017-01-01 is 0.5912870 s, of the day before -0.4077697 s.
    assert at(TABLE, midnight).ut1_minus_tai_s[0] + 37 == pytest.approx(0.5912870, abs=3e-5)
    day_before = at(TABLE, midnight - NS_PER_DAY - NS_PER_SECOND).ut1_minus_tai_s[0]
    assert day_before + 36 == pytest.approx(-0.4077697, abs=3e-5)


def test_between_two_days_the_fortnightly_tide_is_followed_to_a_microsecond():
    lines = [row(41_684 + day, flag="I", ut1=f"{ut1:.7f}", xp="0", yp="0") for day, ut1 in enumerate(fortnightly_ut1())]
    table = read_finals2000a("\n".join(lines), "made")
    day = np.arange(5, 50)
    middle = table.node_tai_ns[day] + NS_PER_DAY // 2
    error = table.ut1_minus_tai_s(middle) + tai_minus_utc_s(41_684 + day) - fortnightly_ut1(day + 0.5)
    assert np.abs(error).max() < 1e-6
    assert np.abs(straight_line_error()).max() > 1e-5


def fortnightly_ut1(day=None):
    """The strongest zonal tide in UT1 (13.66 days, 0.78 ms) on 1 ms a day, in s."""
    days = np.arange(60) if day is None else day
    return 0.1 - 1e-3 * days - 7.8e-4 * np.sin(2 * np.pi * days / 13.66)


def straight_line_error():
    days = np.arange(59)
    return (fortnightly_ut1(days) + fortnightly_ut1(days + 1)) / 2 - fortnightly_ut1(days + 0.5)


@given(st.lists(st.integers(FIRST, LAST), min_size=1, max_size=20))
def test_many_instants_are_each_of_them(instants):
    together = TABLE.at(np.array(instants, dtype=np.int64))
    for index, tai_ns in enumerate(instants):
        alone = at(TABLE, tai_ns)
        assert together.ut1_minus_tai_s[index] == alone.ut1_minus_tai_s[0]
        assert together.xp_rad[index] == alone.xp_rad[0]
        assert together.dy_rad[index] == alone.dy_rad[0]


@pytest.mark.parametrize("outside", [FIRST - 1, LAST + 1, parse_utc("2040-01-01T00:00:00"), np.iinfo(np.int64).min])
def test_an_instant_outside_the_span_is_refused_with_both_spans(outside):
    with pytest.raises(EarthOrientationSpanError, match=r"asked for from .* covers 1973-01-02T00:00:00 to 20"):
        at(TABLE, outside)


def test_no_instants_have_no_values():
    assert TABLE.at(np.array([], dtype=np.int64)).xp_rad.shape == (0,)


def test_bulletin_b_goes_before_bulletin_a():
    b = ("0.250000", "0.350000", "0.1500000", "0.600", "-0.700")
    table = read_finals2000a("\n".join([*steady(60_000, 4, b=b), *steady(60_004, 4)]), "made")
    values = table.at(table.node_tai_ns)
    assert values.ut1_minus_tai_s[[0, 7]] + 37 == pytest.approx([0.15, 0.1], abs=1e-13)
    assert values.xp_rad[[0, 7]] / RADIANS_PER_ARCSECOND == pytest.approx([0.25, 0.2])
    assert values.dy_rad[[0, 7]] / RADIANS_PER_ARCSECOND == pytest.approx([-0.7e-3, -0.5e-3])


def test_predictions_are_told_from_measurements_and_end_where_the_values_end():
    lines = [*steady(60_000, 4), *steady(60_004, 3, flag="P"), *steady(60_007, 2, flag="P", dx="", dy="")]
    table = read_finals2000a("\n".join([*lines, row(60_009), row(60_010)]), "made")
    assert (table.last_measured_mjd, table.last_pole_offset_mjd, table.last_predicted_mjd) == (60_003, 60_006, 60_008)
    assert (table.last_measured_date, table.last_predicted_date) == ("2023-02-28", "2023-03-05")
    assert at(table, int(table.node_tai_ns[8])).dx_rad[0] == 0.0


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([], "too few"),
        (steady(60_000, 3), "too few"),
        (steady(60_000, 8, flag="P"), "none measured"),
        ([*steady(60_000, 4), *steady(60_005, 4)], "line 5: MJD 60005.0 does not follow 60003"),
        ([*steady(60_000, 4), *steady(60_003, 4)], "does not follow"),
        ([*steady(60_000, 4), row(60_004.5, ut1="0.1", xp="0", yp="0")], "does not follow"),
        ([*steady(60_000, 4), row(60_004, ut1="0.1x", xp="0", yp="0")], "line 5: not a row of finals2000A"),
        ([*steady(60_000, 4), row(60_004, ut1="nan", xp="0", yp="0")], "not finite"),
        ([*steady(60_000, 4), row(60_004, ut1="0.1", xp="1e999", yp="0")], "not finite"),
        (["a file of something else that is long enough to have the columns" * 4], "not a row"),
    ],
)
def test_a_file_that_is_not_finals2000a_is_refused_by_line(lines, rule):
    with pytest.raises(ValueError, match=rule):
        read_finals2000a("\n".join(lines), "made")


def test_values_of_one_utc_day_are_those_stated():
    fixed = FixedEarthOrientation.on_utc_day(53_101, -0.4399619, -0.140682, 0.333309)
    values = fixed.at(np.array([0, 1], dtype=np.int64))
    assert values.ut1_minus_tai_s + 32 == pytest.approx([-0.4399619] * 2, abs=1e-13)
    assert values.xp_rad * 180 * 3600 / np.pi == pytest.approx([-0.140682] * 2)
    assert values.dx_rad.tolist() == [0.0, 0.0]

"""Instants: UTC text and Julian dates to and from int64 TAI nanoseconds.

Conventions: an instant inside the hub is ``int64`` nanoseconds of TAI since 1970-01-01T00:00:00 TAI.
UTC appears only at the edges, as text. ``numpy.datetime64`` and ``datetime`` cannot hold 23:59:60, so
the fields are parsed here. TAI - UTC comes from the IERS table that pyerfa carries
(``erfa.leap_seconds``); before 1972 UTC was not a whole number of seconds from TAI, so those instants
are refused.
"""

import re
import time
from functools import lru_cache

import erfa
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

NS_PER_SECOND = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_SECOND
UNIX_EPOCH_MJD = 40_587
_FIRST_WHOLE_SECOND_MJD = 41_317  # 1972-01-01
FIRST_YEAR = 1972  # before, UTC was no whole number of seconds from TAI
LAST_YEAR = 2261  # int64 nanoseconds since 1970 end on 2262-04-11

_CALENDAR_TEXT = re.compile(
    r"(?P<year>[0-9]{4})-(?:(?P<month>[0-9]{2})-(?P<day>[0-9]{2})|(?P<doy>[0-9]{3}))"
    r"T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]*))?Z?",
    re.ASCII,
)
# How Arrow writes an instant in nanoseconds: "2016-12-31 23:59:59.000000000".
_DATE_LENGTH, _DATE_AND_TIME_LENGTH, _WRITTEN_LENGTH = 10, 19, 29
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@lru_cache(maxsize=1)
def leap_table() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(MJD at 0h UTC from which it holds, TAI - UTC in whole seconds), from 1972 on."""
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]
    mjd = [_mjd(int(row["year"]), int(row["month"]), 1) for row in table]
    return np.array(mjd, dtype=np.int64), np.rint(table["tai_utc"]).astype(np.int64)


def is_leap_year(year: int) -> bool:
    """True for a leap year of the Gregorian calendar."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _mjd(year: int, month: int, day: int) -> int:
    """Modified Julian day number at 0h of a Gregorian date (year >= 1)."""
    before = year - 1
    ordinal = before * 365 + before // 4 - before // 100 + before // 400 + _DAYS_BEFORE_MONTH[month - 1] + day
    if month > 2 and is_leap_year(year):
        ordinal += 1
    return ordinal - 678_576


def _civil(mjd: int) -> tuple[int, int, int]:
    """(year, month, day) of a Modified Julian day number."""
    days = mjd + 678_576 - 1  # days since 0001-01-01
    cycles400, days = divmod(days, 146_097)
    cycles100 = min(days // 36_524, 3)
    days -= cycles100 * 36_524
    cycles4, days = divmod(days, 1_461)
    years = min(days // 365, 3)
    days -= years * 365
    year = cycles400 * 400 + cycles100 * 100 + cycles4 * 4 + years + 1
    for month in range(12, 0, -1):
        start = _DAYS_BEFORE_MONTH[month - 1] + (1 if month > 2 and is_leap_year(year) else 0)
        if days >= start:
            return year, month, days - start + 1
    raise AssertionError("unreachable: every day of a year lies in a month")


def tai_minus_utc_s(mjd_utc: NDArray[np.int64]) -> NDArray[np.int64]:
    """TAI - UTC in whole seconds on the given UTC days (MJD). Raises ValueError before 1972."""
    starts, offsets = leap_table()
    if mjd_utc.size and int(mjd_utc.min()) < _FIRST_WHOLE_SECOND_MJD:
        raise ValueError("UTC before 1972-01-01 is not supported: it was no whole number of seconds from TAI")
    return offsets[np.searchsorted(starts, mjd_utc, side="right") - 1]


@lru_cache(maxsize=4096)
def _tai_minus_utc_on_day_s(mjd_utc: int) -> int:
    """`tai_minus_utc_s` of one day: the epochs of a catalogue share few days."""
    return int(tai_minus_utc_s(np.array([mjd_utc], dtype=np.int64))[0])


def seconds_in_utc_day(mjd_utc: int) -> int:
    """86,400, or 86,401 on a day that ends in a leap second."""
    today, tomorrow = tai_minus_utc_s(np.array([mjd_utc, mjd_utc + 1], dtype=np.int64))
    return 86_400 + int(tomorrow - today)


def utc_day_to_tai_ns(
    year: NDArray[np.int64], day_of_year_index: NDArray[np.int64], ns_of_day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """TAI ns of instants given as year, zero-based day of the year and UTC nanoseconds of that day.

    All shape (n,), int64. This is the TLE epoch's own form. Raises ValueError before 1972.
    """
    before = year - 1
    mjd = before * 365 + before // 4 - before // 100 + before // 400 + day_of_year_index + 1 - 678_576
    offset_s = tai_minus_utc_s(mjd)
    return (mjd - UNIX_EPOCH_MJD) * NS_PER_DAY + ns_of_day + offset_s * NS_PER_SECOND


def read_calendar(text: str, scale: str, first_year: int, last_year: int) -> tuple[int, int, str]:
    """(MJD, second of the day, digits of the fraction) of a CCSDS time, in the calendar of ``scale``.

    Second 60 of a day that ends in a leap second is second 86,400 of that day. Raises ValueError, naming the rule, for
    any form but the two of CCSDS 502.0-B-3, 7.5.10, a date that does not exist, a time of day out of range, any other
    second 60, and years outside ``first_year`` to ``last_year``.
    """
    match = _CALENDAR_TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"not a {scale} time (YYYY-MM-DDThh:mm:ss[.d*][Z] or YYYY-DDDThh:mm:ss[.d*][Z]): {text!r}")
    year, hour, minute, second = (int(match[name]) for name in ("year", "hour", "minute", "second"))
    if year < first_year:
        raise ValueError(f"{scale} before {first_year}-01-01 is not supported: {text!r}")
    if year > last_year:
        raise ValueError(f"{scale} after {last_year} is not supported, int64 nanoseconds end in 2262: {text!r}")
    if match["doy"] is not None:
        day_of_year = int(match["doy"])
        if not 1 <= day_of_year <= 365 + is_leap_year(year):
            raise ValueError(f"day {day_of_year} does not exist in {year}: {text!r}")
        mjd = _mjd(year, 1, 1) + day_of_year - 1
    else:
        month, day = int(match["month"]), int(match["day"])
        if not 1 <= month <= 12:
            raise ValueError(f"month {month} does not exist: {text!r}")
        if not 1 <= day <= _DAYS_IN_MONTH[month - 1] + (month == 2 and is_leap_year(year)):
            raise ValueError(f"day {day} does not exist in {year}-{month:02d}: {text!r}")
        mjd = _mjd(year, month, day)
    second_of_day = hour * 3600 + minute * 60 + second
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"hour, minute or second out of range: {text!r}")
    if second == 60 and (scale != "UTC" or second_of_day != 86_400 or seconds_in_utc_day(mjd) != 86_401):
        why = "outside a leap second of the IERS table" if scale == "UTC" else f"in {scale}, which has no leap second"
        raise ValueError(f"second 60 {why}: {text!r}")
    return mjd, second_of_day, match["fraction"] or ""


def nanoseconds_of_digits(digits: str) -> int:
    """Nanoseconds of the decimals of a second (ASCII digits), those beyond the ninth rounded half to even.

    >>> nanoseconds_of_digits("25"), nanoseconds_of_digits("0000000015")
    (250000000, 2)
    """
    ns = int(digits[:9].ljust(9, "0"))
    rest = digits[9:].rstrip("0")
    if rest and (rest > "5" or (rest == "5" and ns % 2 == 1)):
        ns += 1
    return ns


def parse_utc(text: str) -> int:
    """TAI ns of a CCSDS UTC time (``YYYY-MM-DDThh:mm:ss[.d*][Z]`` or ``YYYY-DDDThh:mm:ss[.d*][Z]``).

    Digits beyond the nanosecond are rounded half to even. Raises ValueError, naming the rule, for any other form, a
    date that does not exist, second 60 on a day without a leap second, instants before 1972, and instants after 2261,
    which int64 nanoseconds cannot hold.
    Source: CCSDS 502.0-B-3, 7.5.10; IERS Bulletin C by way of the ERFA leap-second table.

    >>> parse_utc("2017-01-01T00:00:00") - parse_utc("2016-12-31T23:59:60")
    1000000000
    """
    mjd, second_of_day, digits = read_calendar(text, "UTC", FIRST_YEAR, LAST_YEAR)
    offset_s = _tai_minus_utc_on_day_s(mjd)
    return ((mjd - UNIX_EPOCH_MJD) * 86_400 + second_of_day + offset_s) * NS_PER_SECOND + nanoseconds_of_digits(digits)


def format_utc(tai_ns: int, digits: int = 6) -> str:
    """UTC text ``YYYY-MM-DDThh:mm:ss.ffffff`` (no ``Z``) of a TAI instant, with ``digits`` decimals (0 to 9).

    Six decimals and no ``Z`` is the one form that python-sgp4 and Skyfield read. Rounds half to even.

    >>> format_utc(parse_utc("2016-12-31T23:59:60.5"))
    '2016-12-31T23:59:60.500000'
    """
    step = 10 ** (9 - digits)
    quotient, rest = divmod(int(tai_ns), step)
    if rest * 2 > step or (rest * 2 == step and quotient % 2 == 1):
        quotient += 1
    total_s, fraction = divmod(quotient, 10**digits)
    starts, offsets = leap_table()
    day_starts_tai_s = (starts - UNIX_EPOCH_MJD) * 86_400 + offsets
    row = int(np.searchsorted(day_starts_tai_s, total_s, side="right")) - 1
    if row < 0:
        raise ValueError("instants before 1972-01-01 UTC are not supported")
    days, second = divmod(total_s - int(offsets[row]), 86_400)
    mjd = days + UNIX_EPOCH_MJD
    if row + 1 < len(starts) and mjd == int(starts[row + 1]):
        # The seconds between the table's old offset and its new one are 23:59:60 of the day before.
        mjd, second = mjd - 1, 86_400 + second
    year, month, day = _civil(mjd)
    hour = min(second // 3600, 23)
    minute = min((second - hour * 3600) // 60, 59)
    second -= hour * 3600 + minute * 60
    tail = f".{fraction:0{digits}d}" if digits else ""
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{tail}"


def format_utc_column(tai_ns: NDArray[np.int64], digits: int = 9) -> list[str]:
    """`format_utc_array` as a list."""
    texts: list[str] = format_utc_array(tai_ns, digits).to_pylist()
    return texts


def format_utc_array(tai_ns: NDArray[np.int64], digits: int = 9) -> pa.Array:
    """`format_utc` of many instants at once, shape (n,), ``digits`` from 1 to 9. Raises ValueError before 1972.

    Without a leap second in sight a UTC day has 86,400 s, so Arrow's calendar writes the text, with no Python object
    a row; the few instants within a leap second go through `format_utc`. At most some 70 million: Arrow's texts end
    at 2 GB.
    """
    step = 10 ** (9 - digits)
    quotient, rest = np.divmod(np.asarray(tai_ns, dtype=np.int64), step)
    quotient += (rest * 2 > step) | ((rest * 2 == step) & (quotient % 2 == 1))
    rounded = quotient * step
    starts, offsets = leap_table()
    day_starts = (starts - UNIX_EPOCH_MJD) * NS_PER_DAY + offsets * NS_PER_SECOND
    row = np.searchsorted(day_starts, rounded, side="right") - 1
    if row.size and int(row.min()) < 0:
        raise ValueError("instants before 1972-01-01 UTC are not supported")
    utc_ns = rounded - offsets[row] * NS_PER_SECOND
    written = pa.array(utc_ns.view("datetime64[ns]")).cast(pa.string())
    count, width = len(rounded), _DATE_AND_TIME_LENGTH + 1 + digits
    characters = np.frombuffer(written.buffers()[2] or b"", np.uint8)[: count * _WRITTEN_LENGTH]
    texts = np.ascontiguousarray(characters.reshape(count, _WRITTEN_LENGTH)[:, :width])
    texts[:, _DATE_LENGTH] = ord("T")
    next_row = np.minimum(row + 1, len(starts) - 1)
    in_leap_second = (next_row > row) & (utc_ns >= (starts[next_row] - UNIX_EPOCH_MJD) * NS_PER_DAY)
    for index in np.flatnonzero(in_leap_second).tolist():
        texts[index] = np.frombuffer(format_utc(int(rounded[index]), digits).encode(), np.uint8)
    ends = pa.py_buffer(np.arange(0, count * width + 1, width, dtype=np.int32))
    return pa.StringArray.from_buffers(count, ends, pa.py_buffer(texts))


def now_tai_ns() -> int:
    """The present instant in TAI ns, from the machine's UTC clock."""
    unix_ns = time.time_ns()
    mjd = unix_ns // NS_PER_DAY + UNIX_EPOCH_MJD
    return unix_ns + int(tai_minus_utc_s(np.array([mjd], dtype=np.int64))[0]) * NS_PER_SECOND


def utc_julian_date(tai_ns: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(jd, fraction) of UTC for the sgp4 library, from TAI ns, shape (n,).

    ``jd`` ends in .5 and ``fraction`` is in [0, 1); a leap second reads as the first second of the next day, as the
    sgp4 library's own calendar has none.
    """
    starts, offsets = leap_table()
    total = np.asarray(tai_ns, dtype=np.int64)
    row = np.searchsorted((starts - UNIX_EPOCH_MJD) * NS_PER_DAY + offsets * NS_PER_SECOND, total, side="right") - 1
    utc_ns = total - offsets[row] * NS_PER_SECOND
    days, ns_of_day = np.divmod(utc_ns, NS_PER_DAY)
    return days + 2_440_587.5, ns_of_day / NS_PER_DAY

"""Instants in the time systems of CCSDS messages: UTC, TAI, TT, GPS, UT1 and TDB, to and from TAI nanoseconds.

Two forms. Text is CCSDS's (502.0-B-3, 7.5.10). A *calendar count* is int64 nanoseconds since 1970-01-01T00:00:00 in the
calendar of the time system itself, days of 86,400 s: a column of them is what ``numpy.datetime64[ns]`` holds. Only UTC
has leap seconds, and only UTC's text can say second 60; a UTC calendar count cannot.

TT = TAI + 32.184 s and GPS = TAI - 19 s are exact. UT1 comes from Earth orientation data. TDB - TT is ERFA's ``dtdb``
at the geocentre (Fairhead & Bretagnon 1990, 787 terms, some ns), taken every six hours and interpolated by cubics
(their error is below 0.001 ns). All instants lie from 1972-01-01 to the end of 2261, UTC, as elsewhere in the hub.
"""

from functools import lru_cache

import erfa
import numpy as np
from numpy.typing import NDArray

from schemas.earth_orientation import iers_table
from schemas.timescales import (
    FIRST_YEAR,
    LAST_YEAR,
    NS_PER_DAY,
    NS_PER_SECOND,
    UNIX_EPOCH_MJD,
    format_utc_column,
    leap_table,
    nanoseconds_of_digits,
    parse_utc,
    read_calendar,
)

TIME_SYSTEMS = ("UTC", "TAI", "TT", "GPS", "UT1", "TDB")
EARLIEST_TAI_NS = parse_utc(f"{FIRST_YEAR}-01-01T00:00:00")
LATEST_TAI_NS = parse_utc(f"{LAST_YEAR}-12-31T23:59:59.999999999")
TT_MINUS_TAI_NS = 32_184_000_000
_CALENDAR_MINUS_TAI_NS = {"TAI": 0, "TT": TT_MINUS_TAI_NS, "GPS": -19 * NS_PER_SECOND}
_NODES_PER_DAY = 4
_NODE_NS = NS_PER_DAY // _NODES_PER_DAY
_NODES_PER_BLOCK = 64  # 16 days of TDB - TT, some 2 ms of dtdb


def require_time_system(time_system: str) -> None:
    """Raises ValueError, naming the rule, for a time system that has no instants here (MET, MRT, SCLK, GMST, ...)."""
    if time_system not in TIME_SYSTEMS:
        raise ValueError(
            f"time system {time_system!r} is not one of {', '.join(TIME_SYSTEMS)}: its instants need data that no "
            "message carries (CCSDS 502.0-B-3, 3.2.3.2 and annex A)"
        )


def to_tai_ns(time_system: str, text: str) -> int:
    """TAI ns of a CCSDS time (``YYYY-MM-DDThh:mm:ss[.d*][Z]`` or ``YYYY-DDDThh:mm:ss[.d*][Z]``) in a time system.

    Digits beyond the nanosecond are rounded half to even: those of the text in UTC, TAI, TT and GPS; in UT1 and TDB,
    whose distance from TAI is no whole number of nanoseconds, the digits enter and the result is rounded. Raises
    ValueError, naming the rule, for what `parse_utc` refuses, second 60 outside UTC, another time system; and
    EarthOrientationSpanError (a ValueError) for UT1 that the Earth orientation data do not cover.

    >>> to_tai_ns("GPS", "2026-01-01T00:00:00") - to_tai_ns("TAI", "2026-01-01T00:00:00")
    19000000000
    """
    require_time_system(time_system)
    if time_system == "UTC":
        return parse_utc(text)
    # In another calendar the instants of 1972 begin in 1971 (GPS) and those of 2261 end in 2262 (TAI, TT).
    mjd, second_of_day, digits = read_calendar(text, time_system, FIRST_YEAR - 1, LAST_YEAR + 1)
    whole_ns = ((mjd - UNIX_EPOCH_MJD) * 86_400 + second_of_day) * NS_PER_SECOND
    if time_system in _CALENDAR_MINUS_TAI_NS:
        tai_ns = whole_ns + nanoseconds_of_digits(digits) - _CALENDAR_MINUS_TAI_NS[time_system]
        if not EARLIEST_TAI_NS <= tai_ns <= LATEST_TAI_NS:
            raise _unsupported()
        return tai_ns
    if not EARLIEST_TAI_NS - NS_PER_DAY <= whole_ns <= LATEST_TAI_NS + NS_PER_DAY:
        raise _unsupported()
    count = np.array([whole_ns + int(digits[:9].ljust(9, "0"))], dtype=np.int64)
    return int(_uneven_to_tai_ns(time_system, count, float(f"0.{digits[9:]}0"))[0])


def calendar_to_tai_ns(time_system: str, calendar_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """TAI ns of calendar counts of a time system, shape (n,) int64.

    Raises ValueError for another time system and for instants outside 1972 to 2261, EarthOrientationSpanError as
    `to_tai_ns` does.
    """
    require_time_system(time_system)
    count = np.asarray(calendar_ns, dtype=np.int64)
    # A day more on both sides keeps the sums below from wrapping; the exact bounds are for the result.
    if (
        count.size
        and not EARLIEST_TAI_NS - NS_PER_DAY <= int(count.min()) <= int(count.max()) <= LATEST_TAI_NS + NS_PER_DAY
    ):
        raise _unsupported()
    if time_system == "UTC":
        starts, offsets = leap_table()
        tai_ns = count + _steps((starts - UNIX_EPOCH_MJD) * NS_PER_DAY, offsets * NS_PER_SECOND, count)
    elif time_system in _CALENDAR_MINUS_TAI_NS:
        tai_ns = count - _CALENDAR_MINUS_TAI_NS[time_system]
    else:
        return _uneven_to_tai_ns(time_system, count, 0.0)
    _require_supported(tai_ns)
    return tai_ns


def from_tai_ns(time_system: str, tai_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Calendar counts of a time system at TAI instants, both shape (n,) int64.

    `calendar_to_tai_ns` gives the same instants back, but where UT1 or TDB runs slower than TAI: there one instant in
    some 5e7 (UT1) or 3e9 (TDB) has no whole nanosecond of its own, and gets its neighbour's. `format_epoch_column` is
    exact for those also. Raises ValueError as `calendar_to_tai_ns`, and for an instant in a leap second of UTC.
    """
    require_time_system(time_system)
    instants = np.asarray(tai_ns, dtype=np.int64)
    _require_supported(instants)
    if time_system == "UTC":
        starts, offsets = leap_table()
        midnights = (starts - UNIX_EPOCH_MJD) * NS_PER_DAY
        day_starts_tai = midnights + offsets * NS_PER_SECOND
        count = instants - _steps(day_starts_tai, offsets * NS_PER_SECOND, instants)
        if instants.size and int(instants.min()) < int(day_starts_tai[-1]):
            next_start = np.append(midnights, np.iinfo(np.int64).max)[
                np.searchsorted(day_starts_tai, instants, "right")
            ]
            if np.any(count >= next_start):
                raise ValueError("an instant in a leap second has no UTC calendar count, only a text")
        return count
    if time_system in _CALENDAR_MINUS_TAI_NS:
        return instants + _CALENDAR_MINUS_TAI_NS[time_system]
    return _uneven_counts(time_system, instants)[0]


def format_epoch(time_system: str, tai_ns: int, digits: int = 9) -> str:
    """Text of one TAI instant in a time system: `format_epoch_column` of one."""
    return format_epoch_column(time_system, np.array([tai_ns], dtype=np.int64), digits)[0]


def format_epoch_column(time_system: str, tai_ns: NDArray[np.int64], digits: int = 9) -> list[str]:
    """Texts ``YYYY-MM-DDThh:mm:ss.d*`` (no ``Z``) of TAI instants, shape (n,), ``digits`` from 1 to 9, half to even.

    With nine digits `to_tai_ns` reads the same instant back, in every time system. An instant that has no whole
    nanosecond of its own in UT1 or TDB (see `from_tai_ns`) is written with a tenth digit. Raises ValueError as there.

    >>> format_epoch("TT", to_tai_ns("TAI", "2026-01-01T00:00:00"), 3)
    '2026-01-01T00:00:32.184'
    """
    require_time_system(time_system)
    if not 1 <= digits <= 9:
        raise ValueError(f"{digits} decimals of a second: 1 to 9 are possible")
    instants = np.asarray(tai_ns, dtype=np.int64)
    _require_supported(instants)
    if time_system == "UTC":
        return format_utc_column(instants, digits)
    needs_half = np.zeros(instants.shape, dtype=np.bool_)
    if time_system in _CALENDAR_MINUS_TAI_NS:
        count = instants + _CALENDAR_MINUS_TAI_NS[time_system]
    else:
        count, needs_half = _uneven_counts(time_system, instants)
    step = 10 ** (9 - digits)
    quotient, rest = np.divmod(count, step)
    quotient += (rest * 2 > step) | ((rest * 2 == step) & (quotient % 2 == 1))
    written = (quotient * step).view("datetime64[ns]")
    texts: list[str] = np.datetime_as_string(written, unit="ns").astype(f"<U{20 + digits}").tolist()
    if digits == 9:
        for row in np.flatnonzero(needs_half).tolist():
            texts[row] += "5"
    return texts


def _unsupported() -> ValueError:
    return ValueError(f"instants before {FIRST_YEAR}-01-01 UTC and after {LAST_YEAR} are not supported")


def _require_supported(tai_ns: NDArray[np.int64]) -> None:
    if tai_ns.size and (int(tai_ns.min()) < EARLIEST_TAI_NS or int(tai_ns.max()) > LATEST_TAI_NS):
        raise _unsupported()


def _steps(starts: NDArray[np.int64], steps: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64] | np.int64:
    """Value of a step function at ``at``; one number where a single step serves all, as in nearly every message.

    Raises ValueError before the first step.
    """
    if not at.size:
        return np.int64(0)
    low, high = (int(row) - 1 for row in np.searchsorted(starts, [at.min(), at.max()], side="right"))
    if low < 0:
        raise _unsupported()
    if low == high:
        return np.int64(steps[low])
    return steps[np.searchsorted(starts, at, side="right") - 1]


def _calendar_minus_tai_ns(time_system: str, tai_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """UT1 - TAI or TDB - TAI in ns, (n,) float64 (resolved to 1e-5 ns)."""
    if time_system == "UT1":
        return iers_table().ut1_minus_tai_s(tai_ns) * NS_PER_SECOND
    return TT_MINUS_TAI_NS + _tdb_minus_tt_s(tai_ns) * NS_PER_SECOND


def _uneven_to_tai_ns(time_system: str, count: NDArray[np.int64], beyond: float) -> NDArray[np.int64]:
    """TAI ns of UT1 or TDB calendar counts, (n,); ``beyond`` is what the text has beyond the nanosecond, 0 <= it < 1.

    The distance from TAI is a function of TAI. It varies by less than 3e-8, so one step from a second's to a
    nanosecond's knowledge of the instant is all the iteration that is needed.
    """
    if time_system == "UT1":
        starts, offsets = leap_table()
        begin, end = iers_table().span_tai_ns
        guess = count + _steps((starts - UNIX_EPOCH_MJD) * NS_PER_DAY, offsets * NS_PER_SECOND, count)
        guess = np.clip(guess, begin, end)  # the last second of the span may be guessed outside it
    else:
        guess = count - TT_MINUS_TAI_NS
    near = count - np.rint(_calendar_minus_tai_ns(time_system, guess)).astype(np.int64)
    tai_ns = count + np.rint(beyond - _calendar_minus_tai_ns(time_system, near)).astype(np.int64)
    _require_supported(tai_ns)
    return tai_ns


def _uneven_counts(time_system: str, tai_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """UT1 or TDB calendar counts that read back as the instants, (n,), and which need half a nanosecond more."""
    first = tai_ns + np.rint(_calendar_minus_tai_ns(time_system, tai_ns)).astype(np.int64)
    count = first.copy()
    needs_half = np.zeros(tai_ns.shape, dtype=np.bool_)
    wrong = np.flatnonzero(_uneven_to_tai_ns(time_system, count, 0.0) != tai_ns)
    for shift, beyond in ((-1, 0.0), (1, 0.0), (-1, 0.5), (0, 0.5)):
        if not wrong.size:
            break
        tried = first[wrong] + shift
        fits = _uneven_to_tai_ns(time_system, tried, beyond) == tai_ns[wrong]
        count[wrong[fits]] = tried[fits]
        needs_half[wrong[fits]] = beyond > 0.0
        wrong = wrong[~fits]
    if wrong.size:
        raise AssertionError(f"{time_system} has no text for the TAI instant {int(tai_ns[wrong[0]])} ns")
    return count, needs_half


@lru_cache(maxsize=8192)
def _tdb_minus_tt_block_s(block: int) -> NDArray[np.float64]:
    """TDB - TT in s at a block's nodes and one before and two after, (_NODES_PER_BLOCK + 3,)."""
    nodes = np.arange(-1, _NODES_PER_BLOCK + 2) + block * _NODES_PER_BLOCK
    days, quarters = np.divmod(nodes, _NODES_PER_DAY)
    tt_fraction = quarters / _NODES_PER_DAY + TT_MINUS_TAI_NS / NS_PER_DAY
    # dtdb asks for TDB; TT in its place changes nothing above 1e-12 s. UT1 enters only away from the geocentre.
    return np.asarray(erfa.dtdb(2_440_587.5 + days, tt_fraction, 0.0, 0.0, 0.0, 0.0), dtype=np.float64)


def _tdb_minus_tt_s(tai_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """TDB - TT in s at TAI instants, (n,)."""
    node, rest_ns = np.divmod(tai_ns, _NODE_NS)
    block, row = np.divmod(node, _NODES_PER_BLOCK)
    u = rest_ns / _NODE_NS
    weights = (
        -u * (u - 1.0) * (u - 2.0) / 6.0,
        (u + 1.0) * (u - 1.0) * (u - 2.0) / 2.0,
        -(u + 1.0) * u * (u - 2.0) / 2.0,
        (u + 1.0) * u * (u - 1.0) / 6.0,
    )
    blocks, which = np.unique(block, return_inverse=True)
    if not blocks.size:
        return np.zeros(tai_ns.shape)
    table = np.stack([_tdb_minus_tt_block_s(one) for one in blocks.tolist()])
    total = np.zeros(tai_ns.shape)
    for offset, weight in enumerate(weights):
        total += weight * table[which, row + offset]
    return total

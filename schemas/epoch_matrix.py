"""Epochs of a fixed width in bulk: from a matrix of bytes to TAI nanoseconds, compiled by numba.

The kernel takes only what it is sure of; all else is left to `schemas.time_systems.to_tai_ns`, which is the only place
that knows words for what is wrong. So a row may be left that is read there, and none is read otherwise than there.
A process that has few epochs to read never loads numba.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.earth_orientation import iers_table
from schemas.time_systems import (
    EARLIEST_TAI_NS,
    LATEST_TAI_NS,
    calendar_to_tai_ns,
    require_time_system,
)
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, UNIX_EPOCH_MJD, leap_table

FEW_ROWS = 1_000  # so few are read one by one faster than numba is loaded
# UT1 and TDB are no whole number of nanoseconds from TAI: what stands beyond the ninth decimal is not rounded alone.
_UNEVEN = ("UT1", "TDB")


def parse_epoch_matrix(
    matrix: NDArray[np.uint8], time_system: str, *, few: int = FEW_ROWS
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(TAI ns (n,) int64, ok (n,) bool) of epochs given as ASCII bytes, shape (n, w) uint8, one epoch a row.

    A row is read where it is ``YYYY-MM-DDThh:mm:ss[.d*][Z]`` or ``YYYY-DDDThh:mm:ss[.d*][Z]`` over the whole width (no
    blanks), exactly as `schemas.time_systems.to_tai_ns` reads that text. Where ``ok`` is False the TAI ns are 0 and the
    row is for that function: it is wrong there too, or of a kind too rare to be read here (UT1 or TDB with digits
    beyond the nanosecond), or one of at most ``few``. Raises ValueError for a matrix of another shape or dtype, and for
    time systems that `require_time_system` refuses.
    Source: CCSDS 502.0-B-3, 7.5.10.
    """
    require_time_system(time_system)
    if matrix.ndim != 2 or matrix.dtype != np.uint8:
        raise ValueError(f"epochs must come as uint8 of shape (n, w), not {matrix.dtype} of shape {matrix.shape}")
    count = len(matrix)
    if count <= few:
        return np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    from schemas.epoch_kernel import READ, SECOND_60, read_rows

    day = np.empty(count, dtype=np.int64)
    ns_of_day = np.empty(count, dtype=np.int64)
    kind = np.empty(count, dtype=np.uint8)
    read_rows(matrix, time_system not in _UNEVEN, day, ns_of_day, kind)
    ok = kind == READ
    if time_system == "UTC":
        return _utc(day, ns_of_day, kind == SECOND_60, ok)
    tai_ns = np.zeros(count, dtype=np.int64)
    calendar_ns = day[ok] * NS_PER_DAY + ns_of_day[ok]
    low, high = EARLIEST_TAI_NS, LATEST_TAI_NS
    if time_system == "UT1":
        low, high = iers_table().span_tai_ns
    # Rows near a bound (UT1 differs from TAI by up to 69 s from 1972 on by these tables) go where there are words.
    margin_ns = 100 * NS_PER_SECOND
    inside = (calendar_ns >= low + margin_ns) & (calendar_ns <= high - margin_ns)
    ok[ok] = inside
    tai_ns[ok] = calendar_to_tai_ns(time_system, calendar_ns[inside])
    return tai_ns, ok


def _utc(
    day: NDArray[np.int64], ns_of_day: NDArray[np.int64], second_60: NDArray[np.bool_], ok: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The result for UTC: an offset belongs to the day as written, whatever the rounding of its last second does."""
    starts, offsets = leap_table()
    start_days = starts - UNIX_EPOCH_MJD
    leap_days = start_days[1:][np.diff(offsets) == 1] - 1
    sixty = np.flatnonzero(second_60)
    ok[sixty] = np.isin(day[sixty], leap_days)
    days = day[ok]
    ok_count = len(days)
    tai_ns = np.zeros(len(day), dtype=np.int64)
    if not ok_count:
        return tai_ns, ok
    first, last = np.searchsorted(start_days, [days.min(), days.max()], side="right") - 1
    offset_s = offsets[first] if first == last >= 0 else offsets[np.searchsorted(start_days, days, side="right") - 1]
    read = days * NS_PER_DAY + ns_of_day[ok] + offset_s * NS_PER_SECOND
    inside = (days >= start_days[0]) & (days <= LATEST_TAI_NS // NS_PER_DAY - 1)
    tai_ns[ok] = np.where(inside, read, 0)
    ok[ok] = inside
    return tai_ns, ok

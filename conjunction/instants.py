"""Instants as people have them in Python, made TAI nanoseconds; and TAI nanoseconds as timestamps of UTC."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.timescales import UNIX_EPOCH_MJD, leap_table, parse_utc

TIMESTAMP = pa.timestamp("ns", "UTC")
_NS_PER_SECOND = 1_000_000_000

Instant = str | datetime | np.datetime64 | int | np.integer


def tai_ns_of(instant: Instant) -> int:
    """TAI ns of an instant.

    Text: UTC, ``2026-03-10T00:00:00`` (CCSDS 502.0-B-3, 7.5.10), or a date alone for its midnight. A datetime (pandas'
    Timestamp is one) must have a time zone, as one without may mean anybody's. numpy.datetime64 is UTC. A whole
    number is TAI ns already. Raises ValueError for text of another form, a datetime without time zone, NaT, and what
    lies outside 1972 to 2261; TypeError for anything else.
    """
    if isinstance(instant, bool):
        raise TypeError("a truth value is no instant")
    if isinstance(instant, int | np.integer):
        return int(instant)
    if isinstance(instant, str):
        return parse_utc(f"{instant}T00:00:00" if "T" not in instant and len(instant) <= 10 else instant)
    if isinstance(instant, np.datetime64):
        if np.isnat(instant):
            raise ValueError("NaT is no instant")
        return parse_utc(str(np.datetime_as_string(instant, unit="ns")))
    if isinstance(instant, datetime):
        if instant.utcoffset() is None:
            raise ValueError(f"{instant!r} has no time zone; UTC is meant? Then say so: tzinfo=datetime.UTC")
        nanoseconds = int(getattr(instant, "nanosecond", 0))  # pandas'
        return parse_utc(f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03d}")
    raise TypeError(f"an instant is text, a datetime, a numpy.datetime64 or TAI ns, not a {type(instant).__qualname__}")


def utc_timestamps(tai_ns: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Timestamps of UTC (ns), null where ``missing``, of TAI ns (n,).

    Timestamps have no leap seconds: an instant within one gets the time of day that is one second later, as in POSIX.
    """
    starts, offsets = leap_table()
    instants = np.asarray(tai_ns, dtype=np.int64)
    if missing is not None:
        instants = np.where(missing, 0, instants)
    day_starts = ((starts - UNIX_EPOCH_MJD) * 86_400 + offsets) * _NS_PER_SECOND
    row = np.maximum(np.searchsorted(day_starts, instants, side="right") - 1, 0)
    return pa.array(instants - offsets[row] * _NS_PER_SECOND, pa.int64(), mask=missing).cast(TIMESTAMP)

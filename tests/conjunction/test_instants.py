"""Instants as people have them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conjunction.instants import tai_ns_of, utc_timestamps
from schemas.timescales import parse_utc

NOON = parse_utc("2026-03-10T12:00:00")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-03-10T12:00:00",
        "2026-03-10T12:00:00.000Z",
        "2026-069T12:00:00",
        datetime(2026, 3, 10, 12, tzinfo=UTC),
        datetime(2026, 3, 10, 14, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("2026-03-10T12:00"),
        np.datetime64("2026-03-10T12:00:00.000000000"),
        pd.Timestamp("2026-03-10T12:00:00Z"),
        NOON,
        np.int64(NOON),
    ],
)
def test_an_instant_may_come_as_text_datetime_datetime64_or_tai_ns(instant: Any) -> None:
    assert tai_ns_of(instant) == NOON


def test_a_date_alone_is_its_midnight_and_nanoseconds_are_kept() -> None:
    assert tai_ns_of("2026-03-10") == tai_ns_of("2026-069") == NOON - 12 * 3600 * 10**9
    assert tai_ns_of(pd.Timestamp("2026-03-10T12:00:00.000000007Z")) == NOON + 7


@pytest.mark.parametrize(
    ("instant", "error"),
    [
        (datetime(2026, 3, 10, 12), ValueError),
        (pd.Timestamp("2026-03-10"), ValueError),
        (np.datetime64("NaT"), ValueError),
        ("yesterday", ValueError),
        ("2026-02-30", ValueError),
        (1.5, TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_what_is_no_instant_or_anybodys_is_refused(instant: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        tai_ns_of(instant)


def test_timestamps_are_utc_with_a_leap_second_counted_as_the_one_after_it() -> None:
    texts = ["1972-01-01T00:00:00", "2016-12-31T23:59:59.5", "2016-12-31T23:59:60.5", "2017-01-01T00:00:00"]
    column = utc_timestamps(np.array([parse_utc(text) for text in texts]))
    assert [str(value)[:21] for value in column.to_numpy(zero_copy_only=False)] == [
        "1972-01-01T00:00:00.0",
        "2016-12-31T23:59:59.5",
        "2017-01-01T00:00:00.5",
        "2017-01-01T00:00:00.0",
    ]


def test_a_missing_instant_is_null() -> None:
    assert utc_timestamps(np.array([NOON, 0]), np.array([False, True])).is_null().to_pylist() == [False, True]

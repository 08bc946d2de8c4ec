"""Instants of labels: XML Schema's dateTime to UTC text and back."""

import re
from datetime import datetime, timedelta

from schemas.labels import instant_text
from schemas.timescales import parse_utc

_DATE_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?P<fraction>\.[0-9]+)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_DECIMALS_MAX = 9


def read_date_time(text: str) -> str:
    """UTC text, as `schemas.labels.instant_text` writes it, of an xs:dateTime with a zone.

    Raises ValueError, naming the rule, for anything else: a dateTime without a zone names no instant, and xs:dateTime
    has no second 60. 24:00:00 is the end of the day. Digits beyond the nanosecond are refused, not rounded.
    Source: W3C XML Schema Part 2, 3.2.7.

    >>> read_date_time("2026-03-01T01:30:00.50+02:00")
    '2026-02-28T23:30:00.5Z'
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("an xs:dateTime, YYYY-MM-DDThh:mm:ss[.d*] with Z or an offset")
    if match["zone"] is None:
        raise ValueError("a zone (Z or an offset): without one a dateTime names no instant")
    fraction = (match["fraction"] or "").rstrip("0").rstrip(".")
    if len(fraction) > 1 + _DECIMALS_MAX:
        raise ValueError(f"at most {_DECIMALS_MAX} decimals of a second")
    if match["time"].endswith(":60"):
        raise ValueError("xs:dateTime has no second 60")
    time, end_of_day = match["time"], match["time"] == "24:00:00" and not fraction
    try:
        # Civil arithmetic: a leap second between the two readings of the clock counts for nothing.
        civil = datetime.fromisoformat(f"{match['day']}T{'00:00:00' if end_of_day else time}")
        civil += timedelta(days=int(end_of_day)) - _offset(match["zone"])
    except OverflowError as error:
        raise ValueError("a date between the years 1972 and 2261") from error
    return instant_text(parse_utc(f"{civil.isoformat()}{fraction}"))


def write_date_time(utc: str) -> str:
    """The xs:dateTime of a UTC text. Raises ValueError for second 60, which xs:dateTime cannot say."""
    text = instant_text(parse_utc(utc))
    if text[17:19] == "60":
        raise ValueError(f"xs:dateTime has no second 60: {text}")
    return text


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError("an offset of at most 14:00")
    return (-1 if zone[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)

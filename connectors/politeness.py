"""How long to leave a server alone after what it said. Pure functions; all durations in seconds."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from schemas.timescales import NS_PER_SECOND, parse_utc

_BACK_OFF_S_MAX = 86_400.0
# A Retry-After beyond this is taken as a mistake; also how far a persisted wait may lie ahead (clocks jump).
LONGEST_WAIT_S = 7 * 86_400.0
_JITTER = 0.25
_FIRST_RECONNECT_S = 60.0


def after_failure_s(
    status: int | None, failures: int, interval_s: float, retry_after_s: float | None, jitter: float
) -> float:
    """Wait after an answer that was an error, or after no answer (``status`` None) to a request that was sent.

    ``failures`` counts them in a row, from 1; ``jitter`` is in [0, 1) and only lengthens. Never less than
    ``interval_s``, so that errors make requests rarer and not more frequent: 403 starts at twice the interval,
    because the next step of a server that says it is to close its firewall. Never less than ``retry_after_s``.
    """
    doublings = failures if status == 403 else failures - 1
    wait_s = max(interval_s, min(interval_s * 2.0 ** min(doublings, 30), _BACK_OFF_S_MAX))
    wait_s *= 1 + _JITTER * jitter
    return max(wait_s, min(retry_after_s or 0.0, LONGEST_WAIT_S))


def after_no_connection_s(failures: int, interval_s: float, jitter: float) -> float:
    """Wait after an attempt that reached nobody: a minute, doubling up to the interval. No request was made."""
    wait_s = min(_FIRST_RECONNECT_S * 2.0 ** min(failures - 1, 30), interval_s)
    return wait_s * (1 + _JITTER * jitter)


def retry_after_s(value: str | None, now_tai_ns: int) -> float | None:
    """What a Retry-After header asks for: a number of seconds or an HTTP date. None where it says neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:10])
    try:
        moment = parsedate_to_datetime(value.strip()).astimezone(UTC)
        return max(0.0, (parse_utc(moment.strftime("%Y-%m-%dT%H:%M:%S")) - now_tai_ns) / NS_PER_SECOND)
    except (ValueError, OverflowError):
        return None

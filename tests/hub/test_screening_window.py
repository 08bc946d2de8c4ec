"""Which window is screened."""

import numpy as np
import pytest

from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, format_utc, parse_utc
from ssa_hub.services.screening_window import screening_window

NOW = parse_utc("2026-11-22T12:00:00")


def test_a_catalogue_of_today_is_screened_from_now_on() -> None:
    window = screening_window(np.full(5, NOW - NS_PER_DAY), now_tai_ns=NOW, hours=24.0, start_utc=None)
    assert (window.start_tai_ns, window.duration_s, window.reason) == (NOW, 86_400.0, "now")


@pytest.mark.parametrize(("age_days", "now"), [(13.99, True), (14.01, False), (-13.99, True), (-14.01, False)])
def test_a_catalogue_is_a_replayed_one_when_half_of_it_is_more_than_two_weeks_off(age_days: float, now: bool) -> None:
    epochs = np.full(101, NOW)
    epochs[:51] -= round(age_days * NS_PER_DAY)
    window = screening_window(epochs, now_tai_ns=NOW, hours=1.0, start_utc=None)
    assert (window.reason == "now") == now


def test_a_replayed_catalogue_is_screened_from_the_minute_after_its_newest_epochs() -> None:
    newest = parse_utc("2024-09-17T11:59:12.5")
    epochs = np.array([newest - n * NS_PER_SECOND for n in range(200)])
    window = screening_window(epochs, now_tai_ns=NOW, hours=2.0, start_utc=None)
    assert format_utc(window.start_tai_ns, 0) == "2024-09-17T12:00:00"
    assert window.duration_s == 7200.0
    assert "replayed" in window.reason


def test_a_few_epochs_in_the_future_do_not_move_a_replayed_window() -> None:
    newest = parse_utc("2024-09-17T11:59:12")
    epochs = np.array([newest] * 995 + [newest + 30 * NS_PER_DAY] * 5)
    window = screening_window(epochs, now_tai_ns=NOW, hours=2.0, start_utc=None)
    assert format_utc(window.start_tai_ns, 0) == "2024-09-17T12:00:00"


def test_a_configured_start_is_taken_whatever_the_epochs() -> None:
    window = screening_window(np.array([NOW]), now_tai_ns=NOW, hours=3.0, start_utc="2026-03-10T00:00:00")
    assert (format_utc(window.start_tai_ns, 0), window.reason) == ("2026-03-10T00:00:00", "as configured")
    with pytest.raises(ValueError, match="soon"):
        screening_window(np.array([NOW]), now_tai_ns=NOW, hours=3.0, start_utc="soon")


def test_one_orbit_is_a_catalogue() -> None:
    old = parse_utc("2020-01-01T00:00:30")
    window = screening_window(np.array([old]), now_tai_ns=NOW, hours=1.0, start_utc=None)
    assert format_utc(window.start_tai_ns, 0) == "2020-01-01T00:01:00"

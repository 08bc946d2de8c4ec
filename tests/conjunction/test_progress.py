"""The time left: measured, and nothing before it was."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjunction.progress import TimeLeft, in_words


def advanced(*samples: tuple[float, float], began_s: float = 0.0) -> TimeLeft:
    estimate = TimeLeft(began_s)
    for now_s, fraction in samples:
        estimate.advance(now_s, fraction)
    return estimate


@given(st.floats(8.0, 1e5), st.integers(12, 300), st.floats(0.0, 1e6), st.floats(0.25, 0.99))
def test_a_steady_run_is_told_what_is_left_of_it(total_s: float, pieces: int, began_s: float, asked: float) -> None:
    done = [piece for piece in range(1, pieces + 1) if piece / pieces <= asked]
    if len(done) * total_s / pieces < 3.5 or len(done) < 8:
        return
    samples = [(began_s + total_s * piece / pieces, piece / pieces) for piece in done]
    now_s = began_s + asked * total_s
    left_s = advanced(*samples, began_s=began_s).estimate_s(now_s)
    assert left_s == pytest.approx((1.0 - asked) * total_s, abs=1e-3 * total_s)


def test_nothing_is_said_at_the_beginning_nor_after_too_few_advances() -> None:
    assert TimeLeft(0.0).estimate_s(60.0) is None
    assert advanced((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)).estimate_s(0.5) is None
    assert advanced((1.0, 0.1), (3.5, 0.2)).estimate_s(4.0) is None


def test_a_slow_beginning_is_forgotten() -> None:
    # 20 s until the first piece, then a piece of 1 % a second
    samples = [(20.0 + second, second / 100.0) for second in range(1, 61)]
    assert advanced(*samples).estimate_s(80.0) == pytest.approx(40.0)


def test_pieces_that_a_resumed_run_takes_at_once_promise_nothing() -> None:
    samples = [(0.01 * piece, 0.01 * piece) for piece in range(1, 61)]
    samples += [(0.6 + second, 0.6 + 0.01 * second) for second in range(1, 11)]
    assert advanced(*samples).estimate_s(10.6) == pytest.approx(30.0, rel=0.01)


def test_a_stalled_run_has_ever_longer_left_and_then_nothing_to_say() -> None:
    estimate = advanced(*((float(second), 0.05 * second) for second in range(1, 11)))
    told = [estimate.estimate_s(now_s) for now_s in (10.0, 12.5, 13.9)]
    assert told[0] == pytest.approx(10.0)
    assert all(early is not None and late is not None and early < late for early, late in itertools.pairwise(told))
    assert estimate.estimate_s(30.0) is None


def test_it_counts_down_between_advances_and_never_below_zero() -> None:
    estimate = advanced(*((float(second), 0.1 * second) for second in range(1, 10)))
    assert estimate.estimate_s(9.5) == pytest.approx(0.5)
    assert estimate.estimate_s(10.9) == 0.0


def test_all_done_is_nothing_left() -> None:
    assert advanced((0.1, 1.0)).estimate_s(0.1) == 0.0


def test_what_goes_backwards_is_passed_over_and_what_is_no_fraction_refused() -> None:
    estimate = advanced(*((float(second), 0.1 * second) for second in range(1, 6)))
    estimate.advance(5.5, 0.2)
    estimate.advance(4.0, 0.9)
    assert estimate.estimate_s(5.0) == pytest.approx(5.0)
    with pytest.raises(ValueError, match=r"1\.5"):
        estimate.advance(6.0, 1.5)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "about 1 s left"),
        (9.4, "about 9 s left"),
        (43.0, "about 45 s left"),
        (89.9, "about 90 s left"),
        (150.0, "about 2 min left"),
        (7300.0, "about 2 h left"),
        (3e5, "about 3 days left"),
    ],
)
def test_an_estimate_is_worded_as_precisely_as_it_is_known(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words

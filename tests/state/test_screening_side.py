"""What screening asks of state: orbits since a number, orbits that take part, progress, who wants a run to end."""

from typing import Any

import pytest

from schemas.records import DataMode
from ssa_hub.state.combinations import Combination
from ssa_hub.state.store import State
from tests.history.examples import element_row, elements, ids, release


def record(state: State, *rows: dict[str, Any]) -> int:
    """Record element sets as the recorder does; the last number."""
    table = elements(*rows)
    with state.transaction() as connection:
        state.recorded.insert(connection, "elements", table)
        state.newest.upsert(connection, table)
    return state.recorded.last_seq()


def test_orbits_since_a_number_are_those_that_are_still_the_newest(state: State) -> None:
    first = record(state, element_row("one"), element_row("two", "cat-2"))
    second = record(
        state,
        element_row("one, newer", received_tai_ns=2 * 10**18),
        element_row("two, older", "cat-2", epoch_tai_ns=1),
        element_row("two of beta", "cat-2", originator="beta"),
        element_row("real", "cat-3", data_mode="REAL"),
    )
    third = record(state, element_row("one, newest", received_tai_ns=3 * 10**18))

    def between(after: int, up_to: int, limit: int = 10) -> list[str]:
        return ids(state.newest.elements_between("TEST", after, up_to, limit=limit))

    assert between(0, first) == ["two"], "the other one has been followed"
    assert between(first, second) == ["two of beta"]
    assert between(first, third) == ["two of beta", "one, newest"]
    assert between(first, third, limit=1) == ["two of beta"]
    assert between(third, third) == []


def test_orbits_of_released_combinations_come_with_their_masks_and_no_others(state: State) -> None:
    record(
        state,
        element_row("b", "cat-2"),
        element_row("a"),
        element_row("of beta", originator="beta"),
        element_row("secret", "cat-3", label_id="secret"),
        element_row("real", "cat-4", data_mode="REAL"),
    )
    allowed = release(
        ("derived-conjunctions", "alpha", "plain", 0, 7), ("derived-conjunctions", "gamma", "plain", 0, 1)
    )
    found = state.newest.released(allowed, data_mode="TEST")
    assert ids(found) == ["a", "b"]
    assert found.column("mask_id").to_pylist() == [7, 7]
    assert state.newest.released(release(), data_mode="TEST").num_rows == 0
    with pytest.raises(ValueError, match="delay"):
        state.newest.released(release(("derived-conjunctions", "alpha", "plain", 5, 0)), data_mode="TEST")
    assert Combination("TEST", "beta", "plain") in state.newest.combinations()


def begin(state: State) -> int:
    """A run up to number 10."""
    return state.runs.begin(
        data_mode=DataMode.TEST, catalogue_seq=10, start_tai_ns=1_000, duration_s=10.0, threshold_km=5.0, objects=3
    )


def test_a_run_under_way_says_how_far_it_is_and_learns_who_wants_it_to_end(state: State) -> None:
    run = begin(state)
    assert state.runs.advance(run, fraction=0.5, seconds_left=None) is None
    assert state.runs.cancel("WARDEN") == 1
    assert state.runs.advance(run, fraction=0.6, seconds_left=3.0) == "WARDEN"
    (found,) = state.runs.last(1)
    assert (found.objects, found.fraction, found.seconds_left, found.cancelled_by) == (3, 0.6, 3.0, "WARDEN")
    state.runs.fail(run, "cancelled by WARDEN")
    assert state.runs.cancel("WARDEN") == 0
    assert state.runs.advance(run, fraction=0.7, seconds_left=2.0) is None


def test_what_was_told_at_once_after_a_run_counts_as_told_by_it_and_never_less(state: State) -> None:
    run = begin(state)
    state.runs.complete(run, objects=3, conjunctions=0, left_out=[], wall_s=1.0)
    for told, expected in ((9, 10), (12, 12), (11, 12)):
        state.runs.tell_up_to(run, told)
        assert state.runs.covered_up_to(DataMode.TEST, 2_000, 5.0) == expected
        last = state.runs.last_complete(DataMode.TEST)
        assert last is not None
        assert (last.up_to_seq, last.catalogue_seq, last.duration_s) == (expected, 10, 10.0)

"""Withdrawals in state: the records, the newest orbits without them, and what the recorder must not bring back."""

from typing import Any

import pyarrow as pa
import pytest

from ssa_hub.state.store import State
from ssa_hub.state.withdrawals import Reason, WithdrawnMeanwhileError, WithdrawnRecord
from tests.history.examples import element_row, elements

WHY = Reason("wrong covariance", told=False)
NOTHING = elements().slice(0, 0)


def record(state: State, *rows: dict[str, Any]) -> None:
    """As the recorder does."""
    table = elements(*rows)
    state.recording_withdrawn.note_late("elements", table)
    with state.transaction() as connection:
        state.recorded.insert(connection, "elements", table)
        there = state.recording_withdrawn.without_withdrawn(connection, "elements", table)
        state.newest.upsert(connection, there)


def withdraw(
    state: State,
    *record_ids: str,
    followers: pa.Table = NOTHING,
    after: int | None = None,
    seq: int | None = None,
    derived: str = "flag",
    payload_sha256: str | None = None,
    now: int = 1_000,
) -> int:
    with state.transaction() as connection:
        return state.withdrawals.add(
            connection,
            [WithdrawnRecord(record_id, "elements", "TEST") for record_id in record_ids],
            originator="alpha",
            reason=WHY,
            derived=derived,
            payload_sha256=payload_sha256,
            by="alpha",
            now_tai_ns=now,
            after=state.withdrawals.last() if after is None else after,
            followers=followers,
            followers_seq=state.recorded.last_seq() if seq is None else seq,
        )


def newest(state: State) -> list[str]:
    ids: list[str] = state.newest.elements("TEST").column("record_id").to_pylist()
    return ids


def orbit(name: str, epoch: int, **given: Any) -> dict[str, Any]:
    return element_row(name, "cat-1", **{"originator": "alpha", "epoch_tai_ns": epoch, "received_tai_ns": 10, **given})


def test_what_is_withdrawn_is_listed_and_changes_the_policy(state: State) -> None:
    record(state, orbit("old", 1), orbit("new", 2))
    token = state.policy_token()
    first = withdraw(state, "new", followers=elements(orbit("old", 1)))
    assert state.policy_token() != token
    second = withdraw(state, "old", derived="withdraw", now=2_000)
    assert sorted(state.withdrawals.table().to_pylist(), key=str) == [
        {"record_id": "new", "derived": False},
        {"record_id": "old", "derived": True},
    ]
    assert state.withdrawals.last() == second
    found = state.withdrawals.get(first)
    assert found is not None
    assert (found.originator, found.reason, found.derived, found.records) == ("alpha", WHY, "flag", 1)
    assert [one.id for one in state.withdrawals.all(originator="alpha")] == [second, first]
    assert [one.id for one in state.withdrawals.all(since_tai_ns=1_500)] == [second]
    assert state.withdrawals.all(originator="beta") == []
    assert state.withdrawals.records(second) == [WithdrawnRecord("old", "elements", "TEST")]
    assert state.withdrawals.withdrawn(["old", "other"]) == {"old"}


def test_the_orbit_before_takes_the_place_of_the_newest(state: State) -> None:
    record(state, orbit("older", 1), orbit("old", 2), orbit("new", 3))
    withdraw(state, "new", followers=elements(orbit("old", 2)))
    assert newest(state) == ["old"]
    withdraw(state, "older", followers=elements(orbit("old", 2)))
    assert newest(state) == ["old"]
    withdraw(state, "old")
    assert newest(state) == []


def test_what_was_recorded_while_history_was_read_takes_its_place(state: State) -> None:
    record(state, orbit("old", 1), orbit("new", 9))
    seq = state.recorded.last_seq()
    record(state, orbit("between", 5))
    withdraw(state, "new", followers=elements(orbit("old", 1)), seq=seq)
    assert newest(state) == ["between"]


def test_two_withdrawals_that_were_read_at_once_do_not_bring_each_others_records_back(state: State) -> None:
    record(state, orbit("old", 1), orbit("mid", 2), orbit("new", 3))
    withdraw(state, "mid")
    with pytest.raises(WithdrawnMeanwhileError):
        withdraw(state, "new", followers=elements(orbit("mid", 2)), after=0)
    assert state.withdrawals.withdrawn(["new"]) == set()
    assert newest(state) == ["new"]


def test_a_withdrawn_record_that_is_recorded_again_does_not_become_the_newest(state: State) -> None:
    record(state, orbit("old", 1), orbit("new", 3))
    withdraw(state, "new", followers=elements(orbit("old", 1)))
    record(state, orbit("new", 3), orbit("old", 1))
    assert newest(state) == ["old"]


def test_what_was_under_way_when_its_payload_was_withdrawn_is_withdrawn_as_it_is_recorded(state: State) -> None:
    number = withdraw(state, payload_sha256="ab" * 32, now=1_000)
    token = state.policy_token()
    came = {"payload_sha256": "ab" * 32}
    record(
        state,
        orbit("before", 5, **came),
        orbit("at that instant", 6, received_tai_ns=1_000, **came),
        orbit("of another payload", 1, payload_sha256="cd" * 32),
        orbit("of another", 7, originator="beta", **came),
    )
    assert [found.record_id for found in state.withdrawals.records(number)] == ["at that instant", "before"]
    assert state.policy_token() != token
    assert newest(state) == ["of another payload", "of another"]
    # Sent again afterwards, under another label say, it is meant to be there.
    record(state, orbit("sent again", 8, received_tai_ns=1_001, **came))
    assert "sent again" in newest(state)


def test_a_withdrawal_is_screened_once_a_run_has_followed_it_in_each_of_its_data_modes(state: State) -> None:
    record(state, orbit("a", 1), orbit("b", 2))
    first = withdraw(state, "a")
    second = withdraw(state, "b")
    assert state.withdrawals.unscreened() == {first: {"TEST"}, second: {"TEST"}}
    assert state.withdrawals.last_of_orbits(0) == {"TEST": second}
    assert state.withdrawals.last_of_orbits(second) == {}
    state.withdrawals.note_screened({"REAL": second}, 5_000)
    assert set(state.withdrawals.unscreened()) == {first, second}
    state.withdrawals.note_screened({"TEST": first}, 5_000)
    state.withdrawals.note_screened({"TEST": first}, 6_000)
    assert set(state.withdrawals.unscreened()) == {second}
    found = state.withdrawals.get(first)
    assert found is not None
    assert found.screened_tai_ns == 5_000

import threading

import pytest

from ingest.log import TopicPartition
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND
from ssa_hub.state.database import create_database
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State, open_state

LEFT_OUT = [{"object_id": "cat-1", "why": "decayed"}]
P0, P1 = TopicPartition("elements", 0), TopicPartition("elements.x", 1)


def test_a_lease_has_one_holder_until_it_is_released(state: State) -> None:
    assert state.leases.acquire("screening", "a", 60)
    assert not state.leases.acquire("screening", "b", 60)
    assert state.leases.acquire("screening", "a", 60)
    assert state.leases.acquire("other", "b", 60)
    assert not state.leases.release("screening", "b")
    assert state.leases.release("screening", "a")
    assert state.leases.acquire("screening", "b", 60)


def test_an_expired_lease_goes_to_who_asks(state: State) -> None:
    assert state.leases.acquire("screening", "a", 1e-6)
    # The database's clock may be coarser than the time between two calls.
    assert any(state.leases.acquire("screening", "b", 60) for _ in range(1000))
    assert not state.leases.acquire("screening", "a", 60)
    with pytest.raises(ValueError, match="longer"):
        state.leases.acquire("screening", "a", 0)


def test_of_many_threads_one_gets_the_lease(state: State) -> None:
    barrier = threading.Barrier(8)
    won: list[str] = []

    def contend(holder: str) -> None:
        barrier.wait()
        if state.leases.acquire("screening", holder, 60):
            won.append(holder)

    threads = [threading.Thread(target=contend, args=(f"worker {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def begin(state: State, start_tai_ns: int, mode: DataMode = DataMode.TEST) -> int:
    return state.runs.begin(
        data_mode=mode, catalogue_seq=start_tai_ns, start_tai_ns=start_tai_ns, duration_s=10.0, threshold_km=5.0
    )


def test_a_run_is_remembered_with_what_it_left_out(state: State) -> None:
    first, second = begin(state, 1000), begin(state, 2000)
    assert state.runs.last_complete(DataMode.TEST) is None
    state.runs.complete(
        first, objects=3, conjunctions=2, left_out=[{"object_id": "cat-1", "why": "decayed"}], wall_s=1.5
    )
    state.runs.fail(second, "numba said no")
    run = state.runs.last_complete(DataMode.TEST)
    assert run is not None
    assert (run.catalogue_seq, run.end_tai_ns, run.objects, run.conjunctions, run.wall_s) == (
        1000,
        1000 + 10 * NS_PER_SECOND,
        3,
        2,
        1.5,
    )
    assert run.left_out == LEFT_OUT
    assert 0 <= run.age_s < 3600
    assert state.runs.last_complete(DataMode.REAL) is None
    assert [(found.status, found.failure) for found in state.runs.last(5)] == [
        ("failed", "numba said no"),
        ("complete", None),
    ]
    with pytest.raises(KeyError):
        state.runs.fail(first, "it is complete already")


def test_a_complete_run_has_told_of_the_inside_of_its_window_up_to_its_threshold(state: State) -> None:
    def told(tai_ns: int, mode: DataMode = DataMode.TEST, threshold_km: float = 5.0) -> int | None:
        return state.runs.covered_up_to(mode, tai_ns, threshold_km)

    run = begin(state, 1000)
    assert told(2000) is None
    state.runs.complete(run, objects=0, conjunctions=0, left_out=[], wall_s=0.0)
    end = 1000 + 10 * NS_PER_SECOND
    assert [told(t) for t in (1000, 1001, end - 1, end)] == [None, 1000, 1000, None]
    assert told(2000, DataMode.REAL) is None
    assert (told(2000, threshold_km=4.0), told(2000, threshold_km=6.0)) == (1000, None)


def test_runs_of_a_dead_worker_are_abandoned(state: State) -> None:
    begin(state, 1000)
    assert state.runs.abandon_running("the worker died") == 1
    assert state.runs.abandon_running("the worker died") == 0
    assert [run.status for run in state.runs.last(5)] == ["failed"]


def test_positions_only_move_forward(state: State) -> None:
    assert state.positions.get(P0) == 0
    for offsets in ({P0: 5, P1: 7}, {P0: 3, P1: 9}, {}):
        with state.transaction() as connection:
            state.positions.set(connection, offsets)
    assert state.positions.all() == {P0: 5, P1: 9}


def test_what_is_in_one_transaction_happens_together_or_not_at_all(state: State) -> None:
    def half_way() -> None:
        with state.transaction() as connection:
            state.positions.set(connection, {P0: 5})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    assert state.positions.all() == {}


@pytest.mark.postgres
def test_a_database_that_does_not_answer_is_a_state_failure(postgres_url: str) -> None:
    with open_state(postgres_url) as state:
        unreachable = state.database.engine.url.set(host="127.0.0.1", port=1)
    state = State(create_database(unreachable.render_as_string(hide_password=False)))
    with pytest.raises(StateUnavailableError):
        state.positions.all()

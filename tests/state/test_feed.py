import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.store import State
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, element_row, elements, ids, release

PLAIN = release(("elements", "alpha", "plain", 0, 7), ("derived-conjunctions", "alpha", "plain", 0, 8))


def record(state: State, rows: pa.Table, kind: str = "elements") -> int:
    with state.transaction() as connection:
        added = state.recorded.insert(connection, kind, rows)
        if kind == "elements":
            state.newest.upsert(connection, rows)
    return added


def follow(state: State, table: pa.Table, now_tai_ns: int, cursor: Any = 0, limit: int = 3) -> tuple[list[str], Any]:
    """All that is visible now, page by page."""
    seen: list[str] = []
    while True:
        page = state.feed.after(cursor, table, data_mode="TEST", now_tai_ns=now_tai_ns, limit=limit)
        seen += [row.record_id for row in page.rows]
        cursor = page.cursor
        if len(page.rows) < limit:
            return seen, cursor


def test_a_record_is_recorded_once(state: State) -> None:
    assert record(state, elements(element_row("a"), element_row("b"), element_row("a"))) == 2
    assert record(state, elements(element_row("b"), element_row("c"))) == 1
    assert state.recorded.known(["a", "c", "x"]) == {"a", "c"}
    assert [state.recorded.seq_of(name) is not None for name in "abcx"] == [True, True, True, False]
    assert follow(state, PLAIN, START_TAI_NS)[0] == ["a", "b", "c"]


def test_a_recorded_body_gives_the_whole_row_back(state: State) -> None:
    rows = elements(element_row("a", mean_motion_rev_per_day=15.123456789012345, object_name="Ä\0"))
    record(state, rows)
    found = state.recorded.get("a")
    assert found is not None
    assert read_bodies([found.body], "elements").equals(rows)


def test_numbers_tell_the_last_elements_of_each_data_mode(state: State) -> None:
    assert state.recorded.last_elements() == {}
    record(state, elements(element_row("a"), element_row("b", data_mode="REAL"), element_row("c")))
    record(state, conjunctions(conjunction_row("k")), "conjunctions")
    assert state.recorded.last_elements() == {
        DataMode.TEST: state.recorded.seq_of("c"),
        DataMode.REAL: state.recorded.seq_of("b"),
    }
    assert state.recorded.last_seq() == state.recorded.seq_of("k")


def test_an_instant_is_a_place_in_the_feed(state: State) -> None:
    before = now_tai_ns() - 1
    record(state, elements(element_row("a")))
    between = now_tai_ns()
    record(state, elements(element_row("b")))
    assert state.recorded.seq_at(before) == 0
    assert state.recorded.seq_at(between) == state.recorded.seq_of("a")
    assert state.recorded.seq_at(now_tai_ns()) == state.recorded.seq_of("b")


def test_the_feed_shows_a_conjunction_only_through_both_parents(state: State) -> None:
    record(
        state,
        conjunctions(
            conjunction_row("both"),
            conjunction_row("first", parent_originator_2="beta"),
            conjunction_row("second", parent_label_id_1="secret"),
        ),
        "conjunctions",
    )
    page = state.feed.after(0, PLAIN, data_mode="TEST", now_tai_ns=START_TAI_NS, limit=10)
    assert [(row.record_id, row.mask_ids, row.kind) for row in page.rows] == [("both", (8, 8), "conjunctions")]
    assert follow(state, release(("elements", "alpha", "plain", 0, 7)), START_TAI_NS)[0] == []


def test_a_delayed_record_comes_late_and_is_not_lost_behind_the_cursor(state: State) -> None:
    table = release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 100, 2))
    record(state, elements(element_row("late", originator="beta"), element_row("now")))
    seen, cursor = follow(state, table, START_TAI_NS)
    assert seen == ["now"]
    seen, cursor = follow(state, table, START_TAI_NS + 99, cursor)
    assert seen == []
    seen, cursor = follow(state, table, START_TAI_NS + 100, cursor)
    assert seen == ["late"]
    assert follow(state, table, START_TAI_NS + 1000, cursor)[0] == []


def test_a_conjunction_waits_for_the_longer_delay_of_its_parents(state: State) -> None:
    kind = "derived-conjunctions"
    table = release((kind, "alpha", "plain", 10, 1), (kind, "beta", "plain", 30, 2))
    record(state, conjunctions(conjunction_row("k", parent_originator_2="beta")), "conjunctions")
    assert follow(state, table, START_TAI_NS + 29)[0] == []
    page = state.feed.after(0, table, data_mode="TEST", now_tai_ns=START_TAI_NS + 30, limit=10)
    assert [(row.delay_ns, row.mask_ids) for row in page.rows] == [(30, (1, 2))]


def test_a_release_table_that_names_a_combination_twice_is_refused(state: State) -> None:
    twice = release(("elements", "alpha", "plain", 0, 1), ("elements", "alpha", "plain", 5, 2))
    with pytest.raises(ValueError, match="twice"):
        state.feed.after(0, twice, data_mode="TEST", now_tai_ns=0, limit=1)


events = st.lists(st.tuples(st.sampled_from(["alpha", "beta", "gamma", "hidden"]), st.integers(0, 3)), max_size=14)


@pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=events, limit=st.integers(1, 4))
def test_every_visible_record_comes_exactly_once_whatever_the_delays(
    state: State, arrivals: list[tuple[str, int]], limit: int
) -> None:
    """Oracle: a follower who polls at every instant gets what the definition of visible says, once each."""
    delays = {"alpha": 0, "beta": 2, "gamma": 5}
    table = release(*(("elements", name, f"case {id(arrivals)}", delay, 0) for name, delay in delays.items()))
    cursor: Any = state.recorded.last_seq()
    seen: list[str] = []
    expected: list[str] = []
    now = START_TAI_NS
    for number, (originator, wait) in enumerate(arrivals):
        now += wait
        name = f"{state.recorded.last_seq()}-{number}"
        row = element_row(name, originator=originator, label_id=f"case {id(arrivals)}", received_tai_ns=now)
        record(state, elements(row))
        if originator in delays:
            expected.append(name)
        new, cursor = follow(state, table, now, cursor, limit)
        seen += new
    seen += follow(state, table, now + 100, cursor, limit)[0]
    assert sorted(seen) == sorted(expected)


def test_hidden_records_do_not_change_the_feed(state: State) -> None:
    record(state, elements(element_row("a")))
    before, _ = follow(state, PLAIN, START_TAI_NS)
    record(state, elements(element_row("h1", originator="beta"), element_row("h2", label_id="secret")))
    record(state, elements(element_row("h3", data_mode="REAL")))
    assert follow(state, PLAIN, START_TAI_NS)[0] == before


def test_two_writers_number_records_in_commit_order(state: State) -> None:
    """A reader that has read up to a number must never find a smaller one later."""
    stop = threading.Event()
    failures: list[str] = []

    def write(name: str) -> None:
        for number in range(25):
            record(state, elements(*(element_row(f"{name}{number}-{n}") for n in range(3))))

    def read() -> None:
        cursor: Any = 0
        seen: set[str] = set()
        while True:
            last_time = stop.is_set()
            page = state.feed.after(cursor, PLAIN, data_mode="TEST", now_tai_ns=START_TAI_NS, limit=1000)
            seen.update(row.record_id for row in page.rows)
            cursor = page.cursor
            if last_time:
                break
        if len(seen) != 150:
            failures.append(f"the reader saw {len(seen)} of 150")

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert failures == []


def newest_of(state: State, **given: Any) -> list[str]:
    return ids(state.newest.visible(PLAIN, data_mode="TEST", limit=100, **given))


ROWS = [
    element_row("old", epoch_tai_ns=10),
    element_row("new", epoch_tai_ns=20),
    element_row("new, received later", epoch_tai_ns=20, received_tai_ns=START_TAI_NS + 1),
    element_row("hidden", epoch_tai_ns=99, label_id="secret"),
    element_row("Z", "Z-object"),
    element_row("a", "a-object"),
]


@pytest.mark.parametrize("order", [lambda rows: rows, lambda rows: rows[::-1]])
def test_the_newest_visible_of_each_object_whatever_the_order_of_arrival(
    state: State, order: Callable[[list[Any]], list[Any]]
) -> None:
    for row in order(ROWS):
        record(state, elements(row))
    assert newest_of(state) == ["Z", "a", "new, received later"]
    assert newest_of(state, object_ids=["cat-1", "nothing"]) == ["new, received later"]
    assert newest_of(state, after="Z-object") == ["a", "new, received later"]
    first = state.newest.visible(PLAIN, data_mode="TEST", limit=1)
    assert (ids(first), first.column("mask_id").to_pylist()) == (["Z"], [7])
    assert ids(state.newest.elements("TEST")) == ["Z", "a", "new, received later", "hidden"]


def test_a_batch_at_once_gives_the_same_newest(state: State) -> None:
    record(state, elements(*ROWS))
    assert ids(state.newest.elements("TEST")) == ["Z", "a", "new, received later", "hidden"]
    assert state.newest.elements("REAL").num_rows == 0


def test_newest_under_a_delay_is_left_to_history(state: State) -> None:
    record(state, elements(element_row("a")))
    with pytest.raises(ValueError, match="history"):
        state.newest.visible(release(("elements", "alpha", "plain", 5, 0)), data_mode="TEST", limit=1)

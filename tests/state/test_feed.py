import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.state.feed import BEGINNING, Cursor, Feed, Place, place_of, place_since
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.store import State
from ssa_hub.state.tables import recorded
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, element_row, elements, ids, release

NOW = now_tai_ns() + 10**15  # later than what these tests record
PLAIN = release(("elements", "alpha", "plain", 0, 7), ("derived-conjunctions", "alpha", "plain", 0, 8))


def record(state: State, rows: pa.Table, kind: str = "elements") -> int:
    with state.transaction() as connection:
        added = state.recorded.insert(connection, kind, rows)
        if kind == "elements":
            state.newest.upsert(connection, rows)
    return added


def record_at(state: State, rows: pa.Table, recorded_tai_ns: int, kind: str = "elements") -> None:
    """The same, recorded at an instant that the test says: `insert` asks the machine's clock."""
    record(state, rows, kind)
    with state.transaction() as connection:
        new = recorded.c.record_id.in_(ids(rows))
        connection.execute(update(recorded).where(new).values(recorded_tai_ns=recorded_tai_ns))


def follow(
    state: State, table: pa.Table, now_tai_ns: int, cursor: Cursor = BEGINNING, limit: int = 3
) -> tuple[list[str], Cursor]:
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
    assert follow(state, PLAIN, NOW)[0] == ["a", "b", "c"]


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
    page = state.feed.after(BEGINNING, PLAIN, data_mode="TEST", now_tai_ns=NOW, limit=10)
    assert [(row.record_id, row.mask_ids, row.kind) for row in page.rows] == [("both", (8, 8), "conjunctions")]
    assert follow(state, release(("elements", "alpha", "plain", 0, 7)), NOW)[0] == []


def test_a_delayed_record_comes_late_and_is_not_lost_behind_the_cursor(state: State) -> None:
    table = release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 100, 2))
    record_at(state, elements(element_row("late", originator="beta"), element_row("now")), START_TAI_NS)
    seen, cursor = follow(state, table, START_TAI_NS)
    assert seen == ["now"]
    seen, cursor = follow(state, table, START_TAI_NS + 99, cursor)
    assert seen == []
    seen, cursor = follow(state, table, START_TAI_NS + 100, cursor)
    assert seen == ["late"]
    assert follow(state, table, START_TAI_NS + 1000, cursor)[0] == []


def test_what_was_recorded_first_and_received_last_holds_nothing_back(state: State) -> None:
    table = release(("elements", "alpha", "plain", 100, 1))
    for name, received in (("recorded first", 50), ("received first", 0)):
        record_at(state, elements(element_row(name, received_tai_ns=START_TAI_NS + received)), START_TAI_NS + 60)
    seen, cursor = follow(state, table, START_TAI_NS + 100)
    assert seen == ["received first"]
    assert follow(state, table, START_TAI_NS + 150, cursor)[0] == ["recorded first"]


def test_what_was_recorded_after_its_delay_comes_when_it_is_recorded(state: State) -> None:
    table = release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 100, 2))
    record_at(state, elements(element_row("other")), START_TAI_NS + 200)
    record_at(state, elements(element_row("held up", originator="beta")), START_TAI_NS + 300)
    page = state.feed.after(BEGINNING, table, data_mode="TEST", now_tai_ns=START_TAI_NS + 300, limit=10)
    assert [(row.record_id, row.visible_tai_ns - START_TAI_NS) for row in page.rows] == [
        ("other", 200),
        ("held up", 300),
    ]


def test_a_conjunction_waits_for_the_longer_delay_of_its_parents(state: State) -> None:
    kind = "derived-conjunctions"
    table = release((kind, "alpha", "plain", 10, 1), (kind, "beta", "plain", 30, 2))
    record_at(state, conjunctions(conjunction_row("k", parent_originator_2="beta")), START_TAI_NS, "conjunctions")
    assert follow(state, table, START_TAI_NS + 29)[0] == []
    page = state.feed.after(BEGINNING, table, data_mode="TEST", now_tai_ns=START_TAI_NS + 30, limit=10)
    assert [(row.delay_ns, row.mask_ids) for row in page.rows] == [(30, (1, 2))]


def test_a_release_table_that_names_a_combination_twice_is_refused(state: State) -> None:
    twice = release(("elements", "alpha", "plain", 0, 1), ("elements", "alpha", "plain", 5, 2))
    with pytest.raises(ValueError, match="twice"):
        state.feed.after(BEGINNING, twice, data_mode="TEST", now_tai_ns=0, limit=1)
    with pytest.raises(ValueError, match="limit"):
        state.feed.after(BEGINNING, PLAIN, data_mode="TEST", now_tai_ns=0, limit=0)


DELAYS = {"alpha": 0, "beta": 2, "gamma": 5}
# When a record was received, before its recording; who made it; how long after the record before it was recorded; and
# whether the reader looks before it is there, with which limit, and how long after the last recording.
arrivals = st.lists(
    st.tuples(
        st.sampled_from([*DELAYS, "hidden"]), st.integers(-1, 9), st.integers(0, 3),
        st.none() | st.tuples(st.integers(1, 4), st.integers(0, 2)),
    ),
    max_size=16,
)  # fmt: skip


@pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=arrivals, committed_late=st.booleans(), window=st.sampled_from([1, 2, 4_000]))
def test_the_feed_is_in_the_order_of_becoming_visible_with_none_skipped_and_none_repeated(
    state: State, drawn: list[tuple[str, int, int, tuple[int, int] | None]], committed_late: bool, window: int
) -> None:
    """Oracle: of each look, the plain sort by (visible from, number) of what is due and was not shown before.

    ``committed_late``: records may have been recorded before an earlier look of the reader. They come, once; in their
    order the test takes no interest.
    """
    label = f"case {state.recorded.last_seq()}"
    table = release(*(("elements", name, label, delay, 0) for name, delay in DELAYS.items()))
    feed = Feed(state.database, window_records=window)
    cursor: Cursor = BEGINNING
    shown: list[str] = []
    there: list[tuple[int, int, str]] = []
    looked = recorded_at = START_TAI_NS

    def look(limit: int) -> int:
        nonlocal cursor
        page = feed.after(cursor, table, data_mode="TEST", now_tai_ns=looked, limit=limit)
        due = [name for visible_from, _, name in sorted(there) if visible_from <= looked and name not in shown]
        found = [row.record_id for row in page.rows]
        assert len(found) == min(limit, len(due))
        assert set(found) <= set(due) if committed_late else found == due[:limit]
        shown.extend(found)
        cursor = page.cursor
        return len(found)

    for number, (originator, before, wait, looks) in enumerate(drawn):
        recorded_at = recorded_at + wait if committed_late else max(recorded_at + wait, looked)
        name = f"{label} {number}"
        row = element_row(name, originator=originator, label_id=label, received_tai_ns=recorded_at - before)
        record_at(state, elements(row), recorded_at)
        seq = state.recorded.seq_of(name)
        assert seq is not None
        if originator in DELAYS:
            there.append((max(recorded_at - before + DELAYS[originator], recorded_at), seq, name))
        if looks is not None:
            looked = max(looked, recorded_at + looks[1])
            look(looks[0])
    looked = max(looked, recorded_at) + 100
    while look(3):
        pass
    assert sorted(shown) == sorted(name for _, _, name in there)


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_what_is_committed_after_a_look_that_was_later_comes_next_and_once(state: State, limit: int) -> None:
    """A transaction that took its instant before the reader's look, and was committed after it."""
    table = release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 10, 2))
    record_at(state, elements(element_row("first"), element_row("b", originator="beta")), START_TAI_NS)
    seen, cursor = follow(state, table, START_TAI_NS + 50, limit=limit)
    assert seen == ["first", "b"]
    record_at(state, elements(element_row("late 1"), element_row("late b", originator="beta")), START_TAI_NS + 40)
    record_at(state, elements(element_row("late 2"), element_row("late 3")), START_TAI_NS + 45)
    record_at(state, elements(element_row("then")), START_TAI_NS + 55)
    seen, cursor = follow(state, table, START_TAI_NS + 60, cursor, limit)
    assert seen == ["late 1", "late b", "late 2", "late 3", "then"]
    assert follow(state, table, START_TAI_NS + 100, cursor, limit)[0] == []


def test_who_knows_only_his_last_record_goes_on_after_it_and_misses_nothing_that_was_under_way(state: State) -> None:
    names = [("a", 0), ("b", 10), ("c", 20), ("under way", 15), ("d", 30)]
    for name, at in names:
        record_at(state, elements(element_row(name, received_tai_ns=START_TAI_NS + at)), START_TAI_NS + at)
    seq = state.recorded.seq_of("c")
    assert seq is not None
    place = place_of(START_TAI_NS + 20, seq, under_way_ns=6)
    assert follow(state, PLAIN, NOW, {0: place})[0] == ["under way", "d"]
    assert follow(state, PLAIN, NOW, {0: place_of(START_TAI_NS + 20, seq, under_way_ns=5)})[0] == ["d"]
    assert follow(state, PLAIN, NOW, {0: place_since(START_TAI_NS + 14)})[0] == ["under way", "c", "d"]
    assert follow(state, PLAIN, NOW, {0: state.feed.place_at(START_TAI_NS + 25)})[0] == ["d"]


def test_a_delay_that_is_new_repeats_records_rather_than_lose_them(state: State) -> None:
    long, short = (release(("elements", "alpha", "plain", delay, 1)) for delay in (100, 10))
    for number in range(4):
        at = START_TAI_NS + 30 * number
        record_at(state, elements(element_row(f"{number}", received_tai_ns=at)), at)
    seen, cursor = follow(state, long, START_TAI_NS + 131)
    assert seen == ["0", "1"]
    assert {"2", "3"} <= set(follow(state, short, START_TAI_NS + 131, cursor)[0])
    seen, cursor = follow(state, short, START_TAI_NS + 131)
    assert seen == ["0", "1", "2", "3"]
    assert follow(state, long, START_TAI_NS + 189, cursor)[0] == ["2"]


def test_while_the_clock_stands_before_the_place_nothing_comes_and_nothing_is_lost(state: State) -> None:
    record_at(state, elements(element_row("a")), START_TAI_NS)
    _, cursor = follow(state, PLAIN, START_TAI_NS + 10)
    record_at(state, elements(element_row("b")), START_TAI_NS + 5)
    assert follow(state, PLAIN, START_TAI_NS + 9, cursor) == ([], cursor)
    assert follow(state, PLAIN, START_TAI_NS + 10, cursor)[0] == ["b"]


def test_who_is_allowed_nothing_keeps_his_place(state: State) -> None:
    record_at(state, elements(element_row("a")), START_TAI_NS)
    place = {0: Place(START_TAI_NS - 1, 0, 0)}
    page = state.feed.after(place, release(), data_mode="TEST", now_tai_ns=NOW, limit=1)
    assert (page.rows, page.cursor) == ([], place)
    assert follow(state, PLAIN, NOW, page.cursor)[0] == ["a"]


def test_hidden_records_do_not_change_the_feed(state: State) -> None:
    record(state, elements(element_row("a")))
    before, _ = follow(state, PLAIN, NOW)
    record(state, elements(element_row("h1", originator="beta"), element_row("h2", label_id="secret")))
    record(state, elements(element_row("h3", data_mode="REAL")))
    assert follow(state, PLAIN, NOW)[0] == before


def test_two_writers_number_records_in_commit_order(state: State) -> None:
    """A reader that has read up to an instant must never lose what was committed later."""
    stop = threading.Event()
    failures: list[str] = []

    def write(name: str) -> None:
        for number in range(25):
            record(state, elements(*(element_row(f"{name}{number}-{n}") for n in range(3))))

    def read() -> None:
        cursor: Cursor = BEGINNING
        seen: list[str] = []
        while True:
            last_time = stop.is_set()
            page = state.feed.after(cursor, PLAIN, data_mode="TEST", now_tai_ns=now_tai_ns(), limit=1000)
            seen += [row.record_id for row in page.rows]
            cursor = page.cursor
            if last_time:
                break
        if len(seen) != 150 or len(set(seen)) != 150:
            failures.append(f"the reader saw {len(seen)} records, {len(set(seen))} of 150")

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


def test_newest_by_coarsened_epochs_is_left_to_history(state: State) -> None:
    record(state, elements(element_row("a")))
    coarse = release(("elements", "alpha", "plain", 0, 0), time_step_ns=60)
    for ask in (state.newest.visible, state.newest.released):
        with pytest.raises(ValueError, match="history"):
            ask(coarse, data_mode="TEST", **({"limit": 1} if ask == state.newest.visible else {}))

"""Coarsened instants and distances, ids shown in part, withdrawn rows: queries use what is shown, and only that."""

import hashlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, element_row, elements, ids, release

NOW = START_TAI_NS + 100
STEP_NS = 7
KEY = "0123456789abcdef" * 2
_GRANTS = [
    ("elements", "alpha", "plain", 0, 1),
    ("elements", "beta", "plain", 0, 2),
    ("elements", "gamma", "plain", 0, 3),
]
ASKED: dict[str, Any] = {"now_tai_ns": NOW, "data_mode": "TEST", "limit": 100}


def put(history: History, *rows: dict[str, Any], kind: str = "elements") -> None:
    history.append(kind, (elements if kind == "elements" else conjunctions)(*rows), positions={})


def mixed() -> pa.Table:
    """alpha's as they are, beta's exact but in part, gamma's with epochs to 7 ns."""
    table = release(*_GRANTS)
    steps, whole = pa.array([1, 1, STEP_NS], pa.int64()), pa.array([True, False, False])
    table = table.set_column(table.column_names.index("time_step_ns"), "time_step_ns", steps)
    return table.append_column("whole", whole)


def shown_epoch(row: dict[str, Any]) -> int:
    epoch = int(row["epoch_tai_ns"])
    return epoch // STEP_NS * STEP_NS if row["originator"] == "gamma" else epoch


def order_id(row: dict[str, Any]) -> str:
    record_id = str(row["record_id"])
    return record_id if row["originator"] == "alpha" else hashlib.md5((KEY + record_id).encode()).hexdigest()  # noqa: S324


drawn_rows = st.lists(
    st.fixed_dictionaries(
        {
            "object_id": st.sampled_from(["cat-1", "cat-2"]),
            "epoch_tai_ns": st.integers(-10, 10) | st.integers(START_TAI_NS, START_TAI_NS + 20),
            "received_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 1),
            "originator": st.sampled_from(["alpha", "beta", "gamma", "gamma"]),
        }
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=drawn_rows, limit=st.integers(1, 4), gone=st.sets(st.integers(0, 13), max_size=3), from_ns=st.integers(-3, 9)
)
def test_pages_by_shown_values_equal_the_oracle_and_neither_skip_nor_repeat(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[dict[str, Any]], limit: int, gone: set[int], from_ns: int
) -> None:
    directory = tmp_path_factory.mktemp("history")
    rows = [element_row(f"{number:02}", **row) for number, row in enumerate(drawn)]
    withdrawn = pa.table({"record_id": [f"{n:02}" for n in gone], "derived": [False] * len(gone)})
    withdrawn = withdrawn.cast(pa.schema([("record_id", pa.string()), ("derived", pa.bool_())]))
    served = [row for number, row in enumerate(rows) if number not in gone]
    key = {
        row["record_id"]: (row["object_id"], shown_epoch(row), row["received_tai_ns"], order_id(row)) for row in rows
    }
    ordered = sorted(served, key=lambda row: key[row["record_id"]])
    newest = {row["object_id"]: row["record_id"] for row in ordered}
    since, until = START_TAI_NS + from_ns, START_TAI_NS + from_ns + 5
    with History.open(directory, f"sqlite:///{directory}/c.sqlite") as history, HistoryQueries(history) as queries:
        put(history, *rows)
        common = {**ASKED, "limit": limit, "order_key": KEY, "withdrawn": withdrawn}
        for bounds, expected in (
            ({}, ordered),
            (
                {"epoch_from_tai_ns": since, "epoch_to_tai_ns": until},
                [row for row in ordered if since <= shown_epoch(row) <= until],
            ),
        ):
            found: list[str] = []
            after: Any = None
            while (page := queries.elements_history(mixed(), after=after, **bounds, **common)).num_rows:
                found += ids(page)
                assert page.column("order_id").to_pylist() == [key[name][3] for name in ids(page)]
                after = key[found[-1]]
            assert found == [row["record_id"] for row in expected]
        found, after = [], None
        while (page := queries.elements_newest(mixed(), after=after, **common)).num_rows:
            found += ids(page)
            after = page.column("object_id").to_pylist()[-1]
        assert found == [newest[name] for name in sorted(newest)]


def bisected(matches: Any, lowest: int, highest: int) -> int:
    """The greatest value from ``lowest`` on for which there is an answer."""
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        lowest, highest = (middle, highest) if matches(middle) else (lowest, middle - 1)
    return lowest


@pytest.mark.parametrize("epoch", [0, 6, 7, 13, 700, -1, -7, -8])
def test_halving_finds_the_bin_of_an_epoch_and_no_more(history: History, queries: HistoryQueries, epoch: int) -> None:
    put(history, element_row("a", epoch_tai_ns=epoch))
    table = release(("elements", "alpha", "plain", 0, 1), time_step_ns=STEP_NS)

    def any_from(bound: int) -> bool:
        return queries.elements_history(table, epoch_from_tai_ns=bound, **ASKED).num_rows > 0

    def none_to(bound: int) -> bool:
        return queries.elements_history(table, epoch_to_tai_ns=bound, **ASKED).num_rows == 0

    assert bisected(any_from, -1_000, 1_000) == epoch // STEP_NS * STEP_NS
    assert bisected(none_to, -1_000, 1_000) == epoch // STEP_NS * STEP_NS - 1


PARENTS = [("derived-conjunctions", "alpha", "plain", 0, 1), ("derived-conjunctions", "beta", "plain", 0, 2)]


def test_halving_finds_the_bins_of_tca_and_miss_distance_by_the_coarser_parent(
    history: History, queries: HistoryQueries
) -> None:
    table = release(*PARENTS)
    for name, steps in (("time_step_ns", pa.array([2, 10], pa.int64())), ("distance_step_m", pa.array([0.0, 50.0]))):
        table = table.set_column(table.column_names.index(name), name, steps)
    put(
        history,
        conjunction_row("mixed", parent_originator_2="beta", tca_tai_ns=START_TAI_NS + 37, miss_distance_m=449.9),
        kind="conjunctions",
    )

    def ask(**bounds: Any) -> bool:
        return queries.conjunctions(table, **bounds, **ASKED).num_rows > 0

    shown_tca = (START_TAI_NS + 37) // 10 * 10
    around = (START_TAI_NS - 100, START_TAI_NS + 100)
    assert bisected(lambda bound: ask(tca_from_tai_ns=bound), *around) == shown_tca
    assert bisected(lambda bound: not ask(tca_to_tai_ns=bound), *around) == shown_tca - 1
    assert bisected(lambda bound: not ask(miss_distance_max_m=bound / 10), 0, 10_000) == 3_999
    assert ask(miss_distance_max_m=400.0)


def test_an_order_key_needs_to_know_what_is_shown_whole_and_steps_need_to_be_ones(queries: HistoryQueries) -> None:
    with pytest.raises(ValueError, match="whole"):
        queries.elements_newest(release(*_GRANTS), order_key=KEY, **ASKED)
    for wrong in ({"time_step_ns": 0}, {"distance_step_m": -1.0}, {"distance_step_m": float("nan")}):
        with pytest.raises(ValueError, match="step"):
            queries.elements_newest(release(*_GRANTS, **wrong), **ASKED)


def test_the_order_of_equals_is_the_keys_and_not_that_of_their_ids(history: History, queries: HistoryQueries) -> None:
    put(history, *(element_row(f"{n:02}", originator="beta") for n in range(12)))
    orders = [ids(queries.elements_history(mixed(), order_key=key, **ASKED)) for key in (KEY, KEY[::-1], "f" * 32)]
    assert [sorted(order) for order in orders] == [[f"{n:02}" for n in range(12)]] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert all(order != sorted(order) for order in orders)


def test_withdrawn_conjunctions_and_those_of_orbits_that_were_withdrawn_with_all_derived_are_gone(
    history: History, queries: HistoryQueries
) -> None:
    put(
        history,
        conjunction_row("itself"),
        conjunction_row("flagged", parent_1="orbit, flag"),
        conjunction_row("first", parent_1="orbit, withdraw"),
        conjunction_row("second", parent_2="orbit, withdraw"),
        conjunction_row("other"),
        kind="conjunctions",
    )
    withdrawn = pa.table({"record_id": ["itself", "orbit, flag", "orbit, withdraw"], "derived": [False, False, True]})
    table = release(*PARENTS)
    assert ids(queries.conjunctions(table, withdrawn=withdrawn, **ASKED)) == ["flagged", "other"]
    assert ids(queries.conjunctions(table, withdrawn=withdrawn.slice(0, 0), **ASKED)) == [
        "first", "flagged", "itself", "other", "second",
    ]  # fmt: skip


def test_the_element_set_before_a_withdrawn_one_is_the_newest(history: History, queries: HistoryQueries) -> None:
    put(history, element_row("old"), element_row("new", epoch_tai_ns=START_TAI_NS + 1))
    withdrawn = pa.table({"record_id": ["new"], "derived": [True]})
    table = release(*_GRANTS)
    assert ids(queries.elements_newest(table, **ASKED)) == ["new"]
    assert ids(queries.elements_newest(table, withdrawn=withdrawn, **ASKED)) == ["old"]

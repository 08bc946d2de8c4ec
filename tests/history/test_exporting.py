"""Exports give the rows of the listings, in their order, whatever the files are and wherever one goes on."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa_hub.history.export_question import ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.planning import Range
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.history.upkeep import Upkeep
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, element_row, elements, release

NOW = START_TAI_NS + 20
KEY = "0" * 32


def with_whole(table: pa.Table, *whole: bool) -> pa.Table:
    return table.append_column("whole", pa.array(whole, pa.bool_()))


def steps(table: pa.Table, *steps_ns: int) -> pa.Table:
    return table.set_column(table.column_names.index("time_step_ns"), "time_step_ns", pa.array(steps_ns, pa.int64()))


ELEMENTS_RELEASE = with_whole(
    steps(release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 4, 2)), 1, 4), True, False
)
PARENTS_RELEASE = with_whole(
    steps(
        release(("derived-conjunctions", "alpha", "plain", 0, 1), ("derived-conjunctions", "beta", "plain", 4, 2)), 1, 4
    ),
    True,
    False,
)
element_values = st.fixed_dictionaries(
    {
        "object_id": st.sampled_from(["cat-1", "cat-2", "cat-10", "src-x-80001"]),
        "epoch_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 6),
        "received_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 22),
        "originator": st.sampled_from(["alpha", "alpha", "beta", "gamma"]),
        "label_id": st.sampled_from(["plain", "plain", "secret"]),
        "data_mode": st.sampled_from(["TEST", "TEST", "REAL"]),
    }
)
conjunction_values = st.fixed_dictionaries(
    {
        "tca_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 12),
        "received_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 22),
        "parent_originator_1": st.sampled_from(["alpha", "beta", "gamma"]),
        "parent_originator_2": st.sampled_from(["alpha", "beta"]),
        "catalogue_number_1": st.sampled_from([1, 3]),
        "parent_1": st.sampled_from(["p1", "p2"]),
    }
)
SETTINGS = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def exported(history: History, question: ExportQuestion, after: Any = None, at_a_time: int = 3) -> list[dict[str, Any]]:
    """All rows of an export, read in small pieces."""
    tables = list(Exporter(history).rows(question, after, rows_at_a_time=at_a_time))
    return [row for table in tables for row in table.to_pylist()]


def record_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"shown_tai_ns", "whole", "order_id"}}


@SETTINGS
@given(
    batches=st.lists(st.lists(element_values, max_size=9), min_size=1, max_size=4),
    known_at=st.none() | st.integers(0, 22),
    epochs=st.tuples(st.none() | st.integers(0, 6), st.none() | st.integers(0, 6)),
    named=st.sampled_from([(None, None), (["cat-1"], None), (None, [2, 10]), (["cat-10"], [1]), ([], None)]),
    gone=st.sets(st.integers(0, 3)),
    compacted=st.booleans(),
    data=st.data(),
)
def test_an_export_of_element_sets_is_their_listing(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[dict[str, Any]]],
    known_at: int | None,
    epochs: tuple[int | None, int | None],
    named: tuple[list[str] | None, list[int] | None],
    gone: set[int],
    compacted: bool,
    data: st.DataObject,
) -> None:
    directory = tmp_path_factory.mktemp("history")
    low, high = (None if value is None else START_TAI_NS + value for value in epochs)
    known_at_tai_ns = None if known_at is None else START_TAI_NS + known_at
    withdrawn = pa.table(
        {"record_id": pa.array([f"0-{n:02}" for n in gone], pa.string()), "derived": [True] * len(gone)}
    )
    with History.open(directory, f"sqlite:///{directory}/c.sqlite") as history, HistoryQueries(history) as queries:
        for number, batch in enumerate(batches):
            rows = [element_row(f"{number}-{place:02}", **row) for place, row in enumerate(batch)]
            history.append("elements", elements(*rows), positions={})
        if compacted:
            Upkeep(history, lambda: None).turn()
        listed = queries.elements_history(
            ELEMENTS_RELEASE,
            now_tai_ns=NOW,
            data_mode="TEST",
            limit=1_000,
            object_ids=named[0],
            catalogue_numbers=named[1],
            epoch_from_tai_ns=low,
            epoch_to_tai_ns=high,
            known_at_tai_ns=known_at_tai_ns,
            order_key=KEY,
            withdrawn=withdrawn,
        ).to_pylist()
        wanted = Wanted(
            "TEST", NOW, named[0], named[1], Range(low, high), known_at_tai_ns=known_at_tai_ns
        )  # fmt: skip
        question = ExportQuestion("elements", ELEMENTS_RELEASE, wanted, order_key=KEY, withdrawn=withdrawn)
        found = exported(history, question)
        assert [record_of(row) for row in found] == [record_of(row) for row in listed]
        if found:
            place = data.draw(st.integers(0, len(found) - 1))
            table = pa.Table.from_pylist(found, schema=next(Exporter(history).rows(question)).schema)
            assert exported(history, question, question.key_of(table, place)) == found[place + 1 :]


@SETTINGS
@given(
    batches=st.lists(st.lists(conjunction_values, max_size=9), min_size=1, max_size=3),
    tcas=st.tuples(st.none() | st.integers(0, 12), st.none() | st.integers(0, 12)),
    named=st.sampled_from([(None, None), (["cat-1"], None), (None, [3])]),
    gone=st.sets(st.sampled_from(["p1", "0-00", "0-01"])),
    derived=st.booleans(),
    data=st.data(),
)
def test_an_export_of_conjunctions_is_their_listing(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[dict[str, Any]]],
    tcas: tuple[int | None, int | None],
    named: tuple[list[str] | None, list[int] | None],
    gone: set[str],
    derived: bool,
    data: st.DataObject,
) -> None:
    directory = tmp_path_factory.mktemp("history")
    low, high = (None if value is None else START_TAI_NS + value for value in tcas)
    withdrawn = pa.table({"record_id": pa.array(sorted(gone), pa.string()), "derived": [derived] * len(gone)})
    with History.open(directory, f"sqlite:///{directory}/c.sqlite") as history, HistoryQueries(history) as queries:
        for number, batch in enumerate(batches):
            rows = [conjunction_row(f"{number}-{place:02}", **row) for place, row in enumerate(batch)]
            history.append("conjunctions", conjunctions(*rows), positions={})
        listed = queries.conjunctions(
            PARENTS_RELEASE,
            now_tai_ns=NOW,
            data_mode="TEST",
            limit=1_000,
            object_ids=named[0],
            catalogue_numbers=named[1],
            tca_from_tai_ns=low,
            tca_to_tai_ns=high,
            order_key=KEY,
            withdrawn=withdrawn,
        ).to_pylist()
        wanted = Wanted("TEST", NOW, named[0], named[1], Range(low, high))
        question = ExportQuestion("conjunctions", PARENTS_RELEASE, wanted, order_key=KEY, withdrawn=withdrawn)
        found = exported(history, question)
        assert [record_of(row) for row in found] == [record_of(row) for row in listed]
        if found:
            place = data.draw(st.integers(0, len(found) - 1))
            table = pa.Table.from_pylist(found, schema=next(Exporter(history).rows(question)).schema)
            assert exported(history, question, question.key_of(table, place)) == found[place + 1 :]


def test_a_range_of_reception_has_both_ends_in_it(tmp_path: Path) -> None:
    with History.open(tmp_path, f"sqlite:///{tmp_path}/c.sqlite") as history:
        rows = [element_row(f"{n:02}", received_tai_ns=START_TAI_NS + n) for n in range(5)]
        history.append("elements", elements(*rows), positions={})
        wanted = Wanted("TEST", NOW, received=Range(START_TAI_NS + 1, START_TAI_NS + 3))
        question = ExportQuestion("elements", ELEMENTS_RELEASE, wanted, order_key=None, withdrawn=None)
        assert [row["record_id"] for row in exported(history, question)] == ["01", "02", "03"]


def test_each_row_group_is_read_in_one_piece_only(tmp_path: Path) -> None:
    from ssa_hub.history.export_plan import Group, pieces

    random = np.random.default_rng(3)
    groups = [Group(f"file-{n % 3}", n % 3, n, 10, f"cat-{random.integers(100):03}") for n in range(40)]
    groups.sort(key=lambda group: group.lowest)
    planned = list(pieces(groups, 45))
    read = [(path, number) for piece in planned for path, numbers in piece.groups.items() for number in numbers]
    assert sorted(read) == sorted((group.path, group.number) for group in groups)
    assert planned[-1].complete_below is None
    assert all(list(piece.groups) == sorted(piece.groups) for piece in planned), "files in the order given"


@settings(max_examples=300)
@given(st.lists(st.lists(st.tuples(st.integers(-2, 5), st.integers(0, 9), st.integers(0, 3)), max_size=12), max_size=5))
def test_sorted_parts_are_put_together_as_sorting_all_of_them_would(parts: list[list[tuple[int, int, int]]]) -> None:
    from ssa_hub.history.export_order import sorted_places

    # Parts that are sorted, as files are, and one behind them that is not, as rows that have waited are.
    rows = [row for part in [*map(sorted, parts[1:]), *parts[:1]] for row in part]
    keys = [np.array([row[place] for row in rows], dtype=np.int64) for place in range(3)]
    places = sorted_places(keys)
    if places is None:
        assert rows == sorted(rows)
    else:
        assert sorted(places.tolist()) == list(range(len(rows)))
        assert [rows[place] for place in places.tolist()] == sorted(rows)

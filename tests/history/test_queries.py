"""Answers against an oracle in plain Python that filters by the release table first and does the rest after."""

import threading
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from tests.history.examples import (
    START_TAI_NS,
    conjunction_row,
    conjunctions,
    element_row,
    elements,
    ids,
    release,
)

NOW = START_TAI_NS + 10
PLAIN = release(("elements", "alpha", "plain", 0, 1), ("elements", "beta", "plain", 4, 2))
PARENTS = release(
    ("derived-conjunctions", "alpha", "plain", 0, 1),
    ("derived-conjunctions", "beta", "plain", 4, 2),
    ("elements", "alpha", "secret", 0, 3),
)


def put(history: History, *rows: dict[str, Any], kind: str = "elements") -> None:
    history.append(kind, (elements if kind == "elements" else conjunctions)(*rows), positions={})


def sees(row: dict[str, Any], table: pa.Table, now: int) -> int | None:
    """The mask id under which an element set is visible, by the definition."""
    for grant in table.to_pylist():
        if (
            grant["kind"] == "elements"
            and all(grant[name] == row[name] for name in ("data_mode", "originator", "label_id"))
            and row["received_tai_ns"] + grant["delay_ns"] <= now
        ):
            return int(grant["mask_id"])
    return None


element_rows = st.lists(
    st.fixed_dictionaries(
        {
            "object_id": st.sampled_from(["cat-1", "cat-2", "cat-10", "src-x-80001"]),
            "epoch_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 3),
            "received_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 12),
            "originator": st.sampled_from(["alpha", "beta", "gamma"]),
            "label_id": st.sampled_from(["plain", "secret"]),
            "data_mode": st.sampled_from(["TEST", "TEST", "REAL"]),
        }
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(element_rows, min_size=1, max_size=2),
    known_at=st.none() | st.integers(0, 12),
    limit=st.integers(1, 4),
)
def test_history_and_newest_equal_the_oracle_page_by_page(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, Any]]], known_at: int | None, limit: int
) -> None:
    directory = tmp_path_factory.mktemp("history")
    rows = [[element_row(f"{b}-{n:02}", **row) for n, row in enumerate(batch)] for b, batch in enumerate(batches)]
    known_at_tai_ns = None if known_at is None else START_TAI_NS + known_at
    everything = [row for batch in rows for row in batch]
    visible = [
        row
        for row in everything
        if row["data_mode"] == "TEST"
        and sees(row, PLAIN, NOW) is not None
        and (known_at_tai_ns is None or row["received_tai_ns"] <= known_at_tai_ns)
    ]
    ordered = sorted(visible, key=lambda r: (r["object_id"], r["epoch_tai_ns"], r["received_tai_ns"], r["record_id"]))
    newest = {row["object_id"]: row for row in ordered}
    with History.open(directory, f"sqlite:///{directory}/c.sqlite") as history, HistoryQueries(history) as queries:
        for batch in rows:
            put(history, *batch)
        common: dict[str, Any] = {
            "now_tai_ns": NOW, "data_mode": "TEST", "known_at_tai_ns": known_at_tai_ns, "limit": limit,
        }  # fmt: skip
        found: list[dict[str, Any]] = []
        after: Any = None
        while (page := queries.elements_history(PLAIN, after=after, **common)).num_rows:
            found += page.to_pylist()
            after = tuple(found[-1][k] for k in ("object_id", "epoch_tai_ns", "received_tai_ns", "record_id"))
        assert found == [row | {"mask_id": sees(row, PLAIN, NOW)} for row in ordered]
        found, after = [], None
        while (page := queries.elements_newest(PLAIN, after=after, **common)).num_rows:
            found += page.to_pylist()
            after = found[-1]["object_id"]
        assert [row["record_id"] for row in found] == [newest[name]["record_id"] for name in sorted(newest)]


def everything(queries: HistoryQueries) -> list[pa.Table]:
    """The answers to a set of questions that together use every argument."""
    e: dict[str, Any] = {"now_tai_ns": NOW, "data_mode": "TEST", "limit": 2}
    return [
        queries.elements_history(PLAIN, **e),
        queries.elements_history(PLAIN, object_ids=["cat-1"], catalogue_numbers=[2], **e),
        queries.elements_history(PLAIN, epoch_from_tai_ns=START_TAI_NS + 1, epoch_to_tai_ns=START_TAI_NS + 2, **e),
        queries.elements_newest(PLAIN, **e),
        queries.elements_newest(PLAIN, known_at_tai_ns=START_TAI_NS + 2, object_ids=["cat-1"], **e),
        queries.elements_newest(PLAIN, after="cat-1", catalogue_numbers=[2], **e),
        queries.conjunctions(PARENTS, **e),
        queries.conjunctions(PARENTS, object_ids=["cat-2"], miss_distance_max_m=50.0, **e),
        queries.conjunctions(PARENTS, tca_from_tai_ns=START_TAI_NS, after=(START_TAI_NS, "k1"), **e),
    ]


def test_hidden_rows_never_change_an_answer(history: History, queries: HistoryQueries) -> None:
    put(history, element_row("a1"), element_row("a2", epoch_tai_ns=START_TAI_NS + 1), element_row("b1", "cat-2"))
    put(history, element_row("c1", originator="beta", epoch_tai_ns=START_TAI_NS + 2))
    put(history, conjunction_row("k1", miss_distance_m=10.0), kind="conjunctions")
    put(history, conjunction_row("k2", miss_distance_m=20.0, parent_originator_1="beta"), kind="conjunctions")
    before = everything(queries)
    assert all(table.num_rows for table in before)
    late = NOW + 1
    put(
        history,
        element_row("h1", label_id="secret", epoch_tai_ns=START_TAI_NS + 9),
        element_row("h2", originator="gamma", epoch_tai_ns=START_TAI_NS + 1),
        element_row("h3", data_mode="REAL", epoch_tai_ns=START_TAI_NS + 9),
        element_row("h4", originator="beta", received_tai_ns=NOW - 3, epoch_tai_ns=START_TAI_NS + 9),
        element_row("h5", received_tai_ns=late, epoch_tai_ns=START_TAI_NS + 9),
        element_row("h6", "cat-0", label_id="secret"),
    )
    put(
        history,
        conjunction_row("k0", parent_label_id_2="secret", parent_label_id_1="secret"),
        conjunction_row("k11", parent_label_id_2="secret"),
        conjunction_row("k12", parent_originator_1="gamma"),
        conjunction_row("k13", parent_originator_2="beta", received_tai_ns=NOW - 3),
        conjunction_row("k14", data_mode="REAL"),
        kind="conjunctions",
    )
    for table, again in zip(before, everything(queries), strict=True):
        assert table.equals(again)


def test_conjunctions_carry_the_masks_of_both_parents(history: History, queries: HistoryQueries) -> None:
    put(history, conjunction_row("k", parent_originator_2="beta"), kind="conjunctions")
    found = queries.conjunctions(PARENTS, now_tai_ns=NOW, data_mode="TEST", limit=5)
    assert [(row["mask_id_1"], row["mask_id_2"]) for row in found.to_pylist()] == [(1, 2)]
    early = queries.conjunctions(PARENTS, now_tai_ns=START_TAI_NS + 3, data_mode="TEST", limit=5)
    assert early.num_rows == 0


def test_conjunctions_are_found_by_either_object_and_by_distance(history: History, queries: HistoryQueries) -> None:
    put(history, conjunction_row("near", miss_distance_m=10.0), kind="conjunctions")
    put(history, conjunction_row("far", miss_distance_m=90.0, tca_tai_ns=START_TAI_NS - 5), kind="conjunctions")
    put(
        history,
        conjunction_row("other", object_id_1="cat-8", object_id_2="cat-9", catalogue_number_1=8),
        kind="conjunctions",
    )

    def ask(**given: Any) -> list[str]:
        return ids(queries.conjunctions(PARENTS, now_tai_ns=NOW, data_mode="TEST", limit=9, **given))

    assert ask() == ["far", "near", "other"]
    assert ask(object_ids=["cat-2"]) == ["far", "near"]
    assert ask(catalogue_numbers=[8]) == ["other"]
    assert ask(object_ids=["cat-9"], miss_distance_max_m=50.0) == ["other"]
    assert ask(miss_distance_max_m=90.0, tca_to_tai_ns=START_TAI_NS - 5) == ["far"]
    assert ask(object_ids=[]) == []


def test_records_are_found_by_id_without_release(history: History, queries: HistoryQueries) -> None:
    put(history, element_row("b", label_id="secret"), element_row("a"), element_row("c"))
    assert ids(queries.records_by_id("elements", ["b", "a", "nothing"])) == ["a", "b"]
    assert ids(queries.records_by_id("elements", ["b"], received_from_tai_ns=START_TAI_NS + 1)) == []


def test_an_empty_history_and_an_empty_release_answer_with_no_rows(history: History, queries: HistoryQueries) -> None:
    common: dict[str, Any] = {"now_tai_ns": NOW, "data_mode": "TEST", "limit": 9}
    empty = queries.elements_newest(PLAIN, **common)
    put(history, element_row("a", label_id="secret"))
    assert empty.equals(queries.elements_newest(PLAIN, **common))
    assert empty.equals(queries.elements_newest(release(), **common))
    assert queries.conjunctions(PARENTS, **common).schema.names[-2:] == ["mask_id_1", "mask_id_2"]


def test_a_malformed_release_table_is_refused(queries: HistoryQueries) -> None:
    twice = release(("elements", "alpha", "plain", 0, 1), ("elements", "alpha", "plain", 4, 2))
    negative = release(("elements", "alpha", "plain", -1, 1))
    for table in (twice, negative, PLAIN.drop_columns(["delay_ns"])):
        with pytest.raises(ValueError, match="release table"):
            queries.elements_newest(table, now_tai_ns=NOW, data_mode="TEST", limit=1)
    with pytest.raises(ValueError, match="limit"):
        queries.elements_newest(PLAIN, now_tai_ns=NOW, data_mode="TEST", limit=0)


def test_a_query_sees_a_commit_of_another_process_at_once(history: History, queries: HistoryQueries) -> None:
    for number in range(3):
        with History.open(history.warehouse, str(history._catalog.engine.url)) as other:
            put(other, element_row(f"{number}", f"cat-{number + 1}"))
        found = queries.elements_newest(PLAIN, now_tai_ns=NOW, data_mode="TEST", limit=9)
        assert found.num_rows == number + 1


def test_threads_with_different_releases_get_their_own_answers(history: History, queries: HistoryQueries) -> None:
    names = ["alpha", "beta", "gamma", "delta"]
    put(history, *(element_row(f"{name}-{n}", f"cat-{n}", originator=name) for name in names for n in range(1, 9)))
    wrong: list[object] = []

    def ask(name: str) -> None:
        mine = release(("elements", name, "plain", 0, 1))
        for n in range(1, 9):
            given = {"object_ids": [f"cat-{n}"]}
            found = ids(queries.elements_history(mine, now_tai_ns=NOW, data_mode="TEST", limit=9, **given))
            if found != [f"{name}-{n}"]:
                wrong.append((name, n, found))

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("given", [{"known_at": 1}, {"objects": ["cat-1"]}])
def test_a_term_that_no_question_has_is_refused_and_not_passed_over(queries: HistoryQueries, given: Any) -> None:
    for ask in (queries.elements_newest, queries.elements_history, queries.elements_side_by_side, queries.conjunctions):
        with pytest.raises(TypeError, match="the question has no"):
            ask(PLAIN, now_tai_ns=NOW, data_mode="TEST", limit=1, **given)
    with pytest.raises(TypeError, match="the question has no catalogue_numbers"):
        queries.messages.ephemerides(PLAIN, now_tai_ns=NOW, data_mode="TEST", limit=1, catalogue_numbers=[1])  # type: ignore[call-arg]

"""As of an instant from checkpoints: the same answer as from all rows, whatever came in which order.

The oracle is the definition in plain Python over the rows themselves.
"""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa_hub.history.checkpoints import COVERED, bring_up_to_date, checkpoints_of, drop_from
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.history.tables import ELEMENT_CHECKPOINTS
from tests.history.examples import START_TAI_NS, element_row, elements, ids, release

SPAN = 40
NOW = START_TAI_NS + SPAN + 5
OBJECTS = ["cat-1", "cat-2", "cat-10", "src-x-80001"]
Order = dict[tuple[str, bool], str]
_ROW = st.fixed_dictionaries(
    {
        "object_id": st.sampled_from(OBJECTS),
        "epoch_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + 12),
        "received_tai_ns": st.integers(START_TAI_NS, START_TAI_NS + SPAN),
        "originator": st.sampled_from(["alpha", "beta", "gamma"]),
        "label_id": st.sampled_from(["plain", "secret"]),
        "data_mode": st.sampled_from(["TEST", "TEST", "TEST", "REAL"]),
    }
)
_GRANT = st.fixed_dictionaries(
    {
        "originator": st.sampled_from(["alpha", "beta", "gamma"]),
        "label_id": st.sampled_from(["plain", "secret"]),
        "delay_ns": st.sampled_from([0, 0, 3, 17]),
        "time_step_ns": st.sampled_from([1, 1, 1, 5]),
        "whole": st.booleans(),
    }
)
_STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(_ROW, min_size=1, max_size=10)),
    st.tuples(st.just("append"), st.lists(_ROW, min_size=1, max_size=10)),
    st.tuples(st.just("checkpoint"), st.tuples(st.integers(1, 6), st.integers(1, 4))),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("drop"), st.integers(0, SPAN)),
)
_QUESTION = st.fixed_dictionaries(
    {
        "known_at": st.none() | st.integers(0, SPAN + 2),
        "limit": st.integers(1, 5),
        "object_ids": st.none() | st.none() | st.lists(st.sampled_from(OBJECTS), max_size=2),
        "withdrawn": st.sets(st.integers(0, 30), max_size=4),
        "grants": st.lists(_GRANT, min_size=1, max_size=5, unique_by=lambda g: (g["originator"], g["label_id"])),
    }
)


def table_of(grants: list[dict[str, Any]]) -> pa.Table:
    """The release table of these grants; mask ids count them."""
    rows = release(*(("elements", g["originator"], g["label_id"], g["delay_ns"], n) for n, g in enumerate(grants)))
    steps = pa.array([g["time_step_ns"] for g in grants], pa.int64())
    rows = rows.set_column(rows.column_names.index("time_step_ns"), "time_step_ns", steps)
    return rows.append_column("whole", pa.array([g["whole"] for g in grants], pa.bool_()))


def newest(rows: list[dict[str, Any]], asked: dict[str, Any], order: Order) -> list[tuple[str, str]]:
    """(object id, record id) of the newest visible row of each object, by the definition."""
    best: dict[str, tuple[tuple[int, int, str], str]] = {}
    for row in rows:
        for grant in asked["grants"]:
            if any(grant[name] != row[name] for name in ("originator", "label_id")) or row["data_mode"] != "TEST":
                continue
            known_at = NOW if asked["known_at"] is None else START_TAI_NS + asked["known_at"]
            if row["received_tai_ns"] > min(known_at, NOW - grant["delay_ns"]):
                continue
            if row["record_id"] in asked["gone"] or row["object_id"] not in (asked["object_ids"] or OBJECTS):
                continue
            if asked["object_ids"] == []:
                continue
            step = grant["time_step_ns"]
            key = (row["epoch_tai_ns"] // step * step, row["received_tai_ns"], order[row["record_id"], grant["whole"]])
            if row["object_id"] not in best or key > best[row["object_id"]][0]:
                best[row["object_id"]] = (key, row["record_id"])
    return [(name, best[name][1]) for name in sorted(best)]


def orders(record_ids: list[str], key: str) -> Order:
    """What rows are ordered by last, by record id and whether it is shown whole (RFC 1321 for those in part)."""
    hashed = {name: hashlib.md5((key + name).encode()).hexdigest() for name in record_ids}  # noqa: S324
    return {(name, whole): name if whole else hashed[name] for name in record_ids for whole in (True, False)}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_STEP, min_size=3, max_size=9), questions=st.lists(_QUESTION, min_size=3, max_size=5))
def test_answers_from_checkpoints_are_those_of_all_rows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]], questions: list[dict[str, Any]]
) -> None:
    directory = tmp_path_factory.mktemp("history")
    rows: list[dict[str, Any]] = []
    with History.open(directory, f"sqlite:///{directory}/c.sqlite") as history, HistoryQueries(history) as queries:
        for what, given_ in steps:
            if what == "append":
                batch = [element_row(f"{len(rows) + n:032x}", **row) for n, row in enumerate(given_)]
                history.append("elements", elements(*batch), positions={})
                rows += batch
            elif what == "checkpoint":
                between, combinations = given_
                bring_up_to_date(history, rows_between=between, settled_ns=3, combinations_max=combinations)
            elif what == "compact":
                compactor = Compactor(history, "elements", fan_in=2)
                while compactor.merge_next() is not None:
                    pass
            else:
                drop_from(history, START_TAI_NS + given_)
        order = orders([row["record_id"] for row in rows], "k" * 32)
        for asked in questions:
            asked["gone"] = {f"{number:032x}" for number in asked["withdrawn"]}
            gone = pa.table({"record_id": pa.array(sorted(asked["gone"]), pa.string())})
            gone = gone.append_column("derived", pa.array([False] * gone.num_rows, pa.bool_()))
            found: list[tuple[str, str]] = []
            after: str | None = None
            while True:
                page = queries.elements_newest(
                    table_of(asked["grants"]),
                    now_tai_ns=NOW,
                    data_mode="TEST",
                    limit=asked["limit"],
                    known_at_tai_ns=None if asked["known_at"] is None else START_TAI_NS + asked["known_at"],
                    object_ids=asked["object_ids"],
                    after=after,
                    order_key="k" * 32,
                    withdrawn=gone,
                )
                assert page.num_rows <= asked["limit"]
                found += zip(page.column("object_id").to_pylist(), ids(page), strict=True)
                if page.num_rows < asked["limit"]:
                    break
                after = found[-1][0]
            assert found == newest(rows, asked, order)


def instants(history: History) -> list[int]:
    """Instants of the checkpoints, in ns after the start."""
    plan = Planner(history).plan(ELEMENT_CHECKPOINTS)
    return [one.instant_tai_ns - START_TAI_NS for one in checkpoints_of(plan)]


def put(history: History, *received: int, **given_: Any) -> None:
    """Append one row for each of these receptions, ns after the start."""
    rows = [
        element_row(f"{at}-{given_}", received_tai_ns=START_TAI_NS + at, epoch_tai_ns=START_TAI_NS + at, **given_)
        for at in received
    ]
    history.append("elements", elements(*rows), positions={})


def test_checkpoints_are_made_once_and_dropped_ones_anew(tmp_path: Path) -> None:
    with History.open(tmp_path / "w", f"sqlite:///{tmp_path}/c.sqlite") as history:
        assert bring_up_to_date(history, rows_between=2, settled_ns=0) == (0, 0)
        put(history, *range(10))
        assert bring_up_to_date(history, rows_between=20, settled_ns=0) == (0, 0)
        assert COVERED not in history.table("elements").properties
        made = bring_up_to_date(history, rows_between=2, settled_ns=0)
        before = instants(history)
        assert made.new == len(before) > 0
        assert made.revised == 0
        assert int(history.table("elements").properties[COVERED]) >= 1
        assert bring_up_to_date(history, rows_between=2, settled_ns=0) == (0, 0)
        assert drop_from(history, START_TAI_NS + before[-1]) == 1
        assert instants(history) == before[:-1]
        assert bring_up_to_date(history, rows_between=2, settled_ns=0).new == 1
        assert instants(history) == before


def test_late_rows_have_the_checkpoints_after_them_written_anew(tmp_path: Path) -> None:
    with History.open(tmp_path / "w", f"sqlite:///{tmp_path}/c.sqlite") as history:
        put(history, *range(0, 100, 10))
        bring_up_to_date(history, rows_between=2, settled_ns=0)
        before = instants(history)
        late = before[-1] - 1
        put(history, late, object_id="cat-7")
        assert bring_up_to_date(history, rows_between=1000, settled_ns=0) == (0, 1)
        assert instants(history) == before
        assert bring_up_to_date(history, rows_between=1000, settled_ns=0) == (0, 0)


def test_a_checkpoint_in_the_making_is_not_committed_after_a_drop(tmp_path: Path) -> None:
    with History.open(tmp_path / "w", f"sqlite:///{tmp_path}/c.sqlite") as history:
        put(history, *range(10))

        def dropped() -> None:
            drop_from(history, START_TAI_NS)

        with pytest.raises(Exception, match="another process"):
            bring_up_to_date(history, rows_between=2, settled_ns=0, paced=dropped)
        assert instants(history) == []

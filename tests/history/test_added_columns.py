"""A history that an earlier version made, whose tables had fewer columns."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.records import CONJUNCTION, ELEMENT_SET_SCHEMA
from ssa_hub.history.compactor import CHECKPOINTED_SEQUENCE, Compactor
from ssa_hub.history.export_question import ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.failures import HistoryLayoutError
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History, PositionRange
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, TABLES, TableDefinition
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, element_row, elements, release
from tests.history.former_layout import former_table

ADDED = ("approach_angle_deg", "entry_tai_ns", "exit_tai_ns")
VISIBLE = release(("derived-conjunctions", "alpha", "plain", 0, 0))


def made_before(directory: Path, without: tuple[str, ...]) -> str:
    """A history whose table of conjunctions lacks columns, with one row; the URI of its catalogue."""
    now = TABLES[CONJUNCTIONS]
    old = TableDefinition(
        now.kind, tuple(field for field in CONJUNCTION if field.name not in without), now.sort_keys, now.pruned_by
    )
    uri, table = former_table(directory, old)
    row = {name: value for name, value in conjunction_row("old").items() if name not in without}
    table.append(old.stored_rows(pa.Table.from_pylist([row], schema=old.record_schema)))
    return uri


def asked(history: History) -> list[tuple[str, float | None, int | None]]:
    """Record ids with two of the added columns, by the hub's own query."""
    with HistoryQueries(history) as queries:
        found = queries.conjunctions(VISIBLE, now_tai_ns=START_TAI_NS, data_mode="TEST", limit=10)
    return [(row["record_id"], row["approach_angle_deg"], row["entry_tai_ns"]) for row in found.to_pylist()]


def test_it_opens_is_read_and_goes_on_with_the_columns_that_were_added(tmp_path: Path) -> None:
    uri = made_before(tmp_path, ADDED)
    with History.open(tmp_path / "w", uri) as history:
        assert asked(history) == [("old", None, None)]
        later = conjunction_row("new", tca_tai_ns=START_TAI_NS + 1, approach_angle_deg=60.0, entry_tai_ns=START_TAI_NS)
        history.append(CONJUNCTIONS, conjunctions(later), positions={("conjunctions", 0): PositionRange(0, 1)})
        assert asked(history) == [("old", None, None), ("new", 60.0, START_TAI_NS)]
    with History.open(tmp_path / "w", uri) as again:
        assert [name for name, *_ in asked(again)] == ["old", "new"]
        assert again.table(CONJUNCTIONS).schema().column_names[-4:] == [*ADDED, "received_month"]


def test_one_that_lacks_a_column_that_every_row_must_have_is_refused(tmp_path: Path) -> None:
    uri = made_before(tmp_path, (*ADDED, "method"))
    with pytest.raises(HistoryLayoutError, match="other columns"):
        History.open(tmp_path / "w", uri)


def test_element_sets_of_before_doubles_were_packed_are_answered_exported_and_merged_the_same(tmp_path: Path) -> None:
    old = TABLES[ELEMENTS]._replace(decimals=())
    uri, table = former_table(tmp_path, old)
    before, after = (
        elements(
            element_row(f"{name}1", "cat-1", inclination_deg=51.6416, deviations=["a: b", "c"]),
            element_row(f"{name}2", "cat-2", inclination_deg=1 / 3, deviations=[]),
        )
        for name in ("old", "new")
    )
    written = old._replace(utc_texts=()).stored_rows(before)
    table.append(written.cast(old._replace(utc_texts=()).stored_schema))
    expected = pa.concat_tables([before, after]).sort_by("record_id").to_pylist()
    with History.open(tmp_path / "w", uri) as history:
        assert not Planner(history).plan(ELEMENTS).whole
        assert answered(history, None) == answered(history, ["cat-1", "cat-2"]) == exported(history) == expected[2:]
        history.append(ELEMENTS, after, positions={})
        assert answered(history, None) == answered(history, ["cat-1", "cat-2"]) == exported(history) == expected
        history.replace(ELEMENTS, [], [], properties={CHECKPOINTED_SEQUENCE: "9"})
        assert Compactor(history, ELEMENTS, fan_in=2).merge_next() is not None
        assert Planner(history).plan(ELEMENTS).whole
        assert answered(history, None) == answered(history, ["cat-1", "cat-2"]) == exported(history) == expected


def answered(history: History, object_ids: list[str] | None) -> list[dict[str, Any]]:
    """All element sets by the hub's own query, by files or by objects' rows."""
    with HistoryQueries(history) as queries:
        visible = release(("elements", "alpha", "plain", 0, 0))
        found = queries.elements_history(visible, object_ids=object_ids, now_tai_ns=2**62, data_mode="TEST", limit=9)
    return found.select(ELEMENT_SET_SCHEMA.names).sort_by("record_id").to_pylist()


def exported(history: History) -> list[dict[str, Any]]:
    """All element sets as an export has them."""
    wanted = Wanted(now_tai_ns=2**62, data_mode="TEST")
    question = ExportQuestion(
        ELEMENTS, release(("elements", "alpha", "plain", 0, 0)), wanted, order_key=None, withdrawn=None
    )
    parts = pa.concat_tables(Exporter(history).rows(question))
    return parts.select(ELEMENT_SET_SCHEMA.names).sort_by("record_id").to_pylist()

"""A history that an earlier version made, whose conjunctions had fewer columns."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.records import CONJUNCTION
from ssa_hub.history.failures import HistoryLayoutError
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History, PositionRange, _open_catalog
from ssa_hub.history.tables import (
    CONJUNCTIONS,
    NAMESPACE,
    TABLES,
    TableDefinition,
    iceberg_schema,
    partitioning,
    sort_order,
    table_properties,
)
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions, release

ADDED = ("approach_angle_deg", "entry_tai_ns", "exit_tai_ns")
VISIBLE = release(("derived-conjunctions", "alpha", "plain", 0, 0))


def made_before(directory: Path, without: tuple[str, ...]) -> str:
    """A history whose table of conjunctions lacks columns, with one row; the URI of its catalogue."""
    uri = f"sqlite:///{directory / 'catalogue.sqlite'}"
    now = TABLES[CONJUNCTIONS]
    old = TableDefinition(
        now.kind, tuple(field for field in CONJUNCTION if field.name not in without), now.sort_keys, now.pruned_by
    )
    (directory / "w").mkdir()
    catalog = _open_catalog(directory / "w", uri)
    catalog.create_namespace(NAMESPACE)
    schema = iceberg_schema(old)
    table = catalog.create_table(
        old.identifier,
        schema,
        partition_spec=partitioning(schema),
        sort_order=sort_order(schema, old),
        properties=table_properties(old),
    )
    row = {name: value for name, value in conjunction_row("old").items() if name not in without}
    table.append(old.stored_rows(pa.Table.from_pylist([row], schema=old.record_schema)))
    catalog.engine.dispose()
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

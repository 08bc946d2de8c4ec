"""The transaction that looks at a table's metadata without copying them each time, against PyIceberg's own."""

from pathlib import Path

from pyiceberg.table import Transaction

from ssa_hub.history.committing import FrugalTransaction
from ssa_hub.history.store import History
from tests.history.examples import element_row, elements


def test_it_sees_the_same_metadata_as_pyicebergs_own_after_each_thing_that_is_staged(tmp_path: Path) -> None:
    with History.open(tmp_path / "history", f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as history:
        history.append("elements", elements(element_row("a")), positions={})
        table = history.table("elements")
        own, frugal = Transaction(table), FrugalTransaction(table)
        before = table.metadata.model_dump_json()
        for properties in ({"test.one": "1"}, {"test.two": "2", "test.one": "3"}):
            own.set_properties(properties)
            frugal.set_properties(properties)
            seen = frugal.table_metadata
            assert seen.model_copy(update={"last_updated_ms": 0}) == own.table_metadata.model_copy(
                update={"last_updated_ms": 0}
            )
            assert frugal.table_metadata is seen
        assert table.metadata.model_dump_json() == before
        frugal.commit_transaction()
        assert history.table("elements").properties["test.one"] == "3"

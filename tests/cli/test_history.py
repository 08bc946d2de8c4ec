"""history files and history compact: on a real state and history."""

from pathlib import Path

from ssa_hub.history.store import History
from ssa_hub.services.maintenance import LEASE
from ssa_hub.state.store import State
from tests.cli.conftest import Command
from tests.history.random_histories import append_all, element_batches, scanned_ids


def filled(data_dir: Path) -> Path:
    """A history of eight appends."""
    where = data_dir / "history"
    with History.open(where, f"sqlite:///{where / 'catalogue.sqlite'}") as history:
        append_all(history, "elements", element_batches(1, 8))
    return where


def test_files_are_counted_by_kind_and_level_and_merged_on_demand(data_dir: Path, command: Command) -> None:
    where = filled(data_dir)
    before = command("history", "files")
    assert before.exit_code == 0, before.output
    assert "elements, level 0: 8 runs, 8 files, 56 rows, " in before.output
    assert "conjunctions: no files" in before.output
    compacted = command("history", "compact")
    assert compacted.exit_code == 0, compacted.output
    assert "1 merges of 56 rows" in compacted.output
    after = command("history", "files")
    assert "elements, level 1: 1 runs, 1 files, 56 rows, " in after.output
    assert "elements, level 0" not in after.output
    with History.open(where, f"sqlite:///{where / 'catalogue.sqlite'}") as history:
        assert len(scanned_ids(history)) == 56


def test_while_a_worker_is_at_it_nothing_is_merged(data_dir: Path, command: Command, state: State) -> None:
    filled(data_dir)
    assert state.leases.acquire(LEASE, "a worker", 60.0)
    refused = command("history", "compact")
    assert refused.exit_code == 1, refused.output
    assert "a worker of this hub is at it" in refused.output
    assert "8 runs" in command("history", "files").output

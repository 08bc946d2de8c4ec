import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ssa_hub.history.compactor import Compactor
from ssa_hub.history.merge_journal import MergeJournal
from ssa_hub.history.orphans import remove_orphans
from ssa_hub.history.planning import Planner
from ssa_hub.history.store import History
from tests.history.appending import BATCH_ROWS, PARTITION
from tests.history.dying import LAST_BATCH, POSITIONS
from tests.history.examples import ids
from tests.history.random_histories import append_all, element_batches, scanned, scanned_ids

IN_AN_HOUR_S = 3600.0


def killed_at(point: str, directory: Path) -> None:
    """Run a process that kills itself there."""
    uri = f"sqlite:///{directory / 'catalogue.sqlite'}"
    command = [sys.executable, "-m", "tests.history.dying", str(directory / "warehouse"), uri, point]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def data_files(history: History) -> set[str]:
    """Every file in the table's directory of data, whatever its name."""
    directory = history.warehouse / "ssa_hub" / "elements" / "data"
    return {str(path) for path in directory.rglob("*") if path.is_file()}


def live_files(history: History) -> set[str]:
    return {file.path for file in Planner(history).plan("elements").files}


@pytest.mark.parametrize("point", ["append-while-writing", "append-before-commit", "append-after-commit"])
def test_an_append_that_was_killed_is_there_whole_with_its_position_or_not_at_all(
    history: History, tmp_path: Path, point: str
) -> None:
    append_all(history, "elements", element_batches(1, 2))
    before = scanned_ids(history)
    killed_at(point, tmp_path)
    if point == "append-after-commit":
        assert history.positions("elements") == {("elements", 0): 1}
    else:
        assert history.positions("elements") == {}
        assert scanned_ids(history) == before
        history.append("elements", LAST_BATCH, positions=POSITIONS)
    assert scanned_ids(history) == sorted([*before, *ids(LAST_BATCH)])


@pytest.mark.parametrize(
    "point", ["merge-piece 1", "merge-piece 4", "merge-piece 9", "merge-before-commit", "merge-after-commit"]
)
def test_a_merge_that_was_killed_leaves_the_same_rows_and_goes_on(history: History, tmp_path: Path, point: str) -> None:
    append_all(history, "elements", element_batches(2, 4, rows=12))
    before = scanned(history)
    killed_at(point, tmp_path)
    assert scanned(history) == before
    record = MergeJournal(history.warehouse, "elements").read()
    assert record is not None
    finished = {Path(file.location).name for file in record.written}
    # What it has finished is no orphan, however long nobody goes on.
    for hours in (1, 3):
        remove_orphans(history, "elements", now_unix_s=4e9 + hours * IN_AN_HOUR_S)
    merge = Compactor(history, "elements", fan_in=4).merge_next()
    assert (merge is None) == (point == "merge-after-commit")
    assert scanned(history) == before
    assert {file.level for file in Planner(history).plan("elements").files} == {1}
    assert finished <= {Path(path).name for path in live_files(history)}
    assert MergeJournal(history.warehouse, "elements").read() is None
    # Inputs that old snapshots name stay; once these are forgotten, only what is live is left after the grace.
    history.table("elements").maintenance.expire_snapshots().by_ids(
        [snapshot.snapshot_id for snapshot in history.table("elements").snapshots()[:-1]]
    ).commit()
    for hours in (5, 7):
        remove_orphans(history, "elements", now_unix_s=4e9 + hours * IN_AN_HOUR_S)
    assert data_files(history) == live_files(history)
    assert scanned(history) == before


def test_of_what_another_process_appends_during_merging_until_it_is_killed_no_row_is_lost_or_doubled(
    history: History, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    command = [sys.executable, "-m", "tests.history.appending", str(tmp_path / "warehouse"), uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            compactor = Compactor(history, "elements", fan_in=2)
            while history.positions("elements").get(PARTITION, 0) < 5:
                # However fast the other one appends: it waits for its turn.
                compactor.merge_next()
        finally:
            child.kill()
    batches = history.positions("elements")[PARTITION]
    expected = sorted(f"{batch}-{n}" for batch in range(batches) for n in range(BATCH_ROWS))
    assert scanned_ids(history) == expected
    while compactor.merge_next() is not None:
        assert scanned_ids(history) == expected

import threading
from pathlib import Path

import duckdb
import pytest

from ssa_hub.history.compactor import Compactor
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.merge_journal import MergeJournal, MergeRecord, WrittenFile
from ssa_hub.history.orphans import remove_orphans
from ssa_hub.history.planning import Planner
from ssa_hub.history.snapshots import expire
from ssa_hub.history.store import History
from ssa_hub.history.upkeep import Upkeep
from tests.history.random_histories import append_all, element_batches, scanned, scanned_ids

# Later than any file of a test: seconds and milliseconds since 1970.
LATER_S = 4e9
LATER_MS = int(LATER_S * 1000)
GRACE_S = 3600.0


def table_files(history: History) -> set[Path]:
    directory = history.warehouse / "ssa_hub" / "elements"
    return {path for path in directory.rglob("*") if path.is_file()}


def merged(history: History) -> list[str]:
    """A history of four appends that are merged; paths of the files that they were."""
    append_all(history, "elements", element_batches(1, 4))
    paths = [file.path for file in Planner(history).plan("elements").files]
    assert Compactor(history, "elements", fan_in=4).merge_next() is not None
    return paths


def test_files_that_a_retained_snapshot_names_stay_however_old_they_are(history: History) -> None:
    inputs = merged(history)
    for turn in range(3):
        remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + turn * GRACE_S)
    assert all(Path(path).exists() for path in inputs)
    assert (
        len(history.table("elements").scan(snapshot_id=history.table("elements").snapshots()[0].snapshot_id).to_arrow())
        == 7
    )


def test_files_that_nobody_names_any_more_stay_for_the_grace_and_no_longer(history: History) -> None:
    inputs, before = merged(history), scanned(history)
    assert expire(history, "elements", LATER_MS) == 4
    assert len(history.table("elements").snapshots()) == 1
    # Their own age counts for nothing: readers may have planned with them just before.
    assert remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S) == 0
    assert remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + GRACE_S - 1) == 0
    assert all(Path(path).exists() for path in inputs)
    assert remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + GRACE_S) >= len(inputs)
    assert not any(Path(path).exists() for path in inputs)
    assert scanned(history) == before
    with History.open(history.warehouse, f"sqlite:///{history.warehouse.parent / 'catalogue.sqlite'}") as again:
        again.append("elements", next(element_batches(5, 1)), positions={})
        assert len(scanned_ids(again)) == 35


def test_what_a_killed_writer_left_is_removed_and_what_a_merge_has_finished_is_not(history: History) -> None:
    append_all(history, "elements", element_batches(1, 1))
    data = history.warehouse / "ssa_hub" / "elements" / "data"
    left = [data / "run-L0-abc-0-12345678.parquet", data / ".run-L0-abc-0-9.parquet.0f.part"]
    finished = data / "run-L1-abc-0-12345678.parquet"
    for path in (*left, finished):
        path.write_bytes(b"x")
    written = (WrittenFile(f"file://{finished}", 1, "cat-1"),)
    MergeJournal(history.warehouse, "elements").write(MergeRecord((), 1, "abc", written))
    for turn in range(2):
        remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + turn * GRACE_S)
    assert not any(path.exists() for path in left)
    assert finished.exists()


def test_a_clock_that_was_set_back_removes_nothing_early(history: History) -> None:
    inputs = merged(history)
    expire(history, "elements", LATER_MS)
    remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + 10 * GRACE_S)
    remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S)
    remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + GRACE_S - 1)
    assert all(Path(path).exists() for path in inputs)
    remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + GRACE_S)
    assert not any(Path(path).exists() for path in inputs)


def test_of_young_snapshots_only_the_newest_are_kept(history: History) -> None:
    append_all(history, "elements", element_batches(1, 6))
    assert expire(history, "elements", 0) == 0
    assert expire(history, "elements", 0, snapshots_max=2) == 4
    assert [snapshot.sequence_number for snapshot in history.table("elements").snapshots()] == [5, 6]
    assert len(scanned_ids(history)) == 42


def test_a_tagged_snapshot_is_kept(history: History) -> None:
    append_all(history, "elements", element_batches(1, 3))
    table = history.table("elements")
    table.manage_snapshots().create_tag(table.snapshots()[0].snapshot_id, "kept").commit()
    assert expire(history, "elements", LATER_MS) == 1
    assert [snapshot.sequence_number for snapshot in history.table("elements").snapshots()] == [1, 3]


def test_readers_with_an_older_plan_never_fail_while_upkeep_merges_forgets_and_removes(history: History) -> None:
    append_all(history, "elements", element_batches(1, 8))
    counts, failures, stop = list[int](), list[Exception](), threading.Event()

    def read() -> None:
        planner = Planner(history)
        while not stop.is_set():
            paths = planner.plan("elements").paths({})
            try:
                for _ in range(3):
                    found = duckdb.connect().execute("SELECT count(*) FROM read_parquet($1)", [paths]).fetchone()
                    assert found is not None
                    counts.append(found[0])
            except Exception as failure:
                failures.append(failure)
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(3):
            Upkeep(history, grace_s=GRACE_S).turn()
            expire(history, "elements", LATER_MS)
            append_all(history, "elements", element_batches(10 + number, 8))
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert counts == sorted(counts)
    assert set(counts) <= set(range(56, 56 * 4 + 1, 7))
    assert len(scanned_ids(history)) == 56 * 4


def test_nothing_is_merged_where_there_is_no_room_but_files_are_removed(history: History) -> None:
    append_all(history, "elements", element_batches(1, 8))
    orphan = history.warehouse / "ssa_hub" / "elements" / "data" / "run-L0-abc-0-12345678.parquet"
    orphan.write_bytes(b"x")

    def no_room() -> None:
        raise OSError("full")

    upkeep = Upkeep(history, grace_s=0.0, room=no_room)
    with pytest.raises(HistoryUnavailableError, match="full"):
        upkeep.turn()
    assert not orphan.exists()
    assert len(Planner(history).plan("elements").files) == 8

import itertools
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssa_hub.history import merging, parquet_files
from ssa_hub.history.compactor import CHECKPOINTED_SEQUENCE, Compactor
from ssa_hub.history.failures import HistoryLayoutError, StaleFilesError
from ssa_hub.history.merge_journal import MergeJournal
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History, PositionRange
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, TABLES
from tests.history.examples import START_TAI_NS, element_row, elements, ids, release
from tests.history.former_layout import former_table
from tests.history.random_histories import (
    append_all,
    conjunction_batches,
    element_batches,
    in_order,
    scanned,
    scanned_ids,
)

P0 = ("elements", 0)
BATCHES = {ELEMENTS: element_batches, CONJUNCTIONS: conjunction_batches}


class StopError(Exception):
    """Raised where a test interrupts a merge."""


def compacted(history: History, kind: str = ELEMENTS, fan_in: int = 4) -> int:
    """Merge until nothing is due; how many merges."""
    compactor, merges = Compactor(history, kind, fan_in=fan_in), 0
    while compactor.merge_next() is not None:
        merges += 1
    return merges


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, row groups and pieces of a few rows, so that every boundary occurs."""
    monkeypatch.setattr(parquet_files, "FILE_ROWS", 12)
    monkeypatch.setattr(parquet_files, "ROW_GROUP_ROWS", 5)
    monkeypatch.setattr(merging, "FILE_ROWS", 12)
    monkeypatch.setattr(merging, "BATCH_ROWS_MIN", 3)
    monkeypatch.setattr(merging, "_ROWS_AT_A_TIME", 9)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("kind", [ELEMENTS, CONJUNCTIONS])
def test_compaction_changes_no_row_and_leaves_sorted_files_that_are_disjoint(history: History, kind: str) -> None:
    append_all(history, kind, BATCHES[kind](1, 10))
    before = scanned(history, kind)
    assert compacted(history, kind, fan_in=3) == 4
    assert scanned(history, kind) == before
    keys = list(TABLES[kind].sort_keys)
    files = Planner(history).plan(kind).files
    assert sorted(file.level for file in files if file.level < 2) == [0]
    run = sorted((file for file in files if file.level == 2), key=lambda file: file.bounds[keys[0]].lowest)
    assert len(run) > 1
    assert len({file.run for file in run}) == 1
    for earlier, later in itertools.pairwise(run):
        assert earlier.bounds[keys[0]].highest < later.bounds[keys[0]].lowest
    for file in run:
        rows = pq.read_table(file.path, columns=keys)
        assert rows.equals(rows.sort_by([(name, "ascending") for name in keys]))
        assert rows.num_rows == file.rows
        assert (file.bounds[keys[0]].lowest, file.bounds[keys[0]].highest) == (
            rows.column(keys[0])[0].as_py(),
            rows.column(keys[0])[-1].as_py(),
        )
        assert file.bytes == Path(file.path).stat().st_size


@pytest.mark.usefixtures("small_files")
def test_one_object_with_more_rows_than_are_read_at_a_time_stays_in_one_file(history: History) -> None:
    for batch in range(4):
        rows = [element_row(f"{batch}-{n}", "cat-1", received_tai_ns=START_TAI_NS + batch) for n in range(40)]
        history.append(ELEMENTS, elements(*rows, element_row(f"{batch}-x", "cat-2")), positions={})
    before = scanned_ids(history)
    assert compacted(history) == 1
    assert scanned_ids(history) == before
    assert sorted(file.rows for file in Planner(history).plan(ELEMENTS).files) == [4, 160]


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("stop_at", [0, 1, 3, 6, 9, 100])
def test_an_interrupted_merge_goes_on_behind_the_files_that_it_finished(history: History, stop_at: int) -> None:
    append_all(history, ELEMENTS, element_batches(7, 4, rows=20))
    before, pieces = scanned(history), itertools.count()

    def paced() -> None:
        if next(pieces) == stop_at:
            raise StopError

    compactor = Compactor(history, ELEMENTS, paced, fan_in=4)
    if stop_at < 100:
        with pytest.raises(StopError):
            compactor.merge_next()
        assert scanned(history) == before
        history.append(ELEMENTS, elements(element_row("z-meanwhile", "cat-9")), positions={})
    record = MergeJournal(history.warehouse, ELEMENTS).read()
    finished = {} if record is None else {Path(file.location).name: file.rows for file in record.written}
    merge = compactor.merge_next()
    assert merge is not None
    assert merge.rows == 80
    assert scanned(history)[:80] == before
    files = Planner(history).plan(ELEMENTS).files
    assert finished.items() <= {Path(file.path).name: file.rows for file in files}.items()
    assert MergeJournal(history.warehouse, ELEMENTS).read() is None


def test_a_merge_whose_input_was_replaced_meanwhile_changes_nothing_and_is_planned_again(history: History) -> None:
    append_all(history, ELEMENTS, element_batches(1, 4))
    victim = Planner(history).plan(ELEMENTS).files[0]

    def deletes() -> None:
        if victim.path in {file.path for file in Planner(history).plan(ELEMENTS).files}:
            history.replace(ELEMENTS, [victim.path], [])

    with pytest.raises(StaleFilesError):
        Compactor(history, ELEMENTS, deletes, fan_in=4).merge_next()
    assert MergeJournal(history.warehouse, ELEMENTS).read() is None
    assert len(scanned_ids(history)) == 21
    assert Compactor(history, ELEMENTS, fan_in=3).merge_next() is not None
    assert len(scanned_ids(history)) == 21


def test_positions_and_other_properties_outlive_a_merge_and_a_stale_append_fails_as_before(history: History) -> None:
    for number, rows in enumerate(element_batches(2, 4)):
        history.append(ELEMENTS, rows, positions={P0: PositionRange(number, number + 1)})
    history.replace(ELEMENTS, [], [], properties={"somebody": "else"})
    assert compacted(history) == 1
    assert history.positions(ELEMENTS) == {P0: 4}
    assert history.table(ELEMENTS).properties["somebody"] == "else"


def test_appends_from_another_thread_go_on_during_compaction_and_no_row_is_lost_or_doubled(
    tmp_path: Path, catalogue_uri: str
) -> None:
    batches = list(element_batches(3, 30))

    def append() -> None:
        with History.open(tmp_path / "w", catalogue_uri) as mine:
            for number, rows in enumerate(batches):
                mine.append(ELEMENTS, rows, positions={P0: PositionRange(number, number + 1)})

    with History.open(tmp_path / "w", catalogue_uri) as history:
        appender = threading.Thread(target=append)
        appender.start()
        merges = 0
        while appender.is_alive():
            merges += compacted(history, fan_in=2)
        appender.join()
        merges += compacted(history, fan_in=2)
        assert merges > 3
        assert scanned_ids(history) == sorted(name for rows in batches for name in ids(rows))
        assert history.positions(ELEMENTS) == {P0: 30}
        with pytest.raises(StaleFilesError):
            history.replace(ELEMENTS, [str(tmp_path / "never.parquet")], [])


def test_what_checkpoints_have_not_covered_is_left_alone(history: History) -> None:
    append_all(history, ELEMENTS, element_batches(4, 4))
    sequences = sorted(file.sequence for file in Planner(history).plan(ELEMENTS).files)
    assert sequences == [1, 2, 3, 4]
    history.replace(ELEMENTS, [], [], properties={CHECKPOINTED_SEQUENCE: "3"})
    assert Compactor(history, ELEMENTS, fan_in=4).next() is None
    history.replace(ELEMENTS, [], [], properties={CHECKPOINTED_SEQUENCE: "4"})
    assert compacted(history) == 1
    merged = Planner(history).plan(ELEMENTS).files
    assert [(file.level, file.sequence) for file in merged] == [(1, 7)]


def test_a_history_of_the_former_layout_opens_is_compacted_and_holds_the_same(tmp_path: Path) -> None:
    made = {}
    for kind in (ELEMENTS, CONJUNCTIONS):
        definition = TABLES[kind]._replace(utc_texts=(), decimals=())
        uri, table = former_table(tmp_path, definition)
        for rows in BATCHES[kind](5, 4):
            # A batch that crosses a month's end became a file in each of two directories.
            later = rows.num_rows // 2
            received = [t + 3 * 86_400 * 10**9 * (n < later) for n, t in enumerate(rows["received_tai_ns"].to_pylist())]
            position = rows.column_names.index("received_tai_ns")
            moved = rows.set_column(position, rows.schema.field("received_tai_ns"), pa.array(received))
            table.append(definition.stored_rows(moved).cast(definition.stored_schema))
        made[kind] = in_order(table.scan().to_arrow())
        assert len(list((tmp_path / "w" / "ssa_hub" / kind).rglob("received_month=*/*.parquet"))) == 8
        table.catalog.close()
    with History.open(tmp_path / "w", uri) as history:
        for kind, before in made.items():
            assert history.table(kind).spec().is_unpartitioned()
            assert scanned(history, kind) == before
            append_all(history, kind, BATCHES[kind](6, 1))
            whole = scanned(history, kind)
            assert compacted(history, kind) == 2
            assert scanned(history, kind) == whole
            assert sorted(file.level for file in Planner(history).plan(kind).files) == [0, 1, 1]
        with HistoryQueries(history) as queries:
            visible = release(("elements", "alpha", "plain", 0, 0))
            found = queries.elements_history(visible, now_tai_ns=2**62, data_mode="TEST", limit=100)
        assert found.num_rows == 35


def test_a_file_that_is_not_sorted_is_not_merged(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = elements(*(element_row(f"{n}", f"cat-{n + 1}") for n in range(6)))
    append_all(history, ELEMENTS, iter([rows.slice(0, 2), rows.slice(2, 2), rows.slice(4, 2)]))
    before = scanned(history)
    for file in Planner(history).plan(ELEMENTS).files:
        spoiled = pq.read_table(file.path)
        pq.write_table(pa.concat_tables([spoiled.slice(1), spoiled.slice(0, 1)]), file.path)
    monkeypatch.setattr(merging, "BATCH_ROWS_MIN", 1)
    monkeypatch.setattr(merging, "_ROWS_AT_A_TIME", 1)
    with pytest.raises(HistoryLayoutError, match="not sorted"):
        Compactor(history, ELEMENTS, fan_in=3).merge_next()
    assert scanned(history) == before


def test_a_merge_that_would_lose_a_row_is_not_committed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    append_all(history, ELEMENTS, element_batches(8, 4))
    before = scanned(history)
    whole = merging.merged_rows
    monkeypatch.setattr(merging, "merged_rows", lambda *given: (rows.slice(1) for rows in whole(*given)))
    with pytest.raises(HistoryLayoutError, match="28 rows to merge"):
        compacted(history)
    assert scanned(history) == before


def test_files_that_are_written_are_seen_only_when_they_replace_others(history: History) -> None:
    append_all(history, ELEMENTS, element_batches(8, 2))
    first, second = Planner(history).plan(ELEMENTS).files
    rows = elements(element_row("only", "cat-1"))
    files = history.write_data_files(ELEMENTS, rows, level=first.level, run=first.run)
    assert len(scanned_ids(history)) == 14
    history.replace(ELEMENTS, [first.path], files)
    with pytest.raises(StaleFilesError):
        history.replace(ELEMENTS, [first.path, second.path], [])
    with pytest.raises(ValueError, match="positions move only"):
        history.replace(ELEMENTS, [], [], properties={"ssa-hub.position.elements.0": "9"})
    assert len(scanned_ids(history)) == 8
    assert {(file.level, file.run) for file in Planner(history).plan(ELEMENTS).files} == {
        (0, first.run),
        (0, second.run),
    }
    assert history.write_data_files(ELEMENTS, elements(), level=0, run="a") == []

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError, StalePositionError
from ssa_hub.history.store import History, PositionRange
from ssa_hub.history.tables import received_months
from tests.history.appending import BATCH_ROWS, PARTITION
from tests.history.examples import (
    START_TAI_NS,
    conjunction_row,
    conjunctions,
    element_row,
    elements,
    ids,
)
from tests.history.random_histories import scanned

P0, P1 = ("elements", 0), ("dotted.topic", 1)


def stored(history: History, kind: str = "elements") -> pa.Table:
    return history.table(kind).scan().to_arrow()


def test_rows_and_positions_come_back_as_they_were_appended(tmp_path: Path, catalogue_uri: str) -> None:
    rows = elements(element_row("b", "cat-2", object_name="Ü"), element_row("a", deviations=[]))
    with History.open(tmp_path / "w", catalogue_uri) as history:
        history.append("elements", rows, positions={P0: PositionRange(0, 3), P1: PositionRange(0, 1)})
        history.append("conjunctions", conjunctions(conjunction_row("k")), positions={})
    with History.open(tmp_path / "w", catalogue_uri) as history:
        found = [{name: row[name] for name in rows.schema.names} for row in scanned(history)]
        assert found == rows.sort_by("record_id").to_pylist()
        assert history.positions("elements") == {P0: 3, P1: 1}
        assert history.positions("conjunctions") == {}
        assert ids(stored(history, "conjunctions")) == ["k"]


def test_an_append_from_a_stale_position_shows_nothing(history: History) -> None:
    history.append("elements", elements(element_row("a")), positions={P0: PositionRange(0, 3)})
    for span, other in (
        (PositionRange(0, 5), {}),
        (PositionRange(4, 5), {}),
        (PositionRange(3, 5), {P1: PositionRange(1, 2)}),
    ):
        with pytest.raises(StalePositionError):
            history.append("elements", elements(element_row("b")), positions={P0: span, **other})
    assert ids(stored(history)) == ["a"]
    assert history.positions("elements") == {P0: 3}


def test_an_append_without_rows_moves_the_positions(history: History) -> None:
    history.append("elements", elements(), positions={P0: PositionRange(0, 2)})
    assert history.positions("elements") == {P0: 2}
    with pytest.raises(StalePositionError):
        history.append("elements", elements(), positions={P0: PositionRange(0, 2)})


def test_positions_outlive_later_commits(history: History) -> None:
    history.append("elements", elements(element_row("a")), positions={P0: PositionRange(0, 2)})
    history.append("elements", elements(element_row("b")), positions={P1: PositionRange(0, 9)})
    table = history.table("elements")
    table.delete("record_id == 'a'")
    with table.transaction() as transaction:
        transaction.set_properties({"somebody": "else"})
    assert history.positions("elements") == {P0: 2, P1: 9}


@pytest.mark.parametrize("rows", [elements(element_row("late")), elements()])
def test_the_condition_holds_for_the_metadata_that_is_committed_on(
    history: History, monkeypatch: pytest.MonkeyPatch, rows: pa.Table
) -> None:
    """Another writer commits between our check and our commit: with rows, and with positions alone."""
    for offset, between in enumerate([elements(element_row("between")), elements()]):
        span = PositionRange(offset, offset + 1)
        real: Callable[..., bool] = History._committed
        interfering = [between]

        def commit_late(self: History, *arguments: object, real=real, span=span, interfering=interfering) -> bool:  # type: ignore[no-untyped-def]
            if interfering:
                self.append("elements", interfering.pop(), positions={P0: span})
            return real(self, *arguments)

        monkeypatch.setattr(History, "_committed", commit_late)
        with pytest.raises(StalePositionError):
            history.append("elements", rows, positions={P0: span})
        monkeypatch.setattr(History, "_committed", real)
    assert ids(stored(history)) == ["between"]
    assert history.positions("elements") == {P0: 2}


def test_a_table_on_which_pyiceberg_would_retry_by_itself_is_refused(history: History) -> None:
    with history.table("elements").transaction() as transaction:
        transaction.set_properties({"commit.retry.num-retries": "4"})
    with pytest.raises(HistoryLayoutError, match="num-retries"):
        history.append("elements", elements(), positions={P0: PositionRange(0, 1)})


def test_of_two_writers_of_the_same_positions_exactly_one_wins(tmp_path: Path, catalogue_uri: str) -> None:
    rounds, outcomes = 8, list[str]()
    barrier = threading.Barrier(2)

    def write(name: str) -> None:
        with History.open(tmp_path / "w", catalogue_uri) as mine:
            for number in range(rounds):
                barrier.wait()
                try:
                    rows = elements(element_row(f"{number}"))
                    mine.append("elements", rows, positions={P0: PositionRange(number, number + 1)})
                    outcomes.append(f"{number} won")
                except StalePositionError:
                    outcomes.append(f"{number} lost")
                barrier.wait()

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted(f"{n} {what}" for n in range(rounds) for what in ("won", "lost"))
    with History.open(tmp_path / "w", catalogue_uri) as history:
        assert sorted(ids(stored(history))) == [str(n) for n in range(rounds)]
        assert history.positions("elements") == {P0: rounds}


def test_writers_of_different_partitions_all_get_through(tmp_path: Path, history: History) -> None:
    def write(partition: int) -> None:
        with History.open(tmp_path / "warehouse", f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as mine:
            for number in range(6):
                rows = elements(element_row(f"{partition}-{number}"))
                mine.append("elements", rows, positions={("t", partition): PositionRange(number, number + 1)})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(stored(history))) == sorted(f"{p}-{n}" for p in range(3) for n in range(6))
    assert history.positions("elements") == {("t", p): 6 for p in range(3)}


def test_a_writer_killed_at_any_moment_leaves_what_was_acknowledged_or_one_batch_more(tmp_path: Path) -> None:
    warehouse, uri = tmp_path / "w", f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    moments = random.Random(20261122)
    acknowledged = 0
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.history.appending", str(warehouse), uri], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        kill = threading.Timer(moments.uniform(0.05, 0.7), child.kill)
        kill.start()
        said = child.stdout.read().split("\n")
        child.wait()
        kill.cancel()
        child.stdout.close()
        whole = [int(line.removeprefix("appended ")) for line in said[:-1]]
        acknowledged = max([acknowledged, *whole])
        with History.open(warehouse, uri) as history:
            batches = history.positions("elements").get(PARTITION, 0)
            assert acknowledged <= batches <= acknowledged + 1
            expected = sorted(f"{batch}-{n}" for batch in range(batches) for n in range(BATCH_ROWS))
            assert sorted(ids(stored(history))) == expected
        acknowledged = batches
    assert acknowledged > 0


def test_two_processes_that_open_a_new_history_at_once_both_succeed(tmp_path: Path, catalogue_uri: str) -> None:
    program = "import sys; from ssa_hub.history.store import History; History.open(*sys.argv[1:]).close()"
    command = [sys.executable, "-c", program, str(tmp_path / "w"), catalogue_uri]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]


def test_bad_arguments_are_refused_before_anything_is_written(history: History, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no history of kind"):
        history.append("tear-lines", elements(), positions={})
    with pytest.raises(ValueError, match="not a range"):
        history.append("elements", elements(), positions={P0: PositionRange(3, 2)})
    with pytest.raises(ValueError, match="record_id"):
        history.append("elements", elements().drop_columns(["record_id"]), positions={})
    with pytest.raises(ValueError, match="must not contain"):
        History.open(tmp_path / "a*b", "sqlite:///x")
    assert stored(history).num_rows == 0


def test_a_directory_that_cannot_be_written_makes_history_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HistoryUnavailableError):
        History.open(tmp_path / "file" / "w", f"sqlite:///{tmp_path / 'catalogue.sqlite'}")


def test_the_utc_month_of_reception_is_stored_and_tables_have_no_partitions(history: History) -> None:
    last_of_july = START_TAI_NS + 2 * 86_400 * 10**9 - 1
    rows = elements(element_row("a", received_tai_ns=last_of_july), element_row("b", received_tai_ns=last_of_july + 1))
    history.append("elements", rows, positions={})
    months = {row["record_id"]: row["received_month"] for row in stored(history).to_pylist()}
    assert months == {"a": 202607, "b": 202608}
    assert history.table("elements").scan("received_month == 202608").to_arrow().num_rows == 1
    assert history.table("elements").spec().is_unpartitioned()
    assert received_months(rows.column("received_tai_ns").to_numpy()).tolist() == [202607, 202608]

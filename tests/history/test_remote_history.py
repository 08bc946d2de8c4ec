"""A history on a REST catalogue and an object store: what is different there, against real servers."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Kind
from ssa_hub.history import merging, parquet_files
from ssa_hub.history.checkpoints import bring_up_to_date
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.deleting import drop_checkpoints, files_still_there, remove_records
from ssa_hub.history.export_question import ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError, StalePositionError
from ssa_hub.history.merge_journal import MergeJournal
from ssa_hub.history.orphans import remove_orphans
from ssa_hub.history.pinned import pinned_tables
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.snapshots import expire
from ssa_hub.history.store import History, PositionRange
from ssa_hub.history.traffic import Traffic
from tests.history.examples import HOUR_NS, START_TAI_NS, element_row, elements, ids, release
from tests.history.random_histories import append_all, element_batches, scanned, scanned_ids
from tests.history.remote import Remote
from tests.servers.cutting_proxy import CuttingProxy, Fault

pytestmark = pytest.mark.iceberg
P0 = ("elements", 0)
RELEASE = release(("elements", "alpha", "plain", 0, 1))
NOW = START_TAI_NS + 1000 * HOUR_NS
# Later than any object of a test: seconds and milliseconds since 1970.
LATER_S, GRACE_S = 4e9, 3600.0
LATER_MS = int(LATER_S * 1000)


@pytest.fixture
def history(remote: Remote) -> Iterator[History]:
    """An empty history in the object store."""
    with remote.open() as opened:
        yield opened


def answers(history: History) -> list[Any]:
    """Every kind of question to a history of element sets."""
    asked: dict[str, Any] = {"now_tai_ns": NOW, "data_mode": "TEST", "limit": 1000}
    wanted = Wanted("TEST", NOW, None, None)
    question = ExportQuestion("elements", RELEASE, wanted, order_key=None, withdrawn=None)
    with HistoryQueries(history) as queries:
        return [
            queries.elements_history(RELEASE, **asked).to_pylist(),
            queries.elements_history(RELEASE, object_ids=["cat-3"], **asked).to_pylist(),
            queries.elements_newest(RELEASE, **asked).to_pylist(),
            queries.elements_newest(RELEASE, known_at_tai_ns=START_TAI_NS + 5 * HOUR_NS, **asked).to_pylist(),
            [row for rows in Exporter(history).rows(question, rows_at_a_time=5) for row in rows.to_pylist()],
        ]


def test_every_answer_is_that_of_the_same_history_on_local_files(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "FILE_ROWS", 20)
    monkeypatch.setattr(parquet_files, "ROW_GROUP_ROWS", 5)
    monkeypatch.setattr(merging, "FILE_ROWS", 20)
    with History.open(tmp_path / "w", f"sqlite:///{tmp_path / 'c.sqlite'}") as local:
        for one in (history, local):
            append_all(one, "elements", element_batches(3, 8, rows=10))
            bring_up_to_date(one, rows_between=20, settled_ns=HOUR_NS)
        expected = answers(local)
        assert [len(answer) for answer in expected[:3]] == [80, len(expected[1]), 5]
        assert answers(history) == expected
        for one in (history, local):
            assert Compactor(one, "elements", fan_in=2).merge_next() is not None
        assert answers(history) == expected
        found = {kind: [(f.rows, f.level) for f in table.files()] for kind, table in tables_of(history).items()}
        assert sorted(found["elements"]) == sorted((f.rows, f.level) for f in Planner(local).plan("elements").files)


def tables_of(history: History) -> Any:
    """The tables as status and metrics look at them."""
    return pinned_tables(f"rest+{history._catalog.uri}")  # type: ignore[union-attr]


def test_of_two_writers_of_the_same_positions_exactly_one_wins(remote: Remote) -> None:
    rounds, outcomes = 4, list[str]()
    barrier = threading.Barrier(2)

    def write() -> None:
        with remote.open() as mine:  # both find a catalogue without tables
            for number in range(rounds):
                barrier.wait()
                try:
                    rows = elements(element_row(f"{number}"))
                    mine.append("elements", rows, positions={P0: PositionRange(number, number + 1)})
                    outcomes.append(f"{number} won")
                except StalePositionError:
                    outcomes.append(f"{number} lost")
                barrier.wait()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted(f"{n} {what}" for n in range(rounds) for what in ("won", "lost"))
    with remote.open() as history:
        assert scanned_ids(history) == [str(n) for n in range(rounds)]
        assert history.positions("elements") == {P0: rounds}


def test_writers_of_different_partitions_all_get_through(remote: Remote, history: History) -> None:
    def write(partition: int) -> None:
        with remote.open() as mine:
            for number in range(3):
                rows = elements(element_row(f"{partition}-{number}"))
                mine.append("elements", rows, positions={("t", partition): PositionRange(number, number + 1)})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scanned_ids(history) == sorted(f"{p}-{n}" for p in range(3) for n in range(3))
    assert history.positions("elements") == {("t", p): 3 for p in range(3)}


@pytest.mark.parametrize("fault", ["lost", "answer lost", "500", "503"])
def test_a_commit_whose_outcome_is_not_known_is_neither_lost_nor_doubled_by_a_replay(
    remote: Remote, fault: Fault
) -> None:
    with CuttingProxy(remote.catalogue_url) as proxy, remote.open(proxy.url) as history:
        history.append("elements", elements(element_row("a")), positions={P0: PositionRange(0, 1)})
        proxy.fault = fault
        with pytest.raises(HistoryUnavailableError):
            history.append("elements", elements(element_row("b")), positions={P0: PositionRange(1, 2)})
        assert proxy.faults == 1
        at = history.positions("elements")[P0]
        assert at == (1 if fault == "lost" else 2)
        try:
            history.append("elements", elements(element_row("b")), positions={P0: PositionRange(1, 2)})
            assert fault == "lost"
        except StalePositionError:
            assert fault != "lost"
        assert scanned_ids(history) == ["a", "b"]
        with HistoryQueries(history) as queries:
            found = queries.elements_history(RELEASE, now_tai_ns=NOW, data_mode="TEST", limit=9)
            assert sorted(ids(found)) == ["a", "b"]


def test_a_token_is_shown_to_the_catalogue_and_a_refusal_says_where_it_comes_from(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSA_HUB_CATALOGUE_TOKEN", "a-secret-token")
    with CuttingProxy(remote.catalogue_url) as proxy, remote.open(proxy.url) as history:
        proxy.fault = "403"
        with pytest.raises(HistoryUnavailableError, match="SSA_HUB_CATALOGUE_TOKEN") as refusal:
            history.append("elements", elements(element_row("a")), positions={})
        assert proxy.authorizations == {"Bearer a-secret-token"}
        assert "a-secret-token" not in str(refusal.value)


def test_servers_that_are_away_make_the_history_unavailable(remote: Remote) -> None:
    with CuttingProxy(remote.catalogue_url) as proxy:
        history = remote.open(proxy.url)
    # The proxy has ended: nobody answers at its address.
    history.close()
    for ask in (history.positions, history.metadata_location, history.table):
        with pytest.raises(HistoryUnavailableError):
            ask("elements")
    with pytest.raises(HistoryUnavailableError):
        remote.open("rest+http://127.0.0.1:9")


def test_an_object_that_is_gone_makes_the_history_unavailable_whoever_reads_it(history: History) -> None:
    append_all(history, "elements", element_batches(1, 4, rows=10))
    for file in Planner(history).plan("elements").files:
        history.files.remove(file.path)
    with pytest.raises(HistoryUnavailableError, match="does not exist"):
        Traffic(history).elements(START_TAI_NS, NOW)
    with pytest.raises(HistoryUnavailableError, match="does not exist"):
        bring_up_to_date(history, rows_between=20, settled_ns=HOUR_NS)
    asked: dict[str, Any] = {"now_tai_ns": NOW, "data_mode": "TEST", "limit": 9}
    with HistoryQueries(history) as queries:
        for ask, named in ((queries.elements_newest, None), (queries.elements_history, ["cat-1", "cat-2", "cat-3"])):
            with pytest.raises(HistoryUnavailableError, match="not exist"):
                ask(RELEASE, object_ids=named, **asked)


def test_an_interrupted_merge_goes_on_behind_the_files_that_it_finished(
    history: History, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "FILE_ROWS", 12)
    monkeypatch.setattr(merging, "FILE_ROWS", 12)
    monkeypatch.setattr(merging, "_ROWS_AT_A_TIME", 9)
    monkeypatch.setattr(merging, "BATCH_ROWS_MIN", 3)
    append_all(history, "elements", element_batches(7, 4, rows=20))
    before, pieces = scanned(history), itertools.count()

    def paced() -> None:
        if next(pieces) == 12:
            raise InterruptedError

    with pytest.raises(HistoryUnavailableError):
        Compactor(history, "elements", paced, fan_in=4).merge_next()
    record = MergeJournal(history.warehouse, "elements").read()
    assert record is not None
    finished = {file.location for file in record.written}
    assert finished
    # Old as they are by this clock, the journal protects them.
    for turn in range(2):
        remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + turn * GRACE_S)
    assert Compactor(history, "elements", fan_in=4).merge_next() is not None
    assert scanned(history) == before
    assert finished <= {file.path for file in Planner(history).plan("elements").files} <= remote.objects()


def test_objects_that_nobody_names_any_more_stay_for_the_grace_and_no_longer(history: History, remote: Remote) -> None:
    append_all(history, "elements", element_batches(1, 4))
    inputs = {file.path for file in Planner(history).plan("elements").files}
    stray = f"{remote.object_store}/ssa_hub/elements/data/run-L0-abc-0-12345678.parquet"
    remote.put(stray)
    assert Compactor(history, "elements", fan_in=4).merge_next() is not None
    before = scanned(history)
    assert expire(history, "elements", LATER_MS) == 4
    assert remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S) == 0
    assert inputs | {stray} <= remote.objects()
    assert remove_orphans(history, "elements", grace_s=GRACE_S, now_unix_s=LATER_S + GRACE_S) > len(inputs)
    assert not (inputs | {stray}) & remote.objects()
    assert scanned(history) == before
    history.append("elements", next(element_batches(5, 1)), positions={})
    assert len(scanned_ids(history)) == 35


def test_records_that_an_agreement_wants_deleted_are_in_no_object_any_more(history: History, remote: Remote) -> None:
    rows = [element_row(f"{name}-{n}", originator=name) for name in ("alpha", "beta") for n in range(3)]
    history.append("elements", elements(*rows), positions={P0: PositionRange(0, 6)})
    bring_up_to_date(history, rows_between=1, settled_ns=0)
    left: list[str] = []
    replaced = remove_records(
        history, Kind.ELEMENTS, "beta", NOW, lambda found: set(found), leaving=lambda paths, _: left.extend(paths)
    )
    drop_checkpoints(history, START_TAI_NS, lambda paths, _: left.extend(paths))
    assert replaced == (3, 1)
    assert scanned_ids(history) == ["alpha-0", "alpha-1", "alpha-2"]
    assert history.positions("elements") == {P0: 6}
    assert files_still_there(history, left) == tuple(left)
    for kind in ("elements", "element_checkpoints"):
        expire(history, kind, LATER_MS)
        for turn in range(2):
            remove_orphans(history, kind, grace_s=GRACE_S, now_unix_s=LATER_S + turn * GRACE_S)
    assert files_still_there(history, left) == ()
    assert not set(left) & remote.objects()


def test_an_sql_catalogue_goes_with_an_object_store(remote: Remote, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    for number in range(2):
        with History.open(tmp_path / "w", uri, remote.object_store) as history:
            rows = elements(element_row(f"{number}"))
            history.append("elements", rows, positions={P0: PositionRange(number, number + 1)})
    with History.open(tmp_path / "w", uri, remote.object_store) as history, HistoryQueries(history) as queries:
        found = queries.elements_history(RELEASE, now_tai_ns=NOW, data_mode="TEST", limit=9)
        assert sorted(ids(found)) == ["0", "1"]
        paths = {file.path for file in Planner(history).plan("elements").files}
    assert len(paths) == 2
    assert paths <= remote.objects()
    assert pinned_tables(uri)["elements"].positions == {P0: 2}


def test_places_that_cannot_be_a_history_are_refused_with_what_to_do(
    remote: Remote, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        History.open(tmp_path / "w", remote.catalogue_url)
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        History.open(tmp_path / "w", remote.catalogue_url, "s3://bucket/a*")
    with pytest.raises(ValueError, match="SSA_HUB_CATALOGUE_TOKEN"):
        remote.open("rest+http://me:secret@127.0.0.1:1")
    with pytest.raises(HistoryLayoutError, match=remote.object_store):
        History.open(tmp_path / "w", remote.catalogue_url, f"{remote.object_store}-other")
    with pytest.raises(HistoryUnavailableError, match="no bucket absent"):
        History.open(tmp_path / "w", f"sqlite:///{tmp_path / 'c.sqlite'}", "s3://absent/w")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(HistoryUnavailableError, match="AWS_"):
        remote.open()

"""Rows of named objects, with and without lists in the footers, against all rows of all files."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssa_hub.history import merging, object_rows, parquet_files
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.footers import Footers
from ssa_hub.history.object_rows import ObjectRows
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.history.tables import ELEMENTS, definition_of
from tests.history.examples import HOUR_NS, START_TAI_NS, element_row, elements, release

OBJECTS = [
    *((f"cat-{number}", number) for number in (1, 2, 5, 10, 25, 69_999)),
    *((f"src-{source}-{number}", number) for source in ("alpha", "beta") for number in (80_001, 270_000_001)),
]  # fmt: skip
NUMBERS = [1, 2, 3, 10, 69_999, 80_001, 270_000_001, 999_999_999]


@pytest.fixture
def filled(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """Two merged runs and an append, in files and row groups of a few rows."""
    for module in (parquet_files, merging):
        monkeypatch.setattr(module, "FILE_ROWS", 40)
    monkeypatch.setattr(parquet_files, "ROW_GROUP_ROWS", 5)
    monkeypatch.setattr(object_rows, "_SLICES_MAX", 2)
    chance = random.Random(3)
    for batch in range(9):
        rows = []
        for number in range(30):
            object_id, catalogue_number = chance.choice(OBJECTS)
            rows.append(
                element_row(
                    f"{batch:02d}-{number:03d}",
                    object_id,
                    catalogue_number=catalogue_number,
                    epoch_tai_ns=START_TAI_NS + chance.randrange(48) * HOUR_NS,
                    received_tai_ns=START_TAI_NS + batch * HOUR_NS,
                    originator=chance.choice(["alpha", "beta"]),
                    object_name=chance.choice([None, "A"]),
                )
            )
        history.append(ELEMENTS, elements(*rows), positions={})
        if batch in (3, 7):
            assert Compactor(history, ELEMENTS, fan_in=4).merge_next() is not None
    return history


def asked_for() -> list[dict[str, list[str] | list[int]]]:
    chance = random.Random(4)
    names = [name for name, _ in OBJECTS] + ["cat-3", "cat-99999", "src-gamma-1"]
    asked: list[dict[str, list[str] | list[int]]] = [{"object_id": [name]} for name in names]
    asked += [{"catalogue_number": [number]} for number in NUMBERS]
    for _ in range(30):
        some = {"object_id": chance.sample(names, 4), "catalogue_number": chance.sample(NUMBERS, 2)}
        asked += [some, {"object_id": chance.sample(names, 7)}]
    return [*asked, {"object_id": names, "catalogue_number": NUMBERS}, {"object_id": []}]


@pytest.mark.parametrize("look_first", [True, False])
@pytest.mark.parametrize("with_lists", [True, False])
def test_the_rows_of_named_objects_are_all_theirs_and_of_theirs_alone(
    filled: History, monkeypatch: pytest.MonkeyPatch, look_first: bool, with_lists: bool
) -> None:
    paths = [file.path for file in Planner(filled).plan(ELEMENTS).files]
    lists = [Footers(filled.files, (), objects=True).of(path).objects is not None for path in paths]
    assert lists == ["run-L1-" in path for path in paths]
    if not with_lists:
        monkeypatch.setattr("ssa_hub.history.object_lists.of_footer", lambda metadata: None)
    schema = definition_of(ELEMENTS).stored_schema
    schema = schema.remove(schema.get_field_index("received_month"))
    everything = pa.concat_tables(
        [pq.read_table(path, columns=schema.names).cast(schema) for path in paths]
    ).to_pylist()
    with ThreadPoolExecutor(2) as threads:
        reading = ObjectRows(filled.files, threads, look_first=look_first)
        for named in asked_for():
            found = reading.read(paths, named)
            assert found is not None
            ids, numbers = named.get("object_id", []), named.get("catalogue_number", [])
            expected = [row for row in everything if row["object_id"] in ids or row["catalogue_number"] in numbers]
            assert sorted(found.cast(schema).to_pylist(), key=_by_id) == sorted(expected, key=_by_id), named


def test_what_lies_in_too_many_rows_is_left_to_others(filled: History) -> None:
    paths = [file.path for file in Planner(filled).plan(ELEMENTS).files]
    with ThreadPoolExecutor(1) as threads:
        assert ObjectRows(filled.files, threads, rows_max=5).read(paths, {"object_id": ["cat-1"]}) is None


def test_of_a_file_with_a_list_only_the_row_groups_of_the_object_are_read(
    filled: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [file.path for file in Planner(filled).plan(ELEMENTS).files if file.level]
    read: dict[str, list[int]] = {}
    real = filled.files.parquet

    class Noted(pq.ParquetFile):
        def __init__(self, path: str, **options: Any) -> None:
            super().__init__(path, **options)
            self.path = path

        def read_row_groups(self, row_groups: list[int], *args: Any, **options: Any) -> pa.Table:
            read.setdefault(self.path, []).extend(row_groups)
            return super().read_row_groups(row_groups, *args, **options)

    monkeypatch.setattr(filled.files, "parquet", Noted)
    with ThreadPoolExecutor(1) as threads:
        reading = ObjectRows(filled.files, threads)
        # Between the bounds of many row groups, and in none of them.
        found = reading.read(paths, {"object_id": ["cat-3"]})
        assert found is not None
        assert found.num_rows == 0
        assert read == {}
        assert reading.read(paths, {"object_id": ["cat-25"]})
    expected = {}
    for path in paths:
        with real(path) as file:
            groups = [
                number
                for number in range(file.num_row_groups)
                if "cat-25" in file.read_row_group(number, columns=["object_id"])["object_id"].to_pylist()
            ]
        if groups:
            expected[path] = groups
    assert read == expected != {}


def test_files_with_fewer_columns_and_other_types_of_them_are_read_as_todays(filled: History, tmp_path: Path) -> None:
    """As versions before and after may write them: a text is missing, another type holds the same values."""
    schema = definition_of(ELEMENTS).stored_schema
    file = next(file for file in Planner(filled).plan(ELEMENTS).files if not file.level)
    rows = pq.read_table(file.path).cast(schema)
    lacking = tmp_path / "lacking.parquet"
    pq.write_table(rows.drop_columns(["object_name", "cospar_id"]), lacking, row_group_size=5)
    typed = tmp_path / "typed.parquet"
    other = schema.set(schema.get_field_index("payload_record"), pa.field("payload_record", pa.int64()))
    pq.write_table(rows.cast(other), typed, row_group_size=7)
    paths = [file.path, str(lacking), str(typed)]
    with ThreadPoolExecutor(2) as threads:
        found = ObjectRows(filled.files, threads).read(paths, {"object_id": ["cat-1", "cat-10"]})
    assert found is not None
    named = [row for row in rows.to_pylist() if row["object_id"] in {"cat-1", "cat-10"}]
    without = [row | {"object_name": None, "cospar_id": None} for row in named]
    expected = [{k: v for k, v in row.items() if k != "received_month"} for row in [*named, *without, *named]]
    plain = found.cast(schema.remove(schema.get_field_index("received_month"))).to_pylist()
    assert sorted(plain, key=_in_full) == sorted(expected, key=_in_full)


def test_footers_of_merged_files_are_read_ahead_the_newest_first_as_far_as_there_is_room(
    filled: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    real = filled.files.footer

    def footer(path: str) -> pq.FileMetaData:
        read.append(path)
        return real(path)

    monkeypatch.setattr(filled.files, "footer", footer)
    merged = [file for file in Planner(filled).plan(ELEMENTS).files if file.level]
    with HistoryQueries(filled) as queries:
        assert queries.read_ahead().result() == len(merged) > 4
        assert set(read) == {file.path for file in merged}
        ends = {file.path: file.bounds["received_tai_ns"].highest for file in merged}
        assert [ends[path] for path in read] == sorted(ends.values(), reverse=True)
        queries.elements_history(
            release(("elements", "alpha", "x", 0, 0)), now_tai_ns=2**62, data_mode="TEST", limit=9, object_ids=["cat-1"]
        )
        assert len(read) == len(set(read))


def test_what_is_read_ahead_forgets_nothing_and_goes_first(filled: History) -> None:
    paths = [file.path for file in Planner(filled).plan(ELEMENTS).files if file.level][:4]
    sizes = [Footers(filled.files, ()).of(path).metadata.num_row_groups for path in paths]
    footers = Footers(filled.files, (), row_groups_max=sum(sizes[:3]) + sizes[3] - 1)
    footers.of(paths[0])
    assert [footers.ahead(path) for path in paths] == [True, True, True, False]
    assert [footers.kept(path) is not None for path in paths] == [True, True, True, False]
    again = Footers(filled.files, (), row_groups_max=sum(sizes[:3]))
    assert [again.ahead(path) for path in paths[:3]] == [True, True, True]
    again.of(paths[3])
    # The last that was read ahead is the first to go.
    assert again.kept(paths[2]) is None
    assert again.kept(paths[3]) is not None


def test_reading_ahead_where_a_file_cannot_be_read_is_left_to_who_asks(
    filled: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled.files, "footer", lambda path: pq.read_metadata("/none"))
    with HistoryQueries(filled) as queries:
        assert queries.read_ahead().result() == 0


def _in_full(row: dict[str, object]) -> str:
    return str(sorted(row.items(), key=str))


def _by_id(row: dict[str, object]) -> str:
    return str(row["record_id"])

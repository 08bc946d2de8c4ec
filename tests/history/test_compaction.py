import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.history.compaction import FAN_IN, SEALED, is_full, next_merge, runs_of
from ssa_hub.history.planning import PlannedFile, Range
from ssa_hub.history.runs import file_name, grouped, new_run_id, run_of
from ssa_hub.history.tables import TABLES

ROWS_MAX = 1_000


def planned(run: str, rows: int, received: tuple[int, int], level: int = 0) -> PlannedFile:
    return PlannedFile(f"/{run}-{level}", rows, {"received_tai_ns": Range(*received)}, level=level, run=run)


# Rows of each append, most of them small, and when it was received: late ones overlap what came before.
appends = st.lists(
    st.tuples(st.one_of(st.integers(1, 40), st.integers(1, ROWS_MAX * 2)), st.integers(0, 500), st.integers(0, 50)),
    max_size=200,
)


@given(appends, st.integers(2, 9))
def test_every_merge_is_of_runs_of_one_level_with_none_left_out_between_them_but_full_ones(
    given_appends: list[tuple[int, int, int]], fan_in: int
) -> None:
    files = [planned(f"r{n}", rows, (at, at + span)) for n, (rows, at, span) in enumerate(given_appends)]
    runs = runs_of(files)
    appended = sum(file.rows for file in files)
    written, merges, contained = 0, 0, {run.run: 1 for run in runs}
    while (merge := next_merge(runs, fan_in=fan_in, rows_max=ROWS_MAX)) is not None:
        level = merge.runs[0].level
        assert {run.level for run in merge.runs} == {level}
        assert merge.level == level + 1
        assert 2 <= len(merge.runs) <= fan_in
        assert merge.rows <= ROWS_MAX
        candidates = [run for run in runs if run.level == level and not is_full(run, ROWS_MAX)]
        begin = candidates.index(merge.runs[0])
        assert tuple(candidates[begin : begin + len(merge.runs)]) == merge.runs
        # Fewer than the fan-in only into a full run.
        assert len(merge.runs) == fan_in or merge.rows * 2 > ROWS_MAX
        merges, written = merges + 1, written + merge.rows
        name = f"m{merges}"
        contained[name] = sum(contained[run.run] for run in merge.runs)
        received = (
            min(run.received_from_tai_ns for run in merge.runs),
            max(run.received_to_tai_ns for run in merge.runs),
        )
        left = [file for run in runs if run not in merge.runs for file in run.files]
        runs = runs_of([*left, planned(name, merge.rows, received, merge.level)])
        assert merges < len(given_appends)
    assert sum(run.rows for run in runs) == appended
    for level in {run.level for run in runs}:
        assert sum(run.level == level and not is_full(run, ROWS_MAX) for run in runs) < fan_in
    for run in runs:
        assert run.level <= math.log(contained[run.run]) / math.log(fan_in) + 1 + 1e-9
    assert written <= appended * (math.log(max(1, len(given_appends))) / math.log(fan_in) + 1 + 1e-9)


@given(appends, st.lists(st.integers(0, 600), max_size=6, unique=True).map(sorted))
def test_no_merge_crosses_a_boundary_and_what_is_over_becomes_one_run_but_for_a_little_that_came_late(
    given_appends: list[tuple[int, int, int]], boundaries: list[int]
) -> None:
    files = [planned(f"r{n}", rows, (at, at + span)) for n, (rows, at, span) in enumerate(given_appends)]
    runs = runs_of(files)
    merges = 0
    while (merge := next_merge(runs, boundaries, rows_max=ROWS_MAX)) is not None:
        assert len({sum(run.received_to_tai_ns > at for at in boundaries) for run in merge.runs}) == 1
        merges += 1
        received = (
            min(run.received_from_tai_ns for run in merge.runs),
            max(run.received_to_tai_ns for run in merge.runs),
        )
        left = [file for run in runs if run not in merge.runs for file in run.files]
        runs = runs_of([*left, planned(f"m{merges}", merge.rows, received, merge.level)])
        assert merges < len(given_appends)
    for first, last in zip([-1, *boundaries], boundaries, strict=False):
        over = [run for run in runs if first < run.received_to_tai_ns <= last]
        late = [run for run in over if run.level != SEALED]
        sealed = sum(run.rows for run in over if run.level == SEALED)
        assert len(over) <= 1 or (len(late) < FAN_IN and sum(run.rows for run in late) * FAN_IN < sealed)


def test_merges_that_would_never_end_are_refused() -> None:
    with pytest.raises(ValueError, match="would not end"):
        next_merge([], fan_in=1)


def test_runs_stand_in_order_of_their_last_reception_and_hold_the_bounds_of_all_their_files() -> None:
    files = [planned("late", 1, (5, 9)), planned("early", 2, (1, 2)), planned("early", 3, (0, 4))]
    runs = runs_of(files)
    assert [(run.run, run.received_from_tai_ns, run.received_to_tai_ns, run.rows) for run in runs] == [
        ("early", 0, 4, 5),
        ("late", 5, 9, 1),
    ]
    assert runs_of([PlannedFile("/x", 1, {})])[0].received_to_tai_ns == 0


@given(st.integers(0, 30), st.integers(0, 10_000))
def test_a_files_name_says_level_and_run_and_is_never_the_same_twice(level: int, number: int) -> None:
    run = new_run_id()
    name = file_name(level, run, number)
    assert run_of(f"file:///w/ssa_hub/elements/data/{name}") == (level, run)
    assert name != file_name(level, run, number)


def test_a_name_of_another_version_is_a_run_of_level_0_of_its_own() -> None:
    assert run_of("/w/data/received_month=202607/00000-0-abc.parquet") == (0, "00000-0-abc")
    assert run_of("/w/data/run-L1-abc.parquet") == (0, "run-L1-abc")


@pytest.mark.parametrize(("level", "run", "number"), [(-1, "a", 0), (0, "", 0), (0, "a/b", 0), (0, "a-b", 0)])
def test_what_makes_no_name_is_refused(level: int, run: str, number: int) -> None:
    with pytest.raises(ValueError, match="no file name"):
        file_name(level, run, number)


def test_files_are_grouped_by_level_and_run() -> None:
    files = [planned("a", 1, (0, 0)), planned("a", 2, (0, 0), level=1), planned("a", 3, (0, 0))]
    assert {key: [file.rows for file in members] for key, members in grouped(files).items()} == {
        (0, "a"): [1, 3],
        (1, "a"): [2],
    }


def test_every_table_keeps_bounds_of_what_compaction_asks_for() -> None:
    for definition in (one for one in TABLES.values() if one.compacted):
        assert {definition.sort_keys[0], "received_tai_ns"} <= set(definition.pruned_by)

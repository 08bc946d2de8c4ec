from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.history.checkpoint_instants import due_instants
from ssa_hub.history.planning import PlannedFile, Range

# Nanoseconds of this century, of which doubles tell only every 256th apart.
T0 = 1_700_000_000_123_456_789


def planned(first: int, last: int, rows: int) -> PlannedFile:
    return PlannedFile("f", rows, {"received_tai_ns": Range(T0 + first, T0 + last)})


commits = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**10), st.integers(1, 5_000)), max_size=30)


@given(commits, st.one_of(st.none(), st.integers(0, 10**12)), st.integers(0, 10**12), st.integers(1, 3_000))
def test_instants_ascend_between_the_last_checkpoint_and_the_settled_past(
    given_commits: list[tuple[int, int, int]], after: int | None, before: int, rows_between: int
) -> None:
    files = [planned(at, at + span, rows) for at, span, rows in given_commits]
    found = due_instants(files, None if after is None else T0 + after, T0 + before, rows_between)
    assert found == sorted(set(found))
    assert all(instant <= T0 + before for instant in found)
    assert after is None or all(instant > T0 + after for instant in found)


def test_commits_that_follow_each_other_are_not_cut_where_one_ends_nearby() -> None:
    files = [planned(number * 1_000_000, number * 1_000_000 + 999_999, 700) for number in range(12)]
    found = due_instants(files, None, T0 + 12_000_000, 2_000)
    assert found[0] == T0 + 2 * 1_000_000 + 999_999
    assert all((instant - T0) % 1_000_000 == 999_999 for instant in found)


def test_what_was_received_at_one_instant_lies_on_one_side() -> None:
    assert due_instants([planned(500, 500, 9_000)], None, T0 + 10_000, 2_000) == [T0 + 500]
    assert due_instants([], None, T0, 10) == []

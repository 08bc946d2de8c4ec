"""Which runs are merged next: pure planning, from names and bounds of files alone.

Size-tiered: `FAN_IN` runs of a level that follow each other in reception become one of the next level. A merge holds
`RUN_ROWS_MAX` rows at most: where the next run would not fit, those before it are merged although they are fewer. A run
with at least half of that is full and is never merged again; it does not part those around it, so that of each level
fewer than `FAN_IN` runs are not full, whatever comes.

Where instants are given that part time into intervals (checkpoints), no merge crosses one, and an interval that is over
becomes one run of level `SEALED`, whatever its runs were: who asks for the catalogue as of an instant reads the
checkpoint before it and one run. A run that is received over an instant counts to the interval in which it ends.

Why it ends and what it costs: each merge leaves fewer runs. A merge of fewer than `FAN_IN` runs was closed by a run
that is not full, so its sum is more than half of the most, and full. So a row is rewritten at most once for each factor
of `FAN_IN` in the number of appends that its run holds, and once more: log8(appends) + 1 times; and once where its
interval is sealed. What is received late joins a sealed run when it is an eighth of it, or `FAN_IN` runs.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ssa_hub.history.planning import PlannedFile
from ssa_hub.history.runs import grouped

FAN_IN = 8
# Of one object's history each run costs a millisecond, of an as-of question each million rows of one run some 80
# (docs/history.md): larger runs make one faster and the other slower, and a month's export too.
RUN_ROWS_MAX = 4_000_000
SEALED = 9
# More runs at once would be read in pieces too small: what late rows leave behind is merged in several turns.
_SEALED_RUNS_MAX = 64


class Run(NamedTuple):
    """Files that were made together. Receptions in TAI ns, bounds of all files; 0 where a file does not tell."""

    level: int
    run: str
    files: tuple[PlannedFile, ...]
    received_from_tai_ns: int
    received_to_tai_ns: int

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)


class Merge(NamedTuple):
    """Runs to be merged, in order of reception, into one of ``level``."""

    level: int
    runs: tuple[Run, ...]

    @property
    def rows(self) -> int:
        """Rows of the run to come."""
        return sum(run.rows for run in self.runs)

    @property
    def paths(self) -> list[str]:
        """Paths of all files."""
        return [file.path for run in self.runs for file in run.files]


def runs_of(files: Iterable[PlannedFile]) -> list[Run]:
    """The runs that files make, in order of their last reception."""
    found = []
    for (level, run), members in grouped(files).items():
        bounds = [file.bounds.get("received_tai_ns") for file in members]
        begin = min(0 if bound is None else int(bound.lowest) for bound in bounds)
        end = max(0 if bound is None else int(bound.highest) for bound in bounds)
        found.append(Run(level, run, tuple(members), begin, end))
    return sorted(found, key=lambda run: (run.received_to_tai_ns, run.received_from_tai_ns, run.run))


def next_merge(
    runs: Sequence[Run], boundaries_tai_ns: Sequence[int] = (), *, fan_in: int = FAN_IN, rows_max: int = RUN_ROWS_MAX
) -> Merge | None:
    """The merge that is due; None: nothing is due.

    ``runs`` in order of reception, as `runs_of` gives them; ``boundaries_tai_ns``: ascending instants that merges do
    not cross, the last of which ends the last interval that is over. Intervals that are over come first, the earliest
    of them; then the lowest level that has a merge. Raises ValueError for a fan-in below 2.
    """
    if fan_in < 2:
        raise ValueError(f"a merge of {fan_in} runs would not end")
    intervals: dict[int, list[Run]] = {}
    for run in runs:
        intervals.setdefault(bisect_left(boundaries_tai_ns, run.received_to_tai_ns), []).append(run)
    for number in sorted(intervals):
        over = number < len(boundaries_tai_ns)
        found = _to_seal(intervals[number]) if over else _tiered(intervals[number], fan_in, rows_max)
        if found is not None:
            return found
    return None


def _to_seal(runs: Sequence[Run]) -> Merge | None:
    sealed = sum(run.rows for run in runs if run.level == SEALED)
    late = [run for run in runs if run.level != SEALED]
    enough = len(late) >= FAN_IN or sum(run.rows for run in late) * FAN_IN >= sealed
    return Merge(SEALED, tuple(runs[:_SEALED_RUNS_MAX])) if len(runs) > 1 and enough else None


def _tiered(runs: Sequence[Run], fan_in: int, rows_max: int) -> Merge | None:
    for level in sorted({run.level for run in runs}):
        found = _due([run for run in runs if run.level == level], fan_in, rows_max)
        if found:
            return Merge(min(level + 1, SEALED), tuple(found))
    return None


def _due(runs: Sequence[Run], fan_in: int, rows_max: int) -> list[Run]:
    """The first group of runs of one level that is to be merged; full runs between them do not part them."""
    group: list[Run] = []
    rows = 0
    for run in runs:
        if is_full(run, rows_max):
            continue
        if rows + run.rows > rows_max:
            return group
        group.append(run)
        rows += run.rows
        if len(group) == fan_in:
            return group
    return []


def is_full(run: Run, rows_max: int = RUN_ROWS_MAX) -> bool:
    """Whether a run is never merged again."""
    return run.rows * 2 >= rows_max

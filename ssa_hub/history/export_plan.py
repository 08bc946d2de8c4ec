"""In what pieces an export reads the history: row groups in the order of the first sort key, each of them once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ssa_hub.history.footers import Footers
from ssa_hub.history.planning import PlannedFile, Range

# Rows that are read at a time: some 300 bytes each in memory, a few times over while they are put in order.
ROWS_AT_A_TIME = 262_144
_GROUPS_A_TASK = 8


class Group(NamedTuple):
    """One row group. ``lowest``: no row of it has a smaller key; None where that is not known; ``place``: its file's
    among those given.
    """

    path: str
    place: int
    number: int
    rows: int
    lowest: Any


class Piece(NamedTuple):
    """Row groups to read together: by path, files in the order in which they were given.

    When they are read, every row with a key below ``complete_below`` has been
    read; None: every row there is.
    """

    groups: Mapping[str, Sequence[int]]
    complete_below: Any

    def tasks(self) -> Iterator[tuple[str, Sequence[int]]]:
        """What one thread reads at a time."""
        for path, numbers in self.groups.items():
            for start in range(0, len(numbers), _GROUPS_A_TASK):
                yield path, numbers[start : start + _GROUPS_A_TASK]


def groups_of(
    files: Sequence[PlannedFile],
    footers: Footers,
    key: str,
    ranges: Mapping[str, Range],
    named: Mapping[str, Sequence[Any]],
) -> list[Group]:
    """The row groups that may hold a row within every range and with one of the named values, by lowest key.

    Raises OSError, pyarrow.ArrowInvalid where a file cannot be read.
    """
    ordered = {column: sorted(set(values)) for column, values in named.items()}
    found = []
    for place, file in enumerate(files):
        footer = footers.of(file.path)
        wanted = set(range(footer.metadata.num_row_groups))
        for column, (low, high) in ranges.items():
            if column in footer.bounds:
                lowest, highest = footer.bounds[column]
                wanted -= {
                    number
                    for number in wanted
                    if (high is not None and lowest[number] is not None and lowest[number] > high)
                    or (low is not None and highest[number] is not None and highest[number] < low)
                }
        if ordered:
            wanted &= {number for column, values in ordered.items() for number in _with_one_of(footer, column, values)}
        keys = footer.bounds[key][0]
        found += [
            Group(file.path, place, number, footer.metadata.row_group(number).num_rows, keys[number])
            for number in wanted
        ]
    return sorted(found, key=lambda group: (group.lowest is not None, group.lowest, group.place, group.number))


def _with_one_of(footer: Any, column: str, values: Sequence[Any]) -> list[int]:
    if column not in footer.bounds:
        return list(range(footer.metadata.num_row_groups))
    return list(footer.groups_with_one_of(column, values))


def pieces(groups: Sequence[Group], rows_at_a_time: int = ROWS_AT_A_TIME) -> Iterator[Piece]:
    """The groups in pieces of about so many rows."""
    start = 0
    while start < len(groups):
        end, rows = start, 0
        while end < len(groups) and (rows < rows_at_a_time or groups[end].lowest is None):
            rows += groups[end].rows
            end += 1
        taken: dict[str, list[int]] = {}
        for group in sorted(groups[start:end], key=lambda group: (group.place, group.number)):
            taken.setdefault(group.path, []).append(group.number)
        below = groups[end].lowest if end < len(groups) else None
        yield Piece(taken, below)
        start = end

"""Footers of Parquet files, kept in memory: what the row groups of a file may hold, without opening the file again.

Data files never change, so a footer is right for as long as its file is there. Parsed footers are many times as large
as their bytes; the cache is bounded by the number of row groups that it holds, and forgets what was used longest ago.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from ssa_hub.history.file_access import FileAccess

# About 3 kB of footer a row group, twice that parsed: some 200 MB, for 500 million rows in row groups of 16,384.
_ROW_GROUPS_MAX = 32_768


class Footer(NamedTuple):
    """A file's metadata; per column asked for the smallest and largest value of each row group, None: not known.

    ``places``: where each of Parquet's columns stands; ``columns``: the names of the file's own.
    """

    metadata: pq.FileMetaData
    bounds: Mapping[str, tuple[Sequence[Any], Sequence[Any]]]
    places: Mapping[str, int]
    columns: frozenset[str]

    def groups_with_one_of(self, column: str, ordered: Sequence[Any]) -> list[int]:
        """Row groups that may hold one of the values, which are in ascending order."""
        lowest, highest = self.bounds[column]
        found = []
        for number, (low, high) in enumerate(zip(lowest, highest, strict=True)):
            if low is None or high is None:
                found.append(number)
            else:
                at = bisect_left(ordered, low)
                if at < len(ordered) and ordered[at] <= high:
                    found.append(number)
        return found

    def constant(self, column: str, groups: Sequence[int]) -> tuple[Any] | None:
        """What each row of these row groups has in a column, in a tuple: None may be what they have. None: unknown."""
        if column not in self.places:
            return None
        values: set[Any] = set()
        for number in groups:
            chunk = self.metadata.row_group(number).column(self.places[column])
            statistics = chunk.statistics
            if statistics is None or not (statistics.has_min_max or statistics.has_null_count):
                return None
            if statistics.has_null_count and statistics.null_count == chunk.num_values:
                values.add(None)
            elif chunk.physical_type == "DOUBLE":
                return None  # statistics of doubles do not tell 0.0 from -0.0
            elif statistics.has_null_count and not statistics.null_count and statistics.min == statistics.max:
                values.add(statistics.min)
            else:
                return None
            if len(values) > 1:
                return None
        return (values.pop(),) if values else None

    def rows_of(self, groups: Sequence[int]) -> int:
        """Rows in these row groups."""
        return sum(self.metadata.row_group(number).num_rows for number in groups)


class Footers:
    """The footers of files by path. ``columns``: whose bounds are wanted. Threads may share one."""

    def __init__(self, access: FileAccess, columns: Sequence[str], row_groups_max: int = _ROW_GROUPS_MAX) -> None:
        self._access = access
        self._columns, self._row_groups_max = tuple(columns), row_groups_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Footer] = OrderedDict()
        self._row_groups = 0

    def of(self, path: str) -> Footer:
        """The footer of a file. Raises OSError, pyarrow.ArrowInvalid where it is no Parquet file."""
        with self._lock:
            footer = self._kept.get(path)
            if footer is not None:
                self._kept.move_to_end(path)
                return footer
        footer = _parsed(self._access.footer(path), self._columns)
        with self._lock:
            if path not in self._kept:
                self._kept[path] = footer
                self._row_groups += footer.metadata.num_row_groups
            while self._row_groups > self._row_groups_max and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._row_groups -= oldest.metadata.num_row_groups
        return footer


def _parsed(metadata: pq.FileMetaData, columns: Sequence[str]) -> Footer:
    places = {metadata.schema.column(place).path: place for place in range(metadata.num_columns)}
    bounds: dict[str, tuple[list[Any], list[Any]]] = {}
    for column in columns:
        lowest: list[Any] = []
        highest: list[Any] = []
        for number in range(metadata.num_row_groups):
            statistics = metadata.row_group(number).column(places[column]).statistics if column in places else None
            if statistics is None or not statistics.has_min_max:
                lowest.append(None)
                highest.append(None)
            else:
                lowest.append(statistics.min)
                highest.append(statistics.max)
        bounds[column] = (lowest, highest)
    return Footer(metadata, bounds, places, frozenset(path.partition(".")[0] for path in places))

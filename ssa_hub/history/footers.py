"""Footers of Parquet files, kept in memory: what the row groups of a file may hold, without opening the file again.

Data files never change, so a footer is right for as long as its file is there. Parsed footers are many times as large
as their bytes; the cache is bounded by the number of row groups that it holds, and forgets what was used longest ago.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ssa_hub.history import object_lists
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.object_lists import ObjectList

# About 5 kB of footer a row group, and more once it is parsed; 268 million rows in row groups of 8,192.
_ROW_GROUPS_MAX = 32_768


class Footer(NamedTuple):
    """A file's metadata; per column asked for the smallest and largest value of each row group, None: not known.

    ``places``: where each of Parquet's columns stands; ``columns``: the names of the file's own; ``ends``: behind which
    row of the file each row group ends; ``objects``: where each object's rows stand, None where the file does not say.
    """

    metadata: pq.FileMetaData
    bounds: Mapping[str, tuple[Sequence[Any], Sequence[Any]]]
    places: Mapping[str, int]
    columns: frozenset[str]
    ends: NDArray[np.int64]
    objects: ObjectList | None = None

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

    def constants(self, columns: Sequence[str], groups: Sequence[int]) -> dict[str, Any]:
        """Those of the columns that have the same in each row of these row groups, and what: None may be it."""
        found: dict[str, Any] = {}
        candidates = [column for column in columns if column in self.places]
        for number in groups:
            group, left = self.metadata.row_group(number), []
            for column in candidates:
                value = _constant(group.column(self.places[column]))
                if value and found.setdefault(column, value[0]) == value[0]:
                    left.append(column)
            candidates = left
        return {column: found[column] for column in candidates} if groups else {}

    def rows_of(self, groups: Sequence[int]) -> int:
        """Rows in these row groups."""
        return sum(int(self.ends[number]) - self.begin_of(number) for number in groups)

    def begin_of(self, group: int) -> int:
        """The first row of a row group, counted from the file's first."""
        return int(self.ends[group - 1]) if group else 0

    def groups_with_rows(self, rows: Sequence[tuple[int, int]]) -> list[int]:
        """Row groups that hold one of these rows: of each piece the first, and the one behind the last."""
        found: set[int] = set()
        for begin, end in rows:
            first, last = np.searchsorted(self.ends, (begin, end - 1), side="right")
            found.update(range(int(first), int(last) + 1))
        return sorted(found)


def _constant(chunk: pq.ColumnChunkMetaData) -> tuple[Any] | None:
    """What each row of a column's chunk has, in a tuple; None: unknown."""
    statistics = chunk.statistics
    if statistics is None or not statistics.has_null_count:
        return None
    if statistics.null_count == chunk.num_values:
        return (None,)
    if chunk.physical_type == "DOUBLE":
        return None  # statistics of doubles do not tell 0.0 from -0.0
    if not statistics.null_count and statistics.has_min_max and statistics.min == statistics.max:
        return (statistics.min,)
    return None


class _Bounds(Mapping[str, tuple[Sequence[Any], Sequence[Any]]]):
    """Bounds by column, made when they are first asked for: half of what parsing a footer takes."""

    def __init__(self, metadata: pq.FileMetaData, places: Mapping[str, int], columns: Sequence[str]) -> None:
        self._metadata, self._places, self._columns = metadata, places, columns
        self._made: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {}

    def __getitem__(self, column: str) -> tuple[Sequence[Any], Sequence[Any]]:
        if column not in self._columns:
            raise KeyError(column)
        if column not in self._made:
            self._made[column] = self._of(column)
        return self._made[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def _of(self, column: str) -> tuple[Sequence[Any], Sequence[Any]]:
        lowest: list[Any] = [None] * self._metadata.num_row_groups
        highest = list(lowest)
        for number in range(self._metadata.num_row_groups) if column in self._places else ():
            statistics = self._metadata.row_group(number).column(self._places[column]).statistics
            if statistics is not None and statistics.has_min_max:
                lowest[number], highest[number] = statistics.min, statistics.max
        return lowest, highest


class Footers:
    """The footers of files by path. ``columns``: whose bounds are wanted; ``objects``: whether `Footer.objects` is.

    Threads may share one.
    """

    def __init__(
        self,
        access: FileAccess,
        columns: Sequence[str],
        row_groups_max: int = _ROW_GROUPS_MAX,
        *,
        objects: bool = False,
    ) -> None:
        self._access, self._objects = access, objects
        self._columns, self._row_groups_max = tuple(columns), row_groups_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Footer] = OrderedDict()
        self._row_groups = 0

    def kept(self, path: str) -> Footer | None:
        """The footer of a file where it is in memory."""
        with self._lock:
            footer = self._kept.get(path)
            if footer is not None:
                self._kept.move_to_end(path)
            return footer

    def of(self, path: str) -> Footer:
        """The footer of a file. Raises OSError, pyarrow.ArrowInvalid where it is no Parquet file."""
        kept = self.kept(path)
        if kept is not None:
            return kept
        footer = self._read(path)
        with self._lock:
            self._keep(path, footer)
            while self._row_groups > self._row_groups_max and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._row_groups -= oldest.metadata.num_row_groups
        return footer

    def ahead(self, path: str) -> bool:
        """Read a footer that nobody has asked for yet, the first to be forgotten; False: there is no room for it.

        Raises as `of`.
        """
        if self.kept(path) is not None:
            return True
        footer = self._read(path)
        with self._lock:
            if self._row_groups + footer.metadata.num_row_groups > self._row_groups_max:
                return False
            if self._keep(path, footer):
                self._kept.move_to_end(path, last=False)
        return True

    def _read(self, path: str) -> Footer:
        return _parsed(self._access.footer(path), self._columns, objects=self._objects)

    def _keep(self, path: str, footer: Footer) -> bool:
        if path in self._kept:
            return False
        self._kept[path] = footer
        self._row_groups += footer.metadata.num_row_groups
        return True


def _parsed(metadata: pq.FileMetaData, columns: Sequence[str], *, objects: bool) -> Footer:
    ends = np.cumsum([metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)], dtype=np.int64)
    listed = object_lists.of_footer(metadata) if objects else None
    places = {metadata.schema.column(place).path: place for place in range(metadata.num_columns)}
    columns_held = frozenset(path.partition(".")[0] for path in places)
    return Footer(metadata, _Bounds(metadata, places, columns), places, columns_held, ends, listed)

"""Merging sorted data files into the sorted files of one run, in memory that does not grow with them.

Each input is read in row groups, in its order. Of what is in memory, everything before the smallest of the last keys
read is complete: it is sorted and written, the rest waits for more. A file ends where the first sort key changes, so
that a run's files are disjoint in it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ssa_hub.history.failures import HistoryLayoutError
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.parquet_files import FILE_ROWS, ParquetFile
from ssa_hub.history.runs import file_name
from ssa_hub.history.tables import TableDefinition, taken

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

# Rows that are read of all inputs together at a time: about 500 bytes each in memory, several times over while sorted.
_ROWS_AT_A_TIME = 131_072
BATCH_ROWS_MIN = 1_024

Key = tuple[Any, ...]


class _Input:
    """Files that follow each other in the sort order: what was read of them and not yet written."""

    def __init__(
        self, paths: Sequence[str], definition: TableDefinition, batch_rows: int, after: Any, access: FileAccess
    ) -> None:
        self._access = access
        self._definition, self._keys = definition, definition.sort_keys
        self._batches = self._read_batches(paths, batch_rows, after)
        self.rows = definition.stored_schema.empty_table()
        self.exhausted = False
        self._latest: Any = None
        self.read()

    def _read_batches(self, paths: Sequence[str], batch_rows: int, after: Any) -> Generator[pa.Table]:
        key = self._keys[0]
        for path in paths:
            with self._access.parquet(path) as file:
                groups = _groups_after(file.metadata, key, after)
                for batch in file.iter_batches(batch_rows, row_groups=groups):
                    rows = self._definition.as_stored(pa.Table.from_batches([batch]))
                    yield rows if after is None else rows.filter(pc.greater(rows.column(key), after))

    def read(self) -> None:
        """Read more, if there is more."""
        rows = next((rows for rows in self._batches if rows.num_rows), None)
        if rows is None:
            self.exhausted = True
        else:
            self._check_order(rows.column(self._keys[0]))
            self.rows = pa.concat_tables([self.rows, rows]) if self.rows.num_rows else rows

    def _check_order(self, keys: pa.ChunkedArray) -> None:
        sorted_here = pc.all(pc.less_equal(keys.slice(0, len(keys) - 1), keys.slice(1)), min_count=0).as_py()
        if not sorted_here or (self._latest is not None and keys[0].as_py() < self._latest):
            raise HistoryLayoutError(f"{self._definition.kind}: a data file is not sorted by {self._keys[0]}")
        self._latest = keys[len(keys) - 1].as_py()

    @property
    def last_key(self) -> Key:
        """Sort key of the last row in memory."""
        return _key(self.rows, self._keys, self.rows.num_rows - 1)

    def take_before(self, key: Key | None) -> pa.Table:
        """The rows before a key, out of memory; None: all."""
        count = self.rows.num_rows if key is None else _count_before(self.rows, self._keys, key)
        ready, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        return ready

    def close(self) -> None:
        """Close what is open."""
        self._batches.close()


def _key(rows: pa.Table, keys: Sequence[str], row: int) -> Key:
    return tuple(rows.column(name)[row].as_py() for name in keys)


def _groups_after(written: pq.FileMetaData, key: str, after: Any) -> list[int]:
    """The row groups that may hold rows whose first key is after a value."""
    position = next(i for i in range(written.num_columns) if written.schema.column(i).path == key)
    groups = []
    for number in range(written.num_row_groups):
        statistics = written.row_group(number).column(position).statistics
        known = statistics is not None and statistics.has_min_max
        if after is None or not known or statistics.max > after:
            groups.append(number)
    return groups


def _count_before(rows: pa.Table, keys: Sequence[str], key: Key) -> int:
    """How many of the sorted rows come before a key."""
    first, last = 0, rows.num_rows
    while first < last:
        middle = (first + last) // 2
        if _key(rows, keys, middle) < key:
            first = middle + 1
        else:
            last = middle
    return first


def merged_rows(
    chains: Sequence[Sequence[str]], definition: TableDefinition, access: FileAccess, after: Any = None
) -> Iterator[pa.Table]:
    """All rows of sorted files in their common order, as stored, in tables of some hundred thousand at most.

    The files of a chain follow each other in the order. ``after``: only rows whose first sort key is greater. Raises
    OSError, HistoryLayoutError where a file is not sorted.
    """
    batch_rows = max(BATCH_ROWS_MIN, _ROWS_AT_A_TIME // max(1, len(chains)))
    order = [(name, "ascending") for name in definition.sort_keys]
    inputs: list[_Input] = []
    latest: Key | None = None
    try:
        inputs.extend(_Input(paths, definition, batch_rows, after, access) for paths in chains)
        while inputs:
            unread = [source for source in inputs if not source.exhausted]
            # Where nothing is left to read of any, everything in memory is complete.
            key = min((source.last_key for source in unread), default=None)
            ready = pa.concat_tables([source.take_before(key) for source in inputs]).combine_chunks()
            if ready.num_rows:
                rows = taken(ready, pc.sort_indices(ready, order))
                if latest is not None and _key(rows, definition.sort_keys, 0) < latest:
                    raise HistoryLayoutError(f"{definition.kind}: a data file is not sorted by {definition.sort_keys}")
                latest = _key(rows, definition.sort_keys, rows.num_rows - 1)
                yield rows
            for source in unread:
                if source.rows.num_rows == 0 or source.last_key == key:
                    source.read()
            inputs = [source for source in inputs if not (source.exhausted and source.rows.num_rows == 0)]
    finally:
        for source in inputs:
            source.close()


def merged_files(
    table: "Table",
    definition: TableDefinition,
    chains: Sequence[Sequence[str]],
    *,
    level: int,
    run: str,
    begin_number: int = 0,
    after: Any = None,
    paced: Callable[[], None] = lambda: None,
    access: FileAccess,
) -> Iterator[tuple["DataFile", Any]]:
    """Merge files into the files of a run: each with the last first key in it, once it is durable.

    ``begin_number`` and ``after`` go on where an earlier call ended; ``paced`` is called between pieces of work, and
    may wait or raise. Raises OSError.
    """
    key = definition.sort_keys[0]
    number, rows = begin_number, merged_rows(chains, definition, access, after)
    waiting = next(rows, None)
    # What comes next is read and sorted while what is ready is encoded and compressed.
    with ThreadPoolExecutor(1) as thread:
        while waiting is not None:
            with ParquetFile(table, definition, file_name(level, run, number)) as file:
                writing = thread.submit(lambda: None)
                try:
                    count, last = 0, None
                    while waiting is not None:
                        paced()
                        now = _until_change(waiting.column(key), last, FILE_ROWS - count)
                        if now:
                            writing.result()
                            writing = thread.submit(file.write, waiting.slice(0, now))
                            count, last = count + now, waiting.column(key)[now - 1]
                        if now < waiting.num_rows:
                            waiting = waiting.slice(now)
                            break
                        waiting = next(rows, None)
                finally:
                    wait([writing])
                writing.result()
                finished = file.finish()
            number += 1
            yield finished, last.as_py() if last is not None else None


def _until_change(keys: pa.ChunkedArray, last: pa.Scalar | None, wanted: int) -> int:
    """How many of the rows belong to a file that lacks ``wanted`` rows, and whose last key so far is ``last``."""
    if wanted >= len(keys):
        return len(keys)
    first = max(0, wanted)
    last = keys[first - 1] if first else last
    if last is None:
        return len(keys)
    change = pc.index(pc.equal(keys.slice(first), last), False).as_py()
    return len(keys) if change < 0 else first + int(change)

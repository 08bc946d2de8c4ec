"""Every visible row of a kind, in canonical order, in memory that does not grow with their number.

Row groups are read in the order of the table's first sort key, each once; what is visible waits until no unread row can
come before it. So the rows come in the order and with the values of the listings (`HistoryQueries`), and nothing of
their number a piece says where a file ends or what is hidden: who hands them on cuts them anew.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ssa_hub.history.export_order import after_key, count_before, in_order, one_chunk
from ssa_hub.history.export_plan import ROWS_AT_A_TIME, Piece, groups_of, pieces
from ssa_hub.history.export_question import SHOWN_INSTANT, WHOLE, ExportQuestion, columns_by_name
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.footers import Footers
from ssa_hub.history.planning import PlannedFile, Planner
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import with_doubles, with_texts
from ssa_hub.history.tables import RANDOM_TEXTS, RECEIVED_MONTH

_THREADS = 2
# Footers of so many row groups are kept while an export runs: parsing one takes as long as reading three row groups.
_ROW_GROUPS_MAX = 4_096
_FOOTER_COLUMNS = (
    *("object_id", "catalogue_number", "epoch_tai_ns", "received_tai_ns"),
    *("object_id_1", "object_id_2", "catalogue_number_1", "catalogue_number_2", "tca_tai_ns"),
)


class Exporter:
    """Reads exports out of a history. Threads may share one; each export has four threads of its own."""

    def __init__(self, history: History) -> None:
        self._planner, self._access = Planner(history), history.files

    def rows(
        self,
        question: ExportQuestion,
        after: tuple[Any, ...] | None = None,
        *,
        rows_at_a_time: int = ROWS_AT_A_TIME,
    ) -> Iterator[pa.Table]:
        """Tables of visible rows, in canonical order from one to the next; ``after``: from behind this key on.

        Columns: the record's, the mask ids, ``shown_tai_ns`` (the instant as shown) and ``whole``. All from the files
        as of the newest commit at the start. Raises HistoryUnavailableError, also where maintenance has removed a file
        meanwhile (its grace is an hour): go on after the last key.
        """
        try:
            with (
                ThreadPoolExecutor(_THREADS, thread_name_prefix="export-read") as readers,
                ThreadPoolExecutor(_THREADS, thread_name_prefix="export-columns") as columns,
            ):
                yield from self._rows(question, after, rows_at_a_time, readers, columns)
        except (OSError, pa.ArrowInvalid) as failure:
            raise HistoryUnavailableError(f"exporting {question.definition.kind}: {failure}") from failure

    def _rows(
        self,
        question: ExportQuestion,
        after: tuple[Any, ...] | None,
        at_a_time: int,
        readers: ThreadPoolExecutor,
        columns: ThreadPoolExecutor,
    ) -> Iterator[pa.Table]:
        if question.asked.combinations.num_rows == 0:
            return
        ranges, named = question.ranges(after), question.named()
        plan = self._planner.plan(question.definition.kind)
        paths = set(plan.paths(ranges, columns_by_name(named)))
        # In the order of time, so that rows of several files are nearly in order when they are put together.
        files = sorted((file for file in plan.files if file.path in paths), key=_begins)
        footers = Footers(self._access, _FOOTER_COLUMNS, row_groups_max=_ROW_GROUPS_MAX)
        groups = groups_of(files, footers, question.chunk_key, ranges, named)
        planned = list(pieces(groups, at_a_time))
        held = None
        begin = partial(self._begin, question, footers, readers)
        reading = begin(planned[0]) if planned else []
        for number, piece in enumerate(planned):
            found = [rows for rows in (future.result() for future in reading) if rows.num_rows]
            # The next piece is read while this one is put in order and consumed.
            reading = begin(planned[number + 1]) if number + 1 < len(planned) else []
            if after is not None:
                found = [rows.filter(pa.array(after_key(rows, question, after))) for rows in found]
            rows = _together(found if held is None else [held, *found])
            if rows is None:
                continue
            ready, held = _split(rows, question, piece.complete_below, columns)
            if ready.num_rows:
                yield ready

    def _begin(
        self, question: ExportQuestion, footers: Footers, executor: ThreadPoolExecutor, piece: Piece
    ) -> "list[Future[pa.Table]]":
        read = partial(_read, self._access, footers)
        return [executor.submit(read, path, numbers, question) for path, numbers in piece.tasks()]


def _begins(file: PlannedFile) -> tuple[int, str]:
    held = file.bounds.get("received_tai_ns")
    return (held.lowest if held is not None and held.lowest is not None else 0, file.path)


def _read(access: FileAccess, footers: Footers, path: str, groups: Sequence[int], question: ExportQuestion) -> pa.Table:
    """The visible rows of some row groups, texts that repeat as dictionaries; columns that the file lacks are null."""
    definition = question.definition
    schema = definition.stored_schema.remove(definition.stored_schema.get_field_index(RECEIVED_MONTH.name))
    texts = [field.name for field in schema if field.type == pa.string() and field.name not in RANDOM_TEXTS]
    footer = footers.of(path)
    held = footer.columns
    # Arrow does not know columns that the file lacks.
    dictionaries = [name for name in texts if name in held]
    with access.parquet(path, metadata=footer.metadata, read_dictionary=dictionaries) as file:
        names = [name for name in schema.names if name in held]
        rows = file.read_row_groups(list(groups), columns=names, use_threads=False)
    columns, fields = [], []
    for field in schema:
        dictionary = field.type == pa.string() and field.name not in RANDOM_TEXTS
        of = pa.dictionary(pa.int32(), pa.string()) if dictionary else field.type
        fields.append(pa.field(field.name, of))
        columns.append(rows.column(field.name).cast(of) if field.name in held else pa.nulls(rows.num_rows, of))
    return with_doubles(question.visible(pa.table(columns, schema=pa.schema(fields))), definition)


def _together(parts: Sequence[pa.Table]) -> pa.Table | None:
    """The rows in one table, a chunk for each part."""
    parts = [part for part in parts if part.num_rows]
    return pa.concat_tables(parts) if parts else None


def _split(
    rows: pa.Table, question: ExportQuestion, below: Any, executor: ThreadPoolExecutor
) -> tuple[pa.Table, pa.Table | None]:
    """The rows that are complete, in order and as records have them, and those that wait for others, as they are.

    Columns are independent once the order is known: each is gathered in a thread, in one go.
    """
    complete = None if below is None else count_before(rows, question, below)
    if complete is None or complete.all():
        order, waiting = in_order(rows, question), None
    else:
        order = in_order(rows, question, np.flatnonzero(complete))
        waiting = pa.array(np.flatnonzero(~complete))
    places = None if order is None else pa.array(order)

    def gathered(name: str) -> tuple[pa.Array, pa.Array | None]:
        column = one_chunk(rows.column(name))
        ready = column if places is None else column.take(places)
        return _plain(ready), None if waiting is None else _with_small_dictionary(column.take(waiting))

    columns = list(executor.map(gathered, rows.schema.names))
    ready = pa.table([one for one, _ in columns], names=rows.schema.names)
    held = None if waiting is None else pa.table([one for _, one in columns], schema=rows.schema)
    return _finished(ready, question, executor), held


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def _with_small_dictionary(column: pa.Array) -> pa.Array:
    """What waits would else carry every text that was ever read."""
    return column.dictionary_decode().dictionary_encode() if isinstance(column, pa.DictionaryArray) else column


def _finished(rows: pa.Table, question: ExportQuestion, executor: ThreadPoolExecutor) -> pa.Table:
    """The rows with the record's own types, texts that are not stored filled in."""
    definition = question.definition
    added = [rows.schema.field(name) for name in (*question.mask_columns, SHOWN_INSTANT, WHOLE)]
    written = [executor.submit(with_texts, rows.select(pair), definition) for pair in definition.utc_texts]
    for future, (text, _) in zip(written, definition.utc_texts, strict=True):
        rows = rows.set_column(rows.column_names.index(text), text, future.result().column(text))
    schema = pa.schema([*definition.record_schema, *added])
    return rows.select(schema.names).cast(schema)

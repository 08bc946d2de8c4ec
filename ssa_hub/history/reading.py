"""Putting questions to DuckDB, over planned files or over the rows of named objects that Arrow has read.

DuckDB loads no extension and never code from the network; each call has a cursor of its own.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import duckdb
import pyarrow as pa

from ssa_hub.history.asked import Asked
from ssa_hub.history.availability import readable
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.locations import is_object
from ssa_hub.history.object_rows import ObjectRows
from ssa_hub.history.planning import Plan, PlannedFile, Planner, files_sql
from ssa_hub.history.question import FILES, Question
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import unpacked
from ssa_hub.history.tables import ELEMENTS, definition_of

# Reading local files is work for processors (four threads on two take half as long again as two); of a store far away
# it is mostly waiting.
_READERS_AFAR = 8


class Reader:
    """One DuckDB and one planner. Threads may share one."""

    def __init__(self, history: History) -> None:
        self.planner = Planner(history)
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        afar = is_object(history.files.root)
        readers = max(_READERS_AFAR, processors) if afar else processors
        self._executor = ThreadPoolExecutor(readers, thread_name_prefix="history-read")
        # Of its own: who asks meanwhile does not wait for it.
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="history-read-ahead")
        self._object_rows = ObjectRows(history.files, self._executor, look_first=not afar)
        self._database = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "temp_directory": str(history.warehouse / "duckdb-spill"),
            },
        )
        history.files.prepare(self._database)
        self._database.execute("SET parquet_metadata_cache = true")  # an option of an extension: not settable above
        self._cursor_lock = threading.Lock()
        self._closing = threading.Event()

    def close(self) -> None:
        """Close DuckDB; calls that run in other threads fail."""
        self._closing.set()
        self._ahead.shutdown()
        self._executor.shutdown()
        self._database.close()

    def read_ahead(self) -> Future[int]:
        """Begin to read the footers of merged element sets, the newest first; how many there were, once it has ended.

        Each takes some milliseconds, and the first questions would read one a run.
        """
        return self._ahead.submit(self._read_ahead)

    def _read_ahead(self) -> int:
        try:
            files = [file for file in self.planner.plan(ELEMENTS).files if file.level > 0]
            files.sort(key=_last_reception, reverse=True)
            return self._object_rows.read_ahead([file.path for file in files], lambda: not self._closing.is_set())
        except (OSError, pa.ArrowInvalid, HistoryUnavailableError):
            return 0  # whoever asks is told

    def ask(self, question: Question, plan: Plan | None = None) -> pa.Table:
        """The answer to a question, by DuckDB over the files. Raises HistoryUnavailableError.

        ``plan``: the files as of the commit to answer from; None: the newest.
        """
        plan = self.planner.plan(question.kind) if plan is None else plan
        files = _files(question, plan)
        if not files:
            return answer_schema(question).empty_table()
        sql = question.sql.replace(FILES, files_sql(plan))
        return self.finished(question, self.run(sql, {**question.parameters, "files": files}, _tables_of(question)))

    def ask_of_objects(self, question: Question, plan: Plan | None = None) -> pa.Table | None:
        """The answer to a question about named objects' element sets, over their rows alone; None: too many rows.

        Raises HistoryUnavailableError.
        """
        files = _files(question, self.planner.plan(question.kind) if plan is None else plan)
        if not files:
            return answer_schema(question).empty_table()
        try:
            rows = self._object_rows.read(files, question.named)
        except (OSError, pa.ArrowInvalid) as failure:
            raise HistoryUnavailableError(f"reading {question.kind}: {failure}") from failure
        if rows is None:
            return None
        sql = question.sql.replace(FILES, "named_rows")
        return self.finished(question, self.run(sql, question.parameters, {**_tables_of(question), "named_rows": rows}))

    def run(self, sql: str, parameters: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> pa.Table:
        """The answer to SQL over Arrow tables by name and the files that it names. Raises HistoryUnavailableError."""
        with self._cursor_lock:  # making a cursor is not safe while another thread makes one
            cursor = self._database.cursor()
        try:
            for name, table in tables.items():
                cursor.register(name, table)
            with readable("reading history"):
                answer: pa.Table = cursor.sql(sql, params=dict(parameters)).to_arrow_table()
        finally:
            cursor.close()
        return answer

    def finished(self, question: Question, answer: pa.Table) -> pa.Table:
        """An answer, columns as stored, as it is given."""
        return unpacked(answer, definition_of(question.kind)).cast(answer_schema(question))


def _last_reception(file: PlannedFile) -> int:
    bound = file.bounds.get("received_tai_ns")
    return 0 if bound is None else int(bound.highest)


def answer_schema(question: Question) -> pa.Schema:
    """The record's columns, the masks, and ``order_id`` where the question has an order key."""
    schema = definition_of(question.kind).record_schema
    if question.asked is not None:
        for column in question.masks:
            mask_field = question.asked.combinations.schema.field("mask_id")
            schema = schema.append(mask_field.with_name(column).with_nullable(False))
        if question.asked.showing.order_key is not None:
            schema = schema.append(pa.field("order_id", pa.string(), False))
    return schema


def tables_asked(asked: Asked | None) -> dict[str, pa.Table]:
    """What of the release a question's SQL joins with."""
    if asked is None:
        return {}
    withdrawn = {} if asked.withdrawn is None else {"withdrawn": asked.withdrawn}
    return {"release": asked.combinations, **withdrawn}


def named_tables(kind: str, named: Mapping[str, Sequence[Any]]) -> dict[str, pa.Table]:
    """The values named, as the tables that `conditions.conditions` looks them up in."""
    schema = definition_of(kind).record_schema
    return {
        f"named_{column}": pa.table({"value": pa.array(sorted(set(values)), schema.field(column).type)})
        for column, values in named.items()
    }


def _tables_of(question: Question) -> dict[str, pa.Table]:
    return {**tables_asked(question.asked), **named_tables(question.kind, question.named)}


def _files(question: Question, plan: Plan) -> list[str]:
    """The files to read; none where no combination is released."""
    if question.asked is not None and question.asked.combinations.num_rows == 0:
        return []
    return plan.paths(question.ranges, [question.named] if question.named else [])

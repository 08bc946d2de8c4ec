"""Gathers the texts of one payload's messages, judges them many at a time, and keeps the payload's order."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.element_rows import Gathering, RefusalLimitError
from schemas.omm.rules import element_sets
from schemas.omm.text_table import TextRow, TextTable, noticed_in_all, table_of_rows
from schemas.reading import Reading
from schemas.refusals import REFUSED_BYTES_MAX, RecordRefusedError

# So many rows that were read one by one are judged together.
_ROWS_MAX = 8_192
# Where the bytes of a record name a keyword, by encoding
_PLACES = {
    "omm-kvn": r"(?:^|(?<=[\r\n])) *{} *=",
    "omm-xml": r"<(?:[^\s<>/]*:)?{}[\s>/]",
    "omm-json": r'"{}"\s*:',
}

Refused = tuple[RecordRefusedError, int, int, int]  # error, record, start and stop of its bytes


class OmmGathering:
    """The messages of one payload. ``file`` is what refusals call it; ``flat`` as in `element_sets`.

    Messages may come one by one (`add`) or as columns (`add_columns`), in any order between two calls of `flush`;
    what is flushed later has higher record numbers.
    """

    def __init__(self, data: bytes, file: str, encoding: str, *, flat: bool) -> None:
        self._data = data
        self._encoding = encoding
        self._flat = flat
        self._gathering = Gathering(file)
        self._rows: list[TextRow] = []
        self._tables: list[TextTable] = []
        self._refused: list[Refused] = []
        self._end_of_line = b"\n" if b"\n" in data else b"\r"
        self._line, self._line_position = 1, 0

    def add(self, texts: Mapping[str, str], record: int, span: tuple[int, int], noticed: Sequence[str] = ()) -> None:
        """Take one message: texts of known keywords."""
        self._rows.append(TextRow(texts, record, *span, noticed))

    def add_columns(
        self,
        columns: dict[str, pa.Array],
        records: NDArray[np.int64],
        spans: NDArray[np.int64],
        noticed: Sequence[str] = (),
    ) -> None:
        """Take many messages of one layout; see `TextTable`."""
        self._tables.append(TextTable(columns, records, spans, noticed_in_all(noticed, len(records))))

    def refuse(self, error: RecordRefusedError, record: int, span: tuple[int, int]) -> None:
        """Take a message or part of the payload that cannot be read."""
        self._refused.append((error, record, *span))

    @property
    def is_full(self) -> bool:
        """True where so many single messages and refusals wait that `flush` is due."""
        return len(self._rows) + len(self._refused) >= _ROWS_MAX

    def flush(self) -> None:
        """Judge what has come. Raises RefusalLimitError where the payload has too many refusals."""
        refused, self._refused = self._refused, []
        tables, self._tables = self._tables, []
        if self._rows:
            tables.append(table_of_rows(self._rows))
            self._rows = []
        for table in tables:
            batch, errors = element_sets(table, flat=self._flat)
            self._gathering.add_batch(batch)
            for row, error in errors:
                refused.append((error, int(table.records[row]), *table.spans[row].tolist()))
        for error, record, start, stop in sorted(refused, key=lambda one: one[1]):
            line = self._line_of(error, start, stop)
            self._gathering.refuse(error, record, line, self._data[start : min(stop, start + REFUSED_BYTES_MAX)])

    def reading(self) -> Reading:
        """What was gathered, once all has come."""
        with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
            self.flush()
        return self._gathering.reading(self._encoding)

    def _line_of(self, error: RecordRefusedError, start: int, stop: int) -> int:
        """The line where the error is: that of its keyword where the record's bytes name it, or the record's first."""
        if error.line:
            return error.line
        pattern = _PLACES.get(self._encoding)
        place = start
        if pattern is not None:
            record = self._data[start : min(stop, start + REFUSED_BYTES_MAX)]
            found = re.search(pattern.format(re.escape(error.field)).encode(), record)
            place = start + found.start() if found else start
        if place < self._line_position:
            self._line, self._line_position = 1, 0
        self._line += self._data.count(self._end_of_line, self._line_position, place)
        self._line_position = place
        return self._line

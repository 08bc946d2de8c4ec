"""Many messages as a table of texts: what every encoding of the OMM is brought to, before any value is judged."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# No character: it stands for a lone surrogate of JSON's escapes, which Arrow cannot hold, and no rule lets it pass.
_NO_CHARACTER = "\uffff"


class Noticed(NamedTuple):
    """A known deviation of each of some rows: ``rows`` int64 (k,), ``names`` ``pa.string()`` (k,)."""

    rows: NDArray[np.int64]
    names: pa.Array


class TextTable(NamedTuple):
    """n messages. ``columns`` by keyword: ``pa.string()`` of length n, null where a message does not state it.

    ``records`` int64 (n,) are their numbers in the payload, from 1; ``spans`` int64 (n, 2) their bytes there.
    ``noticed`` are deviations that the encoding's reader accepted.
    """

    columns: dict[str, pa.Array]
    records: NDArray[np.int64]
    spans: NDArray[np.int64]
    noticed: list[Noticed]

    @property
    def rows(self) -> int:
        """n."""
        return int(self.records.shape[0])

    def column(self, keyword: str) -> pa.Array:
        """The texts of a keyword; all null where no message states it."""
        column = self.columns.get(keyword)
        return pa.nulls(self.rows, pa.string()) if column is None else column


class TextRow(NamedTuple):
    """One message: texts by keyword, its number, bytes ``start`` to ``stop`` of the payload, deviations accepted."""

    texts: Mapping[str, str]
    record: int
    start: int
    stop: int
    noticed: Sequence[str] = ()


def table_of_rows(rows: Sequence[TextRow]) -> TextTable:
    """Messages that were read one by one, as a table."""
    keywords = dict.fromkeys(keyword for row in rows for keyword in row.texts)
    places = [(index, name) for index, row in enumerate(rows) for name in row.noticed]
    noticed = []
    if places:
        index, names = zip(*places, strict=True)
        noticed.append(Noticed(np.array(index, np.int64), pa.array(names, pa.string())))
    return TextTable(
        {keyword: _column([row.texts.get(keyword) for row in rows]) for keyword in keywords},
        np.array([row.record for row in rows], np.int64),
        np.array([(row.start, row.stop) for row in rows], np.int64).reshape(len(rows), 2),
        noticed,
    )


def noticed_in_all(names: Sequence[str], count: int) -> list[Noticed]:
    """The same deviations in each of ``count`` rows."""
    rows = np.arange(count, dtype=np.int64)
    return [Noticed(rows, pa.repeat(pa.scalar(name, pa.string()), count)) for name in names]


def _column(texts: list[str | None]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if text is None else _without_surrogates(text) for text in texts], pa.string())


def _without_surrogates(text: str) -> str:
    return "".join(_NO_CHARACTER if "\ud800" <= letter <= "\udfff" else letter for letter in text)

"""Rows of a block on their way into columns, from the element reader and from the lane beside it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.ccsds.tree import Run

_ROWS_AT_ONCE = 65_536


class RowChain(NamedTuple):
    """Rows that a lane has read: they follow the row that says ``texts`` of ``keywords``, and ``runs`` hold them."""

    keywords: tuple[str, ...]
    texts: tuple[str, ...]
    runs: list[Run]


class LaneMismatchError(Exception):
    """A lane has read something in another way than the element reader: then everything is read without lanes."""


class Rows:
    """Rows of one block in order, gathered into a `Run` for each stretch of the same keywords."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._keywords: tuple[str, ...] = ()
        self._texts: list[tuple[str, ...]] = []
        self._lines: list[int] = []

    def add(self, keywords: tuple[str, ...], texts: tuple[str, ...], line: int) -> None:
        """One more row."""
        if keywords != self._keywords or len(self._texts) == _ROWS_AT_ONCE:
            self._flush()
            self._keywords = keywords
        self._texts.append(texts)
        self._lines.append(line)

    def extend(self, runs: list[Run]) -> None:
        """Rows that are columns already; ``runs`` is emptied, so that their columns can go when they are joined."""
        self._flush()
        self._runs.extend(runs)
        runs.clear()

    def runs(self) -> list[Run]:
        """A run for each stretch of the same keywords."""
        self._flush()
        joined: list[list[Run]] = []
        for run in self._runs:
            if joined and joined[-1][0].keywords == run.keywords:
                joined[-1].append(run)
            else:
                joined.append([run])
        self._runs = []
        return [join_runs(stretch) for stretch in joined]

    def _flush(self) -> None:
        if self._texts:
            columns = tuple(pa.array(column, pa.string()) for column in zip(*self._texts, strict=True))
            self._runs.append(Run(self._keywords, columns, np.array(self._lines, np.int64)))
            self._texts, self._lines = [], []


def join_runs(runs: list[Run]) -> Run:
    """Runs of the same keywords as one. ``runs`` is emptied: a column's pieces go as soon as they are joined."""
    if len(runs) == 1:
        return runs.pop()
    keywords, lines = runs[0].keywords, np.concatenate([run.lines for run in runs])
    pieces = [list(column) for column in zip(*(run.columns for run in runs), strict=True)]
    runs.clear()
    columns = []
    for piece in pieces:
        columns.append(pa.concat_arrays(piece))
        piece.clear()
    return Run(keywords, tuple(columns), lines)

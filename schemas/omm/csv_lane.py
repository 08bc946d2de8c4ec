"""The lane for CSV: the cells of many lines found at once, without a Python object a line.

It takes a line only where it is sure to cut it as the reader of single lines does: the header's number of cells, each
quoted whole or not at all, no quote inside, ASCII without control characters. All other lines are for that reader.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.byte_spans import byte_array, gather, strip_blanks
from schemas.value_columns import Mask

LINE_LENGTH_MAX = 65_536
QUOTED_LINES_MAX = 16  # a quote that is not closed within so many lines is damage to its own line alone
_COMMA, _QUOTE, _END, _RETURN, _OTHER = range(1, 6)


class CsvLines(NamedTuple):
    """The lines of a part of a payload that are not blank: spans with their ends, int64 (n, 2).

    ``taken``: which the lane took. ``columns``: the texts of those, in order, by the place of the cell in the line.
    ``quoted_on``: which may be the inside of a quoted cell that began in a line before; none of them is taken.
    """

    spans: NDArray[np.int64]
    taken: Mask
    columns: dict[int, pa.Array]
    quoted_on: Mask


def cut_lines(data: bytes, start: int, stop: int, end: bytes, cells: int, wanted: list[int]) -> CsvLines:
    """Cut the lines of the bytes ``start`` to ``stop``, which hold whole lines ended by ``end``, into so many cells.

    ``wanted`` are the places of the cells whose texts are asked for.
    """
    part = byte_array(data)[start:stop]
    classes = _classes(end)[part]
    places = np.flatnonzero(classes)
    kinds = classes[places]
    spans, body = _lines(part, places[kinds == _END])
    keep = body[:, 0] < body[:, 1]
    spans, body = spans[keep], body[keep]
    if not len(spans):
        return CsvLines(spans + start, np.zeros(0, np.bool_), {}, np.zeros(0, np.bool_))
    inside = (kinds != _END) & ~((kinds == _RETURN) & ~_within(places, body))
    places, kinds = places[inside], kinds[inside]
    line = np.searchsorted(spans[:, 0], places, side="right") - 1
    count = len(spans)
    quotes = np.bincount(line[kinds == _QUOTE], minlength=count)
    is_quote = kinds == _QUOTE
    # Quotes since the line's start, to know which commas stand inside quotes
    open_quotes = (np.cumsum(is_quote) - (np.cumsum(quotes) - quotes)[line]) & 1
    commas = (kinds == _COMMA) & (open_quotes == 0)
    taken = (np.bincount(line[commas], minlength=count) == cells - 1) & (quotes % 2 == 0)
    taken &= np.bincount(line[kinds >= _RETURN], minlength=count) == 0
    taken &= body[:, 1] - body[:, 0] <= LINE_LENGTH_MAX
    quoted_on = _between_odd(quotes)
    taken &= ~quoted_on
    rows = np.flatnonzero(taken)
    cuts = places[commas & taken[line]].reshape(rows.size, cells - 1)
    starts = np.column_stack([body[rows, 0], cuts + 1])
    stops = np.column_stack([cuts, body[rows, 1]])
    if quotes.any():
        whole = _unquote(part, starts, stops, quotes[rows])
        taken[rows[~whole]] = False
        starts, stops = starts[whole], stops[whole]
    columns = {cell: gather(part, starts[:, cell], stops[:, cell]) for cell in wanted}
    return CsvLines(spans + start, taken, columns, quoted_on)


def _between_odd(quotes: NDArray[np.int64]) -> Mask:
    """Which lines stand between two near ones with an odd number of quotes: one opens a cell, one closes it."""
    between = np.zeros(len(quotes), np.bool_)
    odd = np.flatnonzero(quotes % 2)
    for first, last in zip(odd[:-1].tolist(), odd[1:].tolist(), strict=True):
        if last - first <= QUOTED_LINES_MAX:
            between[first + 1 : last] = True
    return between


def _classes(end: bytes) -> NDArray[np.uint8]:
    """What each byte is to the lane; 0 for all that only stands in cells."""
    classes = np.zeros(256, np.uint8)
    classes[:32] = classes[127:] = _OTHER
    classes[ord(",")], classes[ord('"')], classes[ord("\r")] = _COMMA, _QUOTE, _RETURN
    classes[end[0]] = _END
    return classes


def _lines(part: NDArray[np.uint8], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(lines with their ends, the same without ends and the blanks around them), int64 (n, 2)."""
    stops = ends + 1
    if not stops.size or stops[-1] < part.size:
        stops = np.append(stops, part.size)
    starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
    return np.column_stack([starts, stops]), np.column_stack(strip_blanks(part, starts, stops, b"\r\n "))


def _within(places: NDArray[np.int64], body: NDArray[np.int64]) -> Mask:
    """Which places lie inside the body of a line."""
    line = np.maximum(np.searchsorted(body[:, 0], places, side="right") - 1, 0)
    return np.asarray((places >= body[line, 0]) & (places < body[line, 1]))


def _unquote(
    part: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], quotes: NDArray[np.int64]
) -> Mask:
    """Move the bounds of quoted cells inside their quotes; answers where a line has no other quotes than these."""
    quote = np.uint8(ord('"'))
    quoted = (stops - starts >= 2) & (part[np.minimum(starts, part.size - 1)] == quote) & (part[stops - 1] == quote)
    starts += quoted
    stops -= quoted
    return np.asarray(2 * quoted.sum(axis=1) == quotes)

"""The lane for KVN catalogues: many messages with the lines of one that was read, without a Python object a message.

A message is taken only where every line begins as the same line of the example does, up to its equals sign, and its
value ends in the same units; all else is for the reader of single messages.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.byte_spans import byte_array, gather, strip_blanks
from schemas.ccsds.tree import Message
from schemas.omm.keywords import VERSION_KEYWORD, omm_keywords
from schemas.value_columns import Mask

_LINE_LENGTH_MAX = 254
_BLANKS = b" \r"
_COMMENT = b"COMMENT "
_VERSION_LINE = VERSION_KEYWORD.encode()
_Index = NDArray[np.int64]


class KvnLine(NamedTuple):
    """How a line of the layout begins and ends. ``keyword`` is "" for comments, blank lines and what is not judged.

    ``has_value``: a value stands behind ``prefix``; ``units`` are the bytes at its end, brackets included;
    ``takes_units``: a closing bracket at the end of a value is one of units.
    """

    prefix: bytes
    keyword: str
    has_value: bool
    units: bytes
    takes_units: bool


class KvnFrames(NamedTuple):
    """The n messages of a part of a payload: ``spans`` int64 (n, 2).

    ``line_starts`` int64 (k + 1,): where all lines begin, and the end of the last; ``lines`` int64 (n, 2): which of
    them a message has. ``plain``: no byte in the message but printable ASCII and ends of lines.
    """

    spans: _Index
    lines: _Index
    line_starts: _Index
    plain: Mask


def begins_message(data: bytes, position: int) -> bool:
    """True where a version line stands, and not a keyword that begins as it does (``CCSDS_OMM_VERSION = 3.0``)."""
    behind = data[position + len(_VERSION_LINE) : position + _LINE_LENGTH_MAX]
    return data.startswith(_VERSION_LINE, position) and behind.lstrip(b" ").startswith(b"=")


def frames_of(data: bytes, start: int, stop: int) -> KvnFrames:
    """Cut the bytes ``start`` to ``stop``, which begin with a version line and end before one, into messages.

    Lines end in LF or CRLF. A version line that is indented begins no message here: the reader of the message before
    it finds it.
    """
    part = byte_array(data)[start:stop]
    ends = np.flatnonzero(part == ord("\n")) + 1
    if not ends.size or ends[-1] < part.size:
        ends = np.append(ends, part.size)
    line_starts = np.concatenate([[0], ends]).astype(np.int64)
    first = np.flatnonzero(_begins_with(part, line_starts[:-1], _VERSION_LINE))
    first = np.array(
        [line for line in first.tolist() if begins_message(data, start + int(line_starts[line]))], np.int64
    )
    bounds = np.append(line_starts[first], part.size)
    strange = ((part - np.uint8(0x20)) > 0x5E) & (part != ord("\n"))
    strange[:-1] &= ~((part[:-1] == ord("\r")) & (part[1:] == ord("\n")))
    places = np.flatnonzero(strange)
    counts = np.searchsorted(places, bounds)
    return KvnFrames(
        np.column_stack([bounds[:-1], bounds[1:]]) + start,
        np.column_stack([first, np.append(first[1:], line_starts.size - 1)]),
        line_starts + start,
        counts[1:] == counts[:-1],
    )


def layout_of(data: bytes, frames: KvnFrames, index: int, message: Message) -> list[KvnLine] | None:
    """The lines of a message that was read without error, as a layout; None where one does not fit into it."""
    items = {item.line: item for block in message.blocks for item in block.items}
    first, last = frames.lines[index].tolist()
    layout = []
    for number, line in enumerate(range(first, last)):
        start, stop = frames.line_starts[line : line + 2].tolist()
        text = data[start:stop].rstrip(b" \r\n")
        item = items.get(message.line + number)
        if not text:
            layout.append(KvnLine(b"", "", False, b"", False))
        elif item is not None and item.keyword == "COMMENT":
            layout.append(KvnLine(_COMMENT, "", True, b"", False))
            if not text.startswith(_COMMENT):
                return None
        else:
            name, equals, _ = text.partition(b"=")
            keyword = name.strip(b" ").decode()
            if not equals or (item is None) != (number == 0) or (item is not None and item.keyword != keyword):
                return None
            known = omm_keywords().get(keyword)
            units = b"" if item is None or not item.units else text[text.rindex(b"[") :]
            judged = keyword if known is not None or keyword == VERSION_KEYWORD else ""
            layout.append(KvnLine(name + equals, judged, True, units, known is not None and bool(known.units)))
    return layout


def take(data: bytes, frames: KvnFrames, rows: _Index, layout: list[KvnLine]) -> tuple[Mask, dict[str, pa.Array]]:
    """(which of some messages have the layout, the texts of these by keyword)."""
    whole = byte_array(data)
    taken = frames.plain[rows] & (frames.lines[rows, 1] - frames.lines[rows, 0] == len(layout))
    first = frames.lines[rows[taken], 0]
    values = {}
    fits = np.ones(first.size, np.bool_)
    for number, line in enumerate(layout):
        starts, stops = frames.line_starts[first + number], frames.line_starts[first + number + 1]
        last = stops - (whole[stops - 1] == ord("\n"))
        last = last - ((last > starts) & (whole[np.maximum(last, 1) - 1] == ord("\r")))
        fits &= (last - starts <= _LINE_LENGTH_MAX) & _begins_with(whole, starts, line.prefix, last)
        starts, stops = strip_blanks(whole, np.minimum(starts + len(line.prefix), last), last, _BLANKS)
        if not line.has_value:
            fits &= starts == stops
        elif line.units:
            value_stops = stops - len(line.units)
            fits &= (value_stops > starts) & _begins_with(whole, np.maximum(value_stops, starts), line.units, stops)
            fits &= whole[np.maximum(value_stops, starts + 1) - 1] == ord(" ")
            starts, stops = strip_blanks(whole, starts, np.maximum(value_stops, starts), _BLANKS)
        elif line.takes_units:
            fits &= (starts == stops) | (whole[np.maximum(stops, 1) - 1] != ord("]"))
        if line.keyword:
            values[line.keyword] = (starts, stops)
    taken[taken] = fits
    return taken, {name: gather(whole, starts[fits], stops[fits]) for name, (starts, stops) in values.items()}


def _begins_with(whole: NDArray[np.uint8], starts: _Index, prefix: bytes, stops: _Index | None = None) -> Mask:
    """Where the bytes from ``starts`` on begin with ``prefix`` and have it before ``stops``."""
    limit = whole.size if stops is None else stops
    found = np.asarray(starts + len(prefix) <= limit)
    rows = np.flatnonzero(found)
    for offset, byte in enumerate(prefix):
        rows = rows[whole[starts[rows] + offset] == byte]
    found[:] = False
    found[rows] = True
    return found

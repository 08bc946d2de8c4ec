"""Data lines of KVN as columns of texts, for the encodings that name each value; no Python object a line."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.byte_spans import gather, strip_blanks
from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.table import BlockKind
from schemas.ccsds.tree import Block, Item, Lines, Message, Run
from schemas.ccsds.xml_structure import row_line_name, rows_are_elements
from schemas.refusals import CannotRenderError

_BYTES_AT_ONCE = 8 << 20


def row_runs(block: Block, data: bytes) -> Iterator[Run]:
    """The rows of a block as runs: `Run` as it is, `Lines` of the payload ``data`` cut up, in pieces of some MiB.

    For a block whose rows are elements (``stateVector``) a line has a value for each mandatory keyword, or for every
    keyword; CannotRenderError is raised for another number. For others (``trajLine``) a line is one text.
    """
    for rows in block.rows:
        if isinstance(rows, Run):
            yield rows
            continue
        for texts in _texts(rows, data):
            lines = np.arange(rows.line, rows.line + len(texts), dtype=np.int64)
            if not rows_are_elements(block.kind):
                yield Run((row_line_name(block.kind),), (texts,), lines)
                continue
            yield from _cut_up(texts, lines, block.kind)


def expanded(messages: Iterable[Message]) -> list[Message]:
    """The messages and those of their runs one by one, in the order of their records where those are known."""
    single: list[tuple[int, Message]] = []
    ordered = False
    for message in messages:
        run, records = message.run, message.run_records
        single.append((message.record, message))
        if run is None:
            continue
        ordered = records is not None
        numbers = [message.record] * run.length if records is None else records.tolist()
        for row, number in enumerate(numbers):
            texts = {
                name: [c[row].as_py() for n, c in zip(run.keywords, run.columns, strict=True) if n == name]
                for name in set(run.keywords)
            }
            single.append((number, _fellow(message, texts)))
    return [message for _, message in (sorted(single, key=lambda one: one[0]) if ordered else single)]


def _fellow(first: Message, texts: dict[str, list[str]]) -> Message:
    """A message like the first of its run with other texts, each keyword's in order."""
    blocks = []
    for block in first.blocks:
        items = [
            item._replace(text=texts[item.keyword].pop(0)) if texts.get(item.keyword) else item for item in block.items
        ]
        blocks.append(Block(block.kind, block.segment, block.line, items, list(block.rows)))
    return Message(first.kind, first.version, first.record, first.line, first.start, first.stop, blocks)


def matrix_items(block: Block, data: bytes) -> list[Item]:
    """The items that the six lines of a covariance matrix (lower triangle) say; none where it has no lines."""
    lines = [texts.to_pylist() for rows in block.rows if isinstance(rows, Lines) for texts in _texts(rows, data)]
    rows = [text.split() for piece in lines for text in piece]
    if not rows:
        return []
    names = [keyword.keyword for keyword in block.kind.keywords if keyword.in_rows]
    if [len(row) for row in rows] != list(range(1, len(rows) + 1)) or sum(map(len, rows)) != len(names):
        raise CannotRenderError(f"{block.kind.name}: a matrix has {len(names)} values, in rows of 1, 2, 3, …")
    return [Item(name, text) for name, text in zip(names, (text for row in rows for text in row), strict=True)]


def _texts(rows: Lines, data: bytes) -> Iterator[pa.Array]:
    """The lines that are not blank, without the blanks around them."""
    ending = line_ending(data)
    start = rows.start
    while start < rows.stop:
        stop = data.rfind(ending, start, min(start + _BYTES_AT_ONCE, rows.stop)) + 1
        if stop <= start or rows.stop - start <= _BYTES_AT_ONCE:
            found = data.find(ending, start + _BYTES_AT_ONCE, rows.stop) + 1
            stop = found or rows.stop
        window = np.frombuffer(data, np.uint8, stop - start, start)
        ends = np.flatnonzero(window == ending[0])
        starts, stops = strip_blanks(window, np.concatenate(([0], ends + 1)), np.concatenate((ends, [window.size])))
        full = stops > starts
        yield gather(window, starts[full], stops[full])
        start = stop


def _cut_up(texts: pa.Array, lines: NDArray[np.int64], kind: BlockKind) -> Iterator[Run]:
    mandatory = tuple(keyword.keyword for keyword in kind.keywords if keyword.status == "M")
    layouts = {len(mandatory): mandatory, len(kind.keywords): tuple(keyword.keyword for keyword in kind.keywords)}
    values = pc.ascii_split_whitespace(texts)
    counts = pc.list_value_length(values).to_numpy(zero_copy_only=False)
    bounds = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(texts)]
    for start, stop in pairwise(bounds):
        if start == stop:
            continue
        keywords = layouts.get(int(counts[start]))
        if keywords is None:
            wanted = " or ".join(map(str, layouts))
            raise CannotRenderError(f"{kind.name} = {texts[start]}: {wanted} values in a line, not {counts[start]}")
        flat = values.slice(start, stop - start).flatten()
        places = np.arange(0, len(flat), len(keywords))
        columns = tuple(flat.take(pa.array(places + place)) for place in range(len(keywords)))
        yield Run(keywords, columns, lines[start:stop])

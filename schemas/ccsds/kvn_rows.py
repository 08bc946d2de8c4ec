"""Data lines of KVN from rows of a tree: spans copied as they stand, columns joined, matrices as lower triangles."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ccsds.kvn_lines import LINE_BYTES_MAX, LineRules, kvn_clauses, line_ending
from schemas.ccsds.table import BlockKind, MessageKind
from schemas.ccsds.tree import Block, Item, Lines, Run
from schemas.refusals import CannotRenderError, RecordRefusedError

_ROWS_AT_ONCE = 1 << 18  # joined in one go; more would not fit the 2 GiB of an Arrow string array
_MATRIX_ORDER = 6


def copied_lines(lines: Lines, kind: MessageKind, data: bytes) -> bytes | memoryview:
    """The bytes of a span of ``data``, each line ended by LF.

    Raises CannotRenderError where a line is too long for the message or holds what is no printable ASCII.
    """
    ending = line_ending(data)
    rules = _rules(kind, ending)
    try:
        rules.check_data_lines(data, lines.start, lines.stop, lines.line)
    except RecordRefusedError as error:
        raise CannotRenderError(f"data line {error.line}: {error.rule}") from error
    span = memoryview(data)[lines.start : lines.stop]
    if data.find(b"\r", lines.start, lines.stop) >= 0:
        copied = bytes(span)
        return copied.replace(b"\r", b"" if ending == b"\n" else b"\n")
    return span


def run_lines(run: Run, block: BlockKind, kind: MessageKind) -> Iterator[bytes]:
    """The lines of a run: values of a row's columns in the table's order, with a blank between them.

    Raises CannotRenderError for columns that make no data line, and texts that would not be read back as they are.
    """
    columns = run.columns
    if block.rows == block.name:
        columns = tuple(run.columns[run.keywords.index(name)] for name in row_keywords(run.keywords, block))
    for start in range(0, run.length, _ROWS_AT_ONCE):
        yield _joined([column.slice(start, _ROWS_AT_ONCE) for column in columns], block, kind)


def row_keywords(keywords: Sequence[str], block: BlockKind) -> list[str]:
    """The keywords of a row in the table's order: all mandatory ones, with all of the optional ones or none.

    Values in a data line have no names, so a part of the optional ones cannot be said.
    """
    mandatory = [keyword.keyword for keyword in block.keywords if keyword.status == "M"]
    every = [keyword.keyword for keyword in block.keywords]
    for layout in (mandatory, every):
        if sorted(layout) == sorted(keywords):
            return layout
    raise CannotRenderError(
        f"{block.name}: a data line of KVN holds {' '.join(mandatory)}, then all other values or none; "
        f"this row has {' '.join(keywords)} [{block.clause}]"
    )


def item_row(block: Block, kind: MessageKind) -> str:
    """One data line from a block of items."""
    items = {item.keyword: item for item in block.items if item.keyword != "COMMENT"}
    if len(items) < len(block.items):
        raise CannotRenderError(f"{block.kind.name}: KVN has no place for a COMMENT or a keyword given twice in a row")
    names = row_keywords(list(items), block.kind)
    return " ".join(_value(items[name], block.kind) for name in names)


def matrix_lines(block: Block) -> list[str]:
    """The six lines of the lower triangle from the 21 items of a covariance matrix."""
    terms = [keyword.keyword for keyword in block.kind.keywords if keyword.in_rows]
    items = {item.keyword: item for item in block.items}
    if missing := [term for term in terms if term not in items]:
        raise CannotRenderError(
            f"{missing[0]}: a matrix in KVN has all of its {len(terms)} terms [{block.kind.clause}]"
        )
    values = iter([_value(items[term], block.kind) for term in terms])
    return [" ".join(next(values) for _ in range(row)) for row in range(1, _MATRIX_ORDER + 1)]


def _value(item: Item, kind: BlockKind) -> str:
    """A value for a data line, where it has neither name nor units."""
    known = kind.by_name[item.keyword]
    if item.units and item.units != known.units and item.units not in known.units_other:
        raise CannotRenderError(f"{item.keyword}: data lines of KVN have the units {known.units}, not {item.units}")
    if not item.text or " " in item.text:
        raise CannotRenderError(f"{item.keyword} = {item.text!r}: a data line of KVN holds values without blanks")
    return item.text


def _joined(columns: Sequence[pa.Array], block: BlockKind, kind: MessageKind) -> bytes:
    rows = len(columns[0])
    joined = pc.binary_join_element_wise(*columns, " ") if len(columns) > 1 else columns[0]
    lines = pc.binary_join_element_wise(joined, "", "\n")
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + rows + 1]
    bytes_of_text = np.frombuffer(lines.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    first = bytes_of_text[offsets[:-1] - offsets[0]]
    if ((first <= 0x20) | ((first >= 0x41) & (first <= 0x5A))).any():
        raise CannotRenderError(f"{block.rows}: a data line of KVN begins with a value, not with a capital or a blank")
    blanks = int(np.count_nonzero(bytes_of_text == 0x20))
    empty = len(columns) > 1 and any(pc.any(pc.equal(column, "")).as_py() for column in columns)
    if empty or (len(columns) > 1 and blanks != rows * (len(columns) - 1)):
        raise CannotRenderError(f"{block.rows}: a data line of KVN holds values without blanks")
    if int(np.count_nonzero(bytes_of_text == 0x0A)) != rows:
        raise CannotRenderError(f"{block.rows}: a value with a line break cannot stand in a data line of KVN")
    written = bytes_of_text.tobytes()
    try:
        _rules(kind, b"\n").check_data_lines(written, 0, len(written), 1)
    except RecordRefusedError as error:
        raise CannotRenderError(f"{block.rows}, row {error.line}: {error.value!r}: {error.rule}") from error
    return written


def _rules(kind: MessageKind, ending: bytes) -> LineRules:
    return LineRules(ending, kind.line_length_max or LINE_BYTES_MAX, kvn_clauses(kind.book))

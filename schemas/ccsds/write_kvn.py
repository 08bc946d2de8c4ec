"""Trees as KVN: version line, header, blocks with their delimiters, ``KEYWORD = value [units]``, data lines.

CCSDS 502.0-B-3, chapter 7 and 508.0-B-1, chapter 6. The output is printable ASCII with LF at the end of each line.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from schemas.ccsds.kvn_blocks import is_matrix, split_units
from schemas.ccsds.kvn_lines import LINE_BYTES_MAX, KvnClauses, kvn_clauses
from schemas.ccsds.kvn_rows import copied_lines, item_row, matrix_lines, run_lines
from schemas.ccsds.table import BlockKind, ValueType
from schemas.ccsds.tree import Block, Item, Lines, Message, Run
from schemas.refusals import CannotRenderError

_KEYWORD = re.compile(r"[A-Z][A-Za-z0-9_.+-]*", re.ASCII)


def write_kvn(messages: Iterable[Message], data: bytes = b"") -> bytes:
    """The messages one after the other, a blank line between them; ``data`` is the payload that `Lines` point into.

    Blocks, items and rows keep the order of the tree. The comments of all covariance matrices of an OEM segment stand
    at the beginning of the section, the one place that the standard has for them (CCSDS 502.0-B-3, 7.8).

    Raises CannotRenderError, naming keyword and rule, for what KVN cannot say: a line too long for the message, line
    breaks and other than printable ASCII in a value, a mandatory keyword without a value, units where KVN has none.
    """
    parts: list[bytes | memoryview] = []
    for message in messages:
        for one in _repeated(message):
            if parts:
                parts.append(b"\n")
            parts.extend(_Writer(one, data).parts())
    return b"".join(parts)


class _Writer:
    """One message."""

    def __init__(self, message: Message, data: bytes) -> None:
        self.message, self.kind, self.data = message, message.kind, data
        self.clauses: KvnClauses = kvn_clauses(message.kind.book)
        self.length_max = message.kind.line_length_max or LINE_BYTES_MAX
        names = [item.keyword for block in message.blocks for item in block.items if item.keyword != "COMMENT"]
        self.width = max(map(len, [self.kind.version_keyword, *names]))

    def parts(self) -> Iterator[bytes | memoryview]:
        """The text of the message, piece by piece."""
        keyword = self.kind.version_keyword
        yield self._line(f"{keyword:<{self.width}} = {self.message.version}", keyword)
        grouped = groupby(self.message.blocks, key=lambda block: (id(block.kind), block.segment))
        for index, (_, blocks) in enumerate(grouped):
            # The header goes on below the version line; a state vector stands below the comments of its section.
            section = list(blocks)
            kind = section[0].kind
            if index and not (kind.rows and not kind.kvn_start):
                yield b"\n"
            if is_matrix(kind):
                yield from self._matrices(section)
            else:
                for block in section:
                    yield from self._block(block)

    def _block(self, block: Block) -> Iterator[bytes | memoryview]:
        kind = block.kind
        if kind.kvn_start:
            yield self._line(kind.kvn_start, kind.name)
        if kind.rows == kind.name and block.items:
            yield self._data_line(item_row(block, self.kind), kind)
        else:
            for item in block.items:
                yield self._item(item, kind)
        yield from self._rows(block)
        if kind.kvn_stop:
            yield self._line(kind.kvn_stop, kind.name)

    def _matrices(self, section: list[Block]) -> Iterator[bytes | memoryview]:
        """All covariance matrices of an OEM segment, between one pair of delimiters."""
        kind = section[0].kind
        yield self._line(kind.kvn_start, kind.name)
        for block in section:
            for item in block.items:
                if item.keyword == "COMMENT":
                    yield self._item(item, kind)
        for block in section:
            terms = False
            for item in block.items:
                known = kind.by_name.get(item.keyword)
                if known is not None and known.in_rows:
                    terms = True
                elif item.keyword != "COMMENT":
                    yield self._item(item, kind)
            if terms:
                for line in matrix_lines(block):
                    yield self._data_line(line, kind)
            yield from self._rows(block)
        yield self._line(kind.kvn_stop, kind.name)

    def _rows(self, block: Block) -> Iterator[bytes | memoryview]:
        for rows in block.rows:
            if isinstance(rows, Lines):
                span = copied_lines(rows, self.kind, self.data)
                yield span
                if len(span) and span[-1] != 0x0A:
                    yield b"\n"
            elif is_matrix(block.kind):
                raise CannotRenderError(f"{block.kind.name}: matrices are written from blocks of items, not from runs")
            else:
                yield from run_lines(rows, block.kind, self.kind)

    def _item(self, item: Item, kind: BlockKind) -> bytes:
        keyword, text = item.keyword, item.text
        if keyword == "COMMENT":
            return self._line(f"COMMENT {text}".rstrip(" "), keyword)
        if not _KEYWORD.fullmatch(keyword):
            raise CannotRenderError(f"{keyword}: a keyword of KVN has letters, digits and underscores [{kind.clause}]")
        known = kind.by_name.get(keyword)
        units = item.units
        if known is not None:
            if not text and known.status == "M" and not known.empty_deviation and known.type is not ValueType.FREE:
                raise CannotRenderError(f"{keyword}: a mandatory keyword has a value [{kind.clause}]")
            if known.units and split_units(text) != (text, ""):
                raise CannotRenderError(f"{keyword} = {text!r}: brackets at the end of a value are its units in KVN")
            if units in known.units_other or (text and not units and self.kind.units_mandatory):
                units = known.units
        if units and (known is None or not known.units):
            raise CannotRenderError(f"{keyword} has the units {units}: KVN has units only where the table has them")
        if "[" in units or "]" in units:
            raise CannotRenderError(f"{keyword}: units {units!r} cannot stand in brackets")
        line = f"{keyword:<{self.width}} = {text}" + (f" [{units}]" if units else "")
        return self._line(line.rstrip(" "), keyword)

    def _data_line(self, line: str, kind: BlockKind) -> bytes:
        if "A" <= line[0] <= "Z":
            raise CannotRenderError(f"{line!r}: a data line of KVN begins with a value, not with a capital letter")
        return self._line(line, kind.name)

    def _line(self, line: str, keyword: str) -> bytes:
        if not (line.isascii() and line.isprintable()):
            rule = "a line of KVN holds printable ASCII characters and blanks, no line breaks"
            raise CannotRenderError(f"{keyword}: {line!a}: {rule} [{self.clauses.characters}]")
        if len(line) > self.length_max:
            rule = f"a line of KVN has at most {self.length_max} characters"
            raise CannotRenderError(f"{keyword}: {rule}, this has {len(line)} [{self.clauses.length}]")
        return line.encode("ascii") + b"\n"


def _repeated(message: Message) -> Iterator[Message]:
    """The message, then those of its run: the same blocks, each keyword's texts taken from its column, in order."""
    yield message
    if message.run is None:
        return
    places: dict[str, list[int]] = {}
    for index, keyword in enumerate(message.run.keywords):
        places.setdefault(keyword, []).append(index)
    for row in range(message.run.length):
        yield _of_row(message, message.run, places, row)


def _of_row(message: Message, run: Run, places: dict[str, list[int]], row: int) -> Message:
    left = {keyword: iter(indices) for keyword, indices in places.items()}
    blocks = []
    for block in message.blocks:
        items = []
        for item in block.items:
            index = next(left.get(item.keyword, iter(())), None)
            items.append(item if index is None else item._replace(text=run.columns[index][row].as_py()))
        blocks.append(Block(block.kind, block.segment, block.line, items, list(block.rows)))
    return Message(message.kind, message.version, message.record, message.line, message.start, message.stop, blocks)

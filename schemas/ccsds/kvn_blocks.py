"""Which block a line of KVN belongs to: by the delimiters around it, else by the order of the message's table.

CCSDS 502.0-B-3, 4.2, 5.2, 6.2 and 7.4; 508.0-B-1, 3 and 6.3. Nothing is judged here but the delimiters and where
data lines and comments may stand at all: a keyword out of order makes a block out of order, and the judge says so.
"""

from schemas.ccsds.kvn_lines import kvn_clauses
from schemas.ccsds.table import BlockKind, MessageKind
from schemas.ccsds.tree import Block, Item, Lines, Message
from schemas.refusals import RecordRefusedError

_USER_DEFINED = "USER_DEFINED_"


class Layout:
    """What the table says of KVN: delimiters, where each keyword may stand, which keyword begins a segment."""

    def __init__(self, kind: MessageKind) -> None:
        self.starts = {block.kvn_start: index for index, block in enumerate(kind.blocks) if block.kvn_start}
        self.stops = {block.kvn_stop for block in kind.blocks if block.kvn_stop}
        self.places: dict[str, list[int]] = {}
        self.user_defined: list[int] = []
        self.rows_at = self.comments_at = -1
        for index, block in enumerate(kind.blocks):
            if block.user_defined:
                self.user_defined.append(index)
            if block.rows and not block.kvn_start:
                self.rows_at = index  # its keywords stand in XML alone
                continue
            if block.place == "data" and not block.keywords and not block.user_defined:
                self.comments_at = index
            for keyword in block.keywords:
                self.places.setdefault(keyword.keyword, []).append(index)
        self.clauses = kvn_clauses(kind.book)
        self.segment_start = self.segment_keyword = ""
        metadata = next((block for block in kind.blocks if block.place == "metadata"), None)
        if metadata is not None and kind.segments != "1":
            self.segment_start = metadata.kvn_start
            self.segment_keyword = "" if metadata.kvn_start else metadata.keywords[0].keyword


def is_matrix(kind: BlockKind) -> bool:
    """Whether the block holds matrices one after the other, each with keywords of its own (covariances of an OEM)."""
    return bool(kind.kvn_start) and kind.rows == kind.name


class Assembler:
    """Puts comments, keywords, delimiters and data lines of one message into its blocks, in the payload's order."""

    def __init__(self, layout: Layout, message: Message) -> None:
        self.layout, self.message = layout, message
        self.at = 0  # index of the current block's kind in the table
        self.segment = 0
        self.open: BlockKind | None = None  # the delimited block that we are in
        self.pending: list[Item] = []  # comments of which the next line shows where they belong
        self.block = Block(kind=message.kind.blocks[0], segment=0, line=message.line)
        message.blocks.append(self.block)

    def comment(self, text: str, line: int) -> None:
        """A COMMENT line."""
        item = Item("COMMENT", text, line=line)
        if self.open is None or (self.block.rows and not is_matrix(self.open)):
            self.pending.append(item)
            return
        if self.block.rows:
            self.message.notice("comment-inside-block")
            self._begin(self.at, line)
        self.block.items.append(item)

    def keyword(self, keyword: str, value: str, line: int) -> None:
        """A line ``KEYWORD = value``."""
        if self.open is not None:
            self._in_open_block(keyword, line)
        else:
            self._out_of_delimiters(keyword, line)
        known = self.block.kind.by_name.get(keyword)
        text, units = split_units(value) if known is not None and known.units else (value, "")
        self.block.items.append(Item(keyword, text, units, line))

    def _in_open_block(self, keyword: str, line: int) -> None:
        kind = self.block.kind
        if self.pending:
            raise self._refused_comment()
        if is_matrix(kind):
            known = kind.by_name.get(keyword)
            if known is not None and known.in_rows:
                rule = "in KVN a matrix stands as lines of its lower triangle, without keywords"
                raise RecordRefusedError(keyword, "", rule, kind.clause, line)
            if self.block.rows and keyword == kind.keywords[0].keyword:
                self._begin(self.at, line)

    def _out_of_delimiters(self, keyword: str, line: int) -> None:
        """Stay in the current block if it has the keyword, else go to the next that has it, else to one before."""
        layout = self.layout
        if keyword == layout.segment_keyword:
            self.segment += 1
            self._begin(layout.places[keyword][0], line)
            return
        if keyword in self.block.kind.by_name and self.at != layout.rows_at and not self.block.kind.kvn_start:
            self._take_pending()
            return
        places = layout.places.get(keyword) or (layout.user_defined if keyword.startswith(_USER_DEFINED) else [])
        target = self.at
        if places and self.at not in places:
            target = next((place for place in places if place > self.at), places[-1])
        kind = self.message.kind.blocks[target]
        wordless = target == self.at and target in (layout.rows_at, layout.comments_at)
        if kind.kvn_start or wordless:
            rule = f"stands between {kind.kvn_start} and {kind.kvn_stop}" if places else "stands in no block here"
            raise RecordRefusedError(keyword, "", rule, kind.clause, line)
        if target != self.at:
            self._begin(target, line)
        else:
            self._take_pending()

    def delimiter(self, text: str, line: int) -> bool:
        """Begin or end a delimited block if the line is a delimiter; False if it is none."""
        if text in self.layout.starts:
            if self.open is not None:
                rule = f"{self.open.kvn_start} is to be closed by {self.open.kvn_stop} first"
                raise RecordRefusedError(text, "", rule, self.layout.clauses.delimiters, line)
            if text == self.layout.segment_start:
                self._end_of_data_section()
                self.segment += 1
            elif self.at < self.layout.comments_at:
                self._end_of_data_section()
            if self.pending:
                self.message.notice("comment-before-block")
            self._begin(self.layout.starts[text], line)
            self.open = self.block.kind
            return True
        if text not in self.layout.stops:
            return False
        if self.open is None or self.open.kvn_stop != text:
            where = f"inside {self.open.kvn_start}" if self.open else "where no block is open"
            raise RecordRefusedError(
                text, "", f"closes its own block, and stands {where}", self.layout.clauses.delimiters, line
            )
        if self.pending:
            raise self._refused_comment()
        self.open = None
        return True

    def takes_rows(self) -> bool:
        """Whether lines without ``=`` may be data lines here."""
        if self.open is not None:
            return bool(self.open.rows)
        return 0 <= self.at <= self.layout.rows_at and self.segment > 0

    def rows(self, lines: Lines) -> None:
        """A span of data lines."""
        if self.open is not None or self.at == self.layout.rows_at:
            if self.pending:
                raise self._refused_comment()
        else:
            self._end_of_data_section()
            self._begin(self.layout.rows_at, lines.line)
        self.block.rows.append(lines)

    def finish(self, line: int) -> None:
        """The end of the message; ``line`` is its last."""
        if self.open is not None:
            rule = f"{self.open.kvn_start} is to be closed by {self.open.kvn_stop}"
            raise RecordRefusedError(
                self.open.kvn_start, "", rule, self.layout.clauses.delimiters, self.block.line or line
            )
        self._end_of_data_section()
        if self.pending and self.layout.starts and self.at:
            raise self._refused_comment()
        self._take_pending()

    def _end_of_data_section(self) -> None:
        """Comments after the metadata and before data lines are the data section's own (OEM)."""
        layout = self.layout
        if self.pending and layout.rows_at >= 0 and self.segment > 0 and 0 < self.at < layout.comments_at:
            self._begin(layout.comments_at, self.pending[0].line)

    def _begin(self, index: int, line: int) -> None:
        kind = self.message.kind.blocks[index]
        if kind.place in ("metadata", "data"):
            self.segment = max(self.segment, 1)
        segment = self.segment if kind.place in ("metadata", "data") else 0
        first_line = line if kind.kvn_start or not self.pending else self.pending[0].line
        self.block = Block(kind=kind, segment=segment, line=first_line)
        self.message.blocks.append(self.block)
        self.at = index
        self._take_pending()

    def _refused_comment(self) -> RecordRefusedError:
        rule = "comments stand at the beginning of a block, not among or after its data lines"
        comment = self.pending[0]
        return RecordRefusedError("COMMENT", comment.text, rule, self.layout.clauses.comments, comment.line)

    def _take_pending(self) -> None:
        if self.pending:
            self.block.items.extend(self.pending)
            self.pending.clear()


def split_units(value: str) -> tuple[str, str]:
    """``7000 [km]`` as ("7000", "km"); the brackets stand after a blank (CCSDS 502.0-B-3, 7.7.1), else they are text.

    >>> split_units("12.5 [m/s]"), split_units("[km]"), split_units("12.5[km]")
    (('12.5', 'm/s'), ('', 'km'), ('12.5[km]', ''))
    """
    if value.endswith("]"):
        opened = value.rfind("[")
        if opened == 0 or (opened > 0 and value[opened - 1] == " "):
            return value[:opened].rstrip(" "), value[opened + 1 : -1].strip(" ")
    return value, ""

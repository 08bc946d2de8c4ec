"""Builds one message from the elements of its tree form: what NDM/XML and our nested JSON have in common.

CCSDS 505.0-B-3, section 4: header, body, segments of metadata and data, blocks by name, keywords with units. Nothing
is judged but the structure itself, so that every element that is accepted has one place in the `Message`.
"""

from schemas.ccsds.table import BlockKind
from schemas.ccsds.tree import Block, Item, Message
from schemas.ccsds.xml_rows import LaneMismatchError, RowChain, Rows
from schemas.ccsds.xml_structure import BLANKS, CLAUSE, TEXT_LENGTH_MAX, USER_DEFINED, Structure, rows_are_elements
from schemas.refusals import RecordRefusedError


class MessageBuilder:
    """Takes the elements inside one message; `finish` completes ``message``.

    `begin`, `text` and `end` raise RecordRefusedError for an element or text that has no place where it stands; after
    that the builder is done with. ``chains`` are rows that a lane has read, by the position of the row before them;
    each is taken out when it is met.
    """

    def __init__(self, message: Message, structure: Structure, chains: dict[int, RowChain]) -> None:
        self.message = message
        self._structure = structure
        self._chains = chains
        self._places = ["message"]
        self._seen: set[str] = set()  # the wrappers of the message, and those of the segment at hand
        self._segment = 0
        self._block = Block(message.kind.blocks[0], 0, 0)  # the one at hand
        self._of_block = structure.of_block["header"]
        self._rows: dict[int, tuple[Block, Rows]] = {}
        self._row: dict[str, str] = {}
        self._row_line = self._row_at = 0
        self._group = ""
        self._keyword = self._units = ""
        self._keyword_line = 0
        self._nil = False
        self._pieces: list[str] = []
        self._length = 0

    def begin(
        self, name: str, line: int, at: int = 0, units: str = "", parameter: str | None = None, nil: bool = False
    ) -> None:
        """An element begins in ``line``, at byte ``at``, with these attributes."""
        place = self._places[-1]
        if place == "block" and name in self._of_block.plain and parameter is None:
            self._begin_item(name, line, units, nil)
        elif place in ("block", "group", "row") or (place == "data" and name == "COMMENT"):
            self._begin_keyword(place, name, (line, at), units, parameter, nil)
        elif place == "keyword":
            raise RecordRefusedError(self._keyword, name, "text, no element", CLAUSE, line)
        elif units or parameter is not None or nil:
            raise RecordRefusedError(name, units or parameter or "nil", "no attributes", CLAUSE, line)
        else:
            self._places.append(self._wrapper(place, name, line, at))

    def _begin_item(self, keyword: str, line: int, units: str, nil: bool) -> None:
        self._keyword, self._keyword_line, self._units, self._nil = keyword, line, units, nil
        self._places.append("keyword")

    def _wrapper(self, place: str, name: str, line: int, at: int) -> str:
        """What the element ``name`` is in ``place``."""
        kind = self.message.kind
        if place == "message" and name == "header":
            return self._begin_block(kind.by_name["header"], line)
        if (place, name) in (("message", "body"), ("segment", "data")):
            self._once(name, line)
            return name
        if place == "body" and name == "segment":
            self._segment += 1
            self._seen &= {"header", "body"}
            return name
        if place == "segment" and name == "metadata":
            return self._begin_block(kind.by_name["metadata"], line)
        found = self._structure.blocks_at.get(place, {}).get(name)
        if found is None:
            raise RecordRefusedError(name, "", f"not an element of {self._container(place)}", CLAUSE, line)
        if rows_are_elements(found):
            self._row, self._row_line, self._row_at = {}, line, at
            self._enter(self._rows_of(found, line)[0])
            return "row"
        return self._begin_block(found, line)

    def _container(self, place: str) -> str:
        return self.message.kind.root if place == "message" else place

    def _once(self, name: str, line: int) -> None:
        if name in self._seen:
            raise RecordRefusedError(name, "", "stands once", CLAUSE, line)
        self._seen.add(name)

    def _begin_block(self, kind: BlockKind, line: int) -> str:
        if kind.place in ("header", "metadata"):
            self._once(kind.name, line)
        segment = self._segment if kind.place in ("metadata", "data") else 0
        block = Block(kind, segment, line)
        self.message.blocks.append(block)
        self._enter(block)
        return "block"

    def _enter(self, block: Block) -> None:
        self._block, self._of_block = block, self._structure.of_block[block.kind.name]

    def _rows_of(self, kind: BlockKind, line: int) -> tuple[Block, Rows]:
        """The block of the segment that the row elements ``kind`` are the rows of, which no other block may part."""
        last = self.message.blocks[-1] if self.message.blocks else None
        if last is None or last.kind is not kind or last.segment != self._segment:
            if any(block.kind is kind and block.segment == self._segment for block in self.message.blocks):
                raise RecordRefusedError(kind.name, "", "rows of one kind stand together", CLAUSE, line)
            last = Block(kind, self._segment, line)
            self.message.blocks.append(last)
        found = self._rows.get(id(last))
        if found is None:
            found = self._rows[id(last)] = (last, Rows())
        return found

    def _begin_keyword(
        self, place: str, name: str, where: tuple[int, int], units: str, parameter: str | None, nil: bool
    ) -> None:
        line, at = where
        if place == "data":
            self._begin_data_comment(line)
        block = self._block
        if place == "block" and self._begin_group(name, line, units or parameter or ("nil" if nil else "")):
            return
        if place == "group" and name in block.kind.by_name and self._of_block.group_of.get(name) != self._group:
            raise RecordRefusedError(name, "", f"not an element of {self._group}", CLAUSE, line)
        keyword = name
        if block.kind.user_defined and name == USER_DEFINED:
            if not parameter:
                raise RecordRefusedError(name, parameter or "", "the attribute parameter names it", CLAUSE, line)
            keyword, parameter = f"{USER_DEFINED}_{parameter}", None
        elif name.startswith(f"{USER_DEFINED}_"):
            raise RecordRefusedError(name, "", f'<{USER_DEFINED} parameter="…"> in XML', CLAUSE, line)
        if parameter is not None:
            raise RecordRefusedError(name, "parameter", "no attribute but units", CLAUSE, line)
        if name == "COMMENT" and (units or nil):
            raise RecordRefusedError(name, units or "nil", "no attributes", CLAUSE, line)
        if place == "row" or name == self._of_block.row_line:
            self._row_at = at if place == "block" else self._row_at
            self._check_row_keyword(block.kind, name, line, units, nil)
        self._begin_item(keyword, line, units, nil)

    def _begin_data_comment(self, line: int) -> None:
        """A comment of the data section: it stands before the section's blocks."""
        kind = self.message.kind.by_name.get("data")
        last = self.message.blocks[-1] if self.message.blocks else None
        if last is not None and last.kind is kind and last.segment == self._segment:
            self._enter(last)
            return
        if kind is None or (last is not None and last.segment == self._segment and last.kind.place == "data"):
            raise RecordRefusedError("COMMENT", "", "comments stand at the beginning of a section", CLAUSE, line)
        self._begin_block(kind, line)

    def _begin_group(self, name: str, line: int, attribute: str) -> bool:
        """Whether the element is one around keywords of its group (``relativeStateVector``)."""
        group_of = self._of_block.group_of
        if name in group_of:
            raise RecordRefusedError(name, "", f"stands in {group_of[name]}", CLAUSE, line)
        if name not in group_of.values():
            return False
        if attribute:
            raise RecordRefusedError(name, attribute, "no attributes", CLAUSE, line)
        if any(group_of.get(item.keyword) == name for item in self._block.items):
            raise RecordRefusedError(name, "", "stands once", CLAUSE, line)
        self._group = name
        self._places.append("group")
        return True

    def _check_row_keyword(self, kind: BlockKind, name: str, line: int, units: str, nil: bool) -> None:
        """A row has no place for units, so that they are checked here; nor for a keyword twice."""
        known = kind.by_name.get(name)
        if nil or (units and known is None):
            raise RecordRefusedError(name, units or "nil", "no attributes", CLAUSE, line)
        if name == self._of_block.row_line:
            return
        if known is None:
            raise RecordRefusedError(name, "", f"not an element of {kind.name}", CLAUSE, line)
        if name in self._row:
            raise RecordRefusedError(name, "", "stands once in a row", CLAUSE, line)
        if units and units != known.units and units not in known.units_other:
            raise RecordRefusedError(name, units, f"the units of the standard, {known.units or 'none'}", CLAUSE, line)

    def text(self, text: str, line: int) -> None:
        """Text inside the element at hand, whole or a part of it."""
        if self._places[-1] != "keyword":
            if text.strip(BLANKS):
                container = self._container(self._places[-1])
                raise RecordRefusedError(container, text.strip(BLANKS), "elements, no text", CLAUSE, line)
            return
        self._length += len(text)
        if self._length > TEXT_LENGTH_MAX:
            raise RecordRefusedError(self._keyword, text, f"at most {TEXT_LENGTH_MAX} characters", "", line)
        self._pieces.append(text)

    def end(self, line: int) -> None:
        """The element at hand ends."""
        place = self._places.pop()
        if place == "keyword":
            self._end_keyword()
        elif place == "row":
            self._end_row()
        elif place == "group":
            if self._of_block.group_of.get(self._block.items[-1].keyword if self._block.items else "") != self._group:
                raise RecordRefusedError(self._group, "", "has keywords in it", CLAUSE, line)
        elif place == "segment":
            self._complete(("metadata", "data"), "segment", line)
        elif place == "block" and self._rows:
            self._rows_done()

    def _end_keyword(self) -> None:
        pieces = self._pieces
        text = (pieces[0] if len(pieces) == 1 else "".join(pieces)).strip(BLANKS)
        self._pieces, self._length = [], 0
        keyword, block, line = self._keyword, self._block, self._keyword_line
        if self._nil and text:
            raise RecordRefusedError(keyword, text, "nothing in an element that is nil", CLAUSE, line)
        if self._places[-1] == "row":
            self._row[keyword] = text
        elif keyword == self._of_block.row_line:
            if id(block) not in self._rows:
                self._rows[id(block)] = (block, Rows())
            self._rows[id(block)][1].add((keyword,), (text,), line)
            self._extend(id(block), (keyword,), (text,), self._row_at)
        elif self._rows and id(block) in self._rows:
            raise RecordRefusedError(keyword, text, f"stands before {block.kind.rows}", CLAUSE, line)
        else:
            block.items.append(Item(keyword, text, self._units, line, self._nil))

    def _end_row(self) -> None:
        block = self._block
        rows = self._rows[id(block)][1]
        keywords, texts = tuple(self._row), tuple(self._row.values())
        rows.add(keywords, texts, self._row_line)
        self._extend(id(block), keywords, texts, self._row_at)

    def _extend(self, block: int, keywords: tuple[str, ...], texts: tuple[str, ...], at: int) -> None:
        """The rows behind the one just read, where a lane has read them."""
        chain = self._chains.pop(at, None) if self._chains else None
        if chain is not None:
            if chain.texts != texts or chain.keywords != keywords:
                raise LaneMismatchError
            self._rows[block][1].extend(chain.runs)

    def _rows_done(self) -> None:
        for block, rows in self._rows.values():
            block.rows.extend(rows.runs())
        self._rows.clear()

    def _complete(self, wanted: tuple[str, ...], name: str, line: int) -> None:
        for part in wanted:
            if part not in self._seen:
                raise RecordRefusedError(name, "", f"has {' and '.join(wanted)}; {part} is missing", CLAUSE, line)

    def in_text(self) -> bool:
        """Whether the element at hand is one of text."""
        return self._places[-1] == "keyword"

    def finish(self, line: int) -> None:
        """The message's element ends. Raises RecordRefusedError where header or body is missing."""
        self._rows_done()
        self._complete(("header", "body"), self.message.kind.root, line)
        if not self._segment:
            raise RecordRefusedError("body", "", "has a segment", CLAUSE, line)

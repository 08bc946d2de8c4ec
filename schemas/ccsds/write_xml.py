"""Trees as NDM/XML (CCSDS 505.0-B-3), in the form of the unqualified schema set ndmxml-4.0.0: names without namespace,
which is also what python-sgp4 looks for.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from schemas.ccsds.kvn_blocks import is_matrix
from schemas.ccsds.row_columns import matrix_items, row_runs
from schemas.ccsds.table import BlockKind, ValueType
from schemas.ccsds.tree import Block, Item, Message, Run
from schemas.ccsds.xml_structure import NO_CHARACTER, USER_DEFINED, row_line_name, rows_are_elements
from schemas.refusals import CannotRenderError

_ROOT = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:noNamespaceSchemaLocation="https://sanaregistry.org/r/ndmxml_unqualified/ndmxml-4.0.0-master-4.0.xsd"'
)
_NO_CHARACTER_RE2 = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]|\ufffe|\uffff"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_REFERENCES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
_ROWS_AT_ONCE = 65_536


def write_xml(messages: Iterable[Message], data: bytes = b"") -> bytes:
    """One message as the root, several (or none) in ``<ndm>``, in UTF-8; ``data`` is what `Lines` point into.

    Blocks and keywords stand in the order of the tables, comments at a block's start, and otherwise everything is as
    in the tree: texts, version, units as given. Units are put where the schema demands the attribute, and a keyword's
    default where the schema demands the keyword and its list of values begins with the default (``COV_ORDERING``).
    Messages of a run (`Message.run`) are written, in the order of their records where those are known.

    Raises CannotRenderError for characters that XML does not have, draft keywords, and rows that do not fit.
    """
    written = [one for message in messages for one in _message_texts(message, data)]
    if any(order for order, _ in written):
        written.sort(key=lambda one: one[0])
    texts = [text for _, text in written]
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    if len(texts) == 1:
        return declaration + texts[0].replace(b" id=", _ROOT.encode() + b" id=", 1) + b"\n"
    return b"".join([declaration, f"<ndm{_ROOT}>\n".encode(), *(text + b"\n" for text in texts), b"</ndm>\n"])


def _message_texts(message: Message, data: bytes) -> Iterator[tuple[int, bytes]]:
    """(record, text) of a message and of those of its run; record 0 where the order is that of the tree."""
    parts = list(_Writer(message, data).parts())
    ordered = message.run is None or message.run_records is not None
    yield message.record if ordered else 0, b"".join(text for text, _ in parts)
    run = message.run
    if run is None:
        return
    left = {keyword: [i for i, name in enumerate(run.keywords) if name == keyword] for keyword in set(run.keywords)}
    columns: list[object] = []
    literal = b""
    for text, item in parts:
        places = left.get(item.keyword, []) if item is not None else []
        if places:
            columns += [literal.decode(), _escaped_column(run.columns[places.pop(0)], run.keywords)]
            literal = b""
        else:
            literal += text
    whole = pc.binary_join_element_wise(*columns, literal.decode(), "")
    records = [0] * run.length if message.run_records is None else message.run_records.tolist()
    for record, fellow in zip(records, whole, strict=True):
        yield record, fellow.as_py().encode()


class _Writer:
    """One message."""

    def __init__(self, message: Message, data: bytes) -> None:
        self._message, self._kind, self._data = message, message.kind, data

    def parts(self) -> Iterator[tuple[bytes, Item | None]]:
        """The text in pieces; an item's own text is a piece of its own and comes with the item."""
        kind = self._kind
        version = _attribute(self._message.version, kind.version_keyword)
        yield f'<{kind.root} id="{kind.version_keyword}" version="{version}">'.encode(), None
        yield from self._blocks(self._at("header", 0), 1)
        yield b"\n  <body>", None
        yield from self._blocks(self._at("body", 0), 2)
        for segment in sorted({block.segment for block in self._message.blocks if block.segment}):
            yield b"\n    <segment>", None
            yield from self._blocks(self._at("metadata", segment), 3)
            yield b"\n      <data>", None
            yield from self._blocks(self._at("data", segment), 4)
            yield b"\n      </data>\n    </segment>", None
        yield f"\n  </body>\n</{kind.root}>".encode(), None

    def _at(self, place: str, segment: int) -> list[Block]:
        """The blocks of one place, in the order of the table."""
        order = {block.name: number for number, block in enumerate(self._kind.blocks)}
        blocks = [block for block in self._message.blocks if (block.kind.place, block.segment) == (place, segment)]
        return sorted(blocks, key=lambda block: order[block.kind.name])

    def _blocks(self, blocks: list[Block], depth: int) -> Iterator[tuple[bytes, Item | None]]:
        indent = "\n" + "  " * depth
        for block in blocks:
            if block.kind.draft:
                raise CannotRenderError(f"{block.kind.name} belongs to a draft of the standard and is not written")
            bare = block.kind.name == block.kind.place == "data" or rows_are_elements(block.kind)
            if not bare:
                yield f"{indent}<{block.kind.name}>".encode(), None
            inner = indent if bare else indent + "  "
            if rows_are_elements(block.kind) and block.items:
                raise CannotRenderError(f"{block.kind.name}: {block.items[0].keyword} has no place beside its rows")
            yield from self._items(block, inner)
            if not is_matrix(block.kind):
                for run in row_runs(block, self._data):
                    yield from ((text, None) for text in _rows(run, block.kind, inner))
            if not bare:
                yield f"{indent}</{block.kind.name}>".encode(), None

    def _items(self, block: Block, indent: str) -> Iterator[tuple[bytes, Item | None]]:
        kind = block.kind
        items = block.items + (matrix_items(block, self._data) if is_matrix(kind) else [])
        if items and not (kind.user_defined or rows_are_elements(kind)):
            items += _demanded(items, kind)
            order = {keyword.keyword: number for number, keyword in enumerate(kind.keywords)}
            items.sort(key=lambda item: -1 if item.keyword == "COMMENT" else order.get(item.keyword, len(order)))
        for group, members in groupby(items, key=lambda item: _group(item, kind)):
            if group:
                yield f"{indent}<{group}>".encode(), None
            for item in members:
                start, stop = _tags(item, kind)
                yield f"{indent}{'  ' if group else ''}{start}".encode(), None
                yield _escaped(item.text, item.keyword).encode(), item
                yield stop.encode(), None
            if group:
                yield f"{indent}</{group}>".encode(), None


def _group(item: Item, kind: BlockKind) -> str:
    known = kind.by_name.get(item.keyword)
    return known.xml_group if known is not None else ""


def _demanded(items: list[Item], kind: BlockKind) -> list[Item]:
    """Keywords that the schema demands and KVN has a default for."""
    said = {item.keyword for item in items}
    added = []
    for keyword in kind.keywords:
        if keyword.xml_mandatory and keyword.keyword not in said and said != {"COMMENT"}:
            if keyword.type is not ValueType.CHOICE:
                raise CannotRenderError(f"{keyword.keyword}: the XML schema demands it in {kind.name} [{kind.clause}]")
            added.append(Item(keyword.keyword, keyword.choices[0]))
    return added


def _tags(item: Item, kind: BlockKind) -> tuple[str, str]:
    """Start and end tag of an item."""
    name = item.keyword
    if kind.user_defined and name.startswith(f"{USER_DEFINED}_"):
        parameter = _attribute(name.removeprefix(f"{USER_DEFINED}_"), name)
        return f'<{USER_DEFINED} parameter="{parameter}"{_units(item.units, name)}>', f"</{USER_DEFINED}>"
    if not _NAME.fullmatch(name):
        raise CannotRenderError(f"{name!r}: not a name that an XML element can have")
    known = kind.by_name.get(name)
    if known is not None and known.draft:
        raise CannotRenderError(f"{name} belongs to a draft of the standard and is not written")
    units = item.units
    if not units and not item.nil and known is not None and known.xml_units_mandatory:
        units = known.units
    nil = ' xsi:nil="true"' if item.nil else ""
    return f"<{name}{_units(units, name)}{nil}>", f"</{name}>"


def _units(units: str, keyword: str) -> str:
    return f' units="{_attribute(units, keyword)}"' if units else ""


def _rows(run: Run, kind: BlockKind, indent: str) -> Iterator[bytes]:
    """The elements of a run of rows, some ten thousand at once."""
    element = row_line_name(kind)
    order = [keyword.keyword for keyword in kind.keywords if keyword.keyword in run.keywords]
    keywords = [element] if element else order
    if sorted(keywords) != sorted(run.keywords):
        raise CannotRenderError(f"{kind.name}: rows of {' '.join(keywords)}, not of {' '.join(run.keywords)}")
    inner = indent if element else f"{indent}  "
    opening, closing = ("", "") if element else (f"{indent}<{kind.name}>", f"{indent}</{kind.name}>")
    for start in range(0, run.length, _ROWS_AT_ONCE):
        parts: list[object] = []
        literal = opening
        for keyword in keywords:
            column = run.columns[run.keywords.index(keyword)].slice(start, _ROWS_AT_ONCE)
            known = kind.by_name.get(keyword)
            units = _units(known.units, keyword) if known is not None and known.xml_units_mandatory else ""
            parts += [f"{literal}{inner}<{keyword}{units}>", _escaped_column(column, (keyword,))]
            literal = f"</{keyword}>"
        joined = pc.binary_join_element_wise(*parts, literal + closing, "")
        yield _bytes_of(joined)


def _bytes_of(texts: pa.Array) -> bytes:
    """All texts of an array one behind the other."""
    whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    return bytes(pc.binary_join(whole, "")[0].as_buffer())


def _escaped(text: str, keyword: str) -> str:
    if NO_CHARACTER.search(text):
        raise CannotRenderError(f"{keyword} = {text!a}: a character that XML does not have")
    for character, reference in _REFERENCES:
        if character in text:
            text = text.replace(character, reference)
    return text


def _escaped_column(texts: pa.Array, keywords: tuple[str, ...]) -> pa.Array:
    if pc.any(pc.match_substring_regex(texts, _NO_CHARACTER_RE2)).as_py():
        raise CannotRenderError(f"{' '.join(keywords)}: a character that XML does not have")
    for character, reference in _REFERENCES:
        if pc.any(pc.match_substring(texts, character)).as_py():
            texts = pc.replace_substring(texts, character, reference)
    return texts


def _attribute(text: str, keyword: str) -> str:
    """Text for an attribute: quotes and white space other than blanks are references, so that they come back."""
    escaped = _escaped(text, keyword).replace('"', "&quot;")
    return escaped.replace("\t", "&#9;").replace("\n", "&#10;")

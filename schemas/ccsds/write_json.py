"""Trees as nested JSON: the form that `schemas.ccsds.read_json` describes."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.ccsds.kvn_blocks import is_matrix
from schemas.ccsds.row_columns import expanded, matrix_items, row_runs
from schemas.ccsds.table import BlockKind, ValueType
from schemas.ccsds.tree import Block, Item, Message
from schemas.ccsds.xml_structure import NO_CHARACTER, USER_DEFINED, row_line_name, rows_are_elements
from schemas.refusals import CannotRenderError

# A JSON number (RFC 8259, 6): no leading zeros or plus sign, digits on both sides of the point.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NUMBERS = (ValueType.NUMBER, ValueType.INTEGER)
_PLACES = ("header", "body", "metadata", "data")


class _Digits(str):
    """A number, as it is written."""

    __slots__ = ()


def write_json(messages: Iterable[Message], data: bytes = b"") -> bytes:
    """One message as an object, several (or none) as a list of such, in UTF-8; ``data`` is what `Lines` point into.

    Values of the table's numbers and integers are JSON numbers with just their digits where they are written as JSON
    has them, and strings where not (``.5``, ``+1``, ``007``). Units stand where the tree has them. Blocks stand in the
    order of the table, those of one name as a list, and so do comments and the rows of a block.

    Raises CannotRenderError for draft keywords, rows that do not fit, and characters that our JSON and XML do not have.
    """
    made = [{message.kind.root: _message(message, data)} for message in expanded(messages)]
    return "".join(_serialised(made[0] if len(made) == 1 else made, "\n")).encode() + b"\n"


def _message(message: Message, data: bytes) -> dict[str, Any]:
    body: dict[str, Any] = {}
    made = {"@id": message.kind.version_keyword, "@version": message.version}
    made.update(_section(message, ("header", 0), data))
    body.update(_section(message, ("body", 0), data))
    segments = []
    for segment in sorted({block.segment for block in message.blocks if block.segment}):
        metadata = _section(message, ("metadata", segment), data)
        segments.append({**metadata, "data": _section(message, ("data", segment), data)})
    return {**made, "body": {**body, "segment": segments[0] if len(segments) == 1 else segments}}


def _section(message: Message, where: tuple[str, int], data: bytes) -> dict[str, Any]:
    """The blocks of one place in one segment, by name."""
    made: dict[str, Any] = {}
    for kind in message.kind.blocks:
        blocks = [block for block in message.blocks if block.kind is kind and (kind.place, block.segment) == where]
        if blocks and kind.draft:
            raise CannotRenderError(f"{kind.name} belongs to a draft of the standard and is not written")
        for block in blocks:
            if kind.name == kind.place == "data":
                made.update(_block(block, data))
            elif rows_are_elements(kind):
                _add(made, kind.name, _rows(block, data))
            else:
                _add(made, kind.name, [_block(block, data)])
    return {name: value[0] if len(value) == 1 else value for name, value in made.items()}


def _add(made: dict[str, Any], name: str, values: list[Any]) -> None:
    made.setdefault(name, []).extend(values)


def _block(block: Block, data: bytes) -> dict[str, Any]:
    """The members of one block, each a list of values."""
    kind = block.kind
    made: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    order = {keyword.keyword: number for number, keyword in enumerate(kind.keywords)}
    items = block.items + (matrix_items(block, data) if is_matrix(kind) else [])
    for item in sorted(items, key=lambda one: -1 if one.keyword == "COMMENT" else order.get(one.keyword, len(order))):
        known = kind.by_name.get(item.keyword)
        if known is not None and known.xml_group:
            if known.xml_group not in groups:
                groups[known.xml_group] = {}
                made[known.xml_group] = [groups[known.xml_group]]
            _add(groups[known.xml_group], item.keyword, [_value(item, kind)])
        elif kind.user_defined and item.keyword.startswith(f"{USER_DEFINED}_"):
            parameter = item.keyword.removeprefix(f"{USER_DEFINED}_")
            value = _value(item, kind)
            inner = value if isinstance(value, dict) else {"value": value}
            _add(made, USER_DEFINED, [{"@parameter": parameter, **inner}])
        else:
            _add(made, item.keyword, [_value(item, kind)])
    if row_line_name(kind) and block.rows:
        _add(made, row_line_name(kind), [row[row_line_name(kind)] for row in _rows(block, data)])
    for members in (made, *groups.values()):
        for name, values in members.items():
            members[name] = values[0] if len(values) == 1 else values
    return made


def _rows(block: Block, data: bytes) -> list[dict[str, Any]]:
    if rows_are_elements(block.kind) and block.items:
        raise CannotRenderError(f"{block.kind.name}: {block.items[0].keyword} has no place beside its rows")
    return [
        {name: _value(Item(name, text), block.kind) for name, text in zip(run.keywords, texts, strict=True)}
        for run in row_runs(block, data)
        for texts in zip(*(column.to_pylist() for column in run.columns), strict=True)
    ]


def _value(item: Item, kind: BlockKind) -> Any:
    known = kind.by_name.get(item.keyword)
    if known is not None and known.draft:
        raise CannotRenderError(f"{item.keyword} belongs to a draft of the standard and is not written")
    if NO_CHARACTER.search(item.text) or NO_CHARACTER.search(item.keyword):
        raise CannotRenderError(f"{item.keyword} = {item.text!a}: a character that messages do not have")
    is_number = known is not None and known.type in _NUMBERS and _NUMBER.fullmatch(item.text)
    value = None if item.nil else _Digits(item.text) if is_number else item.text
    return {"value": value, "@units": item.units} if item.units else value


def _serialised(value: Any, indent: str) -> Iterator[str]:
    """JSON text, a blank deeper each level. Not `json.dumps`, which cannot write a number with given digits."""
    if isinstance(value, dict) and value:
        between = f"{{{indent} "
        for name, inner in value.items():
            yield f"{between}{json.dumps(name, ensure_ascii=False)}: "
            yield from _serialised(inner, f"{indent} ")
            between = f",{indent} "
        yield f"{indent}}}"
    elif isinstance(value, list) and value:
        between = f"[{indent} "
        for inner in value:
            yield between
            yield from _serialised(inner, f"{indent} ")
            between = f",{indent} "
        yield f"{indent}]"
    else:
        yield str(value) if isinstance(value, _Digits) else json.dumps(value, ensure_ascii=False)

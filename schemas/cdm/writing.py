"""Rows as conjunction messages: CDM 1.0 in KVN, XML (valid against ndmxml-4.0.0) and nested JSON.

Numbers are written with as many digits as give the same float64 back, epochs in UTC with six decimals, or nine where
they need them. What is computed, flagged or read from comments is not written; the comments themselves are.
"""

from typing import Any

import pyarrow as pa

from schemas.ccsds.table import BlockKind, Keyword, ValueType
from schemas.ccsds.tree import Block, Item, Message
from schemas.ccsds.write_json import write_json
from schemas.ccsds.write_kvn import write_kvn
from schemas.ccsds.write_xml import write_xml
from schemas.cdm.columns import CDM, OBJECTS, column_name, comment_column
from schemas.refusals import CannotRenderError
from schemas.timescales import format_utc

_NS_PER_MICROSECOND = 1_000
_VERSION = "1.0"


def messages_of(batch: pa.RecordBatch, *, without_draft: bool = False) -> list[Message]:
    """CDM 1.0 trees of the rows of a `CONJUNCTION_MESSAGE_SCHEMA` batch, in their order.

    Raises CannotRenderError for a row that a CDM cannot say: a mandatory keyword is null (``cdm_public`` has hardly
    any), or the row holds keywords of the CDM 2.0 draft; ``without_draft`` leaves those out.
    """
    rows: list[dict[str, Any]] = batch.to_pylist()
    return [_message(row, number, without_draft) for number, row in enumerate(rows, 1)]


def write_cdm_kvn(batch: pa.RecordBatch, *, without_draft: bool = False) -> bytes:
    """CDMs in KVN, one after the other. Raises CannotRenderError as `messages_of`, and for what KVN cannot say.

    KVN has no place for comments of a data section apart from those of its first block: they stand together there.
    """
    messages = messages_of(batch, without_draft=without_draft)
    for message in messages:
        _put_data_comments_first(message)
    return write_kvn(messages)


def write_cdm_xml(batch: pa.RecordBatch, *, without_draft: bool = False) -> bytes:
    """A CDM in XML, several in an ``ndm``. Raises CannotRenderError as `messages_of`, and for what XML cannot say."""
    messages = messages_of(batch, without_draft=without_draft)
    for message in messages:
        _refuse_part_of_group(message)
    return write_xml(messages)


def write_cdm_json(batch: pa.RecordBatch, *, without_draft: bool = False) -> bytes:
    """CDMs in the nested JSON form that mirrors the XML. Raises CannotRenderError as `write_cdm_xml`."""
    messages = messages_of(batch, without_draft=without_draft)
    for message in messages:
        _refuse_part_of_group(message)
    return write_json(messages)


def _message(row: dict[str, Any], record: int, without_draft: bool) -> Message:
    draft = [name for name, _ in row["draft_keywords"]]
    if draft and not without_draft:
        named = ", ".join(draft)
        raise CannotRenderError(f"message {record}: CDM 1.0 has no place for the draft keywords {named}")
    message = Message(CDM, _VERSION, record, 0, 0, 0)
    for segment in (0, *OBJECTS):
        for kind in CDM.blocks:
            if not kind.draft and (kind.place in ("header", "body")) == (segment == 0):
                block = _block(row, kind, segment, record)
                if block.items:
                    message.blocks.append(block)
    return message


def _block(row: dict[str, Any], kind: BlockKind, segment: int, record: int) -> Block:
    items = [Item("COMMENT", text) for text in row[comment_column(kind.name, segment)]]
    for keyword in kind.keywords:
        if keyword.draft:
            continue
        value = f"OBJECT{segment}" if keyword.keyword == "OBJECT" else row[column_name(keyword.keyword, segment)]
        if value is not None:
            items.append(Item(keyword.keyword, _text_of(value, keyword), keyword.units))
        elif keyword.status == "M":
            of_object = f" of object {segment}" if segment else ""
            raise CannotRenderError(
                f"message {record}: a CDM must state {keyword.keyword}{of_object}; the row does not"
            )
    return Block(kind, segment, 0, items)


def _text_of(value: Any, keyword: Keyword) -> str:
    if keyword.type is ValueType.NUMBER:
        return number_text(value)
    if keyword.type is ValueType.EPOCH:
        return format_utc(value, 6 if value % _NS_PER_MICROSECOND == 0 else 9)
    return str(value)


def number_text(value: float) -> str:
    """The shortest decimal that reads back as the same float64, with a point where there is an exponent.

    >>> number_text(55.0), number_text(-0.1), number_text(1e-07)
    ('55', '-0.1', '1.0E-07')
    """
    mantissa, exponent_mark, exponent = repr(float(value)).partition("e")
    if not exponent_mark:
        return mantissa.removesuffix(".0")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{exponent}"


def _put_data_comments_first(message: Message) -> None:
    """The comments of a data section go to the start of its first block, as a reader of KVN will find them."""
    for segment in OBJECTS:
        for block in message.blocks_of("data", segment):
            message.blocks.remove(block)
            first = next(other for other in message.blocks if other.segment == segment and other.kind.place == "data")
            first.items[:0] = block.items


def _refuse_part_of_group(message: Message) -> None:
    """The XML schema has an element around some keywords, which has all of them or is not there."""
    for block in message.blocks:
        groups: dict[str, list[str]] = {}
        for keyword in block.kind.keywords:
            if keyword.xml_group:
                groups.setdefault(keyword.xml_group, []).append(keyword.keyword)
        given = {item.keyword for item in block.items}
        for group, names in groups.items():
            missing = [name for name in names if name not in given]
            if 0 < len(missing) < len(names):
                raise CannotRenderError(
                    f"message {message.record}: {group} of CDM XML has all of {', '.join(names)}, or is not there; "
                    f"missing: {', '.join(missing)}"
                )

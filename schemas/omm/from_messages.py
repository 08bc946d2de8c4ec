"""From messages as their encodings' readers give them to texts in columns: the structure is judged, the values wait.

The judge of the CCSDS tables looks at one message at a time. What it says of a message's structure (order, status,
duplicates, units) is the same for every message with the same structure, so it is asked once for each: of a message
with values that are surely right put in for its own, so that it speaks of the structure alone. All values are judged by
`schemas.omm.rules`, as columns.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import pyarrow as pa

from schemas.ccsds.judge import judge
from schemas.ccsds.table import ValueType
from schemas.ccsds.tree import Block, Item, Message, Unread
from schemas.element_rows import RefusalLimitError
from schemas.omm.gathering import OmmGathering
from schemas.omm.keywords import VERSION_KEYWORD, omm_keywords
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError

_STRUCTURES_MAX = 256
_PLAIN_LENGTH_MAX = 200


class _Verdict(NamedTuple):
    """What the judge says of a structure: an error, or deviations."""

    error: RecordRefusedError | None
    deviations: tuple[str, ...]


class MessageTexts:
    """Brings messages of one encoding (``kvn``, ``xml``, ``json``) to a gathering."""

    def __init__(self, gathering: OmmGathering, encoding: str) -> None:
        self._gathering = gathering
        self._encoding = encoding
        self._verdicts: dict[object, _Verdict] = {}

    def read(self, messages: Iterable[Message | Unread]) -> Reading:
        """The reading of all of them. Raises what the messages' own reader raises before the first message."""
        with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
            for message in messages:
                self.add(message)
        return self._gathering.reading()

    def add(self, message: Message | Unread) -> None:
        """Take one message, and those of its layout that came with it. Raises RefusalLimitError."""
        span = (message.start, message.stop)
        if isinstance(message, Unread):
            self._gathering.refuse(message.error, message.record, span)
        else:
            self._add_message(message, span)
        if self._gathering.is_full:
            self._gathering.flush()

    def _add_message(self, message: Message, span: tuple[int, int]) -> None:
        if message.error is not None:
            self._gathering.refuse(message.error, message.record, span)
            return
        verdict = self._verdict(message)
        if verdict.error is not None:
            error = _with_own_value(verdict.error, message)
            self._gathering.refuse(error, message.record, span)
            self._refuse_run(message, error)
        else:
            noticed = (*message.deviations, *verdict.deviations)
            self._gathering.add(texts_of(message), message.record, span, noticed)
            self._add_run(message, noticed)

    def _add_run(self, message: Message, noticed: tuple[str, ...]) -> None:
        """Take the messages of the same layout."""
        if message.run is None or message.run_records is None or message.run_spans is None:
            return
        columns = {
            name: column
            for name, column in zip(message.run.keywords, message.run.columns, strict=True)
            if name in omm_keywords()
        }
        columns[VERSION_KEYWORD] = pa.repeat(pa.scalar(message.version, pa.string()), message.run.length)
        self._gathering.add_columns(columns, message.run_records, message.run_spans, noticed)

    def _refuse_run(self, message: Message, error: RecordRefusedError) -> None:
        """Refuse the messages of the same layout: what is wrong with it is wrong in each."""
        if message.run_records is None or message.run_spans is None:
            return
        for record, (start, stop) in zip(message.run_records.tolist(), message.run_spans.tolist(), strict=True):
            own = RecordRefusedError(error.field, error.value, error.rule, error.clause)
            self._gathering.refuse(own, record, (start, stop))
            if self._gathering.is_full:
                self._gathering.flush()

    def structure_of(self, message: Message) -> tuple[str, ...] | None:
        """The deviations of every message with the structure of this one, or None where it is refused."""
        if message.error is not None:
            return None
        verdict = self._verdict(message)
        return None if verdict.error is not None else (*message.deviations, *verdict.deviations)

    def _verdict(self, message: Message) -> _Verdict:
        structure = _structure(message)
        known = self._verdicts.get(structure)
        if known is not None:
            return known
        plain = _with_plain_values(message)
        try:
            judge(plain, encoding=self._encoding)
        except RecordRefusedError as error:
            return _Verdict(error, ())  # not kept: it names lines of this message
        verdict = _Verdict(None, tuple(plain.deviations))
        if len(self._verdicts) < _STRUCTURES_MAX:
            self._verdicts[structure] = verdict
        return verdict


def element_sets_of(messages: Iterable[Message | Unread], data: bytes, file: str, encoding: str) -> Reading:
    """The element sets of OMMs that were read already, out of an ``<ndm>`` of several kinds, say.

    ``data`` is the payload that the messages' spans point into, ``file`` what refusals call it; ``encoding`` is
    ``kvn``, ``xml`` or ``json`` (the form that mirrors XML).
    """
    return MessageTexts(OmmGathering(data, file, f"omm-{encoding}", flat=False), encoding).read(messages)


def texts_of(message: Message) -> dict[str, str]:
    """The texts of the table's keywords, of a message in which each stands once; comments and others are left out."""
    texts = {VERSION_KEYWORD: message.version}
    for block in message.blocks:
        for item in block.items:
            if item.keyword in omm_keywords():
                texts[item.keyword] = item.text
    return texts


def _structure(message: Message) -> object:
    """All of a message that its judge looks at but for values that `_plain` puts right; hashable."""
    blocks = tuple(
        (block.kind.name, block.segment, tuple((*_plain(item)[:3], item.nil) for item in block.items))
        for block in message.blocks
    )
    return message.version, blocks


def _with_plain_values(message: Message) -> Message:
    plain = Message(message.kind, message.version, message.record, message.line, message.start, message.stop)
    plain.blocks = [
        Block(block.kind, block.segment, block.line, [_plain(item) for item in block.items], list(block.rows))
        for block in message.blocks
    ]
    return plain


def _plain(item: Item) -> Item:
    """The item with a value that is surely right. Comments and what a user defines stay where there is doubt."""
    if item.keyword in omm_keywords():
        return item if item.nil else item._replace(text=_plain_value(item.keyword))
    text = item.text
    is_plain = text.isascii() and text.isprintable() and len(text) <= _PLAIN_LENGTH_MAX
    return item._replace(text="X") if is_plain and text else item


@cache
def _plain_value(name: str) -> str:
    keyword = omm_keywords()[name]
    if keyword.type == ValueType.EPOCH:
        return "2000-01-01T00:00:00"
    if keyword.type == ValueType.CHOICE:
        return keyword.choices[0]
    if keyword.type in (ValueType.NUMBER, ValueType.INTEGER):
        return "1" if keyword.type == ValueType.INTEGER else "0.5"
    return "X"


def _with_own_value(error: RecordRefusedError, message: Message) -> RecordRefusedError:
    """The judge's error with the text that the message has, where the judge saw another."""
    items = [item for block in message.blocks for item in block.items if item.keyword == error.field]
    own = next((item for item in items if item.line == error.line), items[0] if items else None)
    if own is None or error.value != _plain(own).text:
        return error
    return RecordRefusedError(error.field, own.text, error.rule, error.clause, error.line)

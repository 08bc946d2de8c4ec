"""NDM/XML (CCSDS 505.0-B-3): one message, or many in an ``<ndm>``, with or without a default namespace."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Message, Run, Unread
from schemas.ccsds.xml_elements import ElementReader, whole
from schemas.ccsds.xml_rows import LaneMismatchError, join_runs
from schemas.ccsds.xml_runs import Found, MessageRun, find_runs
from schemas.ccsds.xml_structure import BLANKS
from schemas.refusals import RecordRefusedError

_BLANKS = BLANKS.encode()


def read_xml_messages(data: bytes, kinds: Sequence[MessageKind], *, runs: bool = True) -> Iterator[Message | Unread]:
    """The messages of an XML payload that are of one of ``kinds``; others in an ``<ndm>`` are `Unread`.

    A message whose elements are out of place has ``error``, and nothing after it is lost. Where the document stops
    being XML, the messages before that place are given and the rest is one `Unread`; RecordRefusedError is raised only
    where that place is before the first message. UTF-8 only, no document type declaration, at most 16 levels, 16
    attributes, 10,000 characters in a text and 4 MiB in a tag.

    ``runs``: messages in one layout, and rows of an ephemeris, are read as columns (`Message.run`, `Run`), by
    `schemas.ccsds.xml_runs`; what is read is the same, and messages of a run come with the first of their layout.
    """
    found = find_runs(data, kinds) if runs else None
    messages = None if found is None else _read_around(data, kinds, found)
    if messages is None:
        yield from ElementReader(data, kinds, whole(data)).messages()
    else:
        yield from messages


def wrapper_keywords(data: bytes) -> tuple[str, ...]:
    """Which of MESSAGE_ID and COMMENT an ``<ndm>`` has itself, in the order met; () for a root of another name.

    They belong to no message. Raises nothing: where the document breaks, what was met before is given.
    """
    reader = ElementReader(data, (), whole(data))
    with suppress(RecordRefusedError):
        deque(reader.messages(), maxlen=0)
    return tuple(reader.wrapper_keywords)


def _read_around(data: bytes, kinds: Sequence[MessageKind], found: Found) -> list[Message | Unread] | None:
    """The messages left when runs are cut out, and the runs given to them; None where a guard of the lane fails."""
    reader = ElementReader(data, kinds, found.kept, found.chains)
    try:
        messages = list(reader.messages())
    except (LaneMismatchError, RecordRefusedError):
        return None
    if reader.broken or found.chains:
        return None
    if not found.messages:
        return messages
    if not reader.in_ndm or not _anchored(data, messages, found):
        return None
    at_start = {message.start: message for message in messages if isinstance(message, Message)}
    starts = np.array([message.start for message in messages], np.int64)
    for run in found.messages:
        first = at_start.get(run.start)
        if first is None or not _agrees(first, run):
            return None
        columns = join_runs(run.runs)
        first.run = Run(tuple(item.keyword for block in first.blocks for item in block.items), *columns[1:])
        first.run_spans = np.concatenate(run.spans)
        places = first.run_spans[:, 0]
        first.run_records = 1 + np.searchsorted(starts, places) + np.searchsorted(found.message_starts, places)
    for place, message in enumerate(messages):
        record = message.record + int(np.searchsorted(found.message_starts, message.start))
        if isinstance(message, Message):
            message.record = record
        else:
            messages[place] = message._replace(record=record)
    return messages


def _anchored(data: bytes, messages: list[Message | Unread], found: Found) -> bool:
    """Whether each stretch of messages cut out stands right behind a message that was met."""
    stops = np.array([message.stop for message in messages if isinstance(message, Message)], np.int64)
    before = np.searchsorted(stops, found.anchors_before, side="right") - 1
    if bool((before < 0).any()):
        return False
    pairs = zip(stops[before].tolist(), found.anchors_before.tolist(), strict=True)
    return not any(data[stop:start].strip(_BLANKS) for stop, start in pairs)


def _agrees(first: Message, run: MessageRun) -> bool:
    """Whether the element reader saw in the first message of a run just what the lane saw there."""
    items = [item for block in first.blocks for item in block.items]
    if first.error is not None or first.stop != run.stop or any(block.rows for block in first.blocks):
        return False
    if any(item.nil for item in items) or len({item.keyword for item in items}) < len(items):
        return False
    read = [(item.keyword.partition("USER_DEFINED_")[1].rstrip("_") or item.keyword, item.text) for item in items]
    return read == list(zip(run.layout.names, run.texts, strict=True))

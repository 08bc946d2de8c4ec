"""Reads OMMs in KVN, one or many in a payload: each begins with its ``CCSDS_OMM_VERS`` line."""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.tree import Message, Unread
from schemas.element_rows import RefusalLimitError
from schemas.omm.from_messages import MessageTexts
from schemas.omm.gathering import OmmGathering
from schemas.omm.keywords import VERSION_KEYWORD, omm
from schemas.omm.kvn_lane import KvnFrames, KvnLine, begins_message, frames_of, layout_of, take
from schemas.reading import Reading

_PART_BYTES = 1 << 21
_LAYOUTS_MAX = 16
_VERSION_LINE = VERSION_KEYWORD.encode()
_NEXT_MESSAGE = b"\n" + _VERSION_LINE

_Layout = tuple[list[KvnLine], tuple[str, ...]]  # and the deviations of all messages in it


def read_omm_kvn(data: bytes, file: str, *, lane: bool = True) -> Reading:
    """The element sets of a KVN payload; ``file`` is what refusals call it.

    A message that breaks a rule is refused alone. Accepted and named in ``deviations``: see `schemas.omm.rules`, and
    what `schemas.ccsds.judge` names. ``lane`` off reads message by message: the same, and slow.
    """
    gathering = OmmGathering(data, file, "omm-kvn", flat=False)
    if not data.strip():
        return gathering.reading()  # no message is no error
    texts = MessageTexts(gathering, "kvn")
    start = len(data) - len(data.lstrip(b"\r\n"))
    # What stands before the first message says how the comments behind each message are to be read.
    if not lane or b"\n" not in data or not begins_message(data, start):
        return texts.read(read_kvn_messages(data, omm()))
    with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
        _Catalogue(data, gathering, texts).read(start)
    return gathering.reading()


class _Catalogue:
    """One payload of many messages, read part by part."""

    def __init__(self, data: bytes, gathering: OmmGathering, texts: MessageTexts) -> None:
        self._data, self._gathering, self._texts = data, gathering, texts
        self._layouts: list[_Layout] = []
        self._record = 0
        self._line, self._line_position = 1, 0

    def read(self, start: int) -> None:
        """Read all from the first message on. Raises RefusalLimitError."""
        while start < len(self._data):
            stop = len(self._data)
            if stop - start > _PART_BYTES:
                stop = self._part_stop(start)
            self._part(frames_of(self._data, start, stop))
            self._gathering.flush()
            start = stop

    def _part_stop(self, start: int) -> int:
        """Before the last message that begins in a part's bytes, or else the first behind them, or the end."""
        last = self._data.rfind(_NEXT_MESSAGE, start, start + _PART_BYTES)
        while last > start and not begins_message(self._data, last + 1):
            last = self._data.rfind(_NEXT_MESSAGE, start, last)
        if last > start:
            return last + 1
        first = self._data.find(_NEXT_MESSAGE, start + _PART_BYTES - len(_NEXT_MESSAGE))
        while first >= 0 and not begins_message(self._data, first + 1):
            first = self._data.find(_NEXT_MESSAGE, first + 1)
        return len(self._data) if first < 0 else first + 1

    def _part(self, frames: KvnFrames) -> None:
        """Read the messages of one part: those of a known layout together, the others one by one, all in order."""
        left = np.arange(len(frames.spans))
        together = []
        singles: dict[int, list[Message | Unread]] = {}
        known = 0
        while left.size:
            if known == len(self._layouts):
                index, left = int(left[0]), left[1:]
                singles[index] = list(self._messages(frames, index))
                self._learn(frames, index, singles[index])
                continue
            layout, noticed = self._layouts[known]
            taken, columns = take(self._data, frames, left, layout)
            if taken.any():
                together.append((left[taken], columns, noticed))
            left = left[~taken]
            known += 1
        counts = np.ones(len(frames.spans), np.int64)
        for index, messages in singles.items():
            counts[index] = len(messages)
        records = self._record + np.cumsum(counts)
        for rows, columns, noticed in together:
            self._gathering.add_columns(columns, records[rows], frames.spans[rows], noticed)
        for index, messages in singles.items():
            for record, message in enumerate(messages, int(records[index]) - len(messages) + 1):
                self._texts.add(_numbered(message, record))
        self._record = int(records[-1]) if len(records) else self._record

    def _learn(self, frames: KvnFrames, index: int, messages: list[Message | Unread]) -> None:
        """Take the layout of a message that was read, if it is right and others may have it."""
        message = messages[0]
        if len(messages) > 1 or isinstance(message, Unread) or len(self._layouts) >= _LAYOUTS_MAX:
            return
        noticed = self._texts.structure_of(message)
        layout = None if noticed is None else layout_of(self._data, frames, index, message)
        if noticed is not None and layout is not None:
            self._layouts.append((layout, noticed))

    def _messages(self, frames: KvnFrames, index: int) -> Iterator[Message | Unread]:
        """The messages that the reader of single messages finds in one, with their places in the payload."""
        start, stop = frames.spans[index].tolist()
        text = self._data[start:stop]
        self._line += self._data.count(b"\n", self._line_position, start)
        self._line_position = start
        # The last line may lack its end, by which the reader knows what ends lines.
        for message in read_kvn_messages(text if b"\n" in text else text + b"\n", omm()):
            yield _moved(message, start, stop, self._line - 1)


def _moved(message: Message | Unread, offset: int, stop: int, lines: int) -> Message | Unread:
    """The message with places in the payload, of which it was read as a part."""
    if message.error is not None and message.error.line:
        message.error.line += lines
    if isinstance(message, Unread):
        return message._replace(
            line=message.line + lines, start=message.start + offset, stop=min(message.stop + offset, stop)
        )
    message.line += lines
    message.start, message.stop = message.start + offset, min(message.stop + offset, stop)
    for block in message.blocks:
        block.line += lines
        block.items = [item._replace(line=item.line + lines) for item in block.items]
    return message


def _numbered(message: Message | Unread, record: int) -> Message | Unread:
    if isinstance(message, Unread):
        return message._replace(record=record)
    message.record = record
    return message

"""The objects of a flat JSON payload, one by one: an array of objects, or one object.

The standard library reads each of them, because it hands over the keys as they come (the last of two equal keys would
else win silently) and numbers as their text, so that the rules for numbers are those of KVN.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.ccsds.tree import Unread
from schemas.refusals import RecordRefusedError

_SPACE = re.compile(r"[ \t\n\r]*")
_NEXT_OBJECT = re.compile(r"\}[ \t\n\r]*,[ \t\n\r]*(?=\{)")
_SHOWN = 40


class Pairs(list[tuple[str, Any]]):
    """The members of one JSON object, in order, equal keys kept."""


class NotANumber:
    """NaN or Infinity, which JSON does not have."""


class FlatObject(NamedTuple):
    """One object: record number and line (from 1), bytes ``start`` to ``stop``, texts by key; None for null."""

    record: int
    line: int
    start: int
    stop: int
    texts: dict[str, str | None]


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=str, parse_int=str, parse_constant=lambda text: NotANumber(), strict=True
)


def flat_objects(data: bytes) -> Iterator[FlatObject | Unread]:
    """The objects in order; `Unread` for what is none, after which reading goes on at the array's next object.

    Raises RecordRefusedError where the payload is neither an array nor an object.
    """
    return _Walk(data).objects()


def _texts_of(value: Any) -> dict[str, str | None]:
    """Keys and texts of a flat object. Raises RecordRefusedError for equal keys and for values that are no texts."""
    if not isinstance(value, Pairs):
        raise RecordRefusedError("payload", str(value)[:_SHOWN], "a JSON object")
    texts: dict[str, str | None] = {}
    for key, member in value:
        if key in texts:
            raise RecordRefusedError(key, str(member)[:_SHOWN], "this key stands already, once is all")
        if member is not None and not isinstance(member, str):
            raise RecordRefusedError(key, type(member).__name__, "a string, a number or null")
        texts[key] = member
    return texts


class _Walk:
    """Stands at ``_position`` of the text; counts lines and bytes as it goes."""

    def __init__(self, data: bytes) -> None:
        # Bytes that are no UTF-8 become lone surrogates, so that they spoil one record and not the payload.
        self._text = data.decode("utf-8-sig", "surrogateescape")
        self._position = 0
        self._counted, self._line = 0, 1
        self._bytes = len(data) - len(self._text.encode("utf-8", "surrogateescape"))  # the byte order mark
        self._record = 0

    def objects(self) -> Iterator[FlatObject | Unread]:
        """All objects."""
        self._skip_space()
        opening = self._text[self._position : self._position + 1]
        if opening not in ("[", "{"):
            raise RecordRefusedError("payload", self._text[:_SHOWN], "a JSON array of objects, or one object")
        if opening == "{":
            yield self._object()
            self._skip_space()
        else:
            self._position += 1
            self._skip_space()
            if self._text.startswith("]", self._position):
                self._position += 1
            else:
                yield from self._members()
        self._skip_space()
        if self._position < len(self._text):
            self._record += 1
            yield self._unread(self._position, len(self._text), "JSON: nothing after the end")
            self._position = len(self._text)

    def _members(self) -> Iterator[FlatObject | Unread]:
        while self._position < len(self._text):
            yield self._object()
            self._skip_space()
            following = self._text[self._position : self._position + 1]
            if following == ",":
                self._position += 1
                self._skip_space()
                continue
            if following == "]":
                self._position += 1
                return
            # What could not be read stops before the next object of the array, if there is one.
            if self._position >= len(self._text):
                return
            if not self._resumed:
                self._record += 1
                yield self._resume(self._position, self._position, "JSON: a comma or the end of the array")

    def _object(self) -> FlatObject | Unread:
        start = self._position
        self._record += 1
        self._resumed = False
        try:
            value, stop = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            return self._resume(start, error.pos, f"JSON: {error.msg}")
        except RecursionError:
            return self._resume(start, start, "JSON: values nested less deeply")
        self._position = stop
        line, first = self._place(start)
        last = self._place(stop)[1]
        try:
            return FlatObject(self._record, line, first, last, _texts_of(value))
        except RecordRefusedError as error:
            return Unread(self._record, line, first, last, error)

    def _resume(self, start: int, broken: int, rule: str) -> Unread:
        """Leave out the text from ``start`` to the next object of the array, or to the end."""
        following = _NEXT_OBJECT.search(self._text, broken)
        self._position = following.end() if following else len(self._text)
        self._resumed = True
        return self._unread(start, self._position, rule)

    def _unread(self, start: int, stop: int, rule: str) -> Unread:
        line, first = self._place(start)
        error = RecordRefusedError("payload", self._text[start : start + _SHOWN], rule)
        return Unread(self._record, line, first, self._place(stop)[1], error)

    def _place(self, position: int) -> tuple[int, int]:
        """(line, byte) of a position not before the last one asked for."""
        passed = self._text[self._counted : position]
        self._line += passed.count("\n")
        self._bytes += len(passed.encode("utf-8", "surrogateescape"))
        self._counted = position
        return self._line, self._bytes

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._position)
        if match is not None:
            self._position = match.end()

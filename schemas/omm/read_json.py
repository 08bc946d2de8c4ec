"""Reads OMMs in JSON: CelesTrak's (numbers, 17 keys) and Space-Track's (all strings, null for what is not known).

The standard library reads each object, because it hands over the keys as they come (msgspec and orjson keep the last
of two equal keys and say nothing) and numbers as their text, so that the rules for numbers are those of KVN.
"""

import json
import re
from typing import Any

from schemas.element_rows import Gathering, RefusalLimitError, whole_payload_refused
from schemas.omm.keywords import FLAT_KEYS
from schemas.omm.record import element_row
from schemas.reading import Reading
from schemas.refusals import REFUSED_BYTES_MAX, RecordRefusedError

_ENCODING = "omm-json"
_SPACE = re.compile(r"[ \t\n\r]*")
_NEXT_OBJECT = re.compile(r"\}[ \t\n\r]*,[ \t\n\r]*(?=\{)")


class _Pairs(list[tuple[str, Any]]):
    """The members of one JSON object, in order, equal keys kept."""


class _NotANumber:
    """NaN or Infinity, which JSON does not have."""


# strict: no control characters inside strings
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=lambda text: _NotANumber(), strict=True
)


def read_omm_json(data: bytes, file: str) -> Reading:
    """The element sets of a JSON array of flat objects, or of one such object; ``file`` is what refusals call it.

    An object that breaks a rule is refused alone; after text that is no JSON, reading goes on at the next object of
    the array. Accepted and named in ``deviations``: see `schemas.omm.record`.
    """
    # Bytes that are no UTF-8 become lone surrogates, so that they spoil one record and not the payload.
    reader = _ArrayReader(data.decode("utf-8", "surrogateescape"), Gathering(file))
    try:
        reader.read()
    except RefusalLimitError:
        pass  # the gathering holds the refusal that says so
    except RecordRefusedError as error:
        return whole_payload_refused(_ENCODING, file, error, data)
    return reader.gathering.reading(_ENCODING)


class _ArrayReader:
    """Walks the objects of an array: ``position`` is where it stands in ``text``, ``line`` counts from 1."""

    def __init__(self, text: str, gathering: Gathering) -> None:
        self.gathering = gathering
        self._text = text
        self._position = 0
        self._record = 0
        self._line, self._line_position = 1, 0

    def read(self) -> None:
        """Read all. Raises RecordRefusedError where the payload is neither array nor object."""
        self._skip_space()
        opening = self._text[self._position : self._position + 1]
        if opening == "{":
            if self._value():
                self._end()
            return
        if opening != "[":
            raise RecordRefusedError("payload", self._text[:40], "a JSON array of objects, or one object")
        self._position += 1
        self._skip_space()
        if self._text.startswith("]", self._position):
            self._position += 1
            self._end()
            return
        self._members()

    def _members(self) -> None:
        """Read the members of the array and its end."""
        while True:
            if self._value():
                self._skip_space()
                following = self._text[self._position : self._position + 1]
                self._position += 1
                if following == ",":
                    self._skip_space()
                    continue
                if following == "]":
                    self._end()
                    return
                self._record += 1
                self._resume(self._position - 1, self._position - 1, "JSON: a comma or the end of the array")
            if self._position >= len(self._text):
                return

    def _value(self) -> bool:
        """Read the value at hand. False where it is no JSON: then it is refused as far as the next object."""
        start = self._position
        self._record += 1
        try:
            value, self._position = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            self._resume(start, error.pos, f"JSON: {error.msg}")
            return False
        except RecursionError:
            self._resume(start, start, "JSON: values nested less deeply")
            return False
        try:
            self.gathering.add(element_row(_texts_of(value), self._record, flat=True))
        except RecordRefusedError as error:
            self._refuse(error, start, self._position)
        return True

    def _resume(self, start: int, broken: int, rule: str) -> None:
        """Refuse from ``start`` on, and stand at the next object of the array, or at the end of the text."""
        following = _NEXT_OBJECT.search(self._text, broken)
        end = following.end() if following else len(self._text)
        value = self._text[broken : broken + 40].encode("utf-8", "surrogateescape")
        self._refuse(RecordRefusedError("record", value, rule), start, end)
        self._position = end

    def _end(self) -> None:
        """Demand that nothing follows."""
        self._skip_space()
        if self._position < len(self._text):
            self._record += 1
            value = self._text[self._position : self._position + 40]
            error = RecordRefusedError("payload", value, "nothing behind the JSON value")
            self._refuse(error, self._position, len(self._text))

    def _refuse(self, error: RecordRefusedError, start: int, end: int) -> None:
        self._line += self._text.count("\n", self._line_position, start)
        self._line_position = start
        data = self._text[start : min(end, start + REFUSED_BYTES_MAX)].encode("utf-8", "surrogateescape")
        self.gathering.refuse(error, self._record, self._line, data)

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._position)
        if match is not None:
            self._position = match.end()


def _texts_of(value: Any) -> dict[str, str]:
    """Keywords and texts of one object, those left out that are null.

    Raises RecordRefusedError for anything that is no flat object of known keys.
    """
    if not isinstance(value, _Pairs):
        raise RecordRefusedError("record", str(value)[:200], "an object")
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for key, member in value:
        if key not in FLAT_KEYS:
            raise RecordRefusedError(key, "", "not a key of the OMM, of Space-Track or of CelesTrak")
        if key in seen:
            raise RecordRefusedError(key, str(member)[:200], "a key stands once in an object")
        seen.add(key)
        if member is None:
            continue
        if not isinstance(member, str):
            raise RecordRefusedError(key, _shown(member), "a string, a number or null")
        texts[key] = member
    return texts


def _shown(member: Any) -> str:
    if isinstance(member, bool):
        return "true" if member else "false"
    return "NaN or Infinity" if isinstance(member, _NotANumber) else "an array or object"

"""Reads one JSON value after the other from a payload, keys and numbers as they stand there.

The standard library reads them, because it hands over the keys as they come (msgspec and orjson keep the last of two
equal keys and say nothing) and numbers as their text, so that the rules for numbers are those of KVN.
"""

import json
from functools import cached_property
from typing import Any

from schemas.omm.flat import judged_keys
from schemas.omm.keywords import flat_keys
from schemas.refusals import RecordRefusedError

_WINDOW_BYTES = 65_536


class _Pairs(list[tuple[str, Any]]):
    """The members of one JSON object, in order, equal keys kept."""


class _NotANumber:
    """NaN or Infinity, which JSON does not have."""


# strict: no control characters inside strings
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=lambda text: _NotANumber(), strict=True
)


class BrokenJsonError(Exception):
    """Text that is no JSON, from ``position`` in the payload on."""

    def __init__(self, rule: str, position: int) -> None:
        super().__init__(rule)
        self.position = position


class ObjectReader:
    """Reads values of a payload. A byte is a character here (Latin-1), so that places are those of the payload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, start: int) -> tuple[Any, int]:
        """(the value that begins at ``start``, where it ends). Raises BrokenJsonError."""
        try:
            window = self._data[start : start + _WINDOW_BYTES].decode("latin-1")
            try:
                value, length = _DECODER.raw_decode(window)
                # A number that the window cuts would look whole.
                value, stop = (value, start + length) if length < _WINDOW_BYTES else self._from_whole(start)
            except json.JSONDecodeError:
                value, stop = self._from_whole(start)
            span = self._data[start:stop]
            # Bytes that are no UTF-8 become lone surrogates, so that they spoil one record and not the payload.
            return (value if span.isascii() else _DECODER.decode(span.decode("utf-8", "surrogateescape"))), stop
        except json.JSONDecodeError as error:
            raise BrokenJsonError(error.msg, error.pos) from error
        except RecursionError as error:
            raise BrokenJsonError("values nested less deeply", start) from error

    @cached_property
    def _whole(self) -> str:
        return self._data.decode("latin-1")

    def _from_whole(self, start: int) -> tuple[Any, int]:
        value, stop = _DECODER.raw_decode(self._whole, start)
        return value, stop


def texts_of(value: Any) -> dict[str, str]:
    """Keywords and texts of one object, those left out that are null or not judged.

    Raises RecordRefusedError for anything that is no flat object of known keys.
    """
    if not isinstance(value, _Pairs):
        raise RecordRefusedError("record", str(value)[:200], "an object")
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for key, member in value:
        if key not in flat_keys():
            raise RecordRefusedError(key, "", "not a key of the OMM, of Space-Track or of CelesTrak")
        if key in seen:
            raise RecordRefusedError(key, str(member)[:200], "a key stands once in an object")
        seen.add(key)
        if member is None:
            continue
        if not isinstance(member, str):
            raise RecordRefusedError(key, _shown(member), "a string, a number or null")
        if key in judged_keys():
            texts[key] = member
    return texts


def _shown(member: Any) -> str:
    if isinstance(member, bool):
        return "true" if member else "false"
    return "NaN or Infinity" if isinstance(member, _NotANumber) else "an array or object"

"""Numbers as OMMs write them, by our own grammar.

Python's ``float()`` alone would admit ``nan``, ``inf``, ``1_5.0``, Arabic digits, and ``1e999`` as infinity.
"""

import math
import re

from schemas.refusals import RecordRefusedError

_LENGTH_MAX = 64
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_CLAUSE = "CCSDS 502.0-B-3, 7.5"


def number_of(keyword: str, text: str) -> float:
    """The float64 nearest to a decimal number. Raises RecordRefusedError for other text and for what is not finite."""
    if len(text) > _LENGTH_MAX or _NUMBER.fullmatch(text) is None:
        raise RecordRefusedError(keyword, text, "a decimal number", _CLAUSE)
    value = float(text)
    if not math.isfinite(value):
        raise RecordRefusedError(keyword, text, "a number that float64 can hold", _CLAUSE)
    return value + 0.0  # no negative zero


def integer_of(keyword: str, text: str, low: int, high: int) -> int:
    """A whole number within limits. Raises RecordRefusedError for other text, and outside the limits."""
    if len(text) > _LENGTH_MAX or _INTEGER.fullmatch(text) is None:
        raise RecordRefusedError(keyword, text, "a whole number in digits", _CLAUSE)
    value = int(text)
    if not low <= value <= high:
        raise RecordRefusedError(keyword, text, f"{low} to {high}")
    return value


def has_bare_point(text: str) -> bool:
    """True for a number as ``.5`` and ``5.``: the standard demands a digit on each side of the point.

    >>> has_bare_point("-.87E-6"), has_bare_point("5."), has_bare_point("0.5")
    (True, True, False)
    """
    before, point, after = text.partition(".")
    return bool(point) and (not before.strip("+-") or not after[:1].isdigit())

"""Values as CCSDS messages write them, by our own grammar: numbers, integers, epochs, words of a list, texts.

Python's ``float()`` alone would admit ``nan``, ``inf``, ``1_5.0``, Arabic digits, and ``1e999`` as infinity; ``int()``
takes quadratic time for giant texts. So every text is bounded in length before anything looks into it.
"""

import math
import re

from schemas.refusals import RecordRefusedError
from schemas.timescales import parse_utc, read_calendar

NUMBER_PATTERN = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?"
INTEGER_PATTERN = r"[+-]?[0-9]+"
NUMBER_LENGTH_MAX = 64
EPOCH_LENGTH_MAX = 64
DIGITS_MAX = 16
INTEGER_MIN, INTEGER_MAX = -(2**31), 2**31 - 1

_NUMBER = re.compile(NUMBER_PATTERN)
_INTEGER = re.compile(INTEGER_PATTERN)
_LAST_YEAR = 9999  # of four digits


def number_of(keyword: str, text: str, clause: str = "") -> float:
    """The float64 nearest to a decimal number; negative zero becomes zero.

    Accepts what `NUMBER_PATTERN` does, a bare point (`has_bare_point`) and more than 16 digits (`digits_of`) included:
    whether those are known deviations is the judge's business. Raises RecordRefusedError for other text, text of more
    than `NUMBER_LENGTH_MAX` characters, and numbers that float64 cannot hold (CCSDS 502.0-B-3, 7.5.6 to 7.5.8).
    """
    if len(text) > NUMBER_LENGTH_MAX or _NUMBER.fullmatch(text) is None:
        raise RecordRefusedError(keyword, text, "a decimal number", clause)
    value = float(text)
    if not math.isfinite(value):
        raise RecordRefusedError(keyword, text, "a number that float64 can hold", clause)
    return value + 0.0


def integer_of(keyword: str, text: str, clause: str = "") -> int:
    """A whole number of 32 bits (CCSDS 502.0-B-3, 7.5.5). Raises RecordRefusedError for any other text."""
    if len(text) > NUMBER_LENGTH_MAX or _INTEGER.fullmatch(text) is None:
        raise RecordRefusedError(keyword, text, "a whole number in digits", clause)
    value = int(text)
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise RecordRefusedError(keyword, text, f"{INTEGER_MIN} to {INTEGER_MAX}", clause)
    return value


def has_bare_point(text: str) -> bool:
    """True for a number as ``.5`` and ``5.``: the standard demands a digit on each side of the point.

    >>> has_bare_point("-.87E-6"), has_bare_point("5."), has_bare_point("0.5")
    (True, True, False)
    """
    point = text.find(".")
    return point >= 0 and not (text[:point][-1:].isdigit() and text[point + 1 : point + 2].isdigit())


def digits_of(text: str) -> int:
    """The significant digits of a number's text: those of its mantissa after leading zeros.

    The standard allows 16 (CCSDS 502.0-B-3, 7.5.6), real producers write up to 19; the nearest float64 is read either
    way.

    >>> digits_of("-0.001250"), digits_of("5.059734861920032017e+03")
    (4, 19)
    """
    mantissa = text.replace("e", "E").partition("E")[0]
    return len(mantissa.replace(".", "").lstrip("+-0"))


def word_of(text: str) -> str:
    """A text value as values are compared: upper case, an underscore is a blank, several blanks are one.

    Source: CCSDS 502.0-B-3, 7.5.3 and 7.5.4.

    >>> word_of("rocket__body")
    'ROCKET BODY'
    """
    return " ".join(text.upper().replace("_", " ").split())


def is_mixed_case(text: str) -> bool:
    """True where a value is neither all upper nor all lower case (CCSDS 502.0-B-3, 7.5.3).

    >>> is_mixed_case("Lagrange"), is_mixed_case("eme2000"), is_mixed_case("7")
    (True, False, False)
    """
    return text not in (text.upper(), text.lower())


def check_epoch(keyword: str, text: str, clause: str = "", *, scale: str = "UTC") -> None:
    """Raise RecordRefusedError unless the text is an epoch that exists in a time scale.

    In UTC by `schemas.timescales.parse_utc` (second 60 in a leap second of the IERS table, 1972 to 2261); in others,
    named as in TIME_SYSTEM, by the calendar alone, with seconds up to 59 (CCSDS 502.0-B-3, 7.5.10).
    """
    if len(text) > EPOCH_LENGTH_MAX:
        raise RecordRefusedError(keyword, text, f"at most {EPOCH_LENGTH_MAX} characters", clause)
    try:
        if scale == "UTC":
            parse_utc(text)
        else:
            read_calendar(text, scale, 1, _LAST_YEAR)
    except ValueError as error:
        raise RecordRefusedError(keyword, text, str(error), clause) from error

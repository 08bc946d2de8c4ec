"""The columns of a TLE, read for many element sets at once, every rule of the format checked.

Lines come as arrays of bytes, shape (n, 69); columns are named as in the format, from 1. Each check is one boolean
array, kept with the words that say what it demands: where a record fails, the first failed check is its refusal. So
there is one implementation of the rules, for the good records and for the bad.
Numbers are whole digits divided by a power of ten that a float64 holds exactly, so they are correctly rounded.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.alpha5 import FIRST_CHARACTER_VALUES

LINE_LENGTH = 69
FORMAT_CLAUSE = "Space-Track, two-line element set format"
ALPHA5_CLAUSE = "Space-Track, Alpha-5"
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLANK, _PLUS, _MINUS, _POINT, _ZERO, _NINE = (ord(character) for character in " +-.09")
_POWERS_OF_TEN = 10 ** np.arange(16, dtype=np.int64)


class Check(NamedTuple):
    """One rule over all records: ``passed`` has shape (n,); ``clause`` is empty where the rule is our own."""

    field: str
    line: int
    first: int
    last: int
    rule: str
    passed: Mask
    clause: str


class Columns:
    """Lines 1 and 2 of n element sets, and the checks made on them so far."""

    def __init__(self, line1: Bytes, line2: Bytes) -> None:
        self.lines = {1: line1, 2: line2}
        self.checks: list[Check] = []

    def require(
        self, field: str, line: int, first: int, last: int, rule: str, passed: Mask, clause: str = FORMAT_CLAUSE
    ) -> None:
        """Note a check. It is judged after all those noted before it."""
        self.checks.append(Check(field, line, first, last, rule, passed, clause))

    def cut(self, line: int, first: int, last: int) -> Bytes:
        """Columns ``first`` to ``last``, shape (n, last - first + 1)."""
        return self.lines[line][:, first - 1 : last]

    def texts(self, line: int, first: int, last: int) -> list[bytes]:
        """The same as byte strings, trailing blanks kept."""
        width = last - first + 1
        joined = np.ascontiguousarray(self.cut(line, first, last)).tobytes()
        return [joined[start : start + width] for start in range(0, len(joined), width)]

    def is_character(self, line: int, column: int, characters: str) -> Mask:
        """Where one column holds one of some characters."""
        return np.isin(self.lines[line][:, column - 1], np.frombuffer(characters.encode(), dtype=np.uint8))

    def is_blank(self, line: int, first: int, last: int) -> Mask:
        """Where all of some columns are blank."""
        return np.asarray((self.cut(line, first, last) == _BLANK).all(axis=1))

    def blanks(self, line: int, columns: tuple[int, ...]) -> None:
        """Demand the blanks that separate the fields."""
        for column in columns:
            passed = self.is_character(line, column, " ")
            self.require("separator", line, column, column, "fields are separated by a blank", passed)

    def integer(self, field: str, line: int, first: int, last: int, *, blank: bool = False) -> Integers:
        """An unsigned number, leading blanks allowed; ``blank``: it may be missing and is 0 then."""
        value, passed = _unsigned(self.cut(line, first, last))
        rule = "digits, blanks only before them"
        if blank:
            passed, rule = passed | self.is_blank(line, first, last), rule + ", or blank"
        self.require(field, line, first, last, rule, passed)
        return value

    def decimal(self, field: str, line: int, first: int, point: int, last: int) -> Floats:
        """An unsigned number with its decimal point in column ``point``, leading blanks allowed."""
        whole, whole_passed = _unsigned(self.cut(line, first, point - 1))
        fraction, fraction_passed = _digits(self.cut(line, point + 1, last))
        passed = whole_passed & fraction_passed & self.is_character(line, point, ".")
        decimals = last - point
        rule = f"digits with the decimal point in column {point} and {decimals} decimals"
        self.require(field, line, first, last, rule, passed)
        value: Floats = (whole * _POWERS_OF_TEN[decimals] + fraction) / float(10**decimals)
        return value

    def signed_fraction(self, field: str, line: int, first: int, last: int) -> Floats:
        """A sign or blank, a decimal point, digits."""
        value, passed = _digits(self.cut(line, first + 2, last))
        passed &= self.is_character(line, first, " +-") & self.is_character(line, first + 1, ".")
        self.require(field, line, first, last, f"sign or blank, point, {last - first - 1} digits", passed)
        signed: Floats = self._sign(line, first) * value / float(10 ** (last - first - 1)) + 0.0  # no negative zero
        return signed

    def implied_point(self, field: str, line: int, first: int, last: int) -> Floats:
        """Digits after a decimal point that is not written."""
        value, passed = _digits(self.cut(line, first, last))
        self.require(field, line, first, last, f"{last - first + 1} digits, the point before them implied", passed)
        fraction: Floats = value / float(10 ** (last - first + 1))
        return fraction

    def exponential(self, field: str, line: int, first: int, *, blank: bool = False) -> Floats:
        """Eight columns ``±MMMMM±E`` meaning ±0.MMMMM x 10^±E; ``blank``: they may be blank, which is 0."""
        last = first + 7
        mantissa, passed = _digits(self.cut(line, first + 1, first + 5))
        exponent, exponent_passed = _digits(self.cut(line, last, last))
        passed &= exponent_passed & self.is_character(line, first, " +-") & self.is_character(line, last - 1, "+-")
        rule = "sign or blank, five digits, sign, one digit of exponent"
        if blank:
            passed, rule = passed | self.is_blank(line, first, last), rule + ", or blank"
        self.require(field, line, first, last, rule, passed)
        power = self._sign(line, last - 1) * exponent - 5
        scaled = np.where(
            power < 0,
            mantissa / _POWERS_OF_TEN[np.clip(-power, 0, 15)].astype(np.float64),
            (mantissa * _POWERS_OF_TEN[np.clip(power, 0, 15)]).astype(np.float64),
        )
        signed: Floats = self._sign(line, first) * scaled + 0.0  # no negative zero
        return signed

    def catalogue_number(self, line: int) -> Integers:
        """Columns 3 to 7: digits, leading blanks allowed, or Alpha-5."""
        field = self.cut(line, 3, 7)
        plain, plain_passed = _unsigned(field)
        leading = FIRST_CHARACTER_VALUES[field[:, 0]]
        rest, rest_passed = _digits(field[:, 1:])
        alpha5_passed = (leading >= 10) & rest_passed
        rule = "digits, or Alpha-5: A to Z without I and O, then four digits"
        self.require("catalogue_number", line, 3, 7, rule, plain_passed | alpha5_passed, ALPHA5_CLAUSE)
        return np.where(alpha5_passed, leading * 10_000 + rest, plain)

    def checksum(self, line: int) -> Mask:
        """Demand the checksum of column 69, or a blank there; answers where it is blank."""
        body = self.lines[line][:, : LINE_LENGTH - 1]
        is_digit = (body >= _ZERO) & (body <= _NINE)
        total = np.where(is_digit, body - np.uint8(_ZERO), 0).sum(axis=1, dtype=np.int64) + (body == _MINUS).sum(axis=1)
        missing = self.is_character(line, LINE_LENGTH, " ")
        stated = self.lines[line][:, LINE_LENGTH - 1].astype(np.int64) - _ZERO
        rule = "the sum of all digits, each minus sign as 1, modulo 10"
        self.require("checksum", line, LINE_LENGTH, LINE_LENGTH, rule, missing | (stated == total % 10))
        return missing

    def passed(self) -> Mask:
        """Where every check passed."""
        return np.asarray(np.logical_and.reduce([check.passed for check in self.checks]))

    def first_failed(self, row: int) -> Check:
        """The first check that a record failed. Raises StopIteration where it failed none."""
        return next(check for check in self.checks if not check.passed[row])

    def _sign(self, line: int, column: int) -> Integers:
        return np.where(self.lines[line][:, column - 1] == _MINUS, -1, 1).astype(np.int64)


def _digits(field: Bytes) -> tuple[Integers, Mask]:
    """(value, where all characters are digits) of a field, shape (n, k)."""
    is_digit = (field >= _ZERO) & (field <= _NINE)
    values = np.where(is_digit, field - np.uint8(_ZERO), 0).astype(np.int64)
    return values @ _POWERS_OF_TEN[: field.shape[1]][::-1], np.asarray(is_digit.all(axis=1))


def _unsigned(field: Bytes) -> tuple[Integers, Mask]:
    """The same where blanks may stand before the digits."""
    is_digit = (field >= _ZERO) & (field <= _NINE)
    leading_blank = np.logical_and.accumulate(field == _BLANK, axis=1)
    values = np.where(is_digit, field - np.uint8(_ZERO), 0).astype(np.int64)
    passed = np.asarray((is_digit | leading_blank).all(axis=1)) & is_digit[:, -1]
    return values @ _POWERS_OF_TEN[: field.shape[1]][::-1], passed

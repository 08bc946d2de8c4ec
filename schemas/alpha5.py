"""Alpha-5: how a TLE writes catalogue numbers from 100,000 to 339,999 in five columns.

The first character stands for the two leading digits: A = 10 to Z = 33, without I and O. Upper case only. There is no
Alpha-5 form above 339,999, and none at all outside the TLE: an OMM writes the number in digits.
Source: Space-Track documentation, "Alpha-5".
"""

import re

import numpy as np
from numpy.typing import NDArray

LARGEST_ALPHA5 = 339_999
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_FORM = re.compile(rf"[0-9{_LETTERS}][0-9]{{4}}")
_LETTER_VALUE = {letter: 10 + index for index, letter in enumerate(_LETTERS)}


def _first_character_values() -> NDArray[np.int64]:
    values = np.full(256, -1, dtype=np.int64)
    for digit in range(10):
        values[ord("0") + digit] = digit
    for letter, value in _LETTER_VALUE.items():
        values[ord(letter)] = value
    return values


FIRST_CHARACTER_VALUES = _first_character_values()
"""Value of the first character by its byte, shape (256,): -1 where it is neither a digit nor an Alpha-5 letter."""


def encode_alpha5(number: int) -> str:
    """The five characters of a catalogue number from 0 to 339,999. Raises ValueError outside.

    >>> encode_alpha5(5), encode_alpha5(100_000), encode_alpha5(339_999)
    ('00005', 'A0000', 'Z9999')
    """
    if not 0 <= number <= LARGEST_ALPHA5:
        raise ValueError(f"{number} has no Alpha-5 form: the largest number is 339999, 'Z9999'")
    if number < 100_000:
        return f"{number:05d}"
    return f"{_LETTERS[number // 10_000 - 10]}{number % 10_000:04d}"


def decode_alpha5(text: str) -> int:
    """The number that five characters stand for. Raises ValueError for any other length, I, O and lower case.

    >>> decode_alpha5("E8493")
    148493
    """
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no Alpha-5 number: five characters, A to Z without I and O, then digits")
    return _LETTER_VALUE.get(text[0], ord(text[0]) - ord("0")) * 10_000 + int(text[1:])

"""The fast lane's column kernel: from the lines of element sets to Arrow's buffers, compiled by numba.

A field of many sets at a time. It takes only what it is sure of: sets that keep every rule of
``schemas.tle.column_reader``, without any deviation but ``cospar-id-not-standard`` (there are catalogues in which every
set has it). All else, good or bad, is left to the column reader, which is the only place that has words for what is
wrong. So a check here may be stricter than there, never laxer, and a number comes from the same division of the same
two whole numbers, which gives the same float64.

Positions are bytes from 0; columns count from 1 only where they are called columns. The kernel holds no lock.
Everything that it calls is in this file: numba's disk cache keys on the file's modification time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba as nb
import numpy as np
from numpy.typing import NDArray

from schemas.alpha5 import FIRST_CHARACTER_VALUES

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
Counters = NDArray[np.int32]
Floats = NDArray[np.float64]
_Compiled = TypeVar("_Compiled", bound=Callable[..., object])

LINE_LENGTH = 69
EPOCH_LENGTH = 29  # YYYY-MM-DDThh:mm:ss.nnnnnnnnn
DATE_LENGTH = 10  # YYYY-MM-DD
COSPAR_LENGTH_MAX = 11  # YYYY-NNNPPP
FIRST_YEAR, LAST_YEAR = 1972, 2056
FIRST_MJD, LAST_MJD = 41_317, 72_363  # 1972-01-01 and 2056-12-31

# Rows of the matrices of `Columns`.
MEAN_MOTION, ECCENTRICITY, INCLINATION, NODE, PERICENTER, ANOMALY, BSTAR, DOT, DDOT = range(9)
NUMBER, EPOCH_TAI_NS = range(2)
EPHEMERIS_TYPE, SET_NUMBER, REVOLUTION = range(3)
GOOD, HAS_SET_NUMBER, HAS_REVOLUTION, HAS_COSPAR, DEVIATES, HAS_NAME = range(6)
COSPAR_OFFSETS, NAME_OFFSETS = range(2)

_BLANK, _PLUS, _MINUS, _POINT, _ZERO, _TWO = (ord(c) for c in " +-.02")
_COLON, _T, _U, _C, _S = (ord(c) for c in ":TUCS")
_GROUP = 512  # sets whose bytes stay in a core's cache from one field to the next
_US_PER_DAY = 86_400_000_000
UNIX_EPOCH_MJD = 40_587
_TEN, _ZERO_CODE = np.uint32(10), np.uint8(48)
_POWERS_OF_TEN = np.array([10.0**power for power in range(15)])
_ALPHA5 = FIRST_CHARACTER_VALUES


class Places(NamedTuple):
    """Where n sets are in the payload, from the framing kernel: first bytes and the bytes after the last, (n,) each.

    Each line has 69 bytes or more; ``name`` is ``name_end`` where there is none.
    """

    name: Integers
    name_end: Integers
    line1: Integers
    end1: Integers
    line2: Integers
    end2: Integers


class Days(NamedTuple):
    """What the kernels know of each day from ``FIRST_MJD`` to ``LAST_MJD``.

    ``tai_minus_utc_s`` (days,) int64; ``dates`` (10 days,) uint8, their texts one behind the other.
    """

    tai_minus_utc_s: Integers
    dates: Bytes


class Columns(NamedTuple):
    """What `read_columns` fills for n sets: a matrix a type, a row of it a column of the batch.

    ``floats`` (9, n) float64, ``integers`` (2, n) int64, ``counters`` (3, n) int32, ``masks`` (6, n) bool; ``epochs``
    (29 n,) and ``classes`` (n,) uint8; the letters of ``cospar_ids`` and ``names``, uint8, between ``offsets``
    (2, n + 1), int32. ``masks[DEVIATES]``: the COSPAR id is no designator.
    """

    floats: Floats
    integers: Integers
    counters: Counters
    masks: Mask
    epochs: Bytes
    classes: Bytes
    cospar_ids: Bytes
    names: Bytes
    offsets: Counters


_B = nb.types.Array(nb.uint8, 1, "C", readonly=True)
_I, _FLOATS, _MASK = nb.int64, nb.float64[::1], nb.boolean[::1]


def _compiled_as(signature: Any = None) -> Callable[[_Compiled], _Compiled]:
    """As numba's decorator; the compiled function is called as the Python one.

    With a signature there is one version of a function, without it one for each set of constants that it is called
    with: faster, and longer to compile.
    """

    def decorate(function: _Compiled) -> _Compiled:
        return cast(_Compiled, nb.njit(signature, cache=True, nogil=True, error_model="numpy")(function))

    return decorate


_compiled = _compiled_as()


@_compiled
def _number(b: Bytes, at: int, width: int, blanks: bool) -> int:
    """The number in ``width`` bytes from ``at`` on, -1 where they are not all digits.

    ``blanks``: they may stand before the digits.
    """
    # Unsigned positions, as numba looks at each signed one whether it counts from the end; and no branches.
    value: Any = 0
    wrong: Any = False
    begun: Any = not blanks
    for i in range(np.uint64(width)):
        character = b[np.uint64(at) + i]
        digit = np.uint8(character - _ZERO_CODE)
        leading = (character == _BLANK) & (not begun)
        begun |= not leading
        wrong |= (digit > 9) & (not leading)
        value = value * 10 + (0 if leading else np.int64(digit))
    return -1 if wrong or not begun else value


@_compiled_as(nb.boolean(_B, _I, _I))
def _is_blank(b: Bytes, at: int, width: int) -> bool:
    blank = True
    for i in range(at, at + width):
        blank &= b[i] == _BLANK
    return blank


@_compiled
def _put(text: Bytes, at: int, value: int, width: int) -> None:
    """Write a number's last ``width`` digits; it is less than 2**32."""
    rest = np.uint32(value)
    for i in range(np.uint64(width)):
        text[np.uint64(at + width - 1) - i] = _ZERO_CODE + np.uint8(rest % _TEN)
        rest = np.uint32(rest // _TEN)


@_compiled
def _check_whole(b: Bytes, lines: Integers, ends: Integers, good: Mask) -> None:
    """Printable columns, the right checksum in the last of them, nothing but blanks behind."""
    for row in range(lines.size):
        line = lines[row]
        body = b[line : line + 68]
        total: Any = 0
        unprintable: Any = 0
        for i in range(68):
            character = body[i]
            digit = np.uint8(character - _ZERO_CODE)
            total += np.int32(digit if digit < 10 else np.uint8(character == _MINUS))
            unprintable |= np.uint8(character < 32) | np.uint8(character > 126)
        good[row] &= unprintable == 0 and b[line + 68] == _ZERO + total % 10
        for i in range(line + LINE_LENGTH, ends[row]):
            good[row] &= b[i] == _BLANK


@_compiled
def _check_characters(b: Bytes, line1: Integers, line2: Integers, kinds: Counters, classes: Bytes, good: Mask) -> None:
    """The blanks between the fields, class and ephemeris type."""
    for row in range(line1.size):
        if not good[row]:
            continue
        line, blank = line1[row], True
        for column in (2, 9, 18, 33, 44, 53, 62, 64):
            blank &= b[line + column - 1] == _BLANK
        kind, classification = b[line + 62], b[line + 7]
        line = line2[row]
        for column in (2, 8, 17, 26, 34, 43, 52):
            blank &= b[line + column - 1] == _BLANK
        kinds[row], classes[row] = np.int32(kind) - _ZERO, classification
        good[row] = blank and kind in (_ZERO, _TWO)
        good[row] &= classification in (_U, _C, _S)


@_compiled
def _catalogue_number(b: Bytes, line: int) -> int:
    """Digits or Alpha-5, -1 where it is neither."""
    leading = _ALPHA5[b[line + 2]]
    if leading < 10:
        return _number(b, line + 2, 5, True)
    rest = _number(b, line + 3, 4, False)
    return leading * 10_000 + rest if rest >= 0 else -1


@_compiled
def _read_catalogue_numbers(b: Bytes, line1: Integers, line2: Integers, out: Integers, good: Mask) -> None:
    for row in range(line1.size):
        if good[row]:
            out[row] = _catalogue_number(b, line1[row])
            good[row] = out[row] >= 1 and out[row] == _catalogue_number(b, line2[row])


@_compiled
def _read_counters(b: Bytes, at: Integers, width: int, out: Counters, present: Mask, good: Mask) -> None:
    """Whole numbers of ``width`` columns from the bytes ``at`` on; they may be blank."""
    for row in range(at.size):
        if good[row]:
            value = _number(b, at[row], width, True)
            out[row], present[row] = max(value, 0), value >= 0
            good[row] = value >= 0 or _is_blank(b, at[row], width)


@_compiled
def _read_decimals(
    b: Bytes, at: Integers, whole_width: int, width: int, smallest: float, largest: float, out: Floats, good: Mask
) -> None:
    """Unsigned numbers from the bytes ``at`` on: ``whole_width`` columns, the decimal point, ``width`` decimals."""
    scale = 10**width
    for row in range(at.size):
        if good[row]:
            whole = _number(b, at[row], whole_width, True)
            fraction = _number(b, at[row] + whole_width + 1, width, False)
            out[row] = (whole * scale + fraction) / float(scale)
            good[row] = whole >= 0 and fraction >= 0 and b[at[row] + whole_width] == _POINT
            good[row] &= smallest <= out[row] <= largest


@_compiled_as(nb.void(_B, _I[::1], nb.float64, _FLOATS, _MASK))
def _read_angles(b: Bytes, at: Integers, largest: float, out: Floats, good: Mask) -> None:
    _read_decimals(b, at, 3, 4, 0.0, largest, out, good)


@_compiled_as(_I(_B, _I, _I))
def _sign(b: Bytes, line: int, column: int) -> int:
    """1 or -1, 0 where there is neither sign nor blank."""
    character = b[line + column - 1]
    if character == _MINUS:
        return -1
    return 1 if character in (_PLUS, _BLANK) else 0


@_compiled
def _read_mean_motion_dots(b: Bytes, lines: Integers, out: Floats, good: Mask) -> None:
    """Sign or blank, point, eight digits."""
    for row in range(lines.size):
        if good[row]:
            digits, sign = _number(b, lines[row] + 35, 8, False), _sign(b, lines[row], 34)
            out[row] = sign * digits / 100_000_000.0 + 0.0  # no negative zero
            good[row] = digits >= 0 and sign != 0 and b[lines[row] + 34] == _POINT


@_compiled
def _read_eccentricities(b: Bytes, lines: Integers, out: Floats, good: Mask) -> None:
    """Seven digits, the point before them implied."""
    for row in range(lines.size):
        if good[row]:
            digits = _number(b, lines[row] + 26, 7, False)
            out[row] = digits / 10_000_000.0
            good[row] = digits >= 0


@_compiled_as(nb.void(_B, _I[::1], _I, _FLOATS, _MASK))
def _read_exponentials(b: Bytes, lines: Integers, first: int, out: Floats, good: Mask) -> None:
    """``±MMMMM±E`` as 0.MMMMM x 10^±E."""
    for row in range(lines.size):
        if good[row]:
            line = lines[row]
            mantissa, exponent = _number(b, line + first, 5, False), np.int64(b[line + first + 6]) - _ZERO
            sign, exponent_sign = _sign(b, line, first), _sign(b, line, first + 6)
            good[row] = mantissa >= 0 and 0 <= exponent <= 9 and sign != 0 and b[line + first + 5] != _BLANK
            good[row] &= exponent_sign != 0
            if good[row]:
                power = exponent_sign * exponent - 5
                scale = _POWERS_OF_TEN[abs(power)]
                out[row] = sign * (mantissa / scale if power < 0 else mantissa * scale) + 0.0  # no negative zero


@_compiled
def _put_epoch(text: Bytes, at: int, dates: Bytes, days: int, us_of_day: int) -> None:
    for i in range(DATE_LENGTH):
        text[at + i] = dates[days * DATE_LENGTH + i]
    second = us_of_day // 1_000_000
    _put(text, at + 11, second // 3600, 2)
    _put(text, at + 14, second // 60 % 60, 2)
    _put(text, at + 17, second % 60, 2)
    _put(text, at + 20, us_of_day - second * 1_000_000, 6)
    text[at + 10], text[at + 13], text[at + 16], text[at + 19] = _T, _COLON, _COLON, _POINT
    text[at + 26] = text[at + 27] = text[at + 28] = _ZERO


@_compiled
def _read_epochs(
    b: Bytes, lines: Integers, days_of_tles: Days, epoch_tai_ns: Integers, texts: Bytes, good: Mask
) -> None:
    """Epochs as TAI ns and as text; their last digit, 1e-8 day, is 864 microseconds."""
    tai_minus_utc_s, dates = days_of_tles.tai_minus_utc_s, days_of_tles.dates
    for row in range(lines.size):
        if not good[row]:
            continue
        line = lines[row]
        two_digits, day = _number(b, line + 18, 2, False), _number(b, line + 20, 3, True)
        unit = _number(b, line + 24, 8, False)
        year = two_digits + (1900 if two_digits >= 57 else 2000)
        leap = 1 if year % 4 == 0 else 0  # holds from 1957 to 2056
        good[row] = two_digits >= 0 and unit >= 0 and b[line + 23] == _POINT
        good[row] &= year >= FIRST_YEAR and 1 <= day <= 365 + leap
        if good[row]:
            days = (year - FIRST_YEAR) * 365 + (year - FIRST_YEAR + 3) // 4 + day - 1
            since_1970_us = (days + FIRST_MJD - UNIX_EPOCH_MJD) * _US_PER_DAY + unit * 864
            epoch_tai_ns[row] = (since_1970_us + tai_minus_utc_s[days] * 1_000_000) * 1000
            _put_epoch(texts, row * EPOCH_LENGTH, dates, days, unit * 864)


@_compiled
def _cospar_id(b: Bytes, at: int, letters: Bytes, start: int) -> int:
    """Eight columns as YYYY-NNNP{PP}: its length, 0 for blanks, -1 for no designator, -2 where they are not good."""
    length = 0
    for i in range(8):
        character = b[at + i]
        if character != _BLANK:
            if not (48 <= character <= 57 or 65 <= character <= 90):
                return -2
            length = i + 1
    if length == 0:
        return 0
    year, launch = _number(b, at, 2, False), _number(b, at + 2, 3, False)
    if year < 0 or launch < 1 or length < 6:
        return -1
    for i in range(5, length):
        if not 65 <= b[at + i] <= 90:
            return -1
    _put(letters, start, year + (1900 if year >= 57 else 2000), 4)
    letters[start + 4] = _MINUS
    for i in range(2, length):
        letters[start + 3 + i] = b[at + i]
    return length + 3


@_compiled
def _read_cospar_ids(
    b: Bytes, lines: Integers, letters: Bytes, offsets: Counters, present: Mask, deviates: Mask, good: Mask
) -> None:
    for row in range(lines.size):
        length = _cospar_id(b, lines[row] + 9, letters, offsets[row]) if good[row] else -2
        good[row] = length != -2
        present[row], deviates[row] = length > 0, length == -1
        offsets[row + 1] = offsets[row] + max(length, 0)


@_compiled
def _read_names(b: Bytes, starts: Integers, ends: Integers, letters: Bytes, offsets: Counters, present: Mask) -> None:
    """Names, already judged by the framing kernel; no letters: no name."""
    for row in range(starts.size):
        at, length = offsets[row], ends[row] - starts[row]
        for i in range(length):
            letters[at + i] = b[starts[row] + i]
        offsets[row + 1] = at + length
        present[row] = length > 0


@_compiled
def _read_line1(b: Bytes, lines: Integers, group: slice, out: Columns, good: Mask) -> None:
    counters, masks = out.counters, out.masks
    _read_mean_motion_dots(b, lines, out.floats[DOT, group], good)
    _read_exponentials(b, lines, 45, out.floats[DDOT, group], good)
    _read_exponentials(b, lines, 54, out.floats[BSTAR, group], good)
    _read_counters(b, lines + 64, 4, counters[SET_NUMBER, group], masks[HAS_SET_NUMBER, group], good)


@_compiled
def _read_line2(b: Bytes, lines: Integers, group: slice, out: Columns, good: Mask) -> None:
    """An angle of 360 degrees is a deviation, so not for here."""
    floats = out.floats
    _read_angles(b, lines + 8, 180.0, floats[INCLINATION, group], good)
    _read_angles(b, lines + 17, 359.9999, floats[NODE, group], good)
    _read_eccentricities(b, lines, floats[ECCENTRICITY, group], good)
    _read_angles(b, lines + 34, 359.9999, floats[PERICENTER, group], good)
    _read_angles(b, lines + 43, 359.9999, floats[ANOMALY, group], good)
    _read_decimals(b, lines + 52, 2, 8, 1e-8, 99.99999999, floats[MEAN_MOTION, group], good)
    _read_counters(b, lines + 63, 5, out.counters[REVOLUTION, group], out.masks[HAS_REVOLUTION, group], good)


@_compiled
def read_columns(b: Bytes, places: Places, days: Days, out: Columns) -> None:
    """Fill ``out`` from the sets at ``places``; where ``masks[GOOD]`` is not set, the column reader must read them."""
    masks, integers, offsets = out.masks, out.integers, out.offsets
    offsets[COSPAR_OFFSETS, 0] = offsets[NAME_OFFSETS, 0] = 0
    for low in range(0, places.line1.size, _GROUP):
        high = min(low + _GROUP, places.line1.size)
        group, edges = slice(low, high), slice(low, high + 1)
        line1, line2, good = places.line1[group], places.line2[group], masks[GOOD, group]
        good[:] = True
        _check_whole(b, line1, places.end1[group], good)
        _check_whole(b, line2, places.end2[group], good)
        _check_characters(b, line1, line2, out.counters[EPHEMERIS_TYPE, group], out.classes[group], good)
        _read_catalogue_numbers(b, line1, line2, integers[NUMBER, group], good)
        _read_line1(b, line1, group, out, good)
        _read_line2(b, line2, group, out, good)
        epochs = out.epochs[low * EPOCH_LENGTH : high * EPOCH_LENGTH]
        _read_epochs(b, line1, days, integers[EPOCH_TAI_NS, group], epochs, good)
        present, deviates = masks[HAS_COSPAR, group], masks[DEVIATES, group]
        _read_cospar_ids(b, line1, out.cospar_ids, offsets[COSPAR_OFFSETS, edges], present, deviates, good)
        names, name_ends = places.name[group], places.name_end[group]
        _read_names(b, names, name_ends, out.names, offsets[NAME_OFFSETS, edges], masks[HAS_NAME, group])

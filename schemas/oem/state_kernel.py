"""Data lines of an OEM in bulk: from bytes to float64, compiled by numba.

The kernel takes only what it is sure of: ``epoch x y z vx vy vz [ax ay az]`` of blanks and numbers
``[+-]d+[.d+][e[+-]d+]`` (``5.`` and ``.5`` too) that it can round correctly. All else, good or bad, it leaves to
`schemas.oem.state_lines`, which is the only place that knows words for what is wrong. So a line may be left that would
be read there, and none is read otherwise than there. A number is rounded as Python's ``float`` rounds it (D. Lemire,
"Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021; 128-bit powers of ten, rounded
down).
Everything that the kernel calls is in this file: numba's disk cache keys on the file's modification time.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.values import DIGITS_MAX, NUMBER_LENGTH_MAX
from schemas.oem.state_lines import BARE_POINT, LINE_LENGTH_MAX, MANY_DIGITS

Bytes = NDArray[np.uint8]
EPOCH_WIDTH_MAX = 40
DONE, FULL, UNSURE = range(3)

_BLANK, _CR, _LF, _PLUS, _MINUS, _POINT, _ZERO, _E, _SMALL_E = (ord(character) for character in " \r\n+-.0Ee")
_POWER_MIN, _POWER_MAX = -348, 308
_DIGITS_MAX = 19  # of a whole number that uint64 holds
_BOOK_DIGITS_MAX = DIGITS_MAX
_EXPONENT_DIGITS_MAX = 4


def _power_of_ten(exponent: int) -> tuple[int, int]:
    """(high, low) 64 bits of 10**exponent, times the power of two that makes it 128 bits long, rounded down."""
    if exponent >= 0:
        value = 10**exponent
        shift = 128 - value.bit_length()
        scaled = value << shift if shift >= 0 else value >> -shift
    else:
        value = 10**-exponent
        scaled = (1 << (127 + value.bit_length())) // value
        scaled >>= scaled.bit_length() - 128
    return scaled >> 64, scaled & (1 << 64) - 1


_POWERS = np.array([_power_of_ten(exponent) for exponent in range(_POWER_MIN, _POWER_MAX + 1)], dtype=np.uint64)
# numba makes a float of an int64 and a uint64, so every constant of the 64-bit arithmetic is a uint64.
_U0, _U1, _U3, _U9, _U10, _U32, _U53, _U63 = (np.uint64(n) for n in (0, 1, 3, 9, 10, 32, 53, 63))
_LOW_32 = np.uint64(0xFFFFFFFF)
_LOW_9 = np.uint64(0x1FF)
_EXACT_POWER_MAX = 22  # 10**22 is the last power of ten that is a float64
_EXACT_POWERS = np.array([10.0**power for power in range(_EXACT_POWER_MAX + 1)])
_POWERS_OF_TWO = np.array([2.0**power for power in range(-1074, 972)])  # of the last of a float's 53 bits


class Progress(NamedTuple):
    """Where the kernel stands: rows read, byte at which the next line begins, number of that line, and why it stopped
    (DONE, FULL: no room for more epochs, UNSURE: that line is not for it).
    """

    row: int
    position: int
    line: int
    state: int


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _product(a, b):  # type: ignore[no-untyped-def]
    """(high, low) 64 bits of a product of two uint64."""
    a0, a1, b0, b1 = a & _LOW_32, a >> _U32, b & _LOW_32, b >> _U32
    middle = a1 * b0 + ((a0 * b0) >> _U32)
    middle_low = (middle & _LOW_32) + a0 * b1
    return a1 * b1 + (middle >> _U32) + (middle_low >> _U32), a * b


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _leading_zeros(value):  # type: ignore[no-untyped-def]
    """Of a uint64 that is not 0."""
    count = 0
    step = 32
    while step > 0:
        if value >> np.uint64(64 - step) == _U0:
            value = value << np.uint64(step)
            count += step
        step >>= 1
    return count


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _nearest(mantissa, power):  # type: ignore[no-untyped-def]
    """(float64 nearest to mantissa * 10**power, True), or (0.0, False) where that is not certain."""
    if mantissa == _U0:
        return 0.0, True
    if mantissa >> _U53 == _U0 and -_EXACT_POWER_MAX <= power <= _EXACT_POWER_MAX:
        # Both are whole float64, so one operation rounds once.
        if power < 0:
            return np.float64(mantissa) / _EXACT_POWERS[-power], True
        return np.float64(mantissa) * _EXACT_POWERS[power], True
    if power < _POWER_MIN or power > _POWER_MAX:
        return 0.0, False
    zeros = _leading_zeros(mantissa)
    scaled = mantissa << np.uint64(zeros)
    exponent = ((217_706 * power) >> 16) + 64 + 1023 - zeros
    row = power - _POWER_MIN
    high, low = _product(scaled, _POWERS[row, 0])
    if high & _LOW_9 == _LOW_9 and low + scaled < scaled:
        further, furthest = _product(scaled, _POWERS[row, 1])
        merged = low + further
        if merged < low:
            high += _U1
        if high & _LOW_9 == _LOW_9 and merged + _U1 == _U0 and furthest + scaled < scaled:
            return 0.0, False
        low = merged
    top = high >> _U63
    value = high >> (top + _U9)
    exponent -= 1 - np.int64(top)
    if low == _U0 and high & _LOW_9 == _U0 and value & _U3 == _U1:
        return 0.0, False  # half way between two floats
    value = (value + (value & _U1)) >> _U1
    if value >> _U53 > _U0:
        value = value >> _U1
        exponent += 1
    if exponent < 1 or exponent > 2046:
        return 0.0, False  # subnormal, or too large
    return np.float64(value) * _POWERS_OF_TWO[exponent - 1], True


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _digits(b, position, end, deviates):  # type: ignore[no-untyped-def]
    """(mantissa, power of ten, digits left out, position behind, True) of digits with a point: the first 19 of them."""
    mantissa, count, power, left_out = _U0, 0, 0, False
    before, after, seen_point = 0, 0, False
    while position < end:
        digit = np.int64(b[position]) - _ZERO
        if 0 <= digit <= 9:
            if count < _DIGITS_MAX:
                mantissa = mantissa * _U10 + np.uint64(digit)
                count += 1 if mantissa != _U0 else 0
                power -= 1 if seen_point else 0
            else:
                left_out = True
                power += 0 if seen_point else 1
            before += 0 if seen_point else 1
            after += 1 if seen_point else 0
        elif b[position] == _POINT and not seen_point:
            seen_point = True
        else:
            break
        position += 1
    if seen_point and (before == 0 or after == 0):
        deviates[BARE_POINT] = True
    if count > _BOOK_DIGITS_MAX:
        deviates[MANY_DIGITS] = True
    return mantissa, power, left_out, position, before + after > 0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _few_digits(b, position, end, deviates):  # type: ignore[no-untyped-def]
    """`_digits`, which it leaves what has more than 16 digits: this is where the time goes."""
    start, mantissa = position, _U0
    while position < end:
        digit = np.int64(b[position]) - _ZERO
        if digit < 0 or digit > 9:
            break
        mantissa = mantissa * _U10 + np.uint64(digit)
        position += 1
    before, after = position - start, 0
    if position < end and b[position] == _POINT:
        position += 1
        after = position
        while position < end:
            digit = np.int64(b[position]) - _ZERO
            if digit < 0 or digit > 9:
                break
            mantissa = mantissa * _U10 + np.uint64(digit)
            position += 1
        after = position - after
        if before == 0 or after == 0:
            deviates[BARE_POINT] = True
    if before + after > _BOOK_DIGITS_MAX:
        return _digits(b, start, end, deviates)
    return mantissa, -after, False, position, before + after > 0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _number(b, position, end, deviates):  # type: ignore[no-untyped-def]
    """(value, position behind, True) of the number that begins at a position and ends at ``end`` or a blank."""
    start = position
    negative = b[position] == _MINUS
    if negative or b[position] == _PLUS:
        position += 1
    mantissa, power, left_out, position, good = _few_digits(b, position, end, deviates)
    if not good:
        return 0.0, position, False
    if position < end and (b[position] == _E or b[position] == _SMALL_E):
        position += 1
        falls = position < end and b[position] == _MINUS
        if falls or (position < end and b[position] == _PLUS):
            position += 1
        begin, exponent = position, np.int64(0)
        while position < end and position - begin <= _EXPONENT_DIGITS_MAX:
            digit = np.int64(b[position]) - _ZERO
            if digit < 0 or digit > 9:
                break
            exponent = exponent * 10 + digit
            position += 1
        if position == begin or position - begin > _EXPONENT_DIGITS_MAX:
            return 0.0, position, False
        power += -exponent if falls else exponent
    if (position < end and b[position] != _BLANK) or position - start > NUMBER_LENGTH_MAX:
        return 0.0, position, False
    value, good = _nearest(mantissa, power)
    if left_out and good:
        # The number lies between the two, so where they round to one float it does too.
        next_value, good = _nearest(mantissa + _U1, power)
        good = good and value == next_value
    return (-value if negative else value), position, good


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _line_is_read(b, position, end, numbers, row, epochs, widths, place, deviates):  # type: ignore[no-untyped-def]
    """Fill a row from the line, whose first byte is no blank; False where the line is not for the kernel."""
    begin = position
    while position < end and b[position] != _BLANK:
        if position - begin >= EPOCH_WIDTH_MAX:
            return False
        epochs[place, position - begin] = b[position]
        position += 1
    widths[place] = position - begin
    for column in range(numbers.shape[0]):
        while position < end and b[position] == _BLANK:
            position += 1
        if position == end:
            return False
        value, position, good = _number(b, position, end, deviates)
        if not good:
            return False
        numbers[column, row] = value
    return position == end


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _read_lines(b, position, stop, newline, line, row, numbers, epochs, widths, deviates):  # type: ignore[no-untyped-def]
    """`read_lines`, with its results as a plain tuple."""
    place = 0
    while position < stop:
        end = position
        while end < stop and b[end] != newline:
            end += 1
        first, last = position, end
        # CRLF and LFCR: the CR stands at an edge of the line.
        if first < last and b[last - 1] == _CR:
            last -= 1
        if first < last and b[first] == _CR:
            first += 1
        if last - first > LINE_LENGTH_MAX:
            return row, position, line, UNSURE
        while first < last and b[last - 1] == _BLANK:
            last -= 1
        while first < last and b[first] == _BLANK:
            first += 1
        if first < last:
            if place == widths.shape[0] or row == numbers.shape[1]:
                return row, position, line, FULL
            if not _line_is_read(b, first, last, numbers, row, epochs, widths, place, deviates):
                return row, position, line, UNSURE
            row += 1
            place += 1
        line += 1
        position = end + 1
    return row, stop, line, DONE


def read_lines(
    payload: Bytes,
    stop: int,
    newline: int,
    progress: Progress,
    numbers: NDArray[np.float64],
    epochs: Bytes,
    widths: NDArray[np.int64],
    deviates: NDArray[np.bool_],
) -> Progress:
    """Read on from ``progress`` to byte ``stop`` of the payload, lines ending in the byte ``newline``.

    ``numbers`` (6 or 9, rows) takes the numbers, from ``progress.row`` on. The epochs of this call go to the first
    rows of ``epochs`` (m, EPOCH_WIDTH_MAX), their widths to ``widths`` (m,). FULL comes too where ``numbers`` has
    no more room. ``deviates`` (2,) is set where a number has a bare point (BARE_POINT) or over 16 digits (MANY_DIGITS).
    """
    position, line, row = progress.position, progress.line, progress.row
    return Progress(*_read_lines(payload, position, stop, newline, line, row, numbers, epochs, widths, deviates))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _read_texts(b, offsets, values, good, deviates):  # type: ignore[no-untyped-def]
    """`read_texts`."""
    for index in range(values.shape[0]):
        begin, end = np.int64(offsets[index]), np.int64(offsets[index + 1])
        good[index] = False
        if begin < end:
            value, position, is_good = _number(b, begin, end, deviates)
            good[index] = is_good and position == end
            values[index] = value


def read_texts(
    payload: Bytes, offsets: NDArray[np.int32], deviates: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(numbers, read) of the n texts between n + 1 offsets; a number that is not ``read`` is not for the kernel.

    ``deviates`` as in `read_lines`.
    """
    count = len(offsets) - 1
    values = np.zeros(count, dtype=np.float64)
    good = np.zeros(count, dtype=np.bool_)
    _read_texts(payload, offsets, values, good, deviates)
    return values, good

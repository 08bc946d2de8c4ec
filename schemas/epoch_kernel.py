"""The compiled half of `schemas.epoch_matrix`: bytes to days and nanoseconds of the day.

Everything that the kernel calls is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np

from schemas.timescales import FIRST_YEAR, LAST_YEAR, NS_PER_SECOND

READ, SECOND_60 = 1, 2

_ZERO, _MINUS, _COLON, _POINT, _T, _Z = (ord(character) for character in "0-:.TZ")
_DAYS_BEFORE_MONTH = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365])
_FIRST_YEAR, _LAST_YEAR = FIRST_YEAR, LAST_YEAR  # the calendar's; the instants' own bounds come after
_NS_PER_SECOND = NS_PER_SECOND
_SECONDS_PER_DAY = 86_400
_DAYS_BEFORE_1970 = 719_162  # since 0001-01-01
_SHORTEST = len("YYYY-DDDThh:mm:ss")


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _number(row, begin, end):  # type: ignore[no-untyped-def]
    """Whole number in the columns from begin to end, -1 where one is no digit."""
    value = 0
    for column in range(begin, end):
        digit = int(row[column]) - _ZERO
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _fraction_ns(row, begin, end, rounds):  # type: ignore[no-untyped-def]
    """Nanoseconds of the decimals from begin to end, half to even; -1 for what is no digit or not rounded here."""
    ns = 0
    ninth = begin + 9
    for column in range(begin, min(end, ninth)):
        digit = int(row[column]) - _ZERO
        if digit < 0 or digit > 9:
            return -1
        ns = ns * 10 + digit
    for _ in range(ninth - end):
        ns *= 10
    first, later = 0, False
    for column in range(ninth, end):
        digit = int(row[column]) - _ZERO
        if digit < 0 or digit > 9 or (digit > 0 and not rounds):
            return -1
        if column == ninth:
            first = digit
        elif digit > 0:
            later = True
    if first > 5 or (first == 5 and (later or ns % 2 == 1)):
        ns += 1
    return ns


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _day_of(row):  # type: ignore[no-untyped-def]
    """(days since 1970-01-01 or -1, column of the ``T``) of the date in front."""
    year = _number(row, 0, 4)
    if row[4] != _MINUS or year < _FIRST_YEAR or year > _LAST_YEAR:
        return -1, 0
    leap = 1 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 0
    before = year - 1
    new_year = before * 365 + before // 4 - before // 100 + before // 400 - _DAYS_BEFORE_1970
    if row[8] == _T:
        day = _number(row, 5, 8)
        return (new_year + day - 1, 8) if 1 <= day <= 365 + leap else (-1, 0)
    month, day = _number(row, 5, 7), _number(row, 8, 10)
    if row[7] != _MINUS or row[10] != _T or month < 1 or month > 12 or day < 1:
        return -1, 0
    length = _DAYS_BEFORE_MONTH[month] - _DAYS_BEFORE_MONTH[month - 1] + (leap if month == 2 else 0)
    if day > length:
        return -1, 0
    return new_year + _DAYS_BEFORE_MONTH[month - 1] + (leap if month > 2 else 0) + day - 1, 10


@nb.njit(nogil=True, cache=True, error_model="numpy")
def read_rows(matrix, rounds, day, ns_of_day, kind):  # type: ignore[no-untyped-def]
    """Fill day (days since 1970-01-01), ns_of_day and kind (0 left, 1 read, 2 read with second 60), (n,)."""
    width = matrix.shape[1]
    for index in range(matrix.shape[0]):
        kind[index] = 0
        if width < _SHORTEST:
            continue
        row = matrix[index]
        end = width - 1 if row[width - 1] == _Z else width
        whole_day, t = _day_of(row)
        if whole_day < 0 or end < t + 9 or row[t + 3] != _COLON or row[t + 6] != _COLON:
            continue
        hour, minute, second = _number(row, t + 1, t + 3), _number(row, t + 4, t + 6), _number(row, t + 7, t + 9)
        if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
            continue
        ns = 0
        if end > t + 9:
            ns = _fraction_ns(row, t + 10, end, rounds) if row[t + 9] == _POINT else -1
        second_of_day = hour * 3600 + minute * 60 + second
        if ns < 0 or (second == 60 and second_of_day != _SECONDS_PER_DAY):
            continue
        day[index] = whole_day
        ns_of_day[index] = second_of_day * _NS_PER_SECOND + ns
        kind[index] = SECOND_60 if second == 60 else READ

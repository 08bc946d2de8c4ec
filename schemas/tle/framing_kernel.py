"""The fast lane's framing kernel: where the element sets of a payload plainly are, compiled by numba.

It takes only what it is sure of; the rest it leaves as stretches of bytes to ``schemas.tle.framing``, which alone knows
how to go on after broken sets. Positions are bytes from 0. The kernel holds no lock.
Everything that it calls is in this file: numba's disk cache keys on the file's modification time.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba as nb
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
_Compiled = TypeVar("_Compiled", bound=Callable[..., object])

SHORTEST_SET = 139  # two lines of 69 columns, with an LF between
# Rows of what `find_sets` finds of each set: byte positions, and the lines before it.
START, AFTER, LINES_BEFORE, NAME, NAME_END, LINE1, END1, LINE2, END2 = range(9)
PLACES = 9

_TAB, _LF, _CR, _BLANK, _HASH, _ZERO, _ONE, _TWO = (ord(c) for c in "\t\n\r #012")
_LINE_LENGTH = 69
_SHORTEST_DAMAGED_LINE = 60  # as in schemas.tle.framing


def _compiled(function: _Compiled) -> _Compiled:
    """As numba's decorator; the compiled function is called as the Python one."""
    return cast(_Compiled, nb.njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def _line_end(b: Bytes, start: int, end: int) -> int:
    """Where the line's LF is, ``end`` where it has none."""
    if end - start > _LINE_LENGTH + 1:
        # Lines are 69 long as a rule: then one loop of a fixed length is all.
        line, inside = b[start : start + _LINE_LENGTH], False
        for i in range(_LINE_LENGTH):
            inside |= line[i] == _LF
        if not inside:
            start += _LINE_LENGTH
    while start < end and b[start] != _LF:
        start += 1
    return start


@_compiled
def _begins(b: Bytes, start: int, end: int, digit: int) -> bool:
    """Whether a line begins with 1 or 2 and a blank."""
    return end - start >= 2 and b[start] == digit and b[start + 1] == _BLANK


@_compiled
def _is_passed_over(b: Bytes, start: int, stop: int) -> bool:
    """Whether a line is a comment or blank."""
    if start < stop and b[start] == _HASH:
        return True
    while start < stop and b[start] in (_BLANK, _CR, _TAB):
        start += 1
    return start == stop


@_compiled
def _name_bounds(b: Bytes, start: int, stop: int) -> tuple[int, int]:
    """(first byte, byte after the last) of a line's name, without ``0 ``; (-1, -1) where it is not surely one."""
    if stop > start and b[stop - 1] == _CR:
        stop -= 1
    while start < stop and b[start] == _BLANK:
        start += 1
    while start < stop and b[stop - 1] == _BLANK:
        stop -= 1
    length = stop - start
    if length == 0 or length >= _SHORTEST_DAMAGED_LINE or b[start] == _HASH:
        return -1, -1
    if (b[start] == _ONE or b[start] == _TWO) and (length == 1 or b[start + 1] == _BLANK):
        return -1, -1
    for i in range(start, stop):
        if b[i] < 32 or b[i] > 126:
            return -1, -1
    if b[start] == _ZERO and (length == 1 or b[start + 1] == _BLANK):
        start += 1
        while start < stop and b[start] == _BLANK:
            start += 1
    return start, stop


@_compiled
def _note_set(b: Bytes, start: int, stop: int, end: int, places: Integers, row: int) -> bool:
    """Note where a set's parts are whose first line goes from ``start`` to ``stop``; False where it is not surely one.

    The name is empty where there is none.
    """
    name, name_end, line1 = 0, 0, start
    if not _begins(b, start, stop, _ONE):
        name, name_end = _name_bounds(b, start, stop)
        if stop == end or name < 0:
            return False
        line1 = stop + 1
        stop = _line_end(b, line1, end)
        if not _begins(b, line1, stop, _ONE):
            return False
    line2 = stop + 1
    if stop == end or not _begins(b, line2, end, _TWO):
        return False
    stop2 = _line_end(b, line2, end)
    end1, end2 = stop - (b[stop - 1] == _CR), stop2 - (b[stop2 - 1] == _CR)
    if end1 - line1 < _LINE_LENGTH or end2 - line2 < _LINE_LENGTH:
        return False
    places[START, row], places[AFTER, row] = start, min(stop2 + 1, end)
    places[NAME, row], places[NAME_END, row] = name, name_end
    places[LINE1, row], places[END1, row] = line1, end1
    places[LINE2, row], places[END2, row] = line2, end2
    return True


@_compiled
def find_sets(b: Bytes, start: int, end: int, places: Integers, stretches: Integers) -> tuple[int, int, int]:
    """(sets found, stretches left, lines gone over) of the bytes from ``start`` to ``end``.

    A set is a line that begins with ``1 ``, one that begins with ``2 ``, both of 69 columns or more, and at most a name
    before them, all without anything between. Framing makes one record of each, as nothing is pending behind a line
    that begins with ``2 ``; so ``start`` must be there or at the payload's start. ``places`` (9, n) takes the sets: one
    each ``SHORTEST_SET`` bytes and one more at most. ``stretches`` (n + 1, 5) takes what is no set, up to the next such
    place: first byte, byte after the last, lines before it, sets before it (the last column is the caller's).
    Blank lines and comments between sets are passed over.
    """
    sets, left, lines, position = 0, 0, 0, start
    while position < end:
        stop = _line_end(b, position, end)
        if _is_passed_over(b, position, stop):
            position, lines = min(stop + 1, end), lines + 1
            continue
        if _note_set(b, position, stop, end, places, sets):
            places[LINES_BEFORE, sets] = lines
            position, lines = places[AFTER, sets], lines + (2 if places[LINE1, sets] == position else 3)
            sets += 1
            continue
        if left == 0 or stretches[left - 1, 3] != sets:
            stretches[left, 0], stretches[left, 2], stretches[left, 3] = position, lines, sets
            left += 1
        found = False
        while position < end and not found:
            found = _begins(b, position, end, _TWO)
            position, lines = min(_line_end(b, position, end) + 1, end), lines + 1
        stretches[left - 1, 1] = position
    return sets, left, lines

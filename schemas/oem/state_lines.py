"""One data line of an OEM, or one state of many, by the book's words: the slow lane, and the only one that refuses."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.tree import Lines
from schemas.ccsds.values import DIGITS_MAX, digits_of, has_bare_point, number_of
from schemas.refusals import RecordRefusedError
from schemas.time_systems import to_tai_ns

STATE_KEYWORDS = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT", "X_DDOT", "Y_DDOT", "Z_DDOT")
LINE_LENGTH_MAX = 254
BARE_POINT, MANY_DIGITS = range(2)
DEVIATIONS = ("bare-decimal-point", "more-than-16-digits")  # as the judge calls them, for `BARE_POINT`, `MANY_DIGITS`
WITHOUT_ACCELERATION, WITH_ACCELERATION = 7, 10
CLAUSE = "CCSDS 502.0-B-3, 5.2.4.1"
NUMBER_CLAUSE = "CCSDS 502.0-B-3, 7.5.6 and 7.5.7"
EPOCH_CLAUSE = "CCSDS 502.0-B-3, 7.5.10"
_STRANGE = re.compile(rb"[^ -~]")


class DataLine(NamedTuple):
    """A line that holds something: its fields, and its number in the payload."""

    fields: list[str]
    line: int


class State(NamedTuple):
    """Epoch in TAI ns, then km, km/s, and km/s**2 where there are ten columns."""

    epoch_tai_ns: int
    numbers: list[float]


class Columns(NamedTuple):
    """``epoch_tai_ns`` (n,) int64, ``numbers`` (6 or 9, n) float64, and the known deviations of their texts."""

    epoch_tai_ns: NDArray[np.int64]
    numbers: NDArray[np.float64]
    deviations: set[str]


def fields_of(text: bytes, line: int) -> DataLine | None:
    """The fields of a data line without its end, None for a blank line.

    Raises RecordRefusedError for a line too long, for characters other than printable ASCII (a tab too), and for
    a comment.
    """
    text = text.strip(b"\r")
    if len(text) > LINE_LENGTH_MAX:
        rule = f"a line has at most {LINE_LENGTH_MAX} characters, its end not counted"
        raise RecordRefusedError("line", text, rule, "CCSDS 502.0-B-3, 7.3.1", line)
    strange = _STRANGE.search(text)
    if strange:
        rule = "a line of KVN holds printable ASCII characters and blanks, no tabs and no control characters"
        raise RecordRefusedError("line", ascii(strange[0])[2:-1], rule, "CCSDS 502.0-B-3, 7.3.2", line)
    fields = text.decode("ascii").split()
    if not fields:
        return None
    if fields[0] == "COMMENT":
        rule = "comments stand before the data lines, never among them"
        raise RecordRefusedError("COMMENT", text, rule, "CCSDS 502.0-B-3, 7.8.9", line)
    return DataLine(fields, line)


def columns_of(first: DataLine, version: str) -> int:
    """7 or 10, by the first data line. Raises RecordRefusedError for another number of them, and for 10 in OEM 1.0."""
    count = len(first.fields)
    if count not in (WITHOUT_ACCELERATION, WITH_ACCELERATION):
        rule = f"a data line has an epoch and 6 or 9 numbers, not {count} values"
        raise RecordRefusedError("data line", " ".join(first.fields), rule, CLAUSE, first.line)
    if count == WITH_ACCELERATION and version == "1.0":
        rule = "OEM 1.0 has no accelerations"
        raise RecordRefusedError("X_DDOT", first.fields[7], rule, "CCSDS 502.0-B-1, 3.2.4", first.line)
    return count


def state_of(data_line: DataLine, columns: int, time_system: str, notices: set[str]) -> State:
    """The state of a line with as many columns as the segment has. Known deviations go to ``notices``.

    Raises RecordRefusedError with the field (EPOCH, X, ...), its text, rule, clause and line.
    """
    fields, line = data_line
    if len(fields) != columns:
        rule = f"{len(fields)} values, where the data lines of this segment have {columns}"
        raise RecordRefusedError("data line", " ".join(fields), rule, CLAUSE, line)
    epoch = epoch_of("EPOCH", fields[0], time_system, line)
    numbers = [
        float_of(keyword, text, line, notices)
        for keyword, text in zip(STATE_KEYWORDS[1:columns], fields[1:], strict=True)
    ]
    return State(epoch, numbers)


def epoch_of(keyword: str, text: str, time_system: str, line: int) -> int:
    """TAI ns of an epoch in a time system. Raises RecordRefusedError with the rule that it breaks."""
    try:
        return to_tai_ns(time_system, text[: LINE_LENGTH_MAX + 1])
    except ValueError as error:
        raise RecordRefusedError(keyword, text, str(error), EPOCH_CLAUSE, line) from None


def float_of(keyword: str, text: str, line: int, notices: set[str]) -> float:
    """The float64 nearest to a number, its sign kept for zero. Raises RecordRefusedError for what is no number."""
    try:
        number_of(keyword, text, NUMBER_CLAUSE)
    except RecordRefusedError as error:
        raise RecordRefusedError(keyword, text, error.rule, error.clause, line) from None
    if has_bare_point(text):
        notices.add(DEVIATIONS[BARE_POINT])
    if len(text) > DIGITS_MAX and digits_of(text) > DIGITS_MAX:
        notices.add(DEVIATIONS[MANY_DIGITS])
    return float(text)


def lines_one_by_one(data: bytes, lines: Lines, columns: int, time_system: str) -> Columns:
    """The states of data lines of 7 or 10 columns. Raises RecordRefusedError for the first line that is wrong."""
    newline = line_ending(data)
    epochs: list[int] = []
    numbers: list[list[float]] = []
    notices: set[str] = set()
    for number, text in enumerate(data[lines.start : lines.stop].split(newline), start=lines.line):
        data_line = fields_of(text, number)
        if data_line is not None:
            state = state_of(data_line, columns, time_system, notices)
            epochs.append(state.epoch_tai_ns)
            numbers.append(state.numbers)
    by_column = np.ascontiguousarray(np.array(numbers, dtype=np.float64).T)
    return Columns(np.array(epochs, dtype=np.int64), by_column, notices)


def epoch_at_row(data: bytes, lines: Lines, row: int) -> tuple[str, int]:
    """(text of its epoch, number of its line) of a row, for a refusal; rows are the lines that hold something."""
    newline = line_ending(data)
    position, number = lines.start, lines.line
    while position < lines.stop:
        end = data.find(newline, position, lines.stop)
        end = lines.stop if end < 0 else end
        text = data[position:end].strip(b" \r")
        row -= bool(text)
        if row < 0:
            return text.split()[0].decode("latin-1"), number
        position, number = end + 1, number + 1
    return "", lines.line

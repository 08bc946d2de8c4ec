"""The data lines of an OCM: an instant, absolute or in seconds after EPOCH_TZERO, and numbers behind it."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.tree import Block, Lines, Message
from schemas.ccsds.values import DIGITS_MAX, digits_of, number_of
from schemas.refusals import RecordRefusedError
from schemas.time_systems import to_tai_ns
from schemas.timescales import NS_PER_SECOND

_CLAUSE = "CCSDS 502.0-B-3, 6.2.1 and 7.5"
_SECONDS_MAX = 1e10  # three centuries either way
_BARE_POINT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")


class Clock(NamedTuple):
    """How a message tells time: its TIME_SYSTEM, and EPOCH_TZERO in TAI ns."""

    time_system: str
    zero_tai_ns: int


class Rows(NamedTuple):
    """Data lines of one block: ``epoch_tai_ns`` (n,) int64, ``values`` (n, k) float64, ``lines`` (n,) their places."""

    epoch_tai_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    lines: NDArray[np.int64]


def rows_of(message: Message, block: Block, data: bytes, clock: Clock, what: str, counts: Sequence[int] = ()) -> Rows:
    """The data lines of a traj or cov block of ``message``; ``what`` is how errors call a line.

    ``counts``: how many values may stand behind the instant, () for any number. Adds the known deviations of numbers to
    ``message.deviations``. Raises RecordRefusedError, with the line, for anything that is no instant with numbers
    behind it, for lines of other or different lengths, and for instants that do not rise.
    """
    epochs: list[int] = []
    values: list[list[float]] = []
    lines: list[int] = []
    for line, words in line_words(block, data, what):
        try:
            epoch = instant_of(words[0], clock, what)
            numbers = [_number(word, what) for word in words[1:]]
        except RecordRefusedError as error:
            error.line = line
            raise
        allowed = (len(values[0]),) if values else counts
        if allowed and len(numbers) not in allowed:
            rule = f"{' or '.join(map(str, allowed))} values behind the instant, {len(numbers)} stand here"
            raise RecordRefusedError(what, " ".join(words), rule, _CLAUSE, line)
        if epochs and epoch <= epochs[-1]:
            rule = "instants rise from line to line"
            raise RecordRefusedError(what, " ".join(words), rule, "CCSDS 502.0-B-3, 6.2.4", line)
        _notice_deviations(message, words)
        epochs.append(epoch)
        values.append(numbers)
        lines.append(line)
    count = len(values[0]) if values else 0
    table = np.array(values, dtype=np.float64).reshape(len(values), count)
    return Rows(np.array(epochs, dtype=np.int64), table, np.array(lines, dtype=np.int64))


def line_words(block: Block, data: bytes, what: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, words) of each data line that is not blank; ``what`` is how errors call a line.

    Raises RecordRefusedError for what is no printable ASCII, so that nothing but blanks parts two values (in XML the
    ends of line too), and for an element with nothing in it.
    """
    for line, text in _texts(block, data):
        plain = text.replace("\n", " ")
        if not (plain.isascii() and plain.isprintable()):
            raise RecordRefusedError(what, text, "printable ASCII with blanks between values, no tab", _CLAUSE, line)
        if not plain.strip(" "):
            raise RecordRefusedError(what, text, "an instant with values behind it", _CLAUSE, line)
        yield line, plain.split()


def _texts(block: Block, data: bytes) -> Iterator[tuple[int, str]]:
    """(line number, text) of each data line."""
    for rows in block.rows:
        if isinstance(rows, Lines):
            for offset, raw in enumerate(data[rows.start : rows.stop].split(line_ending(data))):
                if text := raw.decode("utf-8", "backslashreplace").strip(" \r"):
                    yield rows.line + offset, text
        else:
            yield from zip(rows.lines.tolist(), rows.columns[0].to_pylist(), strict=True)


def _notice_deviations(message: Message, words: list[str]) -> None:
    if any("." in word and _BARE_POINT.search(word) for word in words[1:]):
        message.notice("bare-decimal-point")
    if any(len(word) > DIGITS_MAX and digits_of(word) > DIGITS_MAX for word in words[1:]):
        message.notice("more-than-16-digits")


def _number(text: str, what: str) -> float:
    """The float64 nearest to a number, its sign kept for zero."""
    number_of(what, text, _CLAUSE)
    return float(text)


def instant_of(text: str, clock: Clock, what: str) -> int:
    """TAI ns of an absolute or relative instant; relative ones count SI seconds.

    Raises RecordRefusedError, in which ``what`` is the field, for a text that is neither.
    """
    if "T" in text:
        try:
            return to_tai_ns(clock.time_system, text)
        except ValueError as error:
            raise RecordRefusedError(what, text, str(error), _CLAUSE) from error
    if abs(number_of(what, text, _CLAUSE)) > _SECONDS_MAX:
        raise RecordRefusedError(what, text, f"within {_SECONDS_MAX:.0e} s of EPOCH_TZERO", _CLAUSE)
    # Decimal, so that 86400.1 s is that and not the nearest float64.
    return clock.zero_tai_ns + int((Decimal(text) * NS_PER_SECOND).to_integral_value())

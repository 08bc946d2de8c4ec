"""Where the lines of a KVN payload are: ends of lines, spans of data lines, version lines; nothing is copied to look.

CCSDS 502.0-B-3, 7.3 and 508.0-B-1, 6.2.2: a line ends in LF, CRLF, LFCR or CR and holds printable ASCII, no tab. As in
``schemas.text_lines`` CR alone ends lines only where the payload has no LF; beside LF a lone CR is a control character.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.refusals import RecordRefusedError

LINE_BYTES_MAX = 1 << 20  # of a line where the standard sets no length (OCM)
_CHUNK_BYTES = 1 << 20  # looked at in one go in spans of data lines
_VALUE_BYTES = 200
_UTF8_BYTES_MAX = 4  # of one character
_INDENT_MAX = 254
_VERSION = re.compile(rb"CCSDS_([A-Z]{3})_VERS *+=")
_BLANK_LINES = {b"\n": re.compile(rb"(?:[ \r]*+\n)++"), b"\r": re.compile(rb"(?: *+\r)++")}
# A literal before all else lets the search run at the speed of memchr from line to line.
_KEYWORD_LINE = {b"\n": re.compile(rb"\n[ \r]*+[A-Z]"), b"\r": re.compile(rb"\r *+[A-Z]")}


class KvnClauses(NamedTuple):
    """Where a book states the rules of lines."""

    length: str
    characters: str
    first_line: str
    lines: str
    delimiters: str
    comments: str


_ODM = "CCSDS 502.0-B-3"
_CDM = "CCSDS 508.0-B-1"
_CLAUSES = {
    _ODM: KvnClauses(f"{_ODM}, 7.3", f"{_ODM}, 7.3", f"{_ODM}, 7.3.6", f"{_ODM}, 7.3", f"{_ODM}, 7.4", f"{_ODM}, 7.8"),
    _CDM: KvnClauses(
        f"{_CDM}, 6.2.2.1",
        f"{_CDM}, 6.2.2.2",
        f"{_CDM}, 6.3.1.2",
        f"{_CDM}, 6.3.1.3",
        f"{_CDM}, 6.3.1.9",
        f"{_CDM}, 6.2.5.2",
    ),
}


def kvn_clauses(book: str) -> KvnClauses:
    """The clauses of a book; of an unknown one, the book itself."""
    return _CLAUSES.get(book) or KvnClauses(*[book] * 6)


class VersionLine(NamedTuple):
    """A line ``CCSDS_xxx_VERS =``: where it begins (blanks before it included), and the message it names."""

    start: int
    message: str


def line_ending(data: bytes) -> bytes:
    """The byte that ends the lines: LF, or CR where there is no LF."""
    return b"\r" if b"\n" not in data and b"\r" in data else b"\n"


def line_stop(data: bytes, ending: bytes, start: int, stop: int) -> int:
    """Where the line that begins at ``start`` ends, its terminator not counted; ``stop`` for the last line."""
    end = data.find(ending, start, stop)
    return stop if end < 0 else end


def after_blank_lines(data: bytes, ending: bytes, start: int, stop: int) -> int:
    """Where the first line begins that is not blank; ``start`` is the beginning of a line."""
    found = _BLANK_LINES[ending].match(data, start, stop)
    return found.end() if found else start


def next_version_line(data: bytes, ending: bytes, start: int) -> VersionLine | None:
    """The first version line of any CCSDS message that begins at ``start`` or later."""
    # A plain search is the fastest way over data lines; from the first sign on the pattern sorts out the rest.
    at = data.find(b"CCSDS_", start)
    found = _VERSION.search(data, at) if at >= 0 else None
    while found:
        at = found.start()
        indent = data[max(start, at - _INDENT_MAX) : at]
        begin = at - len(indent) + len(indent.rstrip(b" "))
        before = data[max(begin - 2, 0) : begin]
        if ending == b"\n":
            before = before.removesuffix(b"\r")
        if begin == start or not before or before.endswith(ending):
            return VersionLine(begin, found[1].decode())
        found = _VERSION.search(data, found.end())
    return None


def data_lines_stop(data: bytes, ending: bytes, start: int, stop: int) -> int:
    """Where the data lines end that begin at ``start``: the next line whose first letter is a capital, or ``stop``."""
    found = _KEYWORD_LINE[ending].search(data, start, stop)
    return found.start() + 1 if found else stop


def after_last_text(data: bytes, ending: bytes, start: int, stop: int) -> int:
    """Where the last line ends that is not blank, its terminator counted; ``start`` where all are blank."""
    limit = stop
    while stop > start:
        piece = data[max(start, stop - _CHUNK_BYTES // 16) : stop]
        if text := piece.rstrip(b" \r\n"):
            return min(line_stop(data, ending, stop - len(piece) + len(text), limit) + 1, limit)
        stop -= len(piece)
    return start


class LineRules(NamedTuple):
    """What holds for every line of a payload: the byte that ends it, and how many characters it may have."""

    ending: bytes
    length_max: int
    clauses: KvnClauses

    def refused_character(self, character: str | bytes, line: int) -> RecordRefusedError:
        """What is said of a control character, a tab, or bytes that are no text."""
        shown = ascii(character)[1 if isinstance(character, str) else 2 : -1]
        rule = "a line of KVN holds printable ASCII characters and blanks, no tabs and no control characters"
        return RecordRefusedError("line", shown, rule, self.clauses.characters, line)

    def refused_length(self, value: str | bytes, line: int) -> RecordRefusedError:
        """What is said of a line that is too long."""
        rule = f"a line has at most {self.length_max} characters, its end not counted"
        return RecordRefusedError("line", value, rule, self.clauses.length, line)

    def text(self, data: bytes, start: int, stop: int, line: int) -> str:
        """The line without the blanks around it and without the CR of CRLF or LFCR; raises RecordRefusedError."""
        if stop - start > self.length_max * _UTF8_BYTES_MAX:
            raise self.refused_length(data[start : start + _VALUE_BYTES], line)
        raw = data[start:stop]
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise self.refused_character(raw[error.start : error.start + 1], line) from None
        if not text.isprintable():
            text = text.removeprefix("\r").removesuffix("\r")
            if not text.isprintable():
                raise self.refused_character(next(c for c in text if not c.isprintable()), line)
        if len(text) > self.length_max:
            raise self.refused_length(text, line)
        return text.strip(" ")

    def check_data_lines(self, data: bytes, start: int, stop: int, first_line: int) -> None:
        """Raise RecordRefusedError for a byte that is no printable ASCII, or a line that is too long.

        The span is looked at in pieces, so that it costs a fixed amount of memory; ``first_line`` is its line number.
        """
        every = np.frombuffer(data, dtype=np.uint8)
        begin = start
        for at in range(start, stop, _CHUNK_BYTES):
            end = min(at + _CHUNK_BYTES, stop)
            ends = np.flatnonzero(every[at:end] == self.ending[0])
            # Below the blank the difference wraps around, so one comparison finds both sides of the printable range.
            if int(np.count_nonzero((every[at:end] - np.uint8(0x20)) > 0x5E)) != ends.size:
                place = _strange_byte(every, self.ending, at, end)
                if place >= 0:
                    line = first_line + data.count(self.ending, start, place)
                    raise self.refused_character(data[place : place + 1], line)
            bounds = np.concatenate(([begin - 1], at + ends))
            if (np.diff(bounds) > self.length_max + 1).any() or end - bounds[-1] - 1 > self.length_max:
                self._refuse_longest(data, (begin, end, stop), first_line + data.count(self.ending, start, begin))
            begin = int(bounds[-1]) + 1

    def _refuse_longest(self, data: bytes, span: tuple[int, int, int], line: int) -> None:
        """Refuse the first line that is too long without its terminator, among those that begin in a piece."""
        begin, piece_stop, stop = span
        while begin < piece_stop:
            end = line_stop(data, self.ending, begin, stop)
            terminators = (data[begin : begin + 1] == b"\r") + (data[max(end - 1, begin) : end] == b"\r")
            if end - begin - terminators > self.length_max:
                raise self.refused_length(data[begin : begin + _VALUE_BYTES], line)
            begin, line = end + 1, line + 1


def _strange_byte(every: NDArray[np.uint8], ending: bytes, start: int, stop: int) -> int:
    """The first byte outside the printable range that ends no line (the CR of CRLF and of LFCR does), or -1."""
    chunk = every[start:stop]
    places = start + np.flatnonzero(((chunk - np.uint8(0x20)) > 0x5E) & (chunk != ending[0]))
    if ending == b"\n":
        after, before = np.minimum(places + 1, every.size - 1), np.maximum(places - 1, 0)
        of_pair = (every[places] == 0x0D) & ((every[after] == 0x0A) | (every[before] == 0x0A))
        places = places[~of_pair]
    return int(places[0]) if places.size else -1

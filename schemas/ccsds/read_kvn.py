"""KVN payloads, with one message or many, as trees: lines are taken apart and put into blocks, values are not judged.

CCSDS 502.0-B-3, chapter 7 and 508.0-B-1, chapter 6.
"""

from collections.abc import Iterator

from schemas.ccsds.kvn_blocks import Assembler, Layout
from schemas.ccsds.kvn_lines import (
    LINE_BYTES_MAX,
    LineRules,
    VersionLine,
    after_blank_lines,
    after_last_text,
    data_lines_stop,
    kvn_clauses,
    line_ending,
    line_stop,
    next_version_line,
)
from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Lines, Message, Unread
from schemas.refusals import RecordRefusedError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN_BYTES = 200
_TREE_LINES_MAX = 500_000  # of one message: each becomes an object, data lines do not
_VERSION_START = b"CCSDS_"


def read_kvn_messages(data: bytes, kind: MessageKind) -> Iterator[Message | Unread]:
    """The messages of a payload, one by one, each from its version line to the next.

    A message whose lines break the rules of KVN has ``error`` set and what was read before that line; the next one is
    read all the same. What stands before the first version line, and messages of other kinds, come as `Unread`.
    Nothing is raised. A line of any length and a payload of one line cost no more than a search for its end.
    """
    reader = _Reader(data, kind)
    start = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    version = next_version_line(data, reader.ending, start)
    record, line = 1, 1
    before = reader.before_version_line(start, len(data) if version is None else version.start)
    if version is None:
        error = before if isinstance(before, RecordRefusedError) else _no_message(kind, b"", 1)
        yield Unread(record, 1, 0, len(data), error)
        return
    if isinstance(before, RecordRefusedError):
        yield Unread(record, before.line, start, version.start, before)
        record += 1
    elif before:
        # Who writes comments before the first message writes them before each: those at the end are the next one's.
        reader.comments_lead = True
    line += data.count(reader.ending, 0, version.start)
    while version is not None:
        following = next_version_line(data, reader.ending, version.start + len(_VERSION_START))
        stop = len(data) if following is None else following.start
        yield reader.message(version, stop, record, line)
        if following is not None:
            line += data.count(reader.ending, version.start, stop)
        version, record = following, record + 1


class _Reader:
    """One payload; ``comments_lead``: comments at the end of a message are not its own, but stand before the next."""

    def __init__(self, data: bytes, kind: MessageKind) -> None:
        self.data, self.kind = data, kind
        self.ending = line_ending(data)
        self.layout = Layout(kind)
        self.rules = LineRules(self.ending, kind.line_length_max or LINE_BYTES_MAX, self.layout.clauses)
        self.comments_lead = False

    def before_version_line(self, start: int, stop: int) -> RecordRefusedError | bool:
        """Whether comments stand before the first version line; an error for anything else that does."""
        position, comments = start, False
        while (position := after_blank_lines(self.data, self.ending, position, stop)) < stop:
            end = line_stop(self.data, self.ending, position, stop)
            beginning = self.data[position : min(end, position + _SHOWN_BYTES)].strip(b" \r")
            if beginning and not is_comment(beginning.decode("ascii", "replace")):
                return _no_message(self.kind, beginning, 1 + self.data.count(self.ending, 0, position))
            comments = comments or bool(beginning)
            position = end + 1
        return comments

    def message(self, version: VersionLine, stop: int, record: int, line: int) -> Message | Unread:
        """The message from its version line to ``stop``."""
        first = self.data[version.start : min(version.start + _SHOWN_BYTES, stop)]
        if version.message != self.kind.message:
            rule = f"is a message of another kind, where {self.kind.message} is asked for"
            error = RecordRefusedError(f"CCSDS_{version.message}_VERS", first.splitlines()[0], rule, "", line)
            return Unread(record, line, version.start, stop, error)
        message = Message(kind=self.kind, version="", record=record, line=line, start=version.start, stop=stop)
        assembler = Assembler(self.layout, message)
        try:
            if self.comments_lead:
                self._check_leading_comment(version.start, line)
            self._lines(assembler, version.start, stop, line)
        except RecordRefusedError as error:
            message.error = error
        return message

    def _check_leading_comment(self, version_start: int, line: int) -> None:
        """Refuse a message when the last line before its version line is a comment."""
        data, ending = self.data, self.ending
        stop = after_last_text(data, ending, 0, version_start)
        start = data.rfind(ending, 0, max(stop - 1, 0)) + 1
        shown = (
            data[start : min(stop, start + _SHOWN_BYTES)]
            .decode("ascii", "replace")
            .removeprefix("\ufeff")
            .strip(" \r\n")
        )
        if is_comment(shown):
            rule = f"a message begins with {self.kind.version_keyword}; comments follow it"
            line -= data.count(ending, start, version_start)
            raise RecordRefusedError("COMMENT", shown[7:].strip(" "), rule, self.rules.clauses.first_line, line)

    def _lines(self, assembler: Assembler, start: int, stop: int, line: int) -> None:
        data, ending = self.data, self.ending
        position, lines = start, 0
        while position < stop:
            end = line_stop(data, ending, position, stop)
            text = self.rules.text(data, position, end, line)
            if not text:
                end = max(after_blank_lines(data, ending, position, stop) - 1, end)
                line += data.count(ending, position, min(end + 1, stop))
                position = end + 1
                continue
            lines += 1
            if lines > _TREE_LINES_MAX:
                rule = f"a message has at most {_TREE_LINES_MAX} lines and spans of data lines"
                raise RecordRefusedError("line", text, rule, "", line)
            if is_comment(text):
                assembler.comment(text[7:].strip(" "), line)
            elif not ("A" <= text[0] <= "Z") and assembler.takes_rows():
                end = data_lines_stop(data, ending, position, stop) - 1
                position += data[position : position + 1] == b"\r"
                self.rules.check_data_lines(data, position, end + 1, line)
                assembler.rows(Lines(position, after_last_text(data, ending, position, end + 1), line))
                line += data.count(ending, position, end)
            else:
                self._keyword_or_delimiter(assembler, text, line)
            position, line = end + 1, line + 1
        if self.comments_lead:
            assembler.pending.clear()
        assembler.finish(line)

    def _keyword_or_delimiter(self, assembler: Assembler, text: str, line: int) -> None:
        keyword, equals, value = text.partition("=")
        keyword, value = keyword.rstrip(" "), value.lstrip(" ")
        if keyword and equals:
            if keyword == self.kind.version_keyword:
                assembler.message.version = value
            else:
                assembler.keyword(keyword, value, line)
        elif equals or not assembler.delimiter(text, line):
            rule = "a line is KEYWORD = value, COMMENT with text, a delimiter, or a data line where those may stand"
            raise RecordRefusedError("line", text, rule, self.rules.clauses.lines, line)


def is_comment(text: str) -> bool:
    """Whether a line is a comment: COMMENT alone, or before anything that does not go on with the word."""
    return text.startswith("COMMENT") and not (text[7:8].isalnum() or text[7:8] == "_")


def _no_message(kind: MessageKind, beginning: bytes, line: int) -> RecordRefusedError:
    rule = f"a message in KVN is ASCII text and begins with {kind.version_keyword} = version"
    return RecordRefusedError(kind.version_keyword, beginning, rule, kvn_clauses(kind.book).first_line, line)

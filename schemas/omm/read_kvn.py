"""Reads OMMs in KVN, one or many in a payload: each begins with its ``CCSDS_OMM_VERS`` line."""

import re
from contextlib import suppress

from schemas.element_rows import Gathering, RefusalLimitError
from schemas.omm.keywords import KEYWORDS, ORDER, VERSION_KEYWORD, is_known, units_agree
from schemas.omm.record import element_row
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError
from schemas.text_lines import numbered_lines

_LINE_LENGTH_MAX = 254
_VERSION = VERSION_KEYWORD.encode()
_FORBIDDEN = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]")
# A plain line. What does not fit, comments and blank lines too, goes the slow way, which says what is wrong.
_PAIR = re.compile(rb" *([A-Z][A-Z0-9_]*) *= *((?:[!-~]+(?: +[!-~]+)*)?) *[\r\n]*")
_UNITS = re.compile(r"(?P<value>.*\S) +\[(?P<units>[^\[\]]*)\]")
_CLAUSE = "CCSDS 502.0-B-3, 7.3 and 7.4"


class _Message:
    """The keywords of one message. The first error stands, and what follows it in the message is passed over."""

    def __init__(self, line: int, position: int) -> None:
        self.first_line = line
        self.position = position
        self.texts: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.noticed: list[str] = []
        self.error: RecordRefusedError | None = None
        self._last_order = -1

    def take(self, keyword: str, value: str, line: int) -> None:
        """Take a keyword. Raises RecordRefusedError where it is unknown or there already, or the units are wrong."""
        if not self.texts and keyword != VERSION_KEYWORD:
            raise RecordRefusedError(keyword, value, f"a message begins with {VERSION_KEYWORD}", _CLAUSE)
        order = ORDER.get(keyword, len(ORDER))
        if order == len(ORDER) and not is_known(keyword):
            raise RecordRefusedError(keyword, value, "not a keyword of the OMM", "CCSDS 502.0-B-3, tables 4-1 to 4-3")
        if keyword in self.texts:
            raise RecordRefusedError(keyword, value, f"stands already in line {self.lines[keyword]}", _CLAUSE)
        if value.endswith("]"):
            value = _without_units(keyword, value)
        if order < self._last_order and "keyword-order" not in self.noticed:
            self.noticed.append("keyword-order")
        self._last_order = order
        self.texts[keyword], self.lines[keyword] = value, line


def read_omm_kvn(data: bytes, file: str) -> Reading:
    """The element sets of a KVN payload; ``file`` is what refusals call it.

    A message that breaks a rule is refused alone. Accepted and named in ``deviations``: see `schemas.omm.record`, and
    ``keyword-order`` for keywords in another order than the standard's.
    """
    gathering = Gathering(file)
    with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
        _read_lines(data, gathering)
    return gathering.reading("omm-kvn")


def _read_lines(data: bytes, gathering: Gathering) -> None:
    record = position = 0
    message: _Message | None = None
    for number, raw in numbered_lines(data):
        pair = _PAIR.fullmatch(raw)
        keyword = pair[1] if pair else raw.partition(b"=")[0].strip()
        if message is None or (keyword == _VERSION and (message.error or message.texts)):
            if message is not None:
                _finish(message, record, data[message.position : position], gathering)
            elif not raw.strip():
                position += len(raw)
                continue
            record += 1
            message = _Message(number, position)
        position += len(raw)
        if message.error is None:
            try:
                if pair and len(raw) <= _LINE_LENGTH_MAX:
                    message.take(pair[1].decode(), pair[2].decode(), number)
                else:
                    _read_line(message, raw.strip(b"\r\n "), number)
            except RecordRefusedError as error:
                error.line = number
                message.error = error
    if message is not None:
        _finish(message, record, data[message.position :], gathering)


def _without_units(keyword: str, value: str) -> str:
    """The value before ``[units]``, where the keyword has units. Raises RecordRefusedError where they are others."""
    units, match = KEYWORDS[keyword].units if keyword in KEYWORDS else None, _UNITS.fullmatch(value)
    if units is None or match is None:
        return value
    if not units_agree(keyword, match["units"]):
        raise RecordRefusedError(keyword, match["units"], f"units are [{units}]", _CLAUSE)
    return match["value"]


def _read_line(message: _Message, body: bytes, number: int) -> None:
    if not body:
        return
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("line", body, "printable ASCII characters", _CLAUSE) from error
    if _FORBIDDEN.search(text):
        raise RecordRefusedError("line", text, "printable characters, no tab", _CLAUSE)
    if len(text) > _LINE_LENGTH_MAX:
        raise RecordRefusedError("line", text, f"at most {_LINE_LENGTH_MAX} characters", _CLAUSE)
    if text == "COMMENT" or text.startswith("COMMENT "):
        return
    keyword, equals, value = text.partition("=")
    keyword = keyword.strip(" ")
    if not equals:
        raise RecordRefusedError("line", text, "KEYWORD = value", _CLAUSE)
    message.take(keyword, value.strip(" "), number)


def _finish(message: _Message, record: int, data: bytes, gathering: Gathering) -> None:
    """Add or refuse the message that ends here, which is number ``record`` and stands in ``data``."""
    try:
        if message.error is not None:
            raise message.error
        gathering.add(element_row(message.texts, record, flat=False, noticed=message.noticed))
    except RecordRefusedError as error:
        line = message.lines.get(error.field, message.first_line)
        gathering.refuse(error, record, line, data)

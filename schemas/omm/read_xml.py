"""Reads OMMs in XML: one ``<omm>``, or many in an ``<ndm>``, with or without a default namespace.

expat itself, because the elements of an OMM are few and its events are all that is needed, and because a document
type declaration can be refused before anything in it is read: with it go entities, external files and amplification.
"""

import pyexpat
from contextlib import suppress

from schemas.element_rows import Gathering, RefusalLimitError, whole_payload_refused
from schemas.omm.keywords import KEYWORDS, ORDER, USER_DEFINED_PREFIX, VERSION_KEYWORD, units_agree
from schemas.omm.record import element_row
from schemas.reading import Reading
from schemas.refusals import REFUSED_BYTES_MAX, RecordRefusedError

_ENCODING = "omm-xml"
_CLAUSE = "CCSDS 505.0-B-3"
_DEPTH_MAX = 16
_ATTRIBUTES_MAX = 16
_TEXT_LENGTH_MAX = 10_000
_NAMESPACES = ("urn:ccsds:schema:ndmxml", "urn:ccsds:recommendation:navigation:schema:ndmxml")
_SCHEMA_INSTANCE = ("http://www.w3.org/2001/XMLSchema-instance ", "https://www.w3.org/2001/XMLSchema-instance ")

_BLOCKS = ("meanElements", "spacecraftParameters", "tleParameters", "covarianceMatrix", "userDefinedParameters")
_CHILDREN = {
    "omm": frozenset({"header", "body"}),
    "body": frozenset({"segment"}),
    "segment": frozenset({"metadata", "data"}),
    "data": frozenset(_BLOCKS),
}


def read_omm_xml(data: bytes, file: str) -> Reading:
    """The element sets of an XML payload; ``file`` is what refusals call it.

    A message that breaks a rule is refused alone. Where the document stops being XML, the messages before that place
    are kept and the rest is one refusal. UTF-8 only, no document type declaration, at most 16 levels and 16
    attributes. Accepted and named in ``deviations``: see `schemas.omm.record`, and ``keyword-order``.
    """
    reader = _Reader(data, file)
    try:
        reader.parse()
    except RefusalLimitError:
        pass  # the gathering holds the refusal that says so
    except RecordRefusedError as error:
        if not reader.record:
            return whole_payload_refused(_ENCODING, file, error, data)
        reader.refuse_rest(error)
    return reader.gathering.reading(_ENCODING)


class _Reader:
    """Handlers of expat's events. ``record`` is the number of the message at hand, 0 before the first."""

    def __init__(self, data: bytes, file: str) -> None:
        self.gathering = Gathering(file)
        self.record = 0
        self._data = data
        self._path: list[str] = []
        self._message_depth = 0
        self._message_start = self._message_line = 0
        self._error: RecordRefusedError | None = None
        self._texts: dict[str, str] = {}
        self._places: dict[str, int] = {}  # where in the bytes a keyword begins
        self._noticed: list[str] = []
        self._last_order = -1
        self._keyword: str | None = None
        self._pieces: list[str] = []
        self._length = 0
        self._parser = pyexpat.ParserCreate("utf-8", " ")
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def parse(self) -> None:
        """Read all. Raises RecordRefusedError where the document as a whole cannot be read on."""
        try:
            self._parser.Parse(self._data, True)
        except RecordRefusedError as error:
            error.line = error.line or self._parser.CurrentLineNumber
            raise
        except pyexpat.ExpatError as error:
            raise RecordRefusedError("XML", str(error), "well-formed XML in UTF-8", _CLAUSE, error.lineno) from error

    def refuse_rest(self, error: RecordRefusedError) -> None:
        """Refuse what could not be read on, from the message that was open, or from behind the last."""
        start = self._message_start
        if not self._message_depth:
            self.record += 1
        data = self._data[start : start + REFUSED_BYTES_MAX]
        with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
            self.gathering.refuse(error, self.record, 0, data)

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII"):
            raise RecordRefusedError("XML", encoding, "UTF-8", _CLAUSE, 1)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise RecordRefusedError("XML", name, "no document type declaration", _CLAUSE)

    def _start(self, name: str, attributes: list[str]) -> None:
        namespace, _, local = name.rpartition(" ") if " " in name else ("", "", name)
        if len(self._path) >= _DEPTH_MAX:
            raise RecordRefusedError("XML", local, f"at most {_DEPTH_MAX} levels of elements", _CLAUSE)
        if len(attributes) > 2 * _ATTRIBUTES_MAX:
            raise RecordRefusedError("XML", local, f"at most {_ATTRIBUTES_MAX} attributes", _CLAUSE)
        if namespace and namespace not in _NAMESPACES:
            raise RecordRefusedError("XML", namespace, f"no namespace, or {_NAMESPACES[0]}", _CLAUSE)
        parent = self._path[-1] if self._path else ""
        self._path.append(local)
        if self._message_depth:
            if self._error is None:
                try:
                    self._inside(parent, local, attributes)
                except RecordRefusedError as error:
                    self._fail(error)
        elif parent == "ndm" and local in ("MESSAGE_ID", "COMMENT"):
            pass
        elif parent == "ndm" or (local == "omm" and not parent):
            self._begin(local, attributes)
        elif local != "ndm" or parent:
            raise RecordRefusedError("XML", local, "the root is ndm or omm", _CLAUSE)

    def _begin(self, local: str, attributes: list[str]) -> None:
        """A message begins."""
        self.record += 1
        self._message_depth = len(self._path)
        self._message_start, self._message_line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber
        self._texts, self._places, self._noticed = {}, {}, []
        self._error, self._last_order = None, -1
        if local != "omm":
            self._fail(RecordRefusedError("XML", local, "only OMMs are read here", _CLAUSE))
            return
        for name, value in zip(attributes[::2], attributes[1::2], strict=True):
            if name == "version":
                self._texts[VERSION_KEYWORD] = value
            elif not (name == "id" and value == VERSION_KEYWORD) and not name.startswith(_SCHEMA_INSTANCE):
                self._fail(RecordRefusedError(name, value, f'id="{VERSION_KEYWORD}" and version', _CLAUSE))

    def _inside(self, parent: str, local: str, attributes: list[str]) -> None:
        """An element of a message begins. Raises RecordRefusedError where it does not belong there."""
        if self._keyword is not None:
            raise RecordRefusedError(self._keyword, local, "text, no element", _CLAUSE)
        if local in _CHILDREN.get(parent, ()):
            if attributes:
                raise RecordRefusedError(local, attributes[0], "no attributes", _CLAUSE)
            return
        if local == "COMMENT":
            self._keyword = local
            return
        keyword, stated = local, dict(zip(attributes[::2], attributes[1::2], strict=True)) if attributes else {}
        if parent == "userDefinedParameters" and local == "USER_DEFINED":
            keyword = USER_DEFINED_PREFIX + stated.pop("parameter", "")
        elif local not in KEYWORDS or KEYWORDS[local].section != parent or local == VERSION_KEYWORD:
            raise RecordRefusedError(local, "", f"not an element of {parent}", _CLAUSE)
        if keyword in self._texts:
            raise RecordRefusedError(keyword, "", f"stands already in line {self._line_of(keyword)}", _CLAUSE)
        for attribute, text in stated.items():
            if attribute != "units":
                raise RecordRefusedError(local, attribute, "no attribute but units", _CLAUSE)
            if not units_agree(keyword, text):
                raise RecordRefusedError(keyword, text, "the units of the standard", _CLAUSE)
        order = ORDER.get(keyword, len(ORDER))
        if order < self._last_order and "keyword-order" not in self._noticed:
            self._noticed.append("keyword-order")
        self._last_order = order
        self._keyword, self._places[keyword] = keyword, self._parser.CurrentByteIndex

    def _characters(self, text: str) -> None:
        if not self._message_depth or self._error is not None:
            return
        if self._keyword is None:
            if text.strip(" \t\r\n"):
                self._fail(RecordRefusedError(self._path[-1], text, "elements, no text", _CLAUSE))
            return
        self._length += len(text)
        if self._length > _TEXT_LENGTH_MAX:
            self._fail(RecordRefusedError(self._keyword, text, f"at most {_TEXT_LENGTH_MAX} characters"))
            return
        self._pieces.append(text)

    def _end(self, name: str) -> None:
        depth = len(self._path)
        self._path.pop()
        if self._keyword is not None:
            if self._keyword != "COMMENT":
                text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
                self._texts[self._keyword] = text.strip(" \t\r\n")
            self._clear_text()
        if depth == self._message_depth:
            self._finish()

    def _finish(self) -> None:
        """The message ends: add or refuse it."""
        self._message_depth = 0
        end = self._data.find(b">", self._parser.CurrentByteIndex) + 1
        start, self._message_start = self._message_start, end
        try:
            if self._error is not None:
                raise self._error
            self.gathering.add(element_row(self._texts, self.record, flat=False, noticed=self._noticed))
        except RecordRefusedError as error:
            line = self._line_of(error.field, start)
            self.gathering.refuse(error, self.record, line, self._data[start : min(end, start + REFUSED_BYTES_MAX)])

    def _line_of(self, keyword: str, start: int | None = None) -> int:
        """The line of a keyword of the message at hand, or the message's own where it has no such keyword."""
        start = self._message_start if start is None else start
        return self._message_line + self._data.count(b"\n", start, self._places.get(keyword, start))

    def _fail(self, error: RecordRefusedError) -> None:
        """The message at hand is refused: the first error stands, and the rest of the message is passed over."""
        if self._error is None:
            error.line = error.line or self._parser.CurrentLineNumber
            self._error = error
        self._clear_text()

    def _clear_text(self) -> None:
        self._keyword = None
        self._pieces = []
        self._length = 0

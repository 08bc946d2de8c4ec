"""Reads NDM/XML element by element, with expat itself: each message as a tree, safely.

expat, because its events are all that is needed, and because a document type declaration can be refused before
anything in it is read: with it go entities, external files and amplification.
"""

import pyexpat
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Message, Unread
from schemas.ccsds.xml_message import MessageBuilder
from schemas.ccsds.xml_rows import RowChain
from schemas.ccsds.xml_structure import BLANKS, CLAUSE, Structure
from schemas.refusals import RecordRefusedError

_DEPTH_MAX = 16
_ATTRIBUTES_MAX = 16
_PIECE = 1 << 20
_MARKUP_BYTES_MAX = 4 << 20  # of one tag, comment or instruction: expat reads it anew with every piece
_NAMESPACES = ("urn:ccsds:schema:ndmxml", "urn:ccsds:recommendation:navigation:schema:ndmxml")
_SCHEMA_INSTANCE = ("http://www.w3.org/2001/XMLSchema-instance ", "https://www.w3.org/2001/XMLSchema-instance ")
# Space-Track's CDMs have had it in no namespace as well.
_NIL = ("nil", *(f"{namespace}nil" for namespace in _SCHEMA_INSTANCE))
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_WRAPPER_KEYWORDS = ("MESSAGE_ID", "COMMENT")
_ROOTS = ("acm", "aem", "apm", "cdm", "ocm", "oem", "omm", "opm", "rdm", "tdm")


class Kept(NamedTuple):
    """The stretches of a payload that are read, in order: bytes ``starts`` to ``stops``, int64 of shape (n,), and the
    ends of line that were left out before each.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    lines_before: NDArray[np.int64]


def whole(data: bytes) -> Kept:
    """All of the payload."""
    zero = np.zeros(1, np.int64)
    return Kept(zero, zero + len(data), zero)


class ElementReader:
    """One reading of the ``kept`` stretches of a payload; every position and line that it gives is the payload's own.

    ``record`` counts the messages begun so far, and what stands in their place. ``in_ndm``: the root is ``ndm``.
    ``broken``: the document could not be read to its end. ``wrapper_keywords``: those that the ``ndm`` itself has.
    """

    def __init__(
        self, data: bytes, kinds: Sequence[MessageKind], kept: Kept, chains: dict[int, RowChain] | None = None
    ) -> None:
        self.record = 0
        self.in_ndm = False
        self.broken = False
        self.wrapper_keywords: dict[str, None] = {}
        self._data = data
        self._kinds = {kind.root: Structure(kind) for kind in kinds}
        self._whole = kept.starts.shape[0] == 1 and kept.starts[0] == 0
        self._kept = kept
        # Where each stretch begins in what expat is given.
        self._fed = np.concatenate(([0], np.cumsum(kept.stops - kept.starts)))
        self._chains = {} if chains is None else chains
        self._path: list[str] = []
        self._found: deque[Message | Unread] = deque()
        self._message: Message | None = None
        self._builder: MessageBuilder | None = None
        self._unread: RecordRefusedError | None = None
        self._depth = 0  # of the message at hand, 0 between messages
        self._start = self._line = 0
        self._rest = 0  # where what follows the last message begins
        self._stray = False
        parser = pyexpat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._element
        parser.EndElementHandler = self._element_end
        parser.CharacterDataHandler = self._characters
        self._parser = parser

    def messages(self) -> Iterator[Message | Unread]:
        """The messages, as they end. Raises RecordRefusedError where the document breaks before the first begins."""
        try:
            for piece in self._pieces():
                self._parser.Parse(piece, not piece)
                while self._found:
                    yield self._found.popleft()
        except RecordRefusedError as error:
            error.line = error.line or self._place()[1]
            broken = error
        except pyexpat.ExpatError as error:
            line = self._place()[1]
            broken = RecordRefusedError("XML", str(error), "well-formed XML in UTF-8", CLAUSE, line)
        else:
            return
        self.broken = True
        yield from self._found
        if not self.record:
            raise broken
        if self._depth:
            yield Unread(self.record, self._line, self._start, len(self._data), broken)
        else:
            yield Unread(self.record + 1, broken.line, self._rest, len(self._data), broken)

    def _pieces(self) -> Iterator[memoryview]:
        if self._data.startswith((b"\xff\xfe", b"\xfe\xff")):
            # A byte order mark outweighs the encoding that expat was told.
            raise RecordRefusedError("XML", self._data[:2], "UTF-8", CLAUSE, 1)
        fed = 0
        view = memoryview(self._data)
        for start, stop in zip(self._kept.starts.tolist(), self._kept.stops.tolist(), strict=True):
            for at in range(start, stop, _PIECE):
                piece = view[at : min(at + _PIECE, stop)]
                fed += len(piece)
                yield piece
                if fed - max(self._parser.CurrentByteIndex, 0) > _MARKUP_BYTES_MAX:
                    rule = f"at most {_MARKUP_BYTES_MAX} bytes in one tag, comment or instruction"
                    raise RecordRefusedError("XML", "", rule, CLAUSE)
        yield view[:0]

    def _place(self) -> tuple[int, int]:
        """(position, line) of the event at hand in the payload."""
        at, line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber
        if self._whole:
            return at, line
        stretch = self._stretch()
        begin = int(self._kept.starts[stretch]) - int(self._fed[stretch])
        return at + begin, line + int(self._kept.lines_before[stretch])

    def _stretch(self) -> int:
        """Which of the stretches the event at hand stands in."""
        behind = int(np.searchsorted(self._fed, self._parser.CurrentByteIndex, side="right"))
        return min(behind, int(self._fed.shape[0]) - 1) - 1

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII"):
            raise RecordRefusedError("XML", encoding, "UTF-8", CLAUSE, 1)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise RecordRefusedError("XML", name, "no document type declaration", CLAUSE)

    def _element(self, name: str, attributes: list[str]) -> None:
        namespace, _, local = name.rpartition(" ") if " " in name else ("", "", name)
        if len(self._path) >= _DEPTH_MAX:
            raise RecordRefusedError("XML", local, f"at most {_DEPTH_MAX} levels of elements", CLAUSE)
        if len(attributes) > 2 * _ATTRIBUTES_MAX:
            raise RecordRefusedError("XML", local, f"at most {_ATTRIBUTES_MAX} attributes", CLAUSE)
        if namespace and namespace not in _NAMESPACES:
            raise RecordRefusedError("XML", namespace, f"no namespace, or {_NAMESPACES[0]}", CLAUSE)
        parents = self._path
        self._path.append(local)
        if self._depth:
            if self._builder is not None:
                at, line = self._place()
                try:
                    units, parameter, nil = _attributes(local, attributes, line) if attributes else ("", None, False)
                    self._builder.begin(local, line, at, units, parameter, nil)
                    if "nil" in attributes[::2] and self._message is not None:
                        self._message.notice("nil-without-namespace")
                except RecordRefusedError as error:
                    self._fail(error)
        elif len(parents) == 1:
            if local == "ndm":
                self.in_ndm = True
            elif local in self._kinds:
                self._begin(local, attributes)
            else:
                wanted = " or ".join(("ndm", *self._kinds))
                raise RecordRefusedError("XML", local, f"the root is {wanted}", CLAUSE)
        elif len(parents) == 2 and local in _WRAPPER_KEYWORDS:
            self.wrapper_keywords[local] = None
        elif len(parents) == 2:
            self._begin(local, attributes)
        elif len(parents) > 2:
            raise RecordRefusedError(parents[-2], local, "text, no element", CLAUSE)

    def _begin(self, local: str, attributes: list[str]) -> None:
        """A message begins, or what is none."""
        self.record += 1
        self._stray = False
        self._depth = len(self._path)
        self._start, self._line = self._place()
        structure = self._kinds.get(local)
        if structure is None:
            read = ", ".join(self._kinds)
            rule = f"a message that is read here: {read}" if local in _ROOTS else "a message of NDM/XML"
            self._unread = RecordRefusedError("XML", local, rule, CLAUSE, self._line)
            return
        stated = dict(zip(attributes[::2], attributes[1::2], strict=True))
        kind = structure.kind
        message = Message(kind, stated.get("version", ""), self.record, self._line, self._start, self._start)
        self._message, self._builder = message, MessageBuilder(message, structure, self._chains)
        if stated.pop("id", "") != kind.version_keyword:
            rule = f'the attribute id="{kind.version_keyword}"'
            self._fail(RecordRefusedError("id", _text_of("id", attributes), rule, CLAUSE, self._line))
        stated.pop("version", "")
        for name, value in stated.items():
            if not name.startswith(_SCHEMA_INSTANCE):
                self._fail(RecordRefusedError(name, value, "no attributes but id and version", CLAUSE, self._line))

    def _characters(self, text: str) -> None:
        if self._builder is not None:
            try:
                # The text ends where the event at hand stands; its line is wanted only for a refusal.
                self._builder.text(text, 0)
            except RecordRefusedError as error:
                self._fail(error)
        elif not self._depth and len(self._path) == 1 and not self._stray and text.strip(BLANKS):
            self._stray = True
            self.record += 1
            at, line = self._place()
            stray = RecordRefusedError("XML", text.strip(BLANKS), "elements, no text", CLAUSE, line)
            # What was left out before it has been read as well.
            start = max(self._rest, int(self._kept.starts[self._stretch()]))
            self._found.append(Unread(self.record, line, min(start, at), at, stray))

    def _element_end(self, name: str) -> None:
        depth = len(self._path)
        self._path.pop()
        if self._builder is not None:
            try:
                if depth == self._depth:
                    self._builder.finish(self._place()[1])
                else:
                    self._builder.end(0)
            except RecordRefusedError as error:
                self._fail(error)
        if depth == self._depth:
            self._finish()
        elif not self._depth:
            self._rest = self._data.find(b">", self._place()[0]) + 1

    def _finish(self) -> None:
        """The message ends."""
        self._depth = 0
        stop = self._rest = self._data.find(b">", self._place()[0]) + 1
        if self._message is not None:
            self._message.stop = stop
            self._found.append(self._message)
        elif self._unread is not None:
            self._found.append(Unread(self.record, self._line, self._start, stop, self._unread))
        self._message = self._builder = self._unread = None

    def _fail(self, error: RecordRefusedError) -> None:
        """The message at hand is refused: the first error stands, and the rest of the message is passed over."""
        error.line = error.line or self._place()[1]
        if self._message is not None and self._message.error is None:
            self._message.error = error
        self._builder = None


def _text_of(name: str, attributes: list[str]) -> str:
    return next((value for key, value in zip(attributes[::2], attributes[1::2], strict=True) if key == name), "")


def _attributes(local: str, attributes: list[str], line: int) -> tuple[str, str | None, bool]:
    """(units, parameter, nil). Raises RecordRefusedError for another attribute, and for nil twice."""
    units, parameter, nil = "", None, False
    if sum(name in _NIL for name in attributes[::2]) > 1:
        raise RecordRefusedError(local, "nil", "once, as xsi:nil", CLAUSE, line)
    for name, value in zip(attributes[::2], attributes[1::2], strict=True):
        if name == "units":
            units = value.strip(BLANKS)
        elif name == "parameter":
            parameter = value.strip(BLANKS)
        elif name in _NIL and value.strip(BLANKS) in _TRUTH:
            nil = _TRUTH[value.strip(BLANKS)]
        else:
            raise RecordRefusedError(
                local, f"{name.rpartition(' ')[2]}={value}", "no attribute but units", CLAUSE, line
            )
    return units, parameter, nil

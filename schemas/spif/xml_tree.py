"""XML as a small tree, read safely: no document type, no entities, UTF-8 only, limits on size, depth and attributes.

expat does not fetch anything by itself; a document type declaration is refused before any of it is used, so there are
no entities to expand. Names come as ``(namespace, local name)``.
"""

import pyexpat
from collections.abc import Mapping
from typing import NamedTuple

from schemas.spif.errors import SpifError

BYTES_MAX = 16 << 20
_DEPTH_MAX = 32
_ATTRIBUTES_MAX = 32
_ELEMENTS_MAX = 200_000
XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"


class Node(NamedTuple):
    """One element. ``attributes`` by (namespace, local name); ``text`` is its own text, stripped."""

    namespace: str
    name: str
    attributes: Mapping[tuple[str, str], str]
    children: "list[Node]"
    texts: list[str]
    line: int

    @property
    def text(self) -> str:
        """The element's own text without leading and trailing blanks."""
        return "".join(self.texts).strip()


def read_tree(data: bytes, file: str) -> Node:
    """The root element of an XML document. Raises SpifError for what is no XML, is unsafe, or is beyond the limits."""
    if len(data) > BYTES_MAX:
        raise SpifError(file, 0, "document", f"{len(data)} bytes", f"at most {BYTES_MAX} bytes")
    return _Reader(file).read(data)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._path: list[Node] = []
        self._root: Node | None = None
        self._elements = 0
        self._parser = pyexpat.ParserCreate("utf-8", " ")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, data: bytes) -> Node:
        try:
            self._parser.Parse(data, True)
        except pyexpat.ExpatError as error:
            said = pyexpat.ErrorString(error.code) or "unreadable"
            raise SpifError(self._file, error.lineno, "document", said, "must be well-formed XML") from None
        if self._root is None:
            raise SpifError(self._file, 1, "document", "", "must have an element")
        return self._root

    def _refuse(self, element: str, value: str, rule: str) -> SpifError:
        return SpifError(self._file, self._parser.CurrentLineNumber, element, value, rule)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise self._refuse("XML declaration", encoding, "the encoding must be UTF-8")

    def _doctype(self, name: str, *_: object) -> None:
        raise self._refuse("DOCTYPE", name, "a document type declaration is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        namespace, local = _split(name)
        if len(self._path) >= _DEPTH_MAX:
            raise self._refuse(local, str(len(self._path) + 1), f"at most {_DEPTH_MAX} levels of elements")
        if len(attributes) > _ATTRIBUTES_MAX:
            raise self._refuse(local, str(len(attributes)), f"at most {_ATTRIBUTES_MAX} attributes")
        if self._elements > _ELEMENTS_MAX:
            raise self._refuse(local, str(self._elements), f"at most {_ELEMENTS_MAX} elements")
        read = {_split(key): value for key, value in attributes.items()}
        node = Node(namespace, local, read, [], [], self._parser.CurrentLineNumber)
        if self._path:
            self._path[-1].children.append(node)
        else:
            self._root = node
        self._path.append(node)

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _characters(self, text: str) -> None:
        self._path[-1].texts.append(text)


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local

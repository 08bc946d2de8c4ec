"""XML of labels and bindings as a small tree, read safely with expat.

UTF-8 only; no document type declaration, and so no entities and no external files; at most 1 MiB, 64 levels, 20,000
elements and 32 attributes in one element.
"""

import pyexpat
from dataclasses import dataclass, field

from schemas.label_error import LabelError

BYTES_MAX = 1 << 20
_DEPTH_MAX = 64
_ELEMENTS_MAX = 20_000
_ATTRIBUTES_MAX = 32


@dataclass(slots=True)
class Node:
    """One element: names are (namespace, local name), ``text`` is all text directly inside it, ``line`` from 1."""

    namespace: str
    name: str
    line: int
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    text: str = ""


def read_tree(data: bytes, file: str) -> Node:
    """The root element of a document. Raises LabelError for what is no safe, well-formed XML in UTF-8."""
    if len(data) > BYTES_MAX:
        raise LabelError(file, 0, "XML", f"{len(data)} bytes", f"at most {BYTES_MAX} bytes")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabelError(file, 1, "XML", repr(data[:2]), "UTF-8")
    return _TreeReader(file).read(data)


class _TreeReader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._root: Node | None = None
        self._open: list[Node] = []
        self._elements = 0
        parser = pyexpat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def read(self, data: bytes) -> Node:
        try:
            self._parser.Parse(data, True)
        except pyexpat.ExpatError as error:
            raise LabelError(self._file, error.lineno, "XML", str(error), "well-formed XML in UTF-8") from error
        if self._root is None:
            raise LabelError(self._file, 0, "XML", "", "a root element")
        return self._root

    def _refuse(self, value: str, rule: str) -> LabelError:
        return LabelError(self._file, self._parser.CurrentLineNumber, "XML", value, rule)

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII"):
            raise self._refuse(encoding, "UTF-8")

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise self._refuse(name, "no document type declaration")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _ELEMENTS_MAX:
            raise self._refuse(name, f"at most {_ELEMENTS_MAX} elements")
        if len(self._open) >= _DEPTH_MAX:
            raise self._refuse(name, f"at most {_DEPTH_MAX} levels")
        if len(attributes) > _ATTRIBUTES_MAX:
            raise self._refuse(name, f"at most {_ATTRIBUTES_MAX} attributes")
        node = Node(*_split(name), self._parser.CurrentLineNumber)
        node.attributes = {_split(attribute): value for attribute, value in attributes.items()}
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local

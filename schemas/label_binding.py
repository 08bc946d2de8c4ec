"""ADatP-4778 bindings as a detached sidecar: labels, and the file that they are bound to by name and SHA-384.

Source: ADatP-4778 (STANAG 4778), schema 1.4, and profile 4778.2, which makes SHA-384 the mandatory digest. The binding
schema has no element of its own for a digest of a file outside; its DataReference takes attributes of other
namespaces, and there the digest stands (`DIGEST_NAMESPACE`), with the digest's algorithm. The sidecar is not signed:
it says what belongs together, not who says so.
"""

import hashlib
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec

from schemas.label_error import LabelError, NoLabelMappingError
from schemas.label_nodes import Node, read_tree
from schemas.label_writing import label_lines, xml_attribute
from schemas.label_xml import NAMESPACE as LABEL_NAMESPACE
from schemas.label_xml import LabelRole, label_of_node
from schemas.labels import Label

NAMESPACE = "urn:nato:stanag:4778:bindinginformation:1:0"
DIGEST_NAMESPACE = "urn:ssa-hub:binding-digest:1:0"
DIGEST_METHOD = "http://www.w3.org/2001/04/xmldsig-more#sha384"
SUFFIX = ".bdo"
_PASSED_OVER = ("http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2001/XMLSchema-instance")


class Binding(NamedTuple):
    """What a sidecar says: the label with its alternatives, the file's name, and its SHA-384 in hexadecimal."""

    label: Label
    file_name: str
    sha384: str


def bind(label: Label, file_name: str, data: bytes) -> bytes:
    """The sidecar that binds ``label`` and its alternatives to a file of these bytes.

    Raises NoLabelMappingError for a label that XML has no place for, and for a file name with a path in it.
    """
    _check_file_name(file_name)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<mb:BindingInformation xmlns:mb="{NAMESPACE}" xmlns:digest="{DIGEST_NAMESPACE}">',
        "  <mb:MetadataBindingContainer>",
        "    <mb:MetadataBinding>",
    ]
    namespace = f' xmlns="{LABEL_NAMESPACE}"'
    label = label.canonical()
    roles = ((label, LabelRole.ORIGINATOR), *((other, LabelRole.ALTERNATIVE) for other in label.alternatives))
    for bound, role in roles:
        lines.append("      <mb:Metadata>")
        lines.extend(label_lines(bound, role, "        ", namespace))
        lines.append("      </mb:Metadata>")
    reference = f"URI={xml_attribute(quote(file_name, safe=''))} digest:Algorithm={xml_attribute(DIGEST_METHOD)}"
    lines.append(f'      <mb:DataReference {reference} digest:Value="{hashlib.sha384(data).hexdigest()}"/>')
    lines.extend(("    </mb:MetadataBinding>", "  </mb:MetadataBindingContainer>", "</mb:BindingInformation>", ""))
    return "\n".join(lines).encode()


def read_binding(data: bytes, file: str = "binding") -> Binding:
    """What a sidecar says. Raises LabelError for anything but one binding of labels to one file with its digest.

    A signature is refused: it is not checked here, and one that nobody checked must not look as if it had been.
    """
    reader = _Reader(file)
    root = read_tree(data, file)
    container = reader.only_child(reader.named(root, "BindingInformation"), "MetadataBindingContainer")
    binding = reader.only_child(container, "MetadataBinding")
    reader.no_attributes(binding)
    if not binding.children or binding.children[-1].name != "DataReference":
        raise reader.refuse(binding, "Metadata with labels, and then one DataReference")
    labels = [reader.label(child) for child in binding.children[:-1]]
    originators = [label for role, label in labels if role in (LabelRole.ORIGINATOR, LabelRole.UNSPECIFIED)]
    alternatives = tuple(label for role, label in labels if role is LabelRole.ALTERNATIVE)
    if len(originators) != 1 or len(originators) + len(alternatives) != len(labels):
        raise reader.refuse(binding, "one originatorConfidentialityLabel, and alternativeConfidentialityLabel else")
    file_name, digest = reader.data_reference(binding.children[-1])
    try:
        label = msgspec.structs.replace(originators[0], alternatives=alternatives).canonical()
    except ValueError as error:
        raise reader.refuse(binding, str(error)) from error
    return Binding(label, file_name, digest)


def check_binding(binding: Binding, file_name: str, data: bytes) -> list[str]:
    """What does not agree between a sidecar and a file; [] where it is the file that the label was bound to."""
    problems = []
    if binding.file_name != file_name:
        problems.append(f"the binding names the file {binding.file_name!r}, not {file_name!r}")
    digest = hashlib.sha384(data).hexdigest()
    if binding.sha384 != digest:
        problems.append(f"the binding is for bytes with the SHA-384 {binding.sha384}, the file's is {digest}")
    return problems


def _check_file_name(file_name: str) -> None:
    if file_name in ("", ".", "..") or any(character in file_name for character in "/\\\0"):
        raise NoLabelMappingError("an ADatP-4778 sidecar", file_name, "a file's name without a path")
    if not file_name.isprintable():  # nor a lone surrogate, by which Python shows bytes that are no UTF-8
        raise NoLabelMappingError("an ADatP-4778 sidecar", ascii(file_name), "a file's name of printable characters")


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def refuse(self, node: Node, rule: str, value: str = "", element: str = "") -> LabelError:
        return LabelError(self._file, node.line, element or node.name, value, rule)

    def named(self, node: Node, name: str) -> Node:
        if (node.namespace, node.name) != (NAMESPACE, name):
            raise self.refuse(node, f"{name} of namespace {NAMESPACE}", node.namespace)
        if node.text.strip():
            raise self.refuse(node, "elements and no text", node.text.strip())
        return node

    def no_attributes(self, node: Node) -> None:
        for (namespace, name), value in node.attributes.items():
            if namespace not in _PASSED_OVER and (namespace, name) != ("", "Id"):
                raise self.refuse(node, "no such attribute is understood", value, f"{node.name}/@{name}")

    def only_child(self, node: Node, name: str) -> Node:
        self.no_attributes(node)
        if len(node.children) != 1:
            raise self.refuse(node, f"one {name} and nothing else", ", ".join(child.name for child in node.children))
        return self.named(node.children[0], name)

    def label(self, node: Node) -> tuple[LabelRole, Label]:
        self.no_attributes(self.named(node, "Metadata"))
        if len(node.children) != 1:
            raise self.refuse(node, "one label in each Metadata")
        return label_of_node(node.children[0], self._file)

    def data_reference(self, node: Node) -> tuple[str, str]:
        self.named(node, "DataReference")
        if node.children:
            raise self.refuse(node, "no transforms: the digest is of the file's bytes", node.children[0].name)
        known = {("", "URI"), (DIGEST_NAMESPACE, "Algorithm"), (DIGEST_NAMESPACE, "Value")}
        missing = sorted(name for namespace, name in known - node.attributes.keys())
        if missing:
            raise self.refuse(
                node, "URI, and Algorithm and Value of the digest", element=f"DataReference/@{missing[0]}"
            )
        for namespace, name in node.attributes.keys() - known:
            if namespace not in _PASSED_OVER:
                value = node.attributes[namespace, name]
                raise self.refuse(node, "no such attribute is understood", value, f"DataReference/@{name}")
        algorithm, digest = (node.attributes[DIGEST_NAMESPACE, name] for name in ("Algorithm", "Value"))
        if algorithm != DIGEST_METHOD:
            raise self.refuse(node, f"the digest {DIGEST_METHOD}", algorithm, "DataReference/@Algorithm")
        if len(digest) != 96 or digest.strip("0123456789abcdef"):
            raise self.refuse(node, "96 hexadecimal digits in small letters", digest, "DataReference/@Value")
        uri = node.attributes["", "URI"]
        try:
            file_name = unquote(uri, errors="strict")
            _check_file_name(file_name)
        except (UnicodeDecodeError, NoLabelMappingError) as error:
            raise self.refuse(
                node, "a file's name without a path, percent-encoded", uri, "DataReference/@URI"
            ) from error
        return file_name, digest

"""ADatP-4774 labels as XML: read strictly, by the schema (1.3) and by the prose.

The prose adds to the schema: ReviewDateTime is there unless SuccessionHandling is; Classification has no URI;
IntegerValue and BitStringValue are not used. Beyond that this reader refuses what a `Label` cannot hold, rather than
lose it: elements and attributes of other namespaces, a category without values or with a repeated one, and an instant
without a zone. ``Id``, ``xml:*`` and ``xsi:*`` say nothing of confidentiality and are passed over.
"""

import re
from enum import StrEnum

from schemas.label_error import LabelError
from schemas.label_instants import read_date_time
from schemas.label_nodes import Node, read_tree
from schemas.labels import ORIGINATOR_ID_TYPES, Category, CategoryType, Label, Succession

NAMESPACE = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
_PASSED_OVER = ("http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2001/XMLSchema-instance")
_BLANKS = " \t\r\n"
_URI_CHARACTERS = r"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHARACTERS}(?:#{_URI_CHARACTERS})?")


class LabelRole(StrEnum):
    """The root elements of a label, by what the label is to the data."""

    ORIGINATOR = "originatorConfidentialityLabel"
    ALTERNATIVE = "alternativeConfidentialityLabel"
    METADATA = "metadataConfidentialityLabel"
    UNSPECIFIED = "ConfidentialityLabel"


def read_label_xml(data: bytes, file: str = "label") -> Label:
    """The canonical label of a document whose root is a label of any role.

    Raises LabelError naming file, line, element, value and rule.
    """
    return label_of_node(read_tree(data, file), file)[1]


def label_of_node(node: Node, file: str) -> tuple[LabelRole, Label]:
    """(role, canonical label) of a label's element. Raises LabelError."""
    if node.namespace != NAMESPACE or node.name not in list(LabelRole):
        rule = f"one of {', '.join(LabelRole)} in namespace {NAMESPACE}"
        raise LabelError(file, node.line, node.name, node.namespace, rule)
    return LabelRole(node.name), _Reader(file).label(node, successor=False).canonical()


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def refuse(self, node: Node, rule: str, value: str | None = None, element: str = "") -> LabelError:
        return LabelError(self._file, node.line, element or node.name, node.text if value is None else value, rule)

    def label(self, node: Node, *, successor: bool) -> Label:
        allowed = () if successor else ("Id", "ReviewDateTime")
        attributes = self._attributes(node, allowed)
        names = ("ConfidentialityInformation", "OriginatorID", "CreationDateTime", "SuccessionHandling")
        parts = self._sequence(node, names, required=("ConfidentialityInformation", "CreationDateTime"))
        information = self._information(parts["ConfidentialityInformation"][0])
        originator_id = originator_id_type = None
        for part in parts["OriginatorID"]:
            originator_id, originator_id_type = self._originator(part)
        creation = parts["CreationDateTime"][0]
        self._attributes(creation, ())
        successions = [self._succession(part) for part in parts["SuccessionHandling"]]
        review = attributes.get("ReviewDateTime")
        if review is None and not successions and not successor:
            rule = "ReviewDateTime is required unless there is SuccessionHandling (ADatP-4774)"
            raise self.refuse(node, rule, "", "@ReviewDateTime")
        policy, policy_uri, classification, privacy_mark, categories = information
        try:
            return Label(
                policy,
                classification,
                categories,
                policy_uri=policy_uri,
                privacy_mark=privacy_mark,
                originator_id=originator_id,
                originator_id_type=originator_id_type,
                creation_utc=self._instant(creation, creation.name, self._text(creation)),
                review_utc=None if review is None else self._instant(node, "@ReviewDateTime", review),
                succession=successions[0] if successions else None,
            )
        except LabelError:
            raise
        except ValueError as error:
            raise self.refuse(node, str(error), "") from error

    def _information(self, node: Node) -> tuple[str, str | None, str, str | None, tuple[Category, ...]]:
        self._attributes(node, ())
        names = ("PolicyIdentifier", "Classification", "PrivacyMark", "Category")
        parts = self._sequence(node, names, required=names[:2], repeated=("Category",))
        policy, classification = parts["PolicyIdentifier"][0], parts["Classification"][0]
        uri = self._uri(policy, self._attributes(policy, ("URI",)))
        if ("", "URI") in classification.attributes:
            rule = "Classification has no URI (ADatP-4774)"
            raise self.refuse(classification, rule, classification.attributes["", "URI"], "Classification/@URI")
        self._attributes(classification, ())
        privacy_mark = None
        for mark in parts["PrivacyMark"]:
            self._attributes(mark, ())
            privacy_mark = self._text(mark)
        categories = tuple(self._category(part) for part in parts["Category"])
        return self._token(policy), uri, self._token(classification), privacy_mark, categories

    def _category(self, node: Node) -> Category:
        attributes = self._attributes(node, ("Type", "TagName", "URI"), required=("Type", "TagName"))
        if attributes["Type"].strip(_BLANKS) not in list(CategoryType):
            rule = f"one of {', '.join(CategoryType)}, in capitals"
            raise self.refuse(node, rule, attributes["Type"], "Category/@Type")
        self._no_text(node)
        values = []
        for child in node.children:
            if child.namespace == NAMESPACE and child.name in ("IntegerValue", "BitStringValue"):
                raise self.refuse(child, f"{child.name} is not used: GenericValue only (ADatP-4774)")
            if (child.namespace, child.name) != (NAMESPACE, "GenericValue"):
                raise self.refuse(child, "a category has GenericValue and nothing else")
            self._attributes(child, ())
            values.append(self._text(child))
        if not values or len(set(values)) < len(values):
            rule = "a category has at least one GenericValue, and none twice"
            raise self.refuse(node, rule, ", ".join(values))
        kind = CategoryType(attributes["Type"].strip(_BLANKS))
        return Category(attributes["TagName"], kind, tuple(sorted(values)), self._uri(node, attributes))

    def _originator(self, node: Node) -> tuple[str, str]:
        kind = self._attributes(node, ("IDType",), required=("IDType",))["IDType"]
        if kind not in ORIGINATOR_ID_TYPES:
            raise self.refuse(node, f"one of {', '.join(ORIGINATOR_ID_TYPES)}", kind, "OriginatorID/@IDType")
        return self._text(node), kind

    def _succession(self, node: Node) -> Succession:
        self._attributes(node, ())
        names = ("SuccessionDateTime", "SuccessorConfidentialityLabel")
        parts = self._sequence(node, names, required=names)
        instant = parts["SuccessionDateTime"][0]
        self._attributes(instant, ())
        at_utc = self._instant(instant, instant.name, self._text(instant))
        return Succession(at_utc, self.label(parts["SuccessorConfidentialityLabel"][0], successor=True))

    def _sequence(
        self, node: Node, names: tuple[str, ...], *, required: tuple[str, ...], repeated: tuple[str, ...] = ()
    ) -> dict[str, list[Node]]:
        """Children by name; they must come in the order of ``names``, and once where they are not ``repeated``."""
        self._no_text(node)
        found: dict[str, list[Node]] = {name: [] for name in names}
        reached = 0
        for child in node.children:
            if child.namespace != NAMESPACE or child.name not in found:
                raise self.refuse(child, f"an element of {node.name}: {', '.join(names)} (namespace {NAMESPACE})")
            place = names.index(child.name)
            if place < reached:
                raise self.refuse(child, f"elements of {node.name} in the order {', '.join(names)}")
            reached = place
            if found[child.name] and child.name not in repeated:
                raise self.refuse(child, f"one {child.name} at most")
            found[child.name].append(child)
        for name in required:
            if not found[name]:
                raise self.refuse(node, f"{name} is required in {node.name}", "", name)
        return found

    def _attributes(self, node: Node, allowed: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, str]:
        for (namespace, name), value in node.attributes.items():
            if namespace in _PASSED_OVER or (not namespace and name in allowed):
                continue
            rule = f"{node.name} has these attributes: {', '.join(allowed) or 'none'}"
            raise self.refuse(node, rule, value, f"{node.name}/@{name}")
        for name in required:
            if ("", name) not in node.attributes:
                raise self.refuse(node, f"the attribute {name} is required", "", f"{node.name}/@{name}")
        return {name: node.attributes["", name] for name in allowed if ("", name) in node.attributes}

    def _no_text(self, node: Node) -> None:
        if node.text.strip(_BLANKS):
            raise self.refuse(node, "elements and no text", node.text.strip(_BLANKS))

    def _text(self, node: Node) -> str:
        if node.children:
            raise self.refuse(node, "text and no elements", node.children[0].name)
        return node.text

    def _token(self, node: Node) -> str:
        """The text of an xs:token, whose blanks are collapsed; it must not be empty."""
        text = " ".join(piece for piece in _plain(self._text(node)).split(" ") if piece)
        if not text:
            raise self.refuse(node, "a token of at least one character")
        return text

    def _uri(self, node: Node, attributes: dict[str, str]) -> str | None:
        uri = attributes.get("URI")
        if uri is None:
            return None
        if not is_uri(uri.strip(_BLANKS)):
            raise self.refuse(
                node, "a URI with its scheme (RFC 3986), such as urn:oid:1.3.26", uri, f"{node.name}/@URI"
            )
        return uri.strip(_BLANKS)

    def _instant(self, node: Node, element: str, text: str) -> str:
        try:
            return read_date_time(text.strip(_BLANKS))
        except ValueError as error:
            raise self.refuse(node, str(error), text, element) from error


def is_uri(text: str) -> bool:
    """Whether a text is a URI with its scheme, of the characters of RFC 3986 (no IP literals in brackets)."""
    return _URI.fullmatch(text) is not None


def _plain(text: str) -> str:
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")

"""The smaller parts of a SPIF: markings, requirements, references, equivalents."""

from schemas.spif.element import SPIF_NAMESPACE, Element, normal_lacv
from schemas.spif.errors import SpifError
from schemas.spif.model import (
    EquivalentClassification,
    EquivalentTagSet,
    EquivalentValue,
    Marked,
    MarkingPhrase,
    Operation,
    Qualifier,
    Requirement,
    ValueReference,
)
from schemas.spif.xml_tree import Node

MARKING_CODES = (
    "pageTop",
    "pageBottom",
    "pageTopBottom",
    "documentStart",
    "documentEnd",
    "noNameDisplay",
    "noMarkingDisplay",
    "suppressClassName",
    "firstLineOfText",
    "lastLineOfText",
    "subject",
    "xHeader",
    "portionMarking",
    "inputTitle",
    "waterMark",
    "replacePolicy",
)
_APPLIED = ("encrypt", "decrypt", "both")
_REFERENCE_ATTRIBUTES = ("tagSetRef", "tagType", "enumType", "lacv", "all")


def read_marked(holder: Element) -> Marked:
    """``markingData`` and ``markingQualifier`` of an element."""
    phrases = tuple(_phrase(node, holder.file) for node in holder.children("markingData"))
    qualifiers: list[Qualifier] = []
    for node in holder.children("markingQualifier"):
        group = Element(node, holder.file, ("markingCode",), ("qualifier",))
        marking_code = "" if group.given("markingCode") is None else group.choice("markingCode", MARKING_CODES)
        for child in group.children("qualifier"):
            one = Element(child, holder.file, ("markingQualifier", "qualifierCode"), ())
            code = one.choice("qualifierCode", ("prefix", "suffix", "separator"))
            text = one.text("markingQualifier", empty=True)
            qualifiers.append(Qualifier(code, text, marking_code, one.language or group.language))
    return Marked(phrases, tuple(qualifiers))


def _phrase(node: Node, file: str) -> MarkingPhrase:
    data = Element(node, file, ("phrase",), ("code",))
    codes: set[str] = set()
    for child in data.children("code"):
        code = Element(child, file, (), ()).node.text
        if code not in MARKING_CODES:
            raise SpifError(file, child.line, "code", code, f"must be one of: {', '.join(MARKING_CODES)}")
        codes.add(code)
    phrase = None if data.given("phrase") is None else data.text("phrase", empty=True)
    return MarkingPhrase(phrase, frozenset(codes), data.language)


def read_reference(node: Node, file: str) -> ValueReference:
    """``categoryGroup`` or ``excludedCategory``: a value by its lacv; with neither lacv nor all, all values."""
    reference = Element(node, file, _REFERENCE_ATTRIBUTES, ())
    lacv = reference.given("lacv")
    if lacv is not None and reference.boolean("all"):
        reference.refuse("@all", "true", "either lacv or all, not both")
    tag_set, kind = reference.text("tagSetRef"), reference.tag_kind()
    return ValueReference(tag_set, kind, None if lacv is None else normal_lacv(lacv))


def read_requirements(holder: Element) -> tuple[Requirement, ...]:
    """All ``requiredCategory`` of an element."""
    found: list[Requirement] = []
    for node in holder.children("requiredCategory"):
        required = Element(node, holder.file, ("operation",), ("categoryGroup",))
        operation = Operation(required.choice("operation", tuple(Operation)))
        references = tuple(read_reference(child, holder.file) for child in required.children("categoryGroup"))
        if not references:
            required.refuse("", "", "at least one categoryGroup is required")
        found.append(Requirement(operation, references))
    return tuple(found)


def read_equivalent_classification(node: Node, file: str) -> EquivalentClassification:
    """``equivalentClassification``."""
    one = Element(node, file, ("policyRef", "lacv", "applied"), ("requiredCategory",))
    lacv = str(one.integer("lacv"))
    return EquivalentClassification(
        one.text("policyRef"), lacv, one.choice("applied", _APPLIED), read_requirements(one)
    )


def read_equivalent_value(node: Node, file: str) -> EquivalentValue:
    """``equivalentSecCategoryTag``."""
    attributes = ("policyRef", "tagSetId", "tagType", "enumType", "lacv", "applied", "action")
    one = Element(node, file, attributes, ())
    discard = one.given("action") is not None and one.choice("action", ("discard",)) == "discard"
    return EquivalentValue(
        one.text("policyRef"),
        one.oid("tagSetId"),
        one.tag_kind(),
        normal_lacv(one.text("lacv", empty=discard)),
        one.choice("applied", _APPLIED),
        discard,
    )


def read_equivalent_tag_set(node: Node, file: str) -> EquivalentTagSet:
    """``equivalentSecurityCategoryTagSet``: names the other tag set by its name, its id, or both."""
    one = Element(node, file, ("policyRef", "name", "id"), ("requiredCategory",))
    name = "" if one.given("name") is None else one.text("name")
    oid = "" if one.given("id") is None else one.oid("id")
    if not (name or oid):
        one.refuse("", "", "name or id is required")
    return EquivalentTagSet(one.text("policyRef"), name, oid, read_requirements(one))


def in_spif(node: Node) -> bool:
    """Whether the element is of the SPIF's namespace."""
    return node.namespace == SPIF_NAMESPACE

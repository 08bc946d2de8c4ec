"""Reads Open XML SPIF documents, schema versions 1.0, 2.0 and 2.1 (each holds the ones before).

Labels in XML go by names, so what stands twice under one name in one tag is one value, with the restrictions of both
and the marking of the first: NATO's policy has such (one for each of its markings). A requirement or exclusion by a
lacv that several values share is refused, because it would be ambiguous.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from schemas.spif.dates import date_format_is_known
from schemas.spif.element import SPIF_NAMESPACE, Element, normal_lacv
from schemas.spif.errors import SpifError
from schemas.spif.model import (
    Classification,
    EquivalentPolicy,
    PrivacyMark,
    PrivacyMarks,
    Spif,
    Tag,
    TagKind,
    TagSet,
    Value,
    ValueKey,
)
from schemas.spif.read_parts import (
    read_equivalent_classification,
    read_equivalent_tag_set,
    read_equivalent_value,
    read_marked,
    read_reference,
    read_requirements,
)
from schemas.spif.references import check_references
from schemas.spif.xml_tree import Node, read_tree

_MARKS = ("markingData", "markingQualifier")
_ROOT_ATTRIBUTES = ("schemaVersion", "creationDate", "originatorDN", "keyIdentifier", "privilegeId", "rbacId")
_ROOT_OPTIONAL = ("version", "userRefURI", "docRefURI", "notBefore", "notAfter")
_ROOT_CHILDREN = (
    "defaultSecurityPolicyId",
    "securityPolicyId",
    "updateInfo",
    "securityClassifications",
    "securityCategoryTagSets",
    "privacyMarks",
    "equivalentPolicies",
    "extensions",
    *_MARKS,
)
_VALUE_ATTRIBUTES = (
    "name",
    "lacv",
    "userInput",
    "requiredClass",
    "obsolete",
    "dateFormat",
    "notBefore",
    "notAfter",
)
_VALUE_CHILDREN = ("equivalentSecCategoryTag", *_MARKS, "excludedClass", "requiredCategory", "excludedCategory")
_TAG_ATTRIBUTES = (
    "name",
    "tagType",
    "enumType",
    "tag7Encoding",
    "singleSelection",
    "maxSelection",
    "minSelection",
)
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)


def read_document(data: bytes, file: str) -> Spif:
    """The document as types. Raises SpifError, naming element, value and rule, for what is not as it must be."""
    node = read_tree(data, file)
    if node.namespace != SPIF_NAMESPACE or node.name != "SPIF":
        raise SpifError(file, node.line, node.name, node.namespace, f"the root must be SPIF in {SPIF_NAMESPACE}")
    root = Element(node, file, (*_ROOT_ATTRIBUTES, *_ROOT_OPTIONAL), _ROOT_CHILDREN)
    schema_version = root.choice("schemaVersion", ("1.0", "2.0", "2.1"))
    for name in ("creationDate", "originatorDN", "keyIdentifier"):
        root.text(name, empty=True)
    for name in ("privilegeId", "rbacId"):
        root.oid(name)
    identity = Element(root.needed_child("securityPolicyId"), file, ("name", "id"), _MARKS)
    other = root.only_child("defaultSecurityPolicyId")
    if other is not None:
        Element(other, file, ("name", "id"), _MARKS).oid("id")
    privacy = root.only_child("privacyMarks")
    spif = Spif(
        name=identity.text("name"),
        oid=identity.oid("id"),
        version=str(root.integer("version")) if root.given("version") is not None else "1",
        schema_version=schema_version,
        classifications=_classifications(root.needed_child("securityClassifications"), file),
        tag_sets=_tag_sets(root.only_child("securityCategoryTagSets"), file),
        privacy_marks=None if privacy is None else _privacy_marks(privacy, file),
        equivalent_policies=_equivalent_policies(root.only_child("equivalentPolicies"), file),
        marked=read_marked(root),
        policy_marked=read_marked(identity),
        not_before=root.instant("notBefore"),
        not_after=root.instant("notAfter"),
    )
    check_references(spif, root)
    return spif


def _classifications(node: Node, file: str) -> tuple[Classification, ...]:
    holder = Element(node, file, ("name",), ("securityClassification", *_MARKS))
    found: list[Classification] = []
    for child in holder.children("securityClassification"):
        one = Element(
            child,
            file,
            ("name", "color", "lacv", "hierarchy", "obsolete"),
            ("equivalentClassification", "requiredCategory", *_MARKS),
        )
        found.append(
            Classification(
                name=one.text("name"),
                lacv=str(one.integer("lacv")),
                hierarchy=one.integer("hierarchy"),
                obsolete=one.boolean("obsolete"),
                required=read_requirements(one),
                equivalents=tuple(
                    read_equivalent_classification(other, file) for other in one.children("equivalentClassification")
                ),
                marked=read_marked(one),
            )
        )
    if not found:
        holder.refuse("", "", "at least one securityClassification is required")
    _unique(holder, "name", (one.name for one in found))
    _unique(holder, "lacv", (one.lacv for one in found))
    return tuple(found)


def _unique(holder: Element, what: str, texts: Iterable[str]) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            holder.refuse(f"/@{what}", text, f"each {what} may stand here once")
        seen.add(text)


def _tag_sets(node: Node | None, file: str) -> tuple[TagSet, ...]:
    if node is None:
        return ()
    holder = Element(node, file, (), ("securityCategoryTagSet",))
    found: list[TagSet] = []
    number = 0
    for child in holder.children("securityCategoryTagSet"):
        children = ("securityCategoryTag", "equivalentSecurityCategoryTagSet")
        one = Element(child, file, ("name", "id"), children)
        name = one.text("name")
        tags: list[Tag] = []
        for tag_node in one.children("securityCategoryTag"):
            tags.append(_tag(tag_node, file, name, number))
            number += 1
        equivalents = (read_equivalent_tag_set(other, file) for other in one.children(children[1]))
        found.append(TagSet(name, one.oid("id"), tuple(tags), tuple(equivalents)))
    _unique(holder, "name", (one.name for one in found))
    _unique(holder, "id", (one.id for one in found))
    return tuple(found)


def _tag(node: Node, file: str, tag_set: str, number: int) -> Tag:
    one = Element(node, file, _TAG_ATTRIBUTES, ("tagCategory", "markingQualifier"))
    kind = one.tag_kind()
    if one.given("tag7Encoding") is not None:
        one.choice("tag7Encoding", ("bitSetAttributes", "securityAttributes"))
    maximum, minimum = one.selection("maxSelection"), one.selection("minSelection") or 0
    if one.boolean("singleSelection"):
        maximum = 1 if maximum is None else min(1, maximum)
    if maximum is not None and minimum > maximum:
        one.refuse("@minSelection", str(minimum), f"must not be above the greatest number of selections, {maximum}")
    values: dict[str, Value] = {}
    for child in one.children("tagCategory"):
        value = _value(child, file, tag_set, kind)
        first = values.get(value.name)
        values[value.name] = value if first is None else _both(one, first, value)
    name = tag_set if one.given("name") is None else one.text("name")
    return Tag(number, name, tag_set, kind, minimum, maximum, tuple(values.values()), read_marked(one))


def _both(tag: Element, first: Value, second: Value) -> Value:
    """A value that stands twice: whatever either restricts is restricted."""
    if len({first.required_class, second.required_class} - {""}) > 1:
        tag.refuse(f"/tagCategory {first.name!r}", second.required_class, "stands twice with two required classes")
    if first.user_input != second.user_input or first.date_format != second.date_format:
        tag.refuse(f"/tagCategory {first.name!r}", second.user_input, "stands twice with two kinds of input")
    before = [instant for instant in (first.not_before, second.not_before) if instant is not None]
    after = [instant for instant in (first.not_after, second.not_after) if instant is not None]
    return replace(
        first,
        key=first.key._replace(lacvs=tuple(dict.fromkeys(first.key.lacvs + second.key.lacvs))),
        obsolete=first.obsolete or second.obsolete,
        required_class=first.required_class or second.required_class,
        excluded_classes=first.excluded_classes + second.excluded_classes,
        required=first.required + second.required,
        excluded=first.excluded + second.excluded,
        equivalents=tuple(dict.fromkeys(first.equivalents + second.equivalents)),
        not_before=max(before, default=None),
        not_after=min(after, default=None),
    )


def _value(node: Node, file: str, tag_set: str, kind: TagKind) -> Value:
    one = Element(node, file, _VALUE_ATTRIBUTES, _VALUE_CHILDREN)
    name = one.text("name")
    user_input = "" if one.given("userInput") is None else one.choice("userInput", ("string", "integer", "date"))
    date_format = one.given("dateFormat") or ""
    if date_format and not date_format_is_known(date_format):
        one.refuse("@dateFormat", date_format, "must be made of yyyy, MM, dd, HH, mm, ss and punctuation")
    excluded = tuple(Element(child, file, (), ()).node.text for child in one.children("excludedClass"))
    if len(set(excluded)) < len(excluded):
        one.refuse("/excludedClass", excluded[0], "Duplicate excluded classification in category")
    return Value(
        name=name,
        key=ValueKey(tag_set, kind, name, (normal_lacv(one.text("lacv")),)),
        obsolete=one.boolean("obsolete"),
        user_input=user_input,
        date_format=date_format,
        required_class=one.given("requiredClass") or "",
        excluded_classes=excluded,
        required=read_requirements(one),
        excluded=tuple(read_reference(child, file) for child in one.children("excludedCategory")),
        not_before=one.instant("notBefore"),
        not_after=one.instant("notAfter"),
        equivalents=tuple(read_equivalent_value(child, file) for child in one.children("equivalentSecCategoryTag")),
        marked=read_marked(one),
    )


def _privacy_marks(node: Node, file: str) -> PrivacyMarks:
    holder = Element(node, file, ("maxSelection", "minSelection"), ("privacyMark", *_MARKS))
    found: list[PrivacyMark] = []
    for child in holder.children("privacyMark"):
        one = Element(child, file, ("name", "obsolete"), _MARKS)
        found.append(PrivacyMark(one.text("name"), one.boolean("obsolete"), read_marked(one)))
    holder.selection("maxSelection")
    return PrivacyMarks(tuple(found), holder.selection("minSelection") or 0, read_marked(holder))


def _equivalent_policies(node: Node | None, file: str) -> tuple[EquivalentPolicy, ...]:
    if node is None:
        return ()
    holder = Element(node, file, (), ("equivalentPolicy",))
    found: list[EquivalentPolicy] = []
    for child in holder.children("equivalentPolicy"):
        one = Element(child, file, ("name", "id", "userRefURI", "docRefURI"), ("requiredCategory",))
        found.append(EquivalentPolicy(one.text("name"), one.oid("id"), read_requirements(one)))
    _unique(holder, "name", (one.name for one in found))
    _unique(holder, "id", (one.oid for one in found))
    return tuple(found)

"""surevine/spiffing's test data: its sequences of vectors, its label and clearance XML, its policies.

Its policies are read by a lenient parser; some are not well-formed, lack the namespace and required attributes, or
call ``markingCode`` ``code``. `mended_policy` puts right just those, in memory, and says which.
"""

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.labels import Category, CategoryType, Label
from schemas.spif import SecurityPolicy, read_spif
from schemas.spif.model import TagKind, ValueReference
from ssa_hub.release.partner import Clearance

LABELS = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data")) / "labels"
VECTORS = LABELS / "spiffing" / "test-data"
NATO_SPIF = LABELS / "spif" / "20210506_PU_NATO Security Policy-v88.spif"
PUBLIC_SPIF = LABELS / "spif" / "20140916_PU_PUBLIC Security Policy-v1.spif"
SPIFFY = "{http://surevine.com/xmlns/spiffy}"
ADATP = "{urn:nato:stanag:4774:confidentialitymetadatalabel:1:0}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_KINDS = {
    "restrictive": TagKind("restrictive", ""),
    "permissive": TagKind("permissive", ""),
    "enumeratedRestrictive": TagKind("enumerated", "restrictive"),
    "enumeratedPermissive": TagKind("enumerated", "permissive"),
    "informative": TagKind("tagType7", ""),
}
_MENDS = (
    (b"<SPIF>", b'<SPIF xmlns="http://www.xmlspif.org/spif" schemaVersion="1.0" keyIdentifier="">'),
    (b"</securityCategiryTagSet>", b"</securityCategoryTagSet>"),
    (b"<markingQualifier code=", b"<markingQualifier markingCode="),
    (b"<markingCode phrase=", b"<markingData phrase="),
    (b"</markingCode>", b"</markingData>"),
)
_REQUIRED = (
    (b"creationDate=", b'creationDate="20151111092300Z"'),
    (b"originatorDN=", b'originatorDN="cn=nobody"'),
    (b"privilegeId=", b'privilegeId="2.16.840.1.101.2.1.8.3"'),
    (b"rbacId=", b'rbacId="2.16.840.1.101.2.1.8.3"'),
)


def need_data() -> None:
    """Skip, by name, where the shared data are not there."""
    if not VECTORS.is_dir():
        pytest.skip("…/shared/data is absent")


def mended_policy(name: str) -> tuple[bytes, list[str]]:
    """A policy's document as the reader takes it, and what had to be put right."""
    data = (VECTORS / name).read_bytes()
    mended: list[str] = []
    for wrong, right in _MENDS:
        if wrong in data:
            data = data.replace(wrong, right)
            mended.append(wrong.decode())
    for attribute, whole in _REQUIRED:
        if attribute not in data:
            data = data.replace(b"<SPIF ", b"<SPIF " + whole + b" ", 1)
            mended.append(attribute.decode())
    return data, mended


class Vector(NamedTuple):
    """One ``test`` element with the policies loaded before it."""

    number: int
    sequence: int
    attributes: dict[str, str]
    policies: tuple[str, ...]

    @property
    def policy_alone(self) -> bool:
        """Whether it is a ``policy`` element that must fail."""
        return "spif" in self.attributes


def vectors() -> list[Vector]:
    """All vectors of tests.xml, policies that must fail among them."""
    found: list[Vector] = []
    for number, sequence in enumerate(_root("tests.xml")):
        policies: list[str] = []
        for element in sequence:
            if element.tag == "policy" and "exception" not in element.attrib:
                policies.append(element.attrib["spif"])
            else:
                found.append(Vector(len(found), number, dict(element.attrib), tuple(policies)))
    return found


def policies_of(vector: Vector) -> dict[str, SecurityPolicy]:
    """The policies of a vector, by OID."""
    read = [read_spif(mended_policy(name)[0], name) for name in vector.policies]
    return {policy.oid: policy for policy in read}


def label_of(name: str, policies: dict[str, SecurityPolicy]) -> Label:
    """A label in spiffing's XML, or in (often incomplete) ADatP-4774 XML."""
    root = _root(name)
    if root.tag.startswith(ADATP):
        return _adatp_label(root)
    policy = _policy(root, policies)
    classification = root.find(f"{SPIFFY}classification")
    assert classification is not None
    return Label(policy.name, _class_name(policy, classification.attrib["lacv"]), _categories(root, policy))


def clearance_of(name: str, policies: dict[str, SecurityPolicy]) -> Clearance:
    """A clearance in spiffing's XML."""
    root = _root(name)
    policy = _policy(root, policies)
    names = tuple(_class_name(policy, one.attrib["lacv"]) for one in root.findall(f"{SPIFFY}classification"))
    return Clearance(policy.name, names, _categories(root, policy))


def _root(name: str) -> ET.Element:
    return ET.parse(VECTORS / name).getroot()  # noqa: S314  # the test data are our own copy


def _policy(root: ET.Element, policies: dict[str, SecurityPolicy]) -> SecurityPolicy:
    identity = root.find(f"{SPIFFY}policy")
    assert identity is not None
    return policies[identity.attrib["id"]]


def _class_name(policy: SecurityPolicy, lacv: str) -> str:
    return next(one.name for one in policy.spif.classifications if one.lacv == lacv)


def _categories(root: ET.Element, policy: SecurityPolicy) -> tuple[Category, ...]:
    values: dict[tuple[str, CategoryType], set[str]] = {}
    for element in root.findall(f"{SPIFFY}tag"):
        tag_set = next(one for one in policy.spif.tag_sets if one.id == element.attrib["id"])
        reference = ValueReference(tag_set.name, _KINDS[element.attrib["type"]], str(int(element.attrib["lacv"])))
        [(tag, value)] = [(tag, value) for tag in tag_set.tags for value in tag.values if reference.names(value.key)]
        values.setdefault((tag.name, tag.kind.category_type), set()).add(value.name)
    return tuple(sorted(Category(name, type_, tuple(sorted(texts))) for (name, type_), texts in values.items()))


def _adatp_label(root: ET.Element) -> Label:
    information = root.find(f"{ADATP}ConfidentialityInformation")
    assert information is not None
    categories = tuple(
        Category(
            one.attrib["TagName"],
            CategoryType(one.attrib["Type"].upper()),
            tuple(sorted({value.text or "" for value in one.findall(f"{ADATP}GenericValue")})),
        )
        for one in information.findall(f"{ADATP}Category")
    )
    policy, classification = (
        information.findtext(f"{ADATP}{name}") or "" for name in ("PolicyIdentifier", "Classification")
    )
    return Label(policy, classification, categories).canonical()

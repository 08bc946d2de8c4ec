"""spiffing's vectors (tests.xml): validity, markings, decisions, equivalents, each as another implementation has it."""

from collections import Counter

import pytest

from schemas.labels import Label
from schemas.spif import SecurityPolicy, SpifError, read_spif
from ssa_hub.release.label_access import label_refusal
from ssa_hub.release.partner import Partner
from tests.schemas.spif.spiffing import (
    VECTORS,
    XML_LANG,
    Vector,
    clearance_of,
    label_of,
    mended_policy,
    need_data,
    policies_of,
    vectors,
)

KNOWN = {
    "label",
    "valid",
    "clearance",
    "label-marking",
    "clearance-marking",
    "acdf-result",
    "encrypt",
    "encrypt-marking",
    "exception",
    "spif",
    XML_LANG,
}
# Vectors that this hub does not support, and why. The list must not grow unnoticed.
UNSUPPORTED = {
    4: "a label in BER: the hub reads labels as ADatP-4774 XML and as JSON",
    5: "a file in BER that is not there: how a reader says that a file is empty",
}


def _unsupported(vector: Vector) -> bool:
    return vector.attributes.get("label", "").endswith(".ber")


def test_the_vectors_that_are_not_supported_are_those_listed() -> None:
    need_data()
    found = vectors()
    assert len(found) == 26
    assert {vector.number for vector in found if _unsupported(vector)} == set(UNSUPPORTED)
    assert {name for vector in found for name in vector.attributes} <= KNOWN
    checks = Counter(name for vector in found if not _unsupported(vector) for name in vector.attributes)
    assert checks == {
        "label": 23,
        "valid": 22,
        "label-marking": 18,
        "acdf-result": 3,
        "clearance": 3,
        "clearance-marking": 2,
        "encrypt": 3,
        "encrypt-marking": 3,
        XML_LANG: 4,
        "spif": 1,
        "exception": 1,
    }


def test_every_supported_vector_comes_out_as_spiffing_has_it() -> None:
    need_data()
    for vector in vectors():
        if vector.policy_alone:
            with pytest.raises(SpifError, match=vector.attributes["exception"]):
                read_spif(mended_policy(vector.attributes["spif"])[0], vector.attributes["spif"])
        elif not _unsupported(vector):
            _check(vector)


def _check(vector: Vector) -> None:
    said = vector.attributes
    where = f"vector {vector.number}: {said['label']}"
    policies = policies_of(vector)
    label = label_of(said["label"], policies)
    policy = next(one for one in policies.values() if one.is_policy(label.policy))
    language = said.get(XML_LANG, "en")
    if "valid" in said:
        assert (policy.problems(label) == []) == (said["valid"] == "true"), where
    if "label-marking" in said:
        assert policy.marking(label, language) == said["label-marking"], where
    if "encrypt" in said:
        other = policies[said["encrypt"]]
        label, policy = policy.equivalent(label, other), other
        assert policy.marking(label, language) == said["encrypt-marking"], where
    if "clearance" in said:
        _check_clearance(said, label, policy, policies, where)


def _check_clearance(
    said: dict[str, str], label: Label, policy: SecurityPolicy, policies: dict[str, SecurityPolicy], where: str
) -> None:
    clearance = clearance_of(said["clearance"], policies)
    if "clearance-marking" in said:
        marking = policy.clearance_marking(clearance.classifications, clearance.categories)
        assert marking == said["clearance-marking"], where
    partner = Partner("P", clearances=(clearance,))
    for known in ({policy.name: policy}, {}):
        refusal = label_refusal(partner, label, policies=known)
        assert (refusal is None) == (said["acdf-result"] == "1"), where


def test_the_policies_that_are_not_as_the_schema_wants_them_are_refused_as_they_are() -> None:
    need_data()
    refused: dict[str, str] = {}
    for path in sorted(VECTORS.glob("*.xml")):
        data = path.read_bytes()
        if b"<SPIF" in data or b":SPIF" in data:
            try:
                read_spif(data, path.name)
            except SpifError as error:
                refused[path.name] = error.value
    # Not well-formed, all four: a start tag and an end tag that differ, an end that is missing, or no root's end.
    assert refused == {
        "bsi-commercial.xml": "no element found",
        "food-policy-borked.xml": "",
        "food-policy-missi.xml": "mismatched tag",
        "food-policy.xml": "mismatched tag",
    }


def test_what_is_mended_of_the_policies_in_these_tests_is_this() -> None:
    need_data()
    used = {name for vector in vectors() for name in (*vector.policies, vector.attributes.get("spif", "")) if name}
    mended = {name: mended_policy(name)[1] for name in sorted(used)}
    attributes = ["creationDate=", "originatorDN=", "privilegeId=", "rbacId="]
    assert mended == {
        "food-policy-borked.xml": [
            "<SPIF>",
            "<markingQualifier code=",
            "<markingCode phrase=",
            "</markingCode>",
            *attributes,
        ],
        "food-policy.xml": ["<SPIF>", "</securityCategiryTagSet>", "<markingQualifier code=", *attributes],
        "nato-4774-policy.xml": [],
        "tlp-plus.xml": [],
        "tlp.xml": [],
        "uk-demo.xml": [],
    }

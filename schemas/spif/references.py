"""Whether what a SPIF refers to is there: an exclusion that names nothing would forbid nothing."""

from collections.abc import Collection, Iterable, Iterator

from schemas.spif.element import Element
from schemas.spif.model import Requirement, Spif, Value, ValueKey, ValueReference


def check_references(spif: Spif, root: Element) -> None:
    """Raise SpifError for a classification, tag set, value or policy that is referred to and not there."""
    classes = {one.name for one in spif.classifications}
    known = {value.key for value in _values(spif)}
    policies = {one.name for one in spif.equivalent_policies}
    default = root.only_child("defaultSecurityPolicyId")
    if default is not None:
        policies.add(default.attributes.get(("", "name"), ""))
    for value in _values(spif):
        for name in (*value.excluded_classes, *([value.required_class] if value.required_class else [])):
            if name not in classes:
                root.refuse(f"/tagCategory {value.name!r}", name, "Unknown classification in exclusion or requirement")
        references = (*value.excluded, *_of(value.required))
        _check(root, f"/tagCategory {value.name!r}", references, known)
        for equivalent in value.equivalents:
            _check_policy(root, equivalent.policy, policies)
    for classification in spif.classifications:
        _check(root, f"/securityClassification {classification.name!r}", _of(classification.required), known)
        for other in classification.equivalents:
            _check_policy(root, other.policy, policies)
    for tag_set in spif.tag_sets:
        for mapped in tag_set.equivalents:
            _check_policy(root, mapped.policy, policies)


def _values(spif: Spif) -> Iterator[Value]:
    for tag_set in spif.tag_sets:
        for tag in tag_set.tags:
            yield from tag.values


def _of(requirements: Iterable[Requirement]) -> Iterator[ValueReference]:
    for requirement in requirements:
        yield from requirement.references


def _check(root: Element, where: str, references: Iterable[ValueReference], known: Collection[ValueKey]) -> None:
    for reference in references:
        count = sum(reference.names(key) for key in known)
        if count == 0 or (reference.lacv is not None and count > 1):
            meant = f"{reference.tag_set} {reference.kind.tag_type} {reference.lacv or 'all'}"
            root.refuse(where, meant, f"must refer to what is here, one value by a lacv; {count} are here")


def _check_policy(root: Element, name: str, policies: Iterable[str]) -> None:
    if name not in policies:
        root.refuse("/@policyRef", name, "must be the name of one of equivalentPolicies")

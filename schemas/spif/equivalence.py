"""A label in another policy, where its own policy defines how (equivalentPolicies, equivalentClassification, ...).

Nothing is guessed: a classification or value without an equivalent, and a choice that the document leaves open, is an
error. A value may be left out only where the document says ``discard``.
"""

from collections.abc import Iterable

from schemas.labels import Category, Label
from schemas.spif.errors import NoEquivalentError
from schemas.spif.model import (
    Classification,
    EquivalentPolicy,
    EquivalentTagSet,
    Operation,
    Requirement,
    Spif,
    TagKind,
    TagSet,
    Value,
    ValueKey,
    ValueReference,
)
from schemas.spif.resolve import Chosen, Resolved
from schemas.spif.validity import Validity


class Target:
    """The policy that a label is mapped to."""

    def __init__(self, spif: Spif) -> None:
        self.spif = spif
        self.validity = Validity(spif)
        self._set_names = {tag_set.id: tag_set.name for tag_set in spif.tag_sets}
        tags = [tag for tag_set in spif.tag_sets for tag in tag_set.tags]
        self._values = {value.key: (tag.name, value) for tag in tags for value in tag.values}
        self._class_at_lacv = {one.lacv: one for one in spif.classifications}

    def set_name(self, tag_set_id: str) -> str:
        """The name of the tag set with that id. Raises NoEquivalentError."""
        name = self._set_names.get(tag_set_id)
        if name is None:
            raise NoEquivalentError(f"policy {self.spif.name} has no tag set with the id {tag_set_id}")
        return name

    def classification(self, lacv: str) -> Classification:
        """The classification with that lacv. Raises NoEquivalentError."""
        found = self._class_at_lacv.get(lacv)
        if found is None:
            raise NoEquivalentError(f"policy {self.spif.name} has no classification with lacv {lacv}")
        return found

    def value(self, reference: ValueReference) -> ValueKey:
        """The one value meant, that needs no text. Raises NoEquivalentError where there is none, or more than one."""
        found = [key for key, (_, value) in self._values.items() if reference.names(key) and not value.user_input]
        if len(found) != 1:
            what = f"{len(found)} values {reference.lacv} of {reference.tag_set!r}"
            raise NoEquivalentError(f"policy {self.spif.name} has {what} to map to, not one")
        return found[0]

    def categories(self, keys: Iterable[ValueKey]) -> tuple[Category, ...]:
        """Values as categories of a label."""
        texts: dict[tuple[str, TagKind], set[str]] = {}
        for key in keys:
            texts.setdefault((self._values[key][0], key.kind), set()).add(key.name)
        return tuple(
            Category(tag_name, kind.category_type, tuple(sorted(names))) for (tag_name, kind), names in texts.items()
        )


def equivalent_label(source: Spif, label: Label, resolved: Resolved, target: Target, applied: str) -> Label:
    """The label in the target's policy. Raises NoEquivalentError, saying what has no equivalent."""
    policy = _policy(source, target.spif)
    classification, required = _classification(source, resolved, policy, target, applied)
    keys: set[ValueKey] = set()
    for one in resolved.chosen:
        keys |= _values(source, one, policy, target, applied)
    for tag_set in _tag_sets_of(source, resolved.chosen):
        for mapped in _mapped_sets(tag_set, policy):
            required += mapped.required
    for requirement in (*required, *policy.required):
        _fulfil(requirement, keys, target)
    return Label(
        target.spif.name, classification.name, target.categories(keys), privacy_mark=label.privacy_mark
    ).canonical()


def _policy(source: Spif, target: Spif) -> EquivalentPolicy:
    for policy in source.equivalent_policies:
        if policy.oid == target.oid:
            return policy
    raise NoEquivalentError(f"policy {source.name} defines no equivalents in {target.name} ({target.oid})")


def _classification(
    source: Spif, resolved: Resolved, policy: EquivalentPolicy, target: Target, applied: str
) -> tuple[Classification, tuple[Requirement, ...]]:
    own = resolved.classification
    if own is None:
        raise NoEquivalentError(f"the label's classification is not in policy {source.name}")
    found = [one for one in own.equivalents if one.policy == policy.name and one.applied in (applied, "both")]
    if len(found) != 1:
        how_many = "no" if not found else "more than one"
        raise NoEquivalentError(
            f"policy {source.name} defines {how_many} equivalent of {own.name!r} in {target.spif.name} to {applied}"
        )
    return target.classification(found[0].lacv), found[0].required


def _values(source: Spif, one: Chosen, policy: EquivalentPolicy, target: Target, applied: str) -> set[ValueKey]:
    """The values that one value becomes; none where it may be left out."""
    value: Value = one.value
    found = [other for other in value.equivalents if other.policy == policy.name and other.applied in (applied, "both")]
    if found:
        return {
            target.value(ValueReference(target.set_name(other.tag_set_id), other.kind, other.lacv))
            for other in found
            if not other.discard
        }
    if not value.user_input:
        tag_set = next(tag_set for tag_set in source.tag_sets if tag_set.name == value.key.tag_set)
        sets = {mapped.name or target.set_name(mapped.id) for mapped in _mapped_sets(tag_set, policy)}
        if len(sets) == 1:
            name = sets.pop()
            keys = {target.value(ValueReference(name, value.key.kind, lacv)) for lacv in value.key.lacvs}
            if len(keys) == 1:
                return keys
    what = f"{one.text!r} of {one.tag.name!r}"
    raise NoEquivalentError(f"policy {source.name} defines no equivalent of {what} in {target.spif.name} to {applied}")


def _tag_sets_of(source: Spif, chosen: Iterable[Chosen]) -> list[TagSet]:
    names = {one.value.key.tag_set for one in chosen}
    return [tag_set for tag_set in source.tag_sets if tag_set.name in names]


def _mapped_sets(tag_set: TagSet, policy: EquivalentPolicy) -> list[EquivalentTagSet]:
    return [mapped for mapped in tag_set.equivalents if mapped.policy == policy.name]


def _fulfil(requirement: Requirement, keys: set[ValueKey], target: Target) -> None:
    """Add what a mapped label must have. Raises NoEquivalentError where the document leaves open which of many."""
    named = target.validity.named(requirement)
    if not named or any(not any(one.names(key) for key in named) for one in requirement.references):
        raise NoEquivalentError(f"policy {target.spif.name} does not have all the values that a mapped label must have")
    if requirement.operation is Operation.ALL or len(named) == 1:
        keys |= named
    elif not target.validity.meets(requirement, frozenset(keys)):
        raise NoEquivalentError(f"it is left open which to add: {target.validity.said(requirement)}")

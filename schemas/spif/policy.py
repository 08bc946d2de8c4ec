"""A security policy, read from an Open XML SPIF document: validity, markings, equivalents, and what decisions need."""

from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from schemas.labels import Category, CategoryType, Label
from schemas.spif.equivalence import Target, equivalent_label
from schemas.spif.errors import NoEquivalentError, UnknownClassificationError
from schemas.spif.markings import clearance_marking, label_marking
from schemas.spif.model import Classification, Spif
from schemas.spif.read import read_document
from schemas.spif.resolve import OID_PREFIX, Chosen, Resolved, Vocabulary
from schemas.spif.validity import Validity


class Demand(NamedTuple):
    """What one category of a label asks of a clearance: of these values any (PERMISSIVE) or all (RESTRICTIVE).

    ``name`` and ``texts`` are for people.
    """

    type: CategoryType
    values: frozenset[Hashable]
    name: str
    texts: tuple[str, ...]


class Demands(NamedTuple):
    """What a label asks of a clearance under its policy, in the policy's own names."""

    classification: str
    demands: tuple[Demand, ...]


class SecurityPolicy:
    """One security policy. Two policies are equal only if they are the same object."""

    def __init__(self, spif: Spif) -> None:
        self.spif = spif
        self.name = spif.name
        self.oid = spif.oid
        self._vocabulary = Vocabulary(spif)
        self._validity = Validity(spif)
        self._target = Target(spif)

    def is_policy(self, name: str) -> bool:
        """Whether labels and clearances of that policy name are this policy's (NATO, PUBLIC: without case)."""
        return self._vocabulary.is_policy(name)

    def hierarchy(self, classification: str) -> int:
        """How high a classification is: the greater the higher. Raises UnknownClassificationError."""
        found = self._vocabulary.classification(classification)
        if found is None:
            raise UnknownClassificationError(f"classification {classification!r} is not in policy {self.name}")
        return found.hierarchy

    def classifications(self) -> list[str]:
        """The names of the classifications, lowest first."""
        return [one.name for one in sorted(self.spif.classifications, key=lambda one: (one.hierarchy, one.name))]

    def problems(self, label: Label, *, new: bool = False) -> list[str]:
        """What is wrong with a label under this policy, one sentence each; empty for a valid label. Never raises.

        ``new``: for a label that is being made, names that are obsolete are wrong too. Alternatives and successors of
        the label are labels of their own and are not looked at.
        """
        return self._problems(label, self._vocabulary.resolve(label), new=new)

    def _problems(self, label: Label, resolved: Resolved, *, new: bool) -> list[str]:
        found: list[str] = []
        if not self.is_policy(label.policy):
            found.append(f"the label's policy is {label.policy!r}, not {self.name!r}")
        uri = label.policy_uri
        if uri is not None and uri.strip().lower() != OID_PREFIX + self.oid:
            found.append(f"the label's policy URI is {uri!r}, not {OID_PREFIX + self.oid!r}")
        found += self._validity.problems(label, resolved, new=new)
        return found

    def demands(self, label: Label) -> Demands | list[str]:
        """What a label asks of a clearance under this policy, or the `problems` that make it ask in vain. Never raises.

        A category whose name is that of a tag set asks for each of its tags by itself.
        """
        resolved = self._vocabulary.resolve(label)
        problems = self._problems(label, resolved, new=False)
        if problems or resolved.classification is None:
            return problems
        demands: list[Demand] = []
        for category in resolved.categories:
            if category.type is CategoryType.INFORMATIVE:
                continue
            numbers = {one.tag.number for one in category.chosen}
            for number in sorted(numbers):
                chosen = [one for one in category.chosen if one.tag.number == number]
                values = frozenset(self._held_value(one) for one in chosen)
                texts = tuple(one.text for one in chosen)
                demands.append(Demand(category.type, values, chosen[0].tag.name, texts))
        return Demands(resolved.classification.name, tuple(demands))

    def held(
        self, classifications: Iterable[str], categories: Iterable[Category]
    ) -> tuple[frozenset[str], frozenset[Hashable]]:
        """A clearance in the terms of `demands`: classifications and values. What is not in the policy is not held."""
        classes = (self._vocabulary.classification(name) for name in classifications)
        values = (one for category in categories for one in self._vocabulary.find(category)[0])
        return frozenset(one.name for one in classes if one is not None), frozenset(map(self._held_value, values))

    def _held_value(self, one: Chosen) -> Hashable:
        # With the text, because all that people enter in one place is one value of the policy.
        return self._vocabulary.place(one.value), one.text

    def canonical(self, label: Label) -> Label:
        """The label with policy, classification, tags and values as this policy writes them; categories of one tag
        are one. Raises ValueError for a label that is not valid, or that has two PERMISSIVE categories of one tag.
        """
        resolved, classification = self._valid(label)
        by_tag = [(one.tag.number, category) for category in resolved.categories for one in category.chosen]
        for number, category in by_tag:
            if category.type is CategoryType.PERMISSIVE and any(number == n and c is not category for n, c in by_tag):
                raise ValueError("two PERMISSIVE categories of one tag ask for a value each; one cannot say that")
        values: dict[tuple[str, CategoryType], set[str]] = {}
        for one in resolved.chosen:
            values.setdefault((one.tag.name, one.tag.kind.category_type), set()).add(one.text)
        made = (Category(name, type_, tuple(sorted(texts))) for (name, type_), texts in values.items())
        return Label(self.name, classification, tuple(made), privacy_mark=label.privacy_mark).canonical()

    def _valid(self, label: Label) -> tuple[Resolved, str]:
        resolved = self._vocabulary.resolve(label)
        problems = self._problems(label, resolved, new=False)
        if problems or resolved.classification is None:
            raise ValueError(f"the label is not valid under policy {self.name}: {'; '.join(problems)}")
        return resolved, resolved.classification.name

    def marking(self, label: Label, language: str = "en") -> str:
        """The line that a page shows for a label (`schemas.spif.markings`). Raises ValueError for an unknown name.

        A label that is known but against the policy's rules is marked all the same: people must see what it says.
        """
        resolved = self._vocabulary.resolve(label)
        problems = list(resolved.problems)
        if not self.is_policy(label.policy):
            problems.append(f"the label's policy is {label.policy!r}, not {self.name!r}")
        if problems or resolved.classification is None:
            raise ValueError(f"the label cannot be marked under policy {self.name}: {'; '.join(problems)}")
        return label_marking(self.spif, resolved.classification, resolved, label.privacy_mark, language)

    def clearance_marking(
        self, classifications: Iterable[str], categories: Iterable[Category], language: str = "en"
    ) -> str:
        """The line for a clearance. Raises ValueError for a name that the policy does not know."""
        classes: list[Classification] = []
        chosen: list[Chosen] = []
        problems: list[str] = []
        for name in classifications:
            found = self._vocabulary.classification(name)
            if found is None:
                problems.append(f"classification {name!r} is not in policy {self.name}")
            elif found not in classes:
                classes.append(found)
        for category in categories:
            values, wrong = self._vocabulary.find(category)
            chosen += values
            problems += wrong
        if problems:
            raise ValueError(f"the clearance cannot be marked under policy {self.name}: {'; '.join(problems)}")
        return clearance_marking(self.spif, classes, self._vocabulary.in_order(chosen), language)

    def equivalent(self, label: Label, other: "SecurityPolicy", applied: str = "encrypt") -> Label:
        """The label in another policy, as this policy's document maps it (``applied``: encrypt or decrypt).

        Raises NoEquivalentError where the label is not valid, where the document defines no equivalent for a part of
        it or leaves a choice open, and where the result is not valid under the other policy.
        """
        if applied not in ("encrypt", "decrypt"):
            raise ValueError(f"applied = {applied!r}: must be encrypt or decrypt")
        resolved = self._vocabulary.resolve(label)
        problems = self._problems(label, resolved, new=False)
        if problems:
            raise NoEquivalentError(f"the label is not valid under policy {self.name}: {'; '.join(problems)}")
        mapped = equivalent_label(self.spif, label, resolved, other._target, applied)
        wrong = other.problems(mapped)
        if wrong:
            raise NoEquivalentError(f"the equivalent is not valid under policy {other.name}: {'; '.join(wrong)}")
        return mapped


def read_spif(data: bytes, file: str) -> SecurityPolicy:
    """Read an Open XML SPIF document, schema version 1.0, 2.0 or 2.1.

    Raises SpifError, naming line, element, value and rule, for what is not well-formed, not safe, not after the
    schema, or ambiguous.
    """
    return _read(data, file)


@lru_cache(maxsize=16)
def _read(data: bytes, file: str) -> SecurityPolicy:
    # Kept: with the same object again, what was read of labels in its terms stays known too.
    return SecurityPolicy(read_document(data, file))


def policy_of(name: str, policies: Mapping[str, SecurityPolicy]) -> SecurityPolicy | None:
    """The policy that a label means by its policy's name (NATO and PUBLIC: without case); None if it is not there."""
    exact = policies.get(name)
    if exact is not None and exact.is_policy(name):
        return exact
    return next((policy for policy in policies.values() if policy.is_policy(name)), None)

"""A label in the terms of its policy: which classification, which values; and what of it the policy does not know.

A category's ``tag_name`` is the name of a tag, or of a tag set (ADatP-4774.2 uses the tag set's; NATO's are the same).
A category's URI, if given, must be its tag set's id.
In the policies NATO and PUBLIC, names compare without case (ADatP-4774.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from schemas.labels import Category, CategoryType, Label
from schemas.spif.dates import is_input
from schemas.spif.model import Classification, PrivacyMark, Spif, Tag, Value

OID_PREFIX = "urn:oid:"
_WITHOUT_CASE = ("nato", "public")


def folded(text: str) -> str:
    """Lower case of ASCII text; any other text as it is, so that no letter outside ASCII passes for one inside."""
    return text.lower() if text.isascii() else text


def ignores_case(policy_name: str) -> bool:
    """Whether the policy of that name compares names without case."""
    return folded(policy_name) in _WITHOUT_CASE


class Chosen(NamedTuple):
    """A value of a label: its tag, its entry in the policy, and its text (the policy's name, or what was entered)."""

    tag: Tag
    value: Value
    text: str


@dataclass(frozen=True)
class ResolvedCategory:
    """One category of a label, or of a clearance: its type and its values."""

    type: CategoryType
    chosen: tuple[Chosen, ...]


@dataclass(frozen=True)
class Resolved:
    """A label in its policy's terms: ``problems`` says what the policy does not know, ``chosen`` are all values, each
    once, in the policy's order.
    """

    classification: Classification | None
    categories: tuple[ResolvedCategory, ...]
    privacy_mark: PrivacyMark | None
    problems: tuple[str, ...]
    chosen: tuple[Chosen, ...]


class Vocabulary:
    """A policy's names, for looking up what labels and clearances say."""

    def __init__(self, spif: Spif) -> None:
        self.name = spif.name
        self._fold = folded if ignores_case(spif.name) else str
        self._classifications = {self._fold(one.name): one for one in spif.classifications}
        marks = () if spif.privacy_marks is None else spif.privacy_marks.marks
        self._privacy_marks = None if spif.privacy_marks is None else {self._fold(one.name): one for one in marks}
        self._tags: dict[tuple[str, CategoryType], list[Tag]] = {}
        for tag in (tag for tag_set in spif.tag_sets for tag in tag_set.tags):
            for name in dict.fromkeys((self._fold(tag.name), self._fold(tag.tag_set))):
                self._tags.setdefault((name, tag.kind.category_type), []).append(tag)
        self._values = {
            tag.number: {self._fold(value.name): value for value in tag.values if not value.user_input}
            for tags in self._tags.values()
            for tag in tags
        }
        values = (value for tag_set in spif.tag_sets for tag in tag_set.tags for value in tag.values)
        self._inputs = {
            tag.number: [value for value in tag.values if value.user_input]
            for tags in self._tags.values()
            for tag in tags
        }
        self._set_ids = {tag_set.name: tag_set.id for tag_set in spif.tag_sets}
        # By identity, which is quick: values are the objects of one document, and live as long as this.
        self._places = {id(value): place for place, value in enumerate(values)}

    def in_order(self, chosen: Iterable[Chosen]) -> tuple[Chosen, ...]:
        """Values, each once, in the policy's order."""
        once = {(self._places[id(one.value)], one.text): one for one in chosen}
        return tuple(once[place] for place in sorted(once))

    def place(self, value: Value) -> int:
        """The number of a value of this policy in the document's order, from 0."""
        return self._places[id(value)]

    def is_policy(self, name: str) -> bool:
        """Whether a label or clearance of that policy name is one of this policy."""
        return self._fold(name) == self._fold(self.name)

    def classification(self, name: str) -> Classification | None:
        """The classification of that name."""
        return self._classifications.get(self._fold(name))

    def tags(self, name: str, type_: CategoryType) -> list[Tag]:
        """The tags of that type whose own name, or whose tag set's, is that."""
        return self._tags.get((self._fold(name), type_), [])

    def find(self, category: Category) -> tuple[list[Chosen], list[str]]:
        """The values of a category, and what is wrong with those that are not known or not clear."""
        tags = self.tags(category.tag_name, category.type)
        if category.uri is not None:
            uri = category.uri.strip().lower()
            tags = [tag for tag in tags if uri == OID_PREFIX + self._set_ids[tag.tag_set]]
        if not tags:
            return [], [f"{category.type} category {category.tag_name!r} is not in policy {self.name}"]
        found: list[Chosen] = []
        problems: list[str] = []
        for text in category.values:
            name = self._fold(text)
            named = [
                Chosen(tag, value, value.name)
                for tag in tags
                if (value := self._values[tag.number].get(name)) is not None
            ] or self._entered(tags, text)
            if len(named) == 1:
                found += named
            elif named:
                problems.append(f"{text!r} of {category.tag_name!r} stands for more than one value of {self.name}")
            else:
                problems.append(f"{text!r} is no value of {category.tag_name!r} in policy {self.name}")
        return found, problems

    def _entered(self, tags: list[Tag], text: str) -> list[Chosen]:
        """The values of these tags that people enter, and that the text fits."""
        return [
            Chosen(tag, value, text)
            for tag in tags
            for value in self._inputs[tag.number]
            if is_input(text, value.user_input, value.date_format)
        ]

    def resolve(self, label: Label) -> Resolved:
        """A label in the policy's terms."""
        problems: list[str] = []
        classification = self.classification(label.classification)
        if classification is None:
            problems.append(f"classification {label.classification!r} is not in policy {self.name}")
        categories: list[ResolvedCategory] = []
        for category in label.categories:
            chosen, wrong = self.find(category)
            problems += wrong
            categories.append(ResolvedCategory(category.type, tuple(chosen)))
        mark: PrivacyMark | None = None
        if label.privacy_mark is not None and self._privacy_marks is not None:
            mark = self._privacy_marks.get(self._fold(label.privacy_mark))
            if mark is None:
                problems.append(f"privacy mark {label.privacy_mark!r} is not in policy {self.name}")
        values = self.in_order(one for category in categories for one in category.chosen)
        return Resolved(classification, tuple(categories), mark, tuple(problems), values)

"""What an Open XML SPIF says, as types: classifications, tag sets with their values, requirements, markings, mappings.

Source: Open XML SPIF schema 2.1 (xmlspif.org). ``lacv``, the label and certificate value, is kept as text; whole
numbers without leading zeros, so that "004" and "4" are one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from schemas.labels import CategoryType


class Operation(StrEnum):
    """How many of the values that a requirement names must be there."""

    ONLY_ONE = "onlyOne"
    ONE_OR_MORE = "oneOrMore"
    ALL = "all"


class TagKind(NamedTuple):
    """``tagType`` with its ``enumType``: values of one tag set and kind are told apart by their lacv."""

    tag_type: str
    enum_type: str

    @property
    def category_type(self) -> CategoryType:
        """What it is in a label of ADatP-4774."""
        return _CATEGORY_TYPES[self]


_CATEGORY_TYPES = {
    TagKind("restrictive", ""): CategoryType.RESTRICTIVE,
    TagKind("permissive", ""): CategoryType.PERMISSIVE,
    TagKind("enumerated", "restrictive"): CategoryType.RESTRICTIVE,
    TagKind("enumerated", "permissive"): CategoryType.PERMISSIVE,
    TagKind("tagType7", ""): CategoryType.INFORMATIVE,
}


class ValueKey(NamedTuple):
    """Which value of a policy: the name of its tag set, the kind of its tag, its name, its lacvs.

    Labels in XML go by names. Two values may share a lacv, and one may have several (NATO's "Releasable To" has NATO
    and OCCAR at 1001, and KFOR at 2007 and 1005).
    """

    tag_set: str
    kind: TagKind
    name: str
    lacvs: tuple[str, ...]


class ValueReference(NamedTuple):
    """A value, or with ``lacv`` None every value, of a tag set (by name) and kind."""

    tag_set: str
    kind: TagKind
    lacv: str | None

    def names(self, key: ValueKey) -> bool:
        """Whether the value is (one of) those meant."""
        return (self.tag_set, self.kind) == (key.tag_set, key.kind) and (self.lacv is None or self.lacv in key.lacvs)


@dataclass(frozen=True)
class Requirement:
    """``requiredCategory``: of all the values that ``references`` name, how many must be there."""

    operation: Operation
    references: tuple[ValueReference, ...]


@dataclass(frozen=True)
class MarkingPhrase:
    """``markingData``: what to show in place of a name (None: the name itself), where, in which language ("": any)."""

    phrase: str | None
    codes: frozenset[str]
    language: str


@dataclass(frozen=True)
class Qualifier:
    """One ``qualifier``: a prefix, suffix or separator, with the marking code of its group ("": everywhere)."""

    code: str
    text: str
    marking_code: str
    language: str


@dataclass(frozen=True)
class Marked:
    """How a thing is marked."""

    phrases: tuple[MarkingPhrase, ...] = ()
    qualifiers: tuple[Qualifier, ...] = ()


@dataclass(frozen=True)
class EquivalentClassification:
    """A classification's counterpart in the policy that this document calls ``policy``."""

    policy: str
    lacv: str
    applied: str
    required: tuple[Requirement, ...]


@dataclass(frozen=True)
class EquivalentValue:
    """A value's counterpart in another policy: the tag set's id, or ``discard``: it may be left out."""

    policy: str
    tag_set_id: str
    kind: TagKind
    lacv: str
    applied: str
    discard: bool


@dataclass(frozen=True)
class EquivalentTagSet:
    """A tag set whose values have the same lacv in a tag set of another policy."""

    policy: str
    name: str
    id: str
    required: tuple[Requirement, ...]


@dataclass(frozen=True)
class EquivalentPolicy:
    """Another policy that labels can be mapped to, and what every mapped label must have."""

    name: str
    oid: str
    required: tuple[Requirement, ...]


@dataclass(frozen=True)
class Classification:
    """One classification; a greater ``hierarchy`` is a higher classification."""

    name: str
    lacv: str
    hierarchy: int
    obsolete: bool
    required: tuple[Requirement, ...]
    equivalents: tuple[EquivalentClassification, ...]
    marked: Marked


@dataclass(frozen=True)
class Value:
    """One ``tagCategory``. ``not_before`` and ``not_after`` are TAI ns; ``user_input``: "", string, integer, date."""

    name: str
    key: ValueKey
    obsolete: bool
    user_input: str
    date_format: str
    required_class: str
    excluded_classes: tuple[str, ...]
    required: tuple[Requirement, ...]
    excluded: tuple[ValueReference, ...]
    not_before: int | None
    not_after: int | None
    equivalents: tuple[EquivalentValue, ...]
    marked: Marked


@dataclass(frozen=True)
class Tag:
    """One ``securityCategoryTag``. ``number`` counts tags in the document's order, from 0."""

    number: int
    name: str
    tag_set: str
    kind: TagKind
    selected_min: int
    selected_max: int | None
    values: tuple[Value, ...]
    marked: Marked


@dataclass(frozen=True)
class TagSet:
    """Tags under one id."""

    name: str
    id: str
    tags: tuple[Tag, ...]
    equivalents: tuple[EquivalentTagSet, ...]


@dataclass(frozen=True)
class PrivacyMark:
    """One privacy mark that labels may have."""

    name: str
    obsolete: bool
    marked: Marked


@dataclass(frozen=True)
class PrivacyMarks:
    """The privacy marks that labels may have; a label of ADatP-4774 has none or one."""

    marks: tuple[PrivacyMark, ...]
    selected_min: int
    marked: Marked


@dataclass(frozen=True)
class Spif:
    """A whole document. ``not_before`` and ``not_after`` (TAI ns) bound when labels may be made under it."""

    name: str
    oid: str
    version: str
    schema_version: str
    classifications: tuple[Classification, ...]
    tag_sets: tuple[TagSet, ...]
    privacy_marks: PrivacyMarks | None
    equivalent_policies: tuple[EquivalentPolicy, ...]
    marked: Marked
    policy_marked: Marked
    not_before: int | None
    not_after: int | None

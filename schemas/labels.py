"""Confidentiality labels after the ADatP-4774 model, interned by the hash of their canonical form.

Source: ADatP-4774 (STANAG 4774), Edition A Version 1: policy, classification, privacy mark, categories with a tag name,
a type (RESTRICTIVE, PERMISSIVE, INFORMATIVE) and values, originator, creation, review, succession, and equivalents in
other policies. XML is `schemas.label_xml`, the binding to a file `schemas.label_binding`.
"""

import hashlib
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Self

import msgspec

from schemas.timescales import format_utc, parse_utc

SUCCESSIONS_MAX = 8
ALTERNATIVES_MAX = 32
ORIGINATOR_ID_TYPES = (
    *("rfc822Name", "dNSName", "directoryName", "uniformResourceIdentifier"),
    *("iPAddress", "x400Address", "userPrincipalName", "jID"),
)


class CategoryType(StrEnum):
    """How a category acts in the access decision (ADatP-4774.1, 3.11.4)."""

    RESTRICTIVE = "RESTRICTIVE"
    PERMISSIVE = "PERMISSIVE"
    INFORMATIVE = "INFORMATIVE"


class Category(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, omit_defaults=True):
    """One category of a label: ``values`` is sorted and without repeats; ``uri`` names the tag set, if given."""

    tag_name: str
    type: CategoryType
    values: tuple[str, ...]
    uri: str | None = None

    def __post_init__(self) -> None:
        if not self.values or list(self.values) != sorted(set(self.values)):
            raise ValueError(f"category {self.tag_name!r}: values must be non-empty, sorted, without repeats")


def _no_categories() -> tuple[Category, ...]:
    # A factory keeps ``"categories":[]`` in the JSON of a label without any: stored label ids were made with it.
    return ()


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A confidentiality label. `canonical` sorts it, so that equal labels have equal bytes.

    ``creation_utc`` and ``review_utc`` are UTC texts as `schemas.timescales.parse_utc` reads them. ``originator_id``
    and ``originator_id_type`` (one of `ORIGINATOR_ID_TYPES`) go together. ``alternatives`` are equivalents of this
    label in other policies, each with a succession of its own. Members that are not said are not in the JSON.
    Raises ValueError for what ADatP-4774 has no place for.
    """

    policy: str
    classification: str
    categories: tuple[Category, ...] = msgspec.field(default_factory=_no_categories)
    policy_uri: str | None = None
    privacy_mark: str | None = None
    originator_id: str | None = None
    originator_id_type: str | None = None
    creation_utc: str | None = None
    review_utc: str | None = None
    succession: "Succession | None" = None
    alternatives: tuple["Label", ...] = ()

    def __post_init__(self) -> None:
        if (self.originator_id is None) != (self.originator_id_type is None):
            raise ValueError("originator_id and originator_id_type go together")
        if self.originator_id_type is not None and self.originator_id_type not in ORIGINATOR_ID_TYPES:
            raise ValueError(f"originator_id_type must be one of {', '.join(ORIGINATOR_ID_TYPES)}")
        for text in (self.creation_utc, self.review_utc):
            if text is not None:
                _instant(text)
        instants = self._succession_instants()
        if len(instants) > SUCCESSIONS_MAX:
            raise ValueError(f"at most {SUCCESSIONS_MAX} successions follow each other")
        if any(later <= earlier for earlier, later in pairwise(instants)):
            raise ValueError("a succession must come later than the one before it")
        _check_alternatives(self)

    def canonical(self) -> Self:
        """The same label with categories and alternatives in canonical order, and instants in one form."""
        return msgspec.structs.replace(
            self,
            categories=tuple(sorted(self.categories, key=_category_order)),
            creation_utc=_one_form(self.creation_utc),
            review_utc=_one_form(self.review_utc),
            succession=None if self.succession is None else self.succession.canonical(),
            alternatives=tuple(sorted((label.canonical() for label in self.alternatives), key=_label_order)),
        )

    def to_json(self) -> bytes:
        """Canonical JSON: what is hashed, stored and sent in the log's headers."""
        return msgspec.json.encode(self.canonical())

    @property
    def label_id(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json()).hexdigest()[:16]

    def at(self, tai_ns: int) -> "Label":
        """The label in force at an instant (TAI ns): itself, or the successor whose instant has come.

        An alternative stays only while it has followed the same succession instant as this label: one that has not
        is no equivalent any more, and what is not known to be equivalent must not open anything. A past review date
        changes nothing (ADatP-4774: it does not make a label invalid).
        """
        if self.succession is None and not any(label.succession for label in self.alternatives):
            return self
        since, in_force = self._in_force(tai_ns)
        followed = (label._in_force(tai_ns) for label in self.alternatives)
        alternatives = tuple(label for alternative_since, label in followed if alternative_since == since)
        return msgspec.structs.replace(in_force, alternatives=alternatives)

    def next_change_tai_ns(self, tai_ns: int) -> int | None:
        """The first succession instant after ``tai_ns`` (TAI ns), of this label or an alternative; None without one."""
        labels = (self, *self.alternatives)
        later = [instant for label in labels for instant in label._succession_instants() if instant > tai_ns]
        return min(later, default=None)

    def review_is_due(self, tai_ns: int) -> bool:
        """Whether the review date has come at an instant (TAI ns); False for a label without one."""
        return self.review_utc is not None and _instant(self.review_utc) <= tai_ns

    def _succession_instants(self) -> list[int]:
        """TAI ns of each succession, in the order in which they follow."""
        instants = []
        label = self
        while label.succession is not None:
            instants.append(_instant(label.succession.at_utc))
            label = label.succession.label
        return instants

    def _in_force(self, tai_ns: int) -> tuple[int | None, "Label"]:
        """(TAI ns since when by a succession, label); a successor has no alternatives of its own."""
        since, label = None, self
        while label.succession is not None and (instant := _instant(label.succession.at_utc)) <= tai_ns:
            since, label = instant, label.succession.label
        return since, label


class Succession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The label that takes over at ``at_utc`` (ADatP-4774, SuccessionHandling). It may have a succession itself.

    A successor has no review date, as the standard's SuccessorConfidentialityLabel has none, and no alternatives:
    they have successions of their own. Raises ValueError for one that has.
    """

    at_utc: str
    label: Label

    def __post_init__(self) -> None:
        _instant(self.at_utc)
        if self.label.review_utc is not None:
            raise ValueError("a successor has no review date (ADatP-4774, SuccessorConfidentialityLabel)")
        if self.label.alternatives:
            raise ValueError("a successor has no alternatives: each alternative has a succession of its own")

    def canonical(self) -> Self:
        """The same succession with its label canonical and its instant in one form."""
        return msgspec.structs.replace(self, at_utc=instant_text(_instant(self.at_utc)), label=self.label.canonical())


def instant_text(tai_ns: int) -> str:
    """UTC text of an instant (TAI ns) as labels write it: with ``Z``, and decimals only where there are any.

    >>> instant_text(parse_utc("2026-01-01T00:00:00.500"))
    '2026-01-01T00:00:00.5Z'
    """
    whole, _, decimals = format_utc(tai_ns, 9).partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}Z" if decimals else f"{whole}Z"


def label_from_json(data: bytes) -> Label:
    """Read a label from its canonical JSON. Raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(data, type=Label).canonical()


@lru_cache(maxsize=65_536)
def _instant(utc: str) -> int:
    return parse_utc(utc)


def _one_form(utc: str | None) -> str | None:
    return None if utc is None else instant_text(_instant(utc))


def _category_order(category: Category) -> tuple[str, str, tuple[str, ...], str]:
    return category.tag_name, category.type, category.values, category.uri or ""


def _label_order(label: Label) -> tuple[str, bytes]:
    return label.policy, msgspec.json.encode(label)


def _check_alternatives(label: Label) -> None:
    """Raises ValueError for alternatives that are no equivalents in other policies, one each."""
    if len(label.alternatives) > ALTERNATIVES_MAX:
        raise ValueError(f"a label has at most {ALTERNATIVES_MAX} alternatives")
    policies = [label.policy, *(alternative.policy for alternative in label.alternatives)]
    if len(set(policies)) < len(policies):
        raise ValueError("an alternative is an equivalent in another policy: no two labels may name the same policy")
    if any(alternative.alternatives for alternative in label.alternatives):
        raise ValueError("an alternative has no alternatives of its own")

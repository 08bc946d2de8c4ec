"""Confidentiality labels after the ADatP-4774 model, interned by the hash of their canonical form.

Source: ADatP-4774 (STANAG 4774), Edition A Version 1: policy, classification, categories with a tag name, a type
(RESTRICTIVE, PERMISSIVE, INFORMATIVE) and values. XML and SPIF come with their own module.
"""

import hashlib
from enum import StrEnum
from typing import Self

import msgspec


class CategoryType(StrEnum):
    """How a category acts in the access decision (ADatP-4774.1, 3.11.4)."""

    RESTRICTIVE = "RESTRICTIVE"
    PERMISSIVE = "PERMISSIVE"
    INFORMATIVE = "INFORMATIVE"


class Category(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One category of a label: ``values`` is sorted and without repeats."""

    tag_name: str
    type: CategoryType
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values or list(self.values) != sorted(set(self.values)):
            raise ValueError(f"category {self.tag_name!r}: values must be non-empty, sorted, without repeats")


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A confidentiality label. ``categories`` is sorted, so that equal labels have equal bytes."""

    policy: str
    classification: str
    categories: tuple[Category, ...] = ()

    def canonical(self) -> Self:
        """The same label with its categories in canonical order."""
        return msgspec.structs.replace(self, categories=tuple(sorted(self.categories)))

    def to_json(self) -> bytes:
        """Canonical JSON: what is hashed, stored and sent in the log's headers."""
        return msgspec.json.encode(self.canonical())

    @property
    def label_id(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json()).hexdigest()[:16]


def label_from_json(data: bytes) -> Label:
    """Read a label from its canonical JSON. Raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(data, type=Label).canonical()

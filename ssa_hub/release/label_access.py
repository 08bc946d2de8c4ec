"""The access decision of confidentiality labels, ADatP-4774.1, 3.11.4.

Permitted if the policy is known and equal, the classification is held, and at least one value of every PERMISSIVE
category and all values of every RESTRICTIVE one are held. INFORMATIVE categories are ignored. What is not known is
denied. Values are compared exactly.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from schemas.labels import Category, CategoryType, Label
from ssa_hub.release.partner import Clearance, Partner
from ssa_hub.release.reason import Audience, Reason, ReasonCode

_NOTHING: frozenset[str] = frozenset()


class _Held(NamedTuple):
    """A clearance as sets; ``values`` by tag name and type."""

    classifications: frozenset[str]
    values: dict[tuple[str, CategoryType], frozenset[str]]


@lru_cache(maxsize=1024)
def _held(clearances: tuple[Clearance, ...]) -> dict[str, _Held]:
    """Clearances by policy. Kept, because a partner meets thousands of labels."""
    held: dict[str, _Held] = {}
    for clearance in clearances:
        values: dict[tuple[str, CategoryType], frozenset[str]] = {}
        for category in clearance.categories:
            tag = (category.tag_name, category.type)
            values[tag] = values.get(tag, _NOTHING) | frozenset(category.values)
        held[clearance.policy] = _Held(frozenset(clearance.classifications), values)
    return held


def permitted_label_ids(partner: Partner, labels: Mapping[str, Label]) -> tuple[str, ...]:
    """The ids, sorted, of those labels that permit this partner to see what they mark."""
    held = _held(partner.clearances)
    return tuple(sorted(label_id for label_id, label in labels.items() if _obstacle(held, label) is None))


def label_refusal(partner: Partner, label: Label) -> Reason | None:
    """Why the label forbids this partner to see what it marks; None where it permits."""
    obstacle = _obstacle(_held(partner.clearances), label)
    if obstacle is None:
        return None
    code, category = obstacle
    if category is not None:
        how = "none of the values" if code is ReasonCode.LABEL_PERMISSIVE else "not every value"
        sentence = f"{partner.name} holds {how} of {category.tag_name!r}: {', '.join(category.values)}."
    elif code is ReasonCode.LABEL_CLASSIFICATION:
        sentence = f"{partner.name} is not cleared for {label.policy} {label.classification!r}."
    else:
        sentence = f"{partner.name} holds no clearance under policy {label.policy!r}."
    return Reason(code, f"The label forbids it: {sentence}", None, Audience.ORIGINATOR)


def _obstacle(held: Mapping[str, _Held], label: Label) -> tuple[ReasonCode, Category | None] | None:
    """What stands in the way first, and the category that does; None where nothing does."""
    clearance = held.get(label.policy)
    if clearance is None:
        return ReasonCode.LABEL_POLICY, None
    if label.classification not in clearance.classifications:
        return ReasonCode.LABEL_CLASSIFICATION, None
    for category in label.categories:
        if category.type is CategoryType.INFORMATIVE:
            continue
        values = clearance.values.get((category.tag_name, category.type), _NOTHING)
        if category.type is CategoryType.PERMISSIVE and values.isdisjoint(category.values):
            return ReasonCode.LABEL_PERMISSIVE, category
        if category.type is CategoryType.RESTRICTIVE and not values.issuperset(category.values):
            return ReasonCode.LABEL_RESTRICTIVE, category
    return None

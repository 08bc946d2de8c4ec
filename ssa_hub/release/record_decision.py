"""The decision on one record: one originator's say for an element set, both parents' for a derived conjunction.

This is the slow form, one record at a time: what `explanation` asks, and the oracle of `table` in the tests.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import reduce

import msgspec

from schemas.labels import Label
from schemas.records import DataMode, Kind, Row
from schemas.spif import SecurityPolicy
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.decision import NO_POLICIES, Allow, Deny, decide, label_unknown
from ssa_hub.release.mask import Mask
from ssa_hub.release.partner import Partner, Posture

# Where a record says whose rules and which labels decide on it: a derived record is its parents' originators' to give.
DECIDING_COLUMNS: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    Kind.ELEMENTS: (("originator", "label_id"),),
    Kind.CONJUNCTION_MESSAGES: (("originator", "label_id"),),
    Kind.EPHEMERIDES: (("originator", "label_id"),),
    Kind.DERIVED_CONJUNCTIONS: (
        ("parent_originator_1", "parent_label_id_1"),
        ("parent_originator_2", "parent_label_id_2"),
    ),
}


class Outcome(StrEnum):
    """What becomes of a record for a partner. EMBARGOED: not yet; until then it does not exist for him."""

    SEEN = "seen"
    EMBARGOED = "embargoed"
    DENIED = "denied"


class Part(msgspec.Struct, frozen=True):
    """One originator's say on a record."""

    originator: str
    label_id: str
    decision: Allow | Deny


class RecordDecision(msgspec.Struct, frozen=True):
    """All the parts, and what follows: the mask is what all show, the delay is the longest.

    ``mask`` and ``visible_from_tai_ns`` are None where any part denies.
    """

    outcome: Outcome
    parts: tuple[Part, ...]
    mask: Mask | None
    visible_from_tai_ns: int | None

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are shown, sorted; empty where any part denies."""
        return () if self.mask is None else self.mask.fields


def decide_record(
    kind: Kind,
    row: Row,
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    *,
    posture: Posture,
    now_tai_ns: int,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> RecordDecision:
    """Decide on one row of ``kind``; ``agreements`` by originator, ``labels`` by label id, ``policies`` by name.

    A label acts as it is in force at ``now_tai_ns``. One that is not in ``labels`` denies, even to the originator: the
    hub has lost what it needs to decide.
    """
    parts: list[Part] = []
    for originator_column, label_column in DECIDING_COLUMNS[kind]:
        originator, label_id = row[originator_column], row[label_column]
        label = labels.get(label_id)
        decision = (
            label_unknown(label_id)
            if label is None
            else decide(
                partner,
                agreements.get(originator),
                originator=originator,
                label=label,
                kind=kind,
                data_mode=DataMode(row["data_mode"]),
                posture=posture,
                now_tai_ns=now_tai_ns,
                policies=policies,
            )
        )
        parts.append(Part(originator, label_id, decision))
    return _together(tuple(parts), row["received_tai_ns"], now_tai_ns)


def _together(parts: tuple[Part, ...], received_tai_ns: int, now_tai_ns: int) -> RecordDecision:
    allows = [part.decision for part in parts if isinstance(part.decision, Allow)]
    if len(allows) < len(parts):
        return RecordDecision(Outcome.DENIED, parts, None, None)
    mask = reduce(Mask.both, (allow.mask for allow in allows))
    visible_from_tai_ns = received_tai_ns + max(allow.delay_ns for allow in allows)
    outcome = Outcome.SEEN if visible_from_tai_ns <= now_tai_ns else Outcome.EMBARGOED
    return RecordDecision(outcome, parts, mask, visible_from_tai_ns)


def visible(
    kind: Kind,
    row: Row,
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    *,
    posture: Posture,
    now_tai_ns: int,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> tuple[str, ...] | None:
    """The columns of the row that the partner sees now, sorted; None where the record does not exist for him."""
    mask = mask_now(kind, row, partner, agreements, labels, posture=posture, now_tai_ns=now_tai_ns, policies=policies)
    return None if mask is None else mask.fields


def mask_now(
    kind: Kind,
    row: Row,
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    *,
    posture: Posture,
    now_tai_ns: int,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> Mask | None:
    """How the partner sees the row now: fields and resolution; None where the record does not exist for him."""
    decision = decide_record(
        kind, row, partner, agreements, labels, posture=posture, now_tai_ns=now_tai_ns, policies=policies
    )
    return decision.mask if decision.outcome is Outcome.SEEN else None


def deciding_originators(kind: Kind, row: Row) -> tuple[str, ...]:
    """Whose rules decide on the row: its originator, or both parents' originators of a derived conjunction."""
    return tuple(row[originator_column] for originator_column, _ in DECIDING_COLUMNS[kind])

"""The decision: may this partner see a record of this originator, label, kind and mode, in this posture, now?

A pure, total function. What nothing allows is denied. The order is: the originator's own data; an agreement must
exist; the label's access decision (ADatP-4774.1, 3.11.4); the first rule of the agreement that matches.
"""

import msgspec

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.timescales import format_utc
from ssa_hub.release.agreement import OWN_DATA, Agreement, Rule
from ssa_hub.release.columns import EVERY_FIELD, mask_of
from ssa_hub.release.label_access import label_refusal
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.reason import Audience, Reason, ReasonCode


class Deny(msgspec.Struct, frozen=True):
    """Not to be shown. ``next_change_tai_ns``: the earliest instant at which this could change, None: by no clock."""

    reason: Reason
    agreement_version: str | None = None
    next_change_tai_ns: int | None = None


class Allow(msgspec.Struct, frozen=True):
    """To be shown, ``delay_ns`` after its receipt, in the columns ``fields`` (sorted).

    ``agreement_version`` is for the ledger and the originator: it changes with rules that concern others, so the
    partner is never told it.
    """

    fields: tuple[str, ...]
    delay_ns: int
    rule: str
    reason: Reason
    agreement_version: str | None = None
    next_change_tai_ns: int | None = None


def decide(
    partner: Partner,
    agreement: Agreement | None,
    *,
    originator: str,
    label: Label,
    kind: Kind,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int,
) -> Allow | Deny:
    """Decide one case. Never raises. An agreement of another originator counts as none."""
    if partner.name == originator or agreement is None or agreement.originator != originator:
        return _without_rules(partner, originator, kind)
    refusal = label_refusal(partner, label)
    if refusal is not None:
        return Deny(refusal, agreement.version)
    return decide_by_rules(
        partner,
        agreement,
        originator=originator,
        kind=kind,
        data_mode=data_mode,
        posture=posture,
        now_tai_ns=now_tai_ns,
    )


def decide_by_rules(
    partner: Partner,
    agreement: Agreement | None,
    *,
    originator: str,
    kind: Kind,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int | None,
) -> Allow | Deny:
    """The decision without the label's part: what it is for every label that the partner is cleared for.

    ``now_tai_ns`` None takes every rule as valid, whatever its interval (for examples without an instant).
    """
    if partner.name == originator or agreement is None or agreement.originator != originator:
        return _without_rules(partner, originator, kind)
    next_change: int | None = None
    for rule in agreement.rules:
        if not rule.concerns(partner) or _mismatch(rule, kind, data_mode, posture):
            continue
        if now_tai_ns is not None:
            next_change = _earliest_after(now_tai_ns, next_change, rule)
            if not _is_valid(rule, now_tai_ns):
                continue
        return Allow(
            fields=mask_of(kind, rule.fields),
            delay_ns=rule.delay_ns,
            rule=rule.id,
            reason=_allowing(agreement, rule, kind, data_mode),
            agreement_version=agreement.version,
            next_change_tai_ns=next_change,
        )
    reason = _no_rule(partner, agreement, kind, data_mode, posture, now_tai_ns)
    return Deny(reason, agreement.version, next_change)


def label_unknown(label_id: str) -> Deny:
    """The denial of a record whose label the hub does not have: nothing can be decided, so nobody sees it."""
    sentence = f"The hub does not know the label {label_id!r} that the record carries."
    return Deny(Reason(ReasonCode.LABEL_UNKNOWN, sentence, None, Audience.ORIGINATOR))


def _without_rules(partner: Partner, originator: str, kind: Kind) -> Allow | Deny:
    if partner.name == originator:
        sentence = f"Rule {OWN_DATA!r}: {originator} made this data."
        reason = Reason(ReasonCode.OWN_DATA, sentence, OWN_DATA, Audience.PARTNER)
        return Allow(mask_of(kind, (EVERY_FIELD,)), 0, OWN_DATA, reason)
    sentence = f"{originator} has no agreement, and what nothing allows is denied."
    return Deny(Reason(ReasonCode.NO_AGREEMENT, sentence, None, Audience.ORIGINATOR))


def _mismatch(rule: Rule, kind: Kind, data_mode: DataMode, posture: Posture) -> str:
    """What the rule does not hold for, whatever the clock says; empty where it holds."""
    if kind not in rule.kinds:
        return f"is not for kind {kind}"
    if data_mode not in rule.data_modes:
        return f"is not for data mode {data_mode}"
    return "" if posture in rule.postures else f"is not for posture {posture}"


def _is_valid(rule: Rule, now_tai_ns: int) -> bool:
    begin, end = rule.valid_from_tai_ns, rule.valid_until_tai_ns
    return (begin is None or begin <= now_tai_ns) and (end is None or now_tai_ns < end)


def _earliest_after(now_tai_ns: int, known: int | None, rule: Rule) -> int | None:
    """The earliest of ``known`` and the ends of the rule's interval that are still to come."""
    ends = (known, rule.valid_from_tai_ns, rule.valid_until_tai_ns)
    return min((end for end in ends if end is not None and end > now_tai_ns), default=None)


def _allowing(agreement: Agreement, rule: Rule, kind: Kind, data_mode: DataMode) -> Reason:
    delay = f", {rule.delay_s} s after receipt" if rule.delay_s else ""
    fields = "every field" if EVERY_FIELD in rule.fields else "the fields that it names"
    sentence = f"Rule {rule.id!r} of {agreement.originator} allows {kind} of mode {data_mode}: {fields}{delay}."
    return Reason(ReasonCode.RULE, sentence, rule.id, Audience.PARTNER)


def _no_rule(
    partner: Partner,
    agreement: Agreement,
    kind: Kind,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int | None,
) -> Reason:
    """Why no rule matched: each rule that concerns the partner, and what keeps it from matching."""
    misses: list[str] = []
    for rule in agreement.rules:
        if rule.concerns(partner):
            why = _mismatch(rule, kind, data_mode, posture) or _validity(rule, now_tai_ns)
            misses.append(f"rule {rule.id!r} {why}")
    detail = "; ".join(misses) or f"no rule concerns {partner.name}"
    sentence = f"No rule of {agreement.originator} allows it: {detail}."
    return Reason(ReasonCode.NO_RULE, sentence, None, Audience.ORIGINATOR)


def _validity(rule: Rule, now_tai_ns: int | None) -> str:
    begin = rule.valid_from_tai_ns
    if begin is not None and now_tai_ns is not None and now_tai_ns < begin:
        return f"holds from {format_utc(begin, 0)} UTC"
    return f"held until {rule.valid_until} UTC"

"""The decision: may this partner see a record of this originator, label, kind and mode, in this posture, now?

A pure, total function. What nothing allows is denied. The order is: the originator's own data; an agreement must
exist; the label's access decision (ADatP-4774.1, 3.11.4); the first rule of the agreement that matches.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.spif import SecurityPolicy
from schemas.timescales import format_utc
from ssa_hub.release.agreement import OWN_DATA, Agreement, Rule
from ssa_hub.release.columns import EVERY_FIELD, shown
from ssa_hub.release.label_access import label_refusal, next_label_change
from ssa_hub.release.mask import Mask
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.reason import Audience, Reason, ReasonCode
from ssa_hub.release.tear_line_terms import TearLineTerms

NO_POLICIES: Mapping[str, SecurityPolicy] = MappingProxyType({})


class Deny(msgspec.Struct, frozen=True):
    """Not to be shown. ``next_change_tai_ns``: the earliest instant at which this could change, None: by no clock."""

    reason: Reason
    agreement_version: str | None = None
    next_change_tai_ns: int | None = None


class Allow(msgspec.Struct, frozen=True):
    """To be shown, ``delay_ns`` after its receipt, as ``mask`` shows it (of tear-lines: no column).

    ``agreement_version`` is for the ledger and the originator: it changes with rules that concern others, so the
    partner is never told it.
    """

    mask: Mask
    delay_ns: int
    rule: str
    reason: Reason
    agreement_version: str | None = None
    next_change_tai_ns: int | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are shown, sorted."""
        return self.mask.fields


class TearLineGrant(msgspec.Struct, frozen=True):
    """Statements about hidden objects of an originator may be made to a partner, on ``terms``, ``delay_ns`` after the
    receipt of the conjunction. The rest is as in `Allow`.
    """

    rule: str
    terms: TearLineTerms
    delay_ns: int
    agreement_version: str
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
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> Allow | Deny:
    """Decide one case. Never raises. An agreement of another originator counts as none.

    The label is taken as it is in force at ``now_tai_ns``; ``policies`` are the security policies that are known.
    """
    if partner.name == originator or agreement is None or agreement.originator != originator:
        return _without_rules(partner, originator, kind)
    label_change = next_label_change([label], now_tai_ns)
    refusal = label_refusal(partner, label, now_tai_ns=now_tai_ns, policies=policies)
    if refusal is not None:
        return Deny(refusal, agreement.version, label_change)
    decision = decide_by_rules(
        partner,
        agreement,
        originator=originator,
        kind=kind,
        data_mode=data_mode,
        posture=posture,
        now_tai_ns=now_tai_ns,
    )
    return msgspec.structs.replace(
        decision, next_change_tai_ns=_earliest((decision.next_change_tai_ns, label_change), now_tai_ns)
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

    ``now_tai_ns`` None takes every rule as valid, whatever its interval (for examples without an instant). Of
    tear-lines it says whether statements may be made (`tear_line_grant` has their terms), to the originator never: he
    sees his own objects' records.
    """
    if partner.name == originator or agreement is None or agreement.originator != originator:
        return _without_rules(partner, originator, kind)
    rule, next_change = _first_match(partner, agreement, kind, data_mode, posture, now_tai_ns)
    if rule is None:
        reason = _no_rule(partner, agreement, kind, data_mode, posture, now_tai_ns)
        return Deny(reason, agreement.version, next_change)
    return Allow(
        mask=shown(kind, rule.fields, rule.resolution),
        delay_ns=rule.delay_ns,
        rule=rule.id,
        reason=_allowing(agreement, rule, kind, data_mode),
        agreement_version=agreement.version,
        next_change_tai_ns=next_change,
    )


def tear_line_grant(
    partner: Partner,
    agreement: Agreement | None,
    *,
    originator: str,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int | None,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> TearLineGrant | None:
    """The terms on which statements about the originator's hidden objects are made to the partner; None: none are.

    The first rule for tear-lines that matches decides, and the partner must be cleared for the label that its
    statements carry. The label of the hidden record takes no part: to say a little of what is not shown is what such a
    rule is for. ``now_tai_ns`` None: as in `decide_by_rules`, and the label as it stands.
    """
    if partner.name == originator or agreement is None or agreement.originator != originator:
        return None
    rule, next_change = _first_match(partner, agreement, Kind.TEAR_LINES, data_mode, posture, now_tai_ns)
    if rule is None or rule.tear_line is None:
        return None
    label = rule.tear_line.label
    if label_refusal(partner, label, now_tai_ns=now_tai_ns, policies=policies) is not None:
        return None
    if now_tai_ns is not None:
        next_change = _earliest((next_change, next_label_change([label], now_tai_ns)), now_tai_ns)
    return TearLineGrant(rule.id, rule.tear_line, rule.delay_ns, agreement.version, next_change)


def _first_match(
    partner: Partner,
    agreement: Agreement,
    kind: Kind,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int | None,
) -> tuple[Rule | None, int | None]:
    """The first rule that matches, and the earliest instant at which that could be another one."""
    next_change: int | None = None
    for rule in agreement.rules:
        if not rule.concerns(partner) or _mismatch(rule, kind, data_mode, posture):
            continue
        if now_tai_ns is not None:
            next_change = _earliest((next_change, rule.valid_from_tai_ns, rule.valid_until_tai_ns), now_tai_ns)
            if not rule.is_valid_at(now_tai_ns):
                continue
        return rule, next_change
    return None, next_change


def label_unknown(label_id: str) -> Deny:
    """The denial of a record whose label the hub does not have: nothing can be decided, so nobody sees it."""
    sentence = f"The hub does not know the label {label_id!r} that the record carries."
    return Deny(Reason(ReasonCode.LABEL_UNKNOWN, sentence, None, Audience.ORIGINATOR))


def _without_rules(partner: Partner, originator: str, kind: Kind) -> Allow | Deny:
    if partner.name == originator:
        if kind is Kind.TEAR_LINES:
            sentence = f"{originator} sees its own records, so no statements are made to it about its own objects."
            return Deny(Reason(ReasonCode.NO_RULE, sentence, None, Audience.ORIGINATOR))
        sentence = f"Rule {OWN_DATA!r}: {originator} made this data."
        reason = Reason(ReasonCode.OWN_DATA, sentence, OWN_DATA, Audience.PARTNER)
        return Allow(shown(kind, (EVERY_FIELD,)), 0, OWN_DATA, reason)
    sentence = f"{originator} has no agreement, and what nothing allows is denied."
    return Deny(Reason(ReasonCode.NO_AGREEMENT, sentence, None, Audience.ORIGINATOR))


def _mismatch(rule: Rule, kind: Kind, data_mode: DataMode, posture: Posture) -> str:
    """What the rule does not hold for, whatever the clock says; empty where it holds."""
    if kind not in rule.kinds:
        return f"is not for kind {kind}"
    if data_mode not in rule.data_modes:
        return f"is not for data mode {data_mode}"
    return "" if posture in rule.postures else f"is not for posture {posture}"


def _earliest(instants: tuple[int | None, ...], now_tai_ns: int) -> int | None:
    """The earliest of the instants that is still to come; None: none is."""
    return min((instant for instant in instants if instant is not None and instant > now_tai_ns), default=None)


def _allowing(agreement: Agreement, rule: Rule, kind: Kind, data_mode: DataMode) -> Reason:
    delay = f", {rule.delay_s} s after receipt" if rule.delay_s else ""
    if rule.tear_line is not None:
        what = f"at most {rule.tear_line.budget} statements about an object in {rule.tear_line.budget_days} days"
    else:
        what = "every field" if EVERY_FIELD in rule.fields else "the fields that it names"
        steps = shown(kind, rule.fields, rule.resolution).resolution.steps()
        what += ", in steps of " + ", ".join(f"{name} {step:g}" for name, step in steps.items()) if steps else ""
    sentence = f"Rule {rule.id!r} of {agreement.originator} allows {kind} of mode {data_mode}: {what}{delay}."
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
        if rule.names(partner):
            why = (
                "" if rule.concerns(partner) else f"is only for who takes data for {' or '.join(rule.purposes)}"
            ) or (_mismatch(rule, kind, data_mode, posture) or _validity(rule, now_tai_ns))
            misses.append(f"rule {rule.id!r} {why}")
    detail = "; ".join(misses) or f"no rule concerns {partner.name}"
    sentence = f"No rule of {agreement.originator} allows it: {detail}."
    return Reason(ReasonCode.NO_RULE, sentence, None, Audience.ORIGINATOR)


def _validity(rule: Rule, now_tai_ns: int | None) -> str:
    begin = rule.valid_from_tai_ns
    if begin is not None and now_tai_ns is not None and now_tai_ns < begin:
        return f"holds from {format_utc(begin, 0)} UTC"
    return f"held until {rule.valid_until} UTC"

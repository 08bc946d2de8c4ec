"""Letting an agreement in: its own examples must hold, and an originator has one agreement."""

from collections.abc import Iterable, Mapping

from schemas.records import Kind
from schemas.spif import SecurityPolicy
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.release.agreement import ALL_POSTURES, Agreement, Example
from ssa_hub.release.columns import ALWAYS_COLUMNS, shown
from ssa_hub.release.decision import NO_POLICIES, Allow, decide_by_rules, tear_line_grant
from ssa_hub.release.errors import AgreementError, Mistake
from ssa_hub.release.mask import Resolution
from ssa_hub.release.partner import Partner, Posture


def check_examples(
    agreement: Agreement, partners: Iterable[Partner], policies: Mapping[str, SecurityPolicy] = NO_POLICIES
) -> list[str]:
    """A sentence for each example that does not hold; empty when all do.

    An example tests the rules: it speaks of a record whose label the partner is cleared for. For the label that a
    tear-line carries he must be cleared indeed; ``policies`` are the security policies known. A partner that is not
    among ``partners`` fails its example, as nothing can be shown of it.
    """
    by_name = {partner.name: partner for partner in partners}
    failures: list[str] = []
    for number, example in enumerate(agreement.examples, 1):
        subject = f"example {number} ({example.partner}, {example.kind}, {example.data_mode})"
        partner = by_name.get(example.partner)
        if partner is None:
            failures.append(f"{subject}: there is no partner of that name")
            continue
        for posture in ALL_POSTURES if example.posture is None else (example.posture,):
            failure = _failure(agreement, partner, example, posture, policies)
            if failure:
                failures.append(f"{subject}: in {posture} {failure}")
    return failures


def _failure(
    agreement: Agreement,
    partner: Partner,
    example: Example,
    posture: Posture,
    policies: Mapping[str, SecurityPolicy],
) -> str:
    now_tai_ns = None if example.at is None else parse_utc(example.at)
    decision = decide_by_rules(
        partner,
        agreement,
        originator=agreement.originator,
        kind=example.kind,
        data_mode=example.data_mode,
        posture=posture,
        now_tai_ns=now_tai_ns,
    )
    if not isinstance(decision, Allow):
        return f"the partner is to see it and does not: {decision.reason.sentence}" if example.sees else ""
    if example.kind is Kind.TEAR_LINES:
        grant = tear_line_grant(
            partner,
            agreement,
            originator=agreement.originator,
            data_mode=example.data_mode,
            posture=posture,
            now_tai_ns=now_tai_ns,
            policies=policies,
        )
        if grant is None:
            refused = f"the partner is to get statements, and is not cleared for the label of rule {decision.rule!r}"
            return refused if example.sees else ""
        if example.sees and example.budget is not None and grant.terms.budget != example.budget:
            return f"the budget is to be {example.budget} and is {grant.terms.budget}"
    if not example.sees:
        return f"the partner is not to see it and does: {decision.reason.sentence}"
    if example.delay_s is not None and decision.delay_ns != example.delay_s * NS_PER_SECOND:
        return f"the delay is to be {example.delay_s} s and is {decision.delay_ns // NS_PER_SECOND} s"
    if example.resolution is not None and example.resolution != decision.mask.resolution:
        expected, applied = (_steps(of) for of in (example.resolution, decision.mask.resolution))
        return f"the resolution is to be {expected} and is {applied}"
    if example.fields is not None:
        wanted = set(shown(example.kind, example.fields, decision.mask.resolution).fields)
        always, found = set(ALWAYS_COLUMNS[example.kind]), set(decision.fields)
        if wanted != found:
            more, less = sorted(found - wanted - always), sorted(wanted - found - always)
            return f"the fields differ: shown and not expected {more}, expected and not shown {less}"
    return ""


def _steps(resolution: Resolution) -> str:
    return ", ".join(f"{name} {step:g}" for name, step in resolution.steps().items()) or "exact"


def unknown_names(agreement: Agreement, partners: Iterable[Partner]) -> list[str]:
    """A sentence for each partner, group or purpose in a rule that nobody has: a slip of the pen, or somebody who left.

    No reason to refuse the agreement: such a name allows nothing.
    """
    known = list(partners)
    names = {partner.name for partner in known}
    groups = {group for partner in known for group in partner.groups}
    purposes = {purpose for partner in known for purpose in partner.purposes}
    notes: list[str] = []
    for rule in agreement.rules:
        notes += [f"rule {rule.id!r}: no partner is called {name!r}" for name in rule.partners if name not in names]
        notes += [f"rule {rule.id!r}: no partner is in group {name!r}" for name in rule.groups if name not in groups]
        notes += [
            f"rule {rule.id!r}: no partner is enrolled with the purpose {name!r}"
            for name in rule.purposes
            if name not in purposes
        ]
    return notes


def admit(
    agreement: Agreement,
    partners: Iterable[Partner],
    admitted: Mapping[str, Agreement],
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> dict[str, Agreement]:
    """The agreements in force (by originator) with this one among them; ``admitted`` itself is left as it is.

    A later agreement read from the same file takes the former's place. Raises AgreementError when an example fails,
    or when another file holds an agreement of the same originator.
    """
    former = admitted.get(agreement.originator)
    mistakes = [_mistake(agreement, "example", sentence) for sentence in check_examples(agreement, partners, policies)]
    if former is not None and former.file != agreement.file:
        meaning = f"{former.file} holds an agreement of {agreement.originator!r} already; an originator has one"
        mistakes.append(_mistake(agreement, "originator", meaning))
    if mistakes:
        raise AgreementError(tuple(mistakes))
    return {**admitted, agreement.originator: agreement}


def _mistake(agreement: Agreement, key: str, meaning: str) -> Mistake:
    return Mistake(file=agreement.file, line=0, where="", key=key, value="", meaning=meaning)

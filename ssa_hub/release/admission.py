"""Letting an agreement in: its own examples must hold, and an originator has one agreement."""

from collections.abc import Iterable, Mapping

from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.release.agreement import ALL_POSTURES, Agreement, Example
from ssa_hub.release.columns import ALWAYS_COLUMNS, mask_of
from ssa_hub.release.decision import Allow, decide_by_rules
from ssa_hub.release.errors import AgreementError, Mistake
from ssa_hub.release.partner import Partner, Posture


def check_examples(agreement: Agreement, partners: Iterable[Partner]) -> list[str]:
    """A sentence for each example that does not hold; empty when all do.

    An example tests the rules: it speaks of a record whose label the partner is cleared for. A partner that is not
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
            failure = _failure(agreement, partner, example, posture)
            if failure:
                failures.append(f"{subject}: in {posture} {failure}")
    return failures


def _failure(agreement: Agreement, partner: Partner, example: Example, posture: Posture) -> str:
    decision = decide_by_rules(
        partner,
        agreement,
        originator=agreement.originator,
        kind=example.kind,
        data_mode=example.data_mode,
        posture=posture,
        now_tai_ns=None if example.at is None else parse_utc(example.at),
    )
    if not isinstance(decision, Allow):
        return f"the partner is to see it and does not: {decision.reason.sentence}" if example.sees else ""
    if not example.sees:
        return f"the partner is not to see it and does: {decision.reason.sentence}"
    if example.delay_s is not None and decision.delay_ns != example.delay_s * NS_PER_SECOND:
        return f"the delay is to be {example.delay_s} s and is {decision.delay_ns // NS_PER_SECOND} s"
    if example.fields is not None:
        expected, shown = set(mask_of(example.kind, example.fields)), set(decision.fields)
        always = set(ALWAYS_COLUMNS[example.kind])
        if expected != shown:
            more, less = sorted(shown - expected - always), sorted(expected - shown - always)
            return f"the fields differ: shown and not expected {more}, expected and not shown {less}"
    return ""


def unknown_names(agreement: Agreement, partners: Iterable[Partner]) -> list[str]:
    """A sentence for each partner or group named in a rule that nobody is: a slip of the pen, or somebody who left.

    No reason to refuse the agreement: such a name allows nothing.
    """
    known = list(partners)
    names = {partner.name for partner in known}
    groups = {group for partner in known for group in partner.groups}
    notes: list[str] = []
    for rule in agreement.rules:
        notes += [f"rule {rule.id!r}: no partner is called {name!r}" for name in rule.partners if name not in names]
        notes += [f"rule {rule.id!r}: no partner is in group {name!r}" for name in rule.groups if name not in groups]
    return notes


def admit(agreement: Agreement, partners: Iterable[Partner], admitted: Mapping[str, Agreement]) -> dict[str, Agreement]:
    """The agreements in force (by originator) with this one among them; ``admitted`` itself is left as it is.

    A later agreement read from the same file takes the former's place. Raises AgreementError when an example fails,
    or when another file holds an agreement of the same originator.
    """
    former = admitted.get(agreement.originator)
    mistakes = [_mistake(agreement, "example", sentence) for sentence in check_examples(agreement, partners)]
    if former is not None and former.file != agreement.file:
        meaning = f"{former.file} holds an agreement of {agreement.originator!r} already; an originator has one"
        mistakes.append(_mistake(agreement, "originator", meaning))
    if mistakes:
        raise AgreementError(tuple(mistakes))
    return {**admitted, agreement.originator: agreement}


def _mistake(agreement: Agreement, key: str, meaning: str) -> Mistake:
    return Mistake(file=agreement.file, line=0, where="", key=key, value="", meaning=meaning)

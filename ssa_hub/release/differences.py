"""What a new version of an agreement changes: rule by rule, and for which partners.

Who sees more or less is asked of the decision itself, for each partner, kind, data mode and posture under both
versions: a rule that changes may change nothing (an earlier one decides), and one that stays may act anew (an earlier
one is gone).
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from schemas.records import DataMode, Kind
from schemas.spif import SecurityPolicy
from schemas.timescales import NS_PER_SECOND
from ssa_hub.release.agreement import ALL_POSTURES, Agreement, Rule
from ssa_hub.release.columns import maskable_columns
from ssa_hub.release.decision import NO_POLICIES, Allow, TearLineGrant, decide_by_rules, tear_line_grant
from ssa_hub.release.mask import QUANTITIES, Mask
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.rule import plain
from ssa_hub.release.tear_line_terms import TearLineTerms, terms_content


class RuleState(StrEnum):
    """What became of a rule."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class Direction(StrEnum):
    """Whether a partner sees more or less; OTHER: more of one and less of another, or neither."""

    MORE = "more"
    LESS = "less"
    OTHER = "other"


class KeyChange(msgspec.Struct, frozen=True):
    """One key of a rule, as TOML has it in plain values; None: it is not written there, and means its default."""

    key: str
    old: Any
    new: Any


class RuleChange(msgspec.Struct, frozen=True):
    """A rule by its id. ``keys`` has those that differ; of a new rule and of one that is gone, all that it says."""

    rule: str
    state: RuleState
    keys: tuple[KeyChange, ...]


class PartnerChange(msgspec.Struct, frozen=True):
    """What changes for a partner, alike in all these data modes and postures; ``what`` has a phrase for each thing."""

    partner: str
    kind: Kind
    data_modes: tuple[DataMode, ...]
    postures: tuple[Posture, ...]
    direction: Direction
    what: tuple[str, ...]


class AgreementDifferences(msgspec.Struct, frozen=True):
    """``order_changed``: rules that both versions have stand in another order. ``examples_changed``: what the agreement
    proves of itself is another thing. ``retention_new``, ``retention_gone``: sentences, each of a rule of deletion that
    one of the versions has alone. All are empty or false just where the versions are the same but for the title.
    """

    originator: str
    old_version: str | None
    new_version: str | None
    rules: tuple[RuleChange, ...]
    order_changed: bool
    examples_changed: bool
    retention_new: tuple[str, ...]
    retention_gone: tuple[str, ...]
    partners: tuple[PartnerChange, ...]


_Sight = Allow | TearLineGrant | None
_Phrase = tuple[Direction, str]


def agreement_differences(
    old: Agreement | None,
    new: Agreement | None,
    partners: Iterable[Partner],
    *,
    now_tai_ns: int | None = None,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> AgreementDifferences:
    """What changes when ``new`` takes the place of ``old``; None: no agreement, which allows nothing.

    Decisions are taken as of ``now_tai_ns`` (None: every rule as valid), for records whose labels the partner is
    cleared for; for the labels that tear-lines carry he must be cleared indeed. Raises ValueError where both are None,
    or of two originators.
    """
    originators = {agreement.originator for agreement in (old, new) if agreement is not None}
    if len(originators) != 1:
        raise ValueError(f"differences are between agreements of one originator, not of {sorted(originators)}")
    (originator,) = originators
    old_rules, new_rules = (() if agreement is None else agreement.rules for agreement in (old, new))
    old_ids, new_ids = [rule.id for rule in old_rules], [rule.id for rule in new_rules]
    changes: list[PartnerChange] = []
    for partner in sorted(partners, key=lambda partner: partner.name):
        if partner.name != originator:
            for kind in Kind:
                changes += _changes(partner, kind, old, new, now_tai_ns, policies)
    return AgreementDifferences(
        originator=originator,
        old_version=None if old is None else old.version,
        new_version=None if new is None else new.version,
        rules=tuple(_rule_changes(old_rules, new_rules)),
        order_changed=[i for i in old_ids if i in new_ids] != [i for i in new_ids if i in old_ids],
        examples_changed=(() if old is None else old.examples) != (() if new is None else new.examples),
        retention_new=_retention_beside(new, old),
        retention_gone=_retention_beside(old, new),
        partners=tuple(changes),
    )


def _retention_beside(one: Agreement | None, other: Agreement | None) -> tuple[str, ...]:
    """What one demands to be deleted that the other does not demand in the same words."""
    others = set() if other is None else set(other.retention)
    return () if one is None else tuple(rule.sentence() for rule in one.retention if rule not in others)


def _rule_changes(old_rules: Sequence[Rule], new_rules: Sequence[Rule]) -> list[RuleChange]:
    """In the new version's order, then those that are gone."""
    before = {rule.id: plain(rule) for rule in old_rules}
    after = {rule.id: plain(rule) for rule in new_rules}
    changes: list[RuleChange] = []
    for rule in [*after, *(rule for rule in before if rule not in after)]:
        old, new = before.get(rule, {}), after.get(rule, {})
        if old != new:
            state = RuleState.NEW if rule not in before else RuleState.GONE if rule not in after else RuleState.CHANGED
            names = [name for name in Rule.__struct_fields__ if name != "id" and old.get(name) != new.get(name)]
            keys = tuple(KeyChange(name, old.get(name), new.get(name)) for name in names)
            changes.append(RuleChange(rule, state, keys))
    return changes


def _changes(
    partner: Partner,
    kind: Kind,
    old: Agreement | None,
    new: Agreement | None,
    now_tai_ns: int | None,
    policies: Mapping[str, SecurityPolicy],
) -> list[PartnerChange]:
    """For one partner and kind, data modes and postures with the same change together."""
    by_mode: dict[tuple[DataMode, tuple[_Phrase, ...]], list[Posture]] = {}
    for data_mode in DataMode:
        for posture in ALL_POSTURES:
            before, after = (
                _sight(partner, agreement, kind, data_mode, posture, now_tai_ns, policies) for agreement in (old, new)
            )
            phrases = tuple(_phrases(kind, before, after))
            if phrases:
                by_mode.setdefault((data_mode, phrases), []).append(posture)
    together: dict[tuple[tuple[Posture, ...], tuple[_Phrase, ...]], list[DataMode]] = {}
    for (data_mode, phrases), postures in by_mode.items():
        together.setdefault((tuple(postures), phrases), []).append(data_mode)
    return [
        PartnerChange(
            partner=partner.name,
            kind=kind,
            data_modes=tuple(data_modes),
            postures=postures,
            direction=_direction(phrases),
            what=tuple(words for _, words in phrases),
        )
        for (postures, phrases), data_modes in together.items()
    ]


def _direction(phrases: Iterable[_Phrase]) -> Direction:
    directions = {direction for direction, _ in phrases}
    return directions.pop() if len(directions) == 1 else Direction.OTHER


def _sight(
    partner: Partner,
    agreement: Agreement | None,
    kind: Kind,
    data_mode: DataMode,
    posture: Posture,
    now_tai_ns: int | None,
    policies: Mapping[str, SecurityPolicy],
) -> _Sight:
    if agreement is None:
        return None
    originator = agreement.originator
    if kind is Kind.TEAR_LINES:
        return tear_line_grant(
            partner,
            agreement,
            originator=originator,
            data_mode=data_mode,
            posture=posture,
            now_tai_ns=now_tai_ns,
            policies=policies,
        )
    decision = decide_by_rules(
        partner,
        agreement,
        originator=originator,
        kind=kind,
        data_mode=data_mode,
        posture=posture,
        now_tai_ns=now_tai_ns,
    )
    return decision if isinstance(decision, Allow) else None


def _phrases(kind: Kind, before: _Sight, after: _Sight) -> list[_Phrase]:
    """What differs, each thing with its direction; empty where the partner sees the same."""
    if after is None:
        return [] if before is None else [(Direction.LESS, "no more")]
    if before is None:
        return [(Direction.MORE, "now")]
    phrases: list[_Phrase] = []
    if isinstance(before, Allow) and isinstance(after, Allow):
        phrases = _mask_phrases(kind, before.mask, after.mask)
    elif isinstance(before, TearLineGrant) and isinstance(after, TearLineGrant):
        phrases = _terms_phrases(before.terms, after.terms)
    if before.delay_ns != after.delay_ns:
        direction = Direction.MORE if after.delay_ns < before.delay_ns else Direction.LESS
        delays = (f"{delay_ns // NS_PER_SECOND} s" for delay_ns in (before.delay_ns, after.delay_ns))
        phrases.append((direction, f"delay {' -> '.join(delays)}"))
    return phrases


def _mask_phrases(kind: Kind, before: Mask, after: Mask) -> list[_Phrase]:
    shown_before, shown_after = set(before.fields), set(after.fields)
    more = [name for name in maskable_columns(kind) if name in shown_after - shown_before]
    less = [name for name in maskable_columns(kind) if name in shown_before - shown_after]
    phrases: list[_Phrase] = []
    if more:
        phrases.append((Direction.MORE, f"shown: {', '.join(more)}"))
    if less:
        phrases.append((Direction.LESS, f"withheld: {', '.join(less)}"))
    # A step matters for what is shown before and after; of the rest it is said above that it comes or goes.
    quantities = {QUANTITIES[name] for name in shown_before & shown_after if name in QUANTITIES}
    steps_before, steps_after = before.resolution.steps(), after.resolution.steps()
    for quantity in before.resolution.__struct_fields__:
        old, new = steps_before.get(quantity, 0), steps_after.get(quantity, 0)
        if quantity in quantities and old != new:
            words = " -> ".join(f"{step:g}" if step else "exact" for step in (old, new))
            phrases.append((Direction.MORE if new < old else Direction.LESS, f"{quantity} {words}"))
    return phrases


# Terms of which less says more; the others but the budget (bounds, label) can be compared, not ordered.
_FINER_IF_LESS = ("window_s",)
_MORE_IF_MORE = ("budget",)


def _terms_phrases(before: TearLineTerms, after: TearLineTerms) -> list[_Phrase]:
    old_content, new_content = terms_content(before), terms_content(after)
    phrases: list[_Phrase] = []
    for name in TearLineTerms.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        direction = Direction.OTHER
        if name in (*_FINER_IF_LESS, *_MORE_IF_MORE):
            direction = Direction.MORE if (new < old) == (name in _FINER_IF_LESS) else Direction.LESS
        shown = (
            msgspec.json.encode(content.get(name, value)).decode()
            for content, value in ((old_content, old), (new_content, new))
        )
        phrases.append((direction, f"{name} {' -> '.join(shown)}"))
    return phrases

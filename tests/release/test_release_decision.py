"""The decision on one case: total, denying what nothing allows, and never the more generous for fewer rules."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.labels import Category, CategoryType, Label, Succession
from schemas.records import DataMode, Kind
from schemas.timescales import parse_utc
from ssa_hub.release.agreement import Agreement, Rule
from ssa_hub.release.columns import ALWAYS_COLUMNS, COLUMNS, RECORD_KINDS, maskable_columns
from ssa_hub.release.decision import Allow, Deny, decide, decide_by_rules, tear_line_grant
from ssa_hub.release.label_access import label_refusal, permitted_label_ids
from ssa_hub.release.mask import Mask, Resolution
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.reason import Audience, ReasonCode
from ssa_hub.release.tear_line_terms import TearLineTerms
from tests.release.release_strategies import (
    HOUR_NS,
    NOW_TAI_NS,
    PURPOSES,
    agreements,
    data_modes,
    instants,
    kinds,
    labels,
    names,
    partners,
    postures,
    rules,
    succeeded_labels,
    unhurried,
)

CASES = st.fixed_dictionaries(
    {
        "originator": names,
        "label": succeeded_labels,
        "kind": kinds,
        "data_mode": data_modes,
        "posture": postures,
        "now_tai_ns": instants,
    }
)
NATO_SECRET = Label("NATO", "SECRET")
CLEARED = Partner("BOREAL", frozenset({"coalition"}), (Clearance("NATO", ("SECRET",)),))
CASE = {
    "originator": "AQUILA",
    "label": NATO_SECRET,
    "kind": Kind.ELEMENTS,
    "data_mode": DataMode.EXERCISE,
    "posture": Posture.PEACETIME,
    "now_tai_ns": NOW_TAI_NS,
}
RULE = Rule(id="allies", kinds=(Kind.ELEMENTS,), data_modes=(DataMode.EXERCISE,), fields=("*",), groups=("coalition",))


def agreement_of(*rules: Rule) -> Agreement:
    return Agreement(originator="AQUILA", rules=rules)


def changed(rule: Rule, **changes: object) -> Rule:
    return msgspec.structs.replace(rule, **changes)


@unhurried
@given(partners, st.none() | agreements(), CASES)
def test_every_case_has_a_decision_with_a_reason(partner: Partner, agreement: Agreement | None, case: dict) -> None:
    decision = decide(partner, agreement, **case)
    assert isinstance(decision, Allow | Deny)
    assert decision.reason.sentence.endswith(".")
    if isinstance(decision, Allow):
        assert decision.reason.rule == decision.rule
        assert decision.rule in decision.reason.sentence
        assert decision.delay_ns >= 0
        assert list(decision.fields) == sorted(set(decision.fields))
        if case["kind"] is Kind.TEAR_LINES:
            assert decision.fields == ()
        else:
            assert set(ALWAYS_COLUMNS[case["kind"]]) <= set(decision.fields) <= set(COLUMNS[case["kind"]])
        assert decision.reason.audience is Audience.PARTNER
    else:
        assert decision.reason.audience is Audience.ORIGINATOR


@unhurried
@given(partners, CASES)
def test_without_an_agreement_only_own_data_is_seen(partner: Partner, case: dict) -> None:
    for agreement in (None, Agreement(originator=case["originator"]), Agreement(originator="SOMEBODY ELSE")):
        decision = decide(partner, agreement, **case)
        own = partner.name == case["originator"] and case["kind"] is not Kind.TEAR_LINES
        assert isinstance(decision, Allow) == own


@unhurried
@given(partners, agreements(), CASES)
def test_the_originator_sees_all_its_own(partner: Partner, agreement: Agreement, case: dict) -> None:
    decision = decide(partner, agreement, **(case | {"originator": partner.name}))
    if case["kind"] is Kind.TEAR_LINES:  # what he sees whole needs no statements
        assert isinstance(decision, Deny)
        return
    assert isinstance(decision, Allow)
    assert decision.mask.shows_all(case["kind"])
    assert (decision.rule, decision.delay_ns) == ("own-data", 0)
    assert set(decision.fields) == set(COLUMNS[case["kind"]])


@unhurried
@given(partners, agreements(), CASES, st.data())
def test_removing_a_rule_never_allows_what_was_denied(
    partner: Partner, agreement: Agreement, case: dict, data: st.DataObject
) -> None:
    # Of what is still allowed it may show more: the rule removed may have stood, stricter, before another.
    if not agreement.rules:
        return
    removed = data.draw(st.integers(0, len(agreement.rules) - 1))
    fewer = agreement_of(*(rule for number, rule in enumerate(agreement.rules) if number != removed))
    if isinstance(decide(partner, agreement, **case), Deny):
        assert isinstance(decide(partner, fewer, **case), Deny)


@unhurried
@given(partners, agreements(), CASES, rules("AQUILA-new"))
def test_a_rule_put_last_changes_nothing_that_was_allowed(
    partner: Partner, agreement: Agreement, case: dict, rule: Rule
) -> None:
    before = decide(partner, agreement, **case)
    after = decide(partner, agreement_of(*agreement.rules, rule), **case)
    if isinstance(before, Allow):
        assert isinstance(after, Allow)
        assert (after.mask, after.delay_ns, after.rule) == (before.mask, before.delay_ns, before.rule)
    elif isinstance(after, Allow):
        assert after.rule == "AQUILA-new"


@unhurried
@given(partners, agreements(), CASES, st.data())
def test_a_partner_who_loses_a_group_a_purpose_or_a_clearance_sees_no_record_more(
    partner: Partner, agreement: Agreement, case: dict, data: st.DataObject
) -> None:
    less = msgspec.structs.replace(
        partner,
        groups=frozenset(data.draw(st.sets(st.sampled_from(sorted(partner.groups)))))
        if partner.groups
        else frozenset(),
        purposes=frozenset(data.draw(st.sets(st.sampled_from(PURPOSES)))) & partner.purposes,
        clearances=partner.clearances[: data.draw(st.integers(0, len(partner.clearances)))],
    )
    if isinstance(decide(partner, agreement, **case), Deny):
        assert isinstance(decide(less, agreement, **case), Deny)


@unhurried
@given(partners, agreements(), CASES)
def test_nothing_changes_before_the_instant_that_the_decision_names(
    partner: Partner, agreement: Agreement, case: dict
) -> None:
    decision = decide(partner, agreement, **case)
    later = decision.next_change_tai_ns or NOW_TAI_NS + 100 * HOUR_NS
    assert later > case["now_tai_ns"]
    for instant in (later - 1, (case["now_tai_ns"] + later) // 2):
        again = decide(partner, agreement, **(case | {"now_tai_ns": instant}))
        assert type(again) is type(decision)
        if isinstance(decision, Allow):
            assert (again.mask, again.delay_ns, again.rule) == (decision.mask, decision.delay_ns, decision.rule)


def permits_by_the_letter(partner: Partner, label: Label) -> bool:
    """ADatP-4774.1, 3.11.4, word for word, value by value."""
    for clearance in partner.clearances:
        if clearance.policy != label.policy or label.classification not in clearance.classifications:
            continue
        held = [(c.tag_name, c.type, value) for c in clearance.categories for value in c.values]
        for category in label.categories:
            holds = [(category.tag_name, category.type, value) in held for value in category.values]
            if category.type == "PERMISSIVE" and not any(holds):
                return False
            if category.type == "RESTRICTIVE" and not all(holds):
                return False
        return True
    return False


@unhurried
@given(partners, labels)
def test_the_labels_decision_is_the_standards(partner: Partner, label: Label) -> None:
    permitted = permits_by_the_letter(partner, label)
    assert (label_refusal(partner, label, now_tai_ns=NOW_TAI_NS) is None) == permitted
    permitted_ids = permitted_label_ids(partner, {label.label_id: label}, now_tai_ns=NOW_TAI_NS)
    assert permitted_ids == ((label.label_id,) if permitted else ())


def category(tag: str, type_: str, *values: str) -> Category:
    return Category(tag, CategoryType(type_), values)


@pytest.mark.parametrize(
    ("label", "code"),
    [
        (Label("NATO", "SECRET"), None),
        (Label("US", "SECRET"), ReasonCode.LABEL_POLICY),
        (Label("NATO", "TOP SECRET"), ReasonCode.LABEL_CLASSIFICATION),
        # Held classifications are a list, not a ceiling: UNCLASSIFIED is not on this one.
        (Label("NATO", "UNCLASSIFIED"), ReasonCode.LABEL_CLASSIFICATION),
        (Label("NATO", "SECRET", (category("Releasable To", "PERMISSIVE", "NOR", "SWE"),)), None),
        (Label("NATO", "SECRET", (category("Releasable To", "PERMISSIVE", "SWE"),)), ReasonCode.LABEL_PERMISSIVE),
        # T18-1 of the standard: every category by itself, so "Only" and "Releasable To" do not make up for each other.
        (
            Label(
                "NATO",
                "SECRET",
                (category("Only", "PERMISSIVE", "CAN", "USA"), category("Releasable To", "PERMISSIVE", "NOR")),
            ),
            ReasonCode.LABEL_PERMISSIVE,
        ),
        (Label("NATO", "SECRET", (category("Special", "RESTRICTIVE", "ATOMAL"),)), None),
        (
            Label("NATO", "SECRET", (category("Special", "RESTRICTIVE", "ATOMAL", "CRYPTO"),)),
            ReasonCode.LABEL_RESTRICTIVE,
        ),
        (Label("NATO", "SECRET", (category("Unheard of", "RESTRICTIVE", "X"),)), ReasonCode.LABEL_RESTRICTIVE),
        # A value held under another type of the same tag is not held.
        (Label("NATO", "SECRET", (category("Special", "PERMISSIVE", "ATOMAL"),)), ReasonCode.LABEL_PERMISSIVE),
        (Label("NATO", "SECRET", (category("Administrative", "INFORMATIVE", "STAFF"),)), None),
    ],
)
def test_cases_of_the_labels_decision(label: Label, code: ReasonCode | None) -> None:
    held = (category("Releasable To", "PERMISSIVE", "NOR"), category("Special", "RESTRICTIVE", "ATOMAL"))
    norway = Partner("NORWAY", clearances=(Clearance("NATO", ("SECRET",), held),))
    refusal = label_refusal(norway, label, now_tai_ns=NOW_TAI_NS)
    assert (refusal and refusal.code) == code


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (changed(RULE, kinds=(Kind.DERIVED_CONJUNCTIONS,)), "rule 'allies' is not for kind elements"),
        (changed(RULE, data_modes=(DataMode.REAL,)), "rule 'allies' is not for data mode EXERCISE"),
        (changed(RULE, postures=(Posture.CONFLICT,)), "rule 'allies' is not for posture peacetime"),
        (changed(RULE, valid_from="2030-01-01T00:00:00"), "rule 'allies' holds from 2030-01-01T00:00:00 UTC"),
        (changed(RULE, valid_until="2020-01-01T00:00:00"), "rule 'allies' held until 2020-01-01T00:00:00 UTC"),
        (changed(RULE, groups=("others",)), "no rule concerns BOREAL"),
        (
            changed(RULE, purposes=("flight", "research")),
            "rule 'allies' is only for who takes data for flight or research",
        ),
    ],
)
def test_a_denial_tells_the_originator_what_kept_each_rule_from_matching(rule: Rule, words: str) -> None:
    decision = decide(CLEARED, agreement_of(rule), **CASE)
    assert isinstance(decision, Deny)
    assert decision.reason.code is ReasonCode.NO_RULE
    assert words in decision.reason.sentence


def test_the_first_rule_that_matches_decides() -> None:
    narrow = changed(RULE, id="narrow", fields=("object_name",), delay_s=60, partners=("BOREAL",), groups=())
    decision = decide(CLEARED, agreement_of(narrow, RULE), **CASE)
    assert isinstance(decision, Allow)
    assert (decision.rule, decision.delay_ns) == ("narrow", 60 * 10**9)
    assert set(decision.fields) == {*ALWAYS_COLUMNS[Kind.ELEMENTS], "object_name"}
    assert decide(CLEARED, agreement_of(RULE, narrow), **CASE).reason.rule == "allies"


def test_a_rule_holds_from_its_first_instant_and_no_more_at_its_last() -> None:
    rule = changed(RULE, valid_from="2026-03-01T00:00:00", valid_until="2026-03-02T00:00:00")
    begin, end = rule.valid_from_tai_ns, rule.valid_until_tai_ns
    for instant, allowed, change in (
        (begin - 1, False, begin),
        (begin, True, end),
        (end - 1, True, end),
        (end, False, None),
    ):
        decision = decide(CLEARED, agreement_of(rule), **(CASE | {"now_tai_ns": instant}))
        assert (isinstance(decision, Allow), decision.next_change_tai_ns) == (allowed, change)


def test_a_rule_does_not_open_what_the_label_forbids() -> None:
    decision = decide(CLEARED, agreement_of(RULE), **(CASE | {"label": Label("NATO", "TOP SECRET")}))
    assert isinstance(decision, Deny)
    assert decision.reason.code is ReasonCode.LABEL_CLASSIFICATION
    assert decision.next_change_tai_ns is None


def test_the_label_in_force_at_the_instant_decides() -> None:
    at_utc = "2026-09-21T14:00:00"
    label = Label("NATO", "TOP SECRET", succession=Succession(at_utc, NATO_SECRET))
    instant = parse_utc(at_utc)
    for now_tai_ns, allowed, change in ((instant - 1, False, instant), (instant, True, None)):
        case = CASE | {"label": label, "now_tai_ns": now_tai_ns}
        decision = decide(CLEARED, agreement_of(RULE), **case)
        assert (isinstance(decision, Allow), decision.next_change_tai_ns) == (allowed, change)


def test_an_agreement_of_another_originator_counts_as_none() -> None:
    decision = decide(CLEARED, msgspec.structs.replace(agreement_of(RULE), originator="CORVUS"), **CASE)
    assert decision.reason.code is ReasonCode.NO_AGREEMENT


def test_without_an_instant_every_rule_is_taken_as_valid() -> None:
    case = {key: value for key, value in CASE.items() if key != "label"} | {"now_tai_ns": None}
    gone = changed(RULE, valid_until="1999-01-01T00:00:00")
    assert isinstance(decide_by_rules(CLEARED, agreement_of(gone), **case), Allow)


def test_columns_that_are_always_shown_are_columns_and_leave_something_to_withhold() -> None:
    for kind in RECORD_KINDS:
        assert set(ALWAYS_COLUMNS[kind]) < set(COLUMNS[kind])
        assert {*ALWAYS_COLUMNS[kind], *maskable_columns(kind)} == set(COLUMNS[kind])
    # What would tell of bytes, or of records, that the partner may not have is never shown unasked.
    assert "payload_sha256" in maskable_columns(Kind.ELEMENTS)
    assert {"parent_1", "parent_2"} <= set(maskable_columns(Kind.DERIVED_CONJUNCTIONS))


def test_a_rule_for_purposes_is_for_who_is_enrolled_with_one_of_them() -> None:
    agreement = agreement_of(changed(RULE, purposes=("collision-avoidance", "research")))
    assert isinstance(decide(CLEARED, agreement, **CASE), Deny)
    for purposes, allowed in (({"research", "flight"}, True), ({"flight"}, False)):
        partner = msgspec.structs.replace(CLEARED, purposes=frozenset(purposes))
        assert isinstance(decide(partner, agreement, **CASE), Allow) == allowed


def test_a_mask_has_the_steps_of_what_it_shows_and_no_others() -> None:
    coarse = changed(RULE, kinds=RECORD_KINDS, resolution=Resolution(time_s=60, distance_m=1_000.0, angle_deg=1.0))
    elements = decide(CLEARED, agreement_of(coarse), **CASE)
    conjunctions = decide(CLEARED, agreement_of(coarse), **(CASE | {"kind": Kind.DERIVED_CONJUNCTIONS}))
    assert isinstance(elements, Allow)
    assert isinstance(conjunctions, Allow)
    assert elements.mask.resolution == Resolution(time_s=60, angle_deg=1.0)
    assert conjunctions.mask.resolution == coarse.resolution
    assert "in steps of time_s 60, angle_deg 1." in elements.reason.sentence
    # A hash of the payload would let guesses at what is withheld or coarsened be tested.
    assert set(COLUMNS[Kind.ELEMENTS]) - set(elements.fields) == {"payload_sha256"}
    named = changed(RULE, fields=("payload_sha256", "object_name"))
    assert "payload_sha256" not in decide(CLEARED, agreement_of(named), **CASE).fields
    whole = changed(RULE, fields=tuple(COLUMNS[Kind.ELEMENTS]))
    assert decide(CLEARED, agreement_of(whole), **CASE).mask.shows_all(Kind.ELEMENTS)


def test_what_two_masks_show_together_is_no_more_and_no_finer_than_either_shows() -> None:
    first = Mask(("a", "b"), Resolution(time_s=60, distance_m=5.0))
    second = Mask(("b", "c"), Resolution(time_s=10, angle_deg=2.0))
    both = Mask(("b",), Resolution(time_s=60, distance_m=5.0, angle_deg=2.0))
    assert first.both(second) == second.both(first) == both


TERMS = TearLineTerms(window_s=600, miss_distance_bounds_m=(1_000.0,), budget=3, label=NATO_SECRET)
STATEMENTS = changed(RULE, id="statements", kinds=(Kind.TEAR_LINES,), fields=(), tear_line=TERMS, delay_s=60)
GRANTED = {key: CASE[key] for key in ("originator", "data_mode", "posture", "now_tai_ns")}


def test_statements_are_granted_on_the_terms_of_the_first_rule_that_matches() -> None:
    later = changed(STATEMENTS, id="later", tear_line=msgspec.structs.replace(TERMS, budget=9))
    ending = changed(STATEMENTS, id="ending", valid_until="2030-01-01T00:00:00")
    agreement = agreement_of(RULE, STATEMENTS, later)
    grant = tear_line_grant(CLEARED, agreement, **GRANTED)
    assert grant is not None
    assert (grant.rule, grant.terms, grant.delay_ns) == ("statements", TERMS, 60 * 10**9)
    assert (grant.agreement_version, grant.next_change_tai_ns) == (agreement.version, None)
    until = tear_line_grant(CLEARED, agreement_of(ending, later), **GRANTED)
    assert until is not None
    assert until.next_change_tai_ns == ending.valid_until_tai_ns


@pytest.mark.parametrize(
    ("partner", "rule"),
    [
        (Partner("BOREAL", frozenset({"coalition"})), STATEMENTS),
        (Partner("CORVUS", clearances=CLEARED.clearances), STATEMENTS),
        (Partner("AQUILA", frozenset({"coalition"}), CLEARED.clearances), STATEMENTS),
        (CLEARED, RULE),
        (CLEARED, changed(STATEMENTS, postures=(Posture.CRISIS,))),
        (CLEARED, changed(STATEMENTS, data_modes=(DataMode.REAL,))),
        (CLEARED, changed(STATEMENTS, purposes=("research",))),
        (CLEARED, changed(STATEMENTS, valid_until="2020-01-01T00:00:00")),
    ],
)
def test_nobody_else_is_told_anything_of_hidden_objects(partner: Partner, rule: Rule) -> None:
    assert tear_line_grant(partner, agreement_of(rule), **GRANTED) is None
    assert tear_line_grant(partner, None, **GRANTED) is None


def test_the_first_rule_for_statements_decides_also_where_its_label_is_not_for_the_partner() -> None:
    above = msgspec.structs.replace(TERMS, label=Label("NATO", "TOP SECRET"))
    strict = changed(STATEMENTS, id="strict", tear_line=above)
    assert tear_line_grant(CLEARED, agreement_of(strict, STATEMENTS), **GRANTED) is None


@unhurried
@given(partners, agreements(), CASES)
def test_a_grant_of_statements_is_the_decision_and_the_clearance_for_their_label(
    partner: Partner, agreement: Agreement, case: dict
) -> None:
    case = {key: value for key, value in case.items() if key != "label"}
    grant = tear_line_grant(partner, agreement, **{key: case[key] for key in GRANTED})
    decision = decide_by_rules(partner, agreement, **(case | {"kind": Kind.TEAR_LINES}))
    if isinstance(decision, Deny):
        assert grant is None
        return
    (rule,) = (rule for rule in agreement.rules if rule.id == decision.rule)
    assert rule.tear_line is not None
    assert (grant is not None) == permits_by_the_letter(partner, rule.tear_line.label)
    if grant is not None:
        assert (grant.rule, grant.terms, grant.delay_ns) == (rule.id, rule.tear_line, rule.delay_ns)

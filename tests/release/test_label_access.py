"""The labels' access decision: the standard's rule as a table, an oracle, and what more clearance can and cannot do."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.dominance import NoDominantLabelError, dominant
from schemas.labels import Category, CategoryType, Label, Succession
from schemas.spif import SecurityPolicy, read_spif
from schemas.timescales import parse_utc
from ssa_hub.release.label_access import label_refusal, next_label_change, permitted_label_ids
from ssa_hub.release.partner import Clearance, Partner
from ssa_hub.release.reason import Audience, ReasonCode
from tests.release.release_strategies import unhurried
from tests.schemas.spif.documents import spif
from tests.schemas.spif.spiffing import NATO_SPIF, need_data

P, R, I = CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE, CategoryType.INFORMATIVE  # noqa: E741
SKY = read_spif(spif(), "sky.spif")
NATO_LIKE = read_spif(spif(name="NATO"), "nato.spif")
SCHEMES: list[dict[str, SecurityPolicy]] = [{}, {"SKY": SKY}]


def of(name: str, type_: CategoryType, values: str) -> Category:
    return Category(name, type_, tuple(sorted(values.split("/"))))


def partner(*clearances: Clearance) -> Partner:
    return Partner("P", clearances=clearances)


def code(who: Partner, label: Label, policies: dict[str, SecurityPolicy], now: int | None = None) -> ReasonCode | None:
    refusal = label_refusal(who, label, now_tai_ns=now, policies=policies)
    listed = permitted_label_ids(who, {label.label_id: label}, now_tai_ns=now, policies=policies)
    assert listed == ((label.label_id,) if refusal is None else ())
    if refusal is not None:
        assert refusal.audience is Audience.ORIGINATOR
        assert refusal.sentence.startswith("The label forbids it: ")
        assert refusal.sentence.endswith(".")
    return None if refusal is None else refusal.code


# ADatP-4774.1, 3.11.4: how many of a category's two values are held, and what is decided.
BY_TYPE = [
    (P, "Shared With", "NORTH/SOUTH", (False, True, True)),
    (R, "Programmes", "DRUM/LYRE", (False, False, True)),
    (I, "Remarks", "OLD/STAFF", (True, True, True)),
]


@pytest.mark.parametrize("policies", SCHEMES)
@pytest.mark.parametrize(("type_", "tag", "values", "permitted"), BY_TYPE)
def test_permissive_wants_any_restrictive_all_informative_none(
    type_: CategoryType, tag: str, values: str, permitted: tuple[bool, ...], policies: dict[str, SecurityPolicy]
) -> None:
    label = Label("SKY", "OPEN", (of(tag, type_, values),))
    names = values.split("/")
    for number in range(3):
        held = (Category(tag, type_, tuple(names[:number])),) if number else ()
        assert (code(partner(Clearance("SKY", ("OPEN",), held)), label, policies) is None) == permitted[number]


@pytest.mark.parametrize("policies", SCHEMES)
def test_every_category_must_be_met_by_itself(policies: dict[str, SecurityPolicy]) -> None:
    categories = tuple(of(tag, type_, values) for type_, tag, values, _ in BY_TYPE)
    label = Label("SKY", "OPEN", categories).canonical()
    for held in product((0, 1, 2), repeat=3):
        clearance = tuple(
            Category(tag, type_, tuple(values.split("/")[:number]))
            for (type_, tag, values, _), number in zip(BY_TYPE, held, strict=True)
            if number
        )
        expected = all(permitted[number] for (_, _, _, permitted), number in zip(BY_TYPE, held, strict=True))
        assert (code(partner(Clearance("SKY", ("OPEN",), clearance)), label, policies) is None) == expected


def test_only_some_and_releasable_to_another_denies_the_other() -> None:
    """The caution T18-1: "Only CAN, USA, Releasable To SWE" denies Sweden; the rule is per category."""
    label = Label("NATO", "SECRET", (of("Only", P, "CAN/USA"), of("Releasable To", P, "SWE")))
    for nation, refused in (("SWE", ReasonCode.LABEL_PERMISSIVE), ("CAN", ReasonCode.LABEL_PERMISSIVE)):
        held = (of("Only", P, nation), of("Releasable To", P, nation))
        assert code(partner(Clearance("NATO", ("SECRET",), held)), label, {}) is refused
    both = (of("Only", P, "CAN"), of("Releasable To", P, "SWE"))
    assert code(partner(Clearance("NATO", ("SECRET",), both)), label, {}) is None


EVERYTHING = Clearance(
    "SKY",
    ("CLOSED", "LOCKED", "OPEN", "SEALED"),
    (of("Shared With", P, "EAST/NORTH/SOUTH"), of("Programmes", R, "DRUM/GONG/HARP/LYRE"), of("Boxes", R, "RED BOX")),
)


@pytest.mark.parametrize(
    ("label", "refused"),
    [
        (Label("SKY", "OPEN"), None),
        (Label("SEA", "OPEN"), ReasonCode.LABEL_POLICY),
        (Label("sky", "OPEN"), ReasonCode.LABEL_POLICY),
        (Label("SKY", "SHUT"), ReasonCode.LABEL_INVALID),
        (Label("SKY", "SEALED"), ReasonCode.LABEL_INVALID),
        (Label("SKY", "OPEN", (of("Elsewhere", I, "X"),)), ReasonCode.LABEL_INVALID),
        (Label("SKY", "OPEN", (of("Remarks", I, "X"),)), ReasonCode.LABEL_INVALID),
        (Label("SKY", "OPEN", (of("Programmes", P, "LYRE"),)), ReasonCode.LABEL_INVALID),
        (Label("SKY", "OPEN", policy_uri="urn:oid:9.9"), ReasonCode.LABEL_INVALID),
        # Obsolete names are in old labels, and these are still labels.
        (Label("SKY", "LOCKED", (of("Remarks", I, "OLD"),)), None),
        # The tag set's name for its tags: each tag by itself.
        (Label("SKY", "OPEN", (of("Programmes", R, "LYRE/RED BOX"),)), None),
    ],
)
def test_with_the_policy_known_what_it_does_not_allow_is_denied(label: Label, refused: ReasonCode | None) -> None:
    assert code(partner(EVERYTHING), label, {"SKY": SKY}) is refused


def test_a_category_that_names_a_tag_set_wants_a_value_of_each_of_its_tags() -> None:
    sets = (
        '<securityCategoryTagSet name="Who" id="1.2.3.9">'
        '<securityCategoryTag name="Nations" tagType="permissive">'
        '<tagCategory name="NOR" lacv="1"/></securityCategoryTag>'
        '<securityCategoryTag name="Groups" tagType="permissive">'
        '<tagCategory name="FIVE" lacv="2"/></securityCategoryTag>'
        "</securityCategoryTagSet>"
    )
    known = {
        "SKY": read_spif(spif(classes='<securityClassification name="OPEN" lacv="1" hierarchy="1"/>', sets=sets), "")
    }
    label = Label("SKY", "OPEN", (of("Who", P, "FIVE/NOR"),))
    for held, refused in (
        ("FIVE/NOR", None),
        ("FIVE", ReasonCode.LABEL_PERMISSIVE),
        ("NOR", ReasonCode.LABEL_PERMISSIVE),
    ):
        assert code(partner(Clearance("SKY", ("OPEN",), (of("Who", P, held),))), label, known) is refused
    apart = (of("Nations", P, "NOR"), of("Groups", P, "FIVE"))
    assert code(partner(Clearance("SKY", ("OPEN",), apart)), label, known) is None


def test_a_clearance_holds_nothing_that_the_policy_does_not_know() -> None:
    who = partner(Clearance("SKY", ("SHUT",), (of("Shared With", P, "WEST"),)))
    assert code(who, Label("SKY", "SHUT"), {}) is None
    assert code(who, Label("SKY", "SHUT"), {"SKY": SKY}) is ReasonCode.LABEL_INVALID
    assert code(who, Label("SKY", "OPEN"), {"SKY": SKY}) is ReasonCode.LABEL_CLASSIFICATION


def test_nato_and_public_compare_without_case_where_the_policy_is_known() -> None:
    who = partner(Clearance("Nato", ("open",), (of("SHARED WITH", P, "north"),)))
    label = Label("NATO", "Open", (of("shared with", P, "North/South"),))
    assert code(who, label, {"NATO": NATO_LIKE}) is None
    assert code(who, label, {}) is ReasonCode.LABEL_POLICY
    # No letter outside ASCII passes for one inside: this is a long s.
    assert code(who, Label("NATO", "OPEN", (of("\u017fhared with", P, "NORTH"),)), {"NATO": NATO_LIKE}) is (
        ReasonCode.LABEL_INVALID
    )


def test_an_alternative_counts_only_without_a_clearance_under_the_labels_own_policy() -> None:
    label = Label("SKY", "CLOSED", alternatives=(Label("SEA", "LOW"), Label("LAND", "FLAT")))
    for policies in SCHEMES:
        assert code(partner(Clearance("SEA", ("LOW",))), label, policies) is None
        assert code(partner(Clearance("LAND", ("FLAT",))), label, policies) is None
        assert code(partner(Clearance("SEA", ("HIGH",))), label, policies) is ReasonCode.LABEL_CLASSIFICATION
        assert code(partner(Clearance("MOON", ("LOW",))), label, policies) is ReasonCode.LABEL_POLICY
        own = partner(Clearance("SKY", ("OPEN",)), Clearance("SEA", ("LOW",)))
        assert code(own, label, policies) is ReasonCode.LABEL_CLASSIFICATION
    # Two names that differ in case only are one policy where NATO's is known: both must permit.
    twice = Label("SKY", "CLOSED", alternatives=(Label("NATO", "OPEN"), Label("nato", "CLOSED")))
    known = {"NATO": NATO_LIKE}
    assert code(partner(Clearance("NATO", ("OPEN",))), twice, known) is ReasonCode.LABEL_CLASSIFICATION
    assert code(partner(Clearance("NATO", ("CLOSED", "OPEN"))), twice, known) is None


def test_succession_acts_from_its_instant_on() -> None:
    open_later = Succession("2026-06-01T00:00:00Z", Label("SKY", "OPEN"))
    label = Label("SKY", "CLOSED", succession=open_later)
    instant = parse_utc("2026-06-01T00:00:00")
    who = partner(Clearance("SKY", ("OPEN",)))
    for policies in SCHEMES:
        assert code(who, label, policies) is ReasonCode.LABEL_CLASSIFICATION
        assert code(who, label, policies, instant - 1) is ReasonCode.LABEL_CLASSIFICATION
        assert code(who, label, policies, instant) is None
        assert code(who, label, policies, instant + 10**18) is None
    assert next_label_change([Label("SKY", "OPEN"), label], instant - 1) == instant
    assert next_label_change([label], instant) is None


def test_a_past_review_date_changes_nothing() -> None:
    label = Label("SKY", "OPEN", review_utc="2020-01-01T00:00:00Z")
    who = partner(Clearance("SKY", ("OPEN",)))
    assert code(who, label, {"SKY": SKY}, parse_utc("2026-06-01T00:00:00")) is None


# Small worlds, in which clearances and labels meet.
TAGS = (("Shared With", P), ("Programmes", R), ("Boxes", R), ("Remarks", I))
VALUES = {
    "Shared With": ("EAST", "NORTH", "SOUTH"),
    "Programmes": ("HARP", "LYRE"),
    "Boxes": ("BLUE BOX", "RED BOX"),
    "Remarks": ("OLD", "STAFF"),
}
HEIGHTS = {"OPEN": 1, "CLOSED": 2}


def categories(tags: tuple[tuple[str, CategoryType], ...]) -> st.SearchStrategy[tuple[Category, ...]]:
    one = st.sampled_from(tags).flatmap(
        lambda tag: st.sets(st.sampled_from(VALUES[tag[0]]), min_size=1).map(
            lambda found: Category(tag[0], tag[1], tuple(sorted(found)))
        )
    )
    return st.lists(one, max_size=3, unique_by=lambda category: category.tag_name).map(
        lambda found: Label("X", "X", tuple(found)).canonical().categories
    )


labels = st.builds(Label, st.just("SKY"), st.sampled_from(sorted(HEIGHTS)), categories(TAGS))
clearances = st.builds(
    Clearance, st.just("SKY"), st.sampled_from([(), ("OPEN",), ("CLOSED",), ("CLOSED", "OPEN")]), categories(TAGS[:3])
)
# Clearances that hold every classification below one that they hold.
downward = st.builds(Clearance, st.just("SKY"), st.sampled_from([("OPEN",), ("CLOSED", "OPEN")]), categories(TAGS[:3]))
schemes = st.sampled_from(SCHEMES)


def permits_by_brute_force(clearance: Clearance, label: Label) -> bool:
    """The standard's rule by trying every value; an oracle without any of the product's sets and caches."""
    held = {(one.tag_name, one.type.value, value) for one in clearance.categories for value in one.values}
    if clearance.policy != label.policy or label.classification not in clearance.classifications:
        return False
    for category in label.categories:
        hits = sum((category.tag_name, category.type.value, value) in held for value in category.values)
        needed = {"PERMISSIVE": 1, "RESTRICTIVE": len(category.values), "INFORMATIVE": 0}[category.type.value]
        if hits < needed:
            return False
    return True


@unhurried
@given(clearances, labels, schemes)
def test_the_decision_is_what_brute_force_says(
    clearance: Clearance, label: Label, policies: dict[str, SecurityPolicy]
) -> None:
    # With the policy known, the same for labels that it has: HARP needs CLOSED, EAST is not for OPEN, one box.
    valid = not policies or not SKY.problems(label)
    assert (code(partner(clearance), label, policies) is None) == (valid and permits_by_brute_force(clearance, label))


@unhurried
@given(clearances, labels, schemes, clearances)
def test_more_clearance_never_takes_access_away(
    clearance: Clearance, label: Label, policies: dict[str, SecurityPolicy], more: Clearance
) -> None:
    grown = Clearance(
        "SKY",
        tuple(sorted({*clearance.classifications, *more.classifications})),
        clearance.categories + more.categories,
    )
    if code(partner(clearance), label, policies) is None:
        assert code(partner(grown), label, policies) is None


@unhurried
@given(st.lists(labels, min_size=1, max_size=3), downward)
@example([Label("SKY", "OPEN"), Label("SKY", "CLOSED")], Clearance("SKY", ("CLOSED", "OPEN")))
def test_who_may_see_the_dominating_label_may_see_each_that_it_dominates(
    several: list[Label], clearance: Clearance
) -> None:
    try:
        top = dominant(several, {"SKY": SKY})
    except NoDominantLabelError:
        return
    if code(partner(clearance), top, {"SKY": SKY}) is None:
        for label in several:
            assert code(partner(clearance), label, {"SKY": SKY}) is None


texts = st.text(max_size=6) | st.sampled_from(["SKY", "OPEN", "Shared With", "NORTH", "NATO"])
any_categories = st.lists(
    st.builds(
        Category, texts, st.sampled_from(CategoryType), st.sets(texts, min_size=1).map(lambda s: tuple(sorted(s)))
    ),
    max_size=3,
).map(tuple)
any_labels = st.builds(
    Label,
    texts,
    texts,
    any_categories,
    policy_uri=st.none() | texts,
    privacy_mark=st.none() | texts,
    creation_utc=st.none() | st.just("2026-01-01T00:00:00Z"),
    succession=st.none() | st.builds(Succession, st.just("2026-06-01T00:00:00Z"), st.builds(Label, texts, texts)),
)
any_partners = st.lists(
    st.builds(Clearance, texts, st.lists(texts, max_size=3).map(tuple), any_categories),
    max_size=3,
    unique_by=lambda clearance: clearance.policy,
).map(lambda found: partner(*found))


@unhurried
@given(any_partners, any_labels, schemes, st.none() | st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_label_has_a_decision(
    who: Partner, label: Label, policies: dict[str, SecurityPolicy], now: int | None
) -> None:
    code(who, label, policies, now)


def test_with_natos_own_policy_labels_are_decided_as_the_standard_says() -> None:
    need_data()
    known = {"NATO": read_spif(NATO_SPIF.read_bytes(), NATO_SPIF.name)}
    held = (of("Releasable To", P, "JPN"), of("Context", P, "NATO"), of("Special Category Designators", R, "ATOMAL"))
    who = partner(Clearance("NATO", ("UNCLASSIFIED", "RESTRICTED", "SECRET"), held))
    cases = [
        (Label("NATO", "RESTRICTED", (of("Releasable To", P, "CHE/JPN/UKR"), of("Context", P, "NATO"))), None),
        (Label("NATO", "RESTRICTED", (of("Releasable To", P, "CHE/UKR"),)), ReasonCode.LABEL_PERMISSIVE),
        (Label("NATO", "CONFIDENTIAL"), ReasonCode.LABEL_CLASSIFICATION),
        (Label("NATO", "SECRET", (of("Special Category Designators", R, "ATOMAL"),)), None),
        (
            Label("NATO", "SECRET", (of("Special Category Designators", R, "ATOMAL/BOHEMIA"),)),
            ReasonCode.LABEL_RESTRICTIVE,
        ),
        (Label("NATO", "SECRET", (of("Administrative", I, "STAFF"),)), None),
        (Label("NATO", "SECRET", (of("Limited", I, "By hand of officer only"),)), None),
        (Label("NATO", "SECRET", (of("Additional Sensitivity", R, "ATOMAL"),)), ReasonCode.LABEL_INVALID),
        (Label("NATO", "SECRET", (of("Releasable To", P, "XXX"),)), ReasonCode.LABEL_INVALID),
    ]
    for label, refused in cases:
        assert code(who, label, known) is refused, label

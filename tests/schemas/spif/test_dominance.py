"""Dominance after ADatP-4774.1, 4.4, as a table; what is refused rather than widened; and its algebra."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dominance import NoDominantLabelError, dominant
from schemas.labels import Category, CategoryType, Label
from schemas.spif import SecurityPolicy, read_spif
from tests.schemas.spif.documents import spif
from tests.schemas.spif.test_policies import SEA, mapping_to_sea

P, R, I = CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE, CategoryType.INFORMATIVE  # noqa: E741
SKY = read_spif(spif(), "sky.spif")
KNOWN = {"SKY": SKY}
NONE: dict[str, SecurityPolicy] = {}


def label(classification: str, *categories: tuple[str, CategoryType, str]) -> Label:
    made = tuple(Category(name, type_, tuple(sorted(values.split("/")))) for name, type_, values in categories)
    return Label("SKY", classification, made).canonical()


def shared(classification: str, values: str) -> Label:
    return label(classification, ("Shared With", P, values))


@pytest.mark.parametrize(
    ("labels", "dominating"),
    [
        # One label dominates itself.
        ([label("OPEN")], label("OPEN")),
        # The highest classification, by the policy's hierarchy.
        ([label("OPEN"), label("CLOSED")], label("CLOSED")),
        ([label("CLOSED"), label("OPEN"), label("OPEN")], label("CLOSED")),
        # PERMISSIVE: what all have.
        ([shared("OPEN", "NORTH/SOUTH"), shared("OPEN", "NORTH")], shared("OPEN", "NORTH")),
        ([shared("CLOSED", "NORTH/SOUTH"), shared("CLOSED", "EAST/SOUTH")], shared("CLOSED", "SOUTH")),
        # RESTRICTIVE: what any has.
        (
            [label("OPEN", ("Programmes", R, "LYRE")), label("OPEN", ("Boxes", R, "RED BOX"))],
            label("OPEN", ("Programmes", R, "LYRE"), ("Boxes", R, "RED BOX")),
        ),
        (
            [label("CLOSED", ("Programmes", R, "LYRE")), label("CLOSED", ("Programmes", R, "HARP"))],
            label("CLOSED", ("Programmes", R, "HARP/LYRE")),
        ),
        # INFORMATIVE: what any has.
        (
            [label("OPEN", ("Remarks", I, "STAFF")), label("OPEN", ("Remarks", I, "OLD"))],
            label("OPEN", ("Remarks", I, "OLD/STAFF")),
        ),
        ([label("OPEN", ("Remarks", I, "STAFF")), label("CLOSED")], label("CLOSED", ("Remarks", I, "STAFF"))),
    ],
)
def test_the_dominating_label_is_the_standards(labels: list[Label], dominating: Label) -> None:
    for order in permutations(labels):
        assert dominant(order, KNOWN) == dominating


@pytest.mark.parametrize(
    ("labels", "known", "said"),
    [
        ([], KNOWN, "no labels"),
        # The standard would drop the release list, and the product would be for more than either source.
        ([shared("OPEN", "NORTH"), shared("OPEN", "SOUTH")], KNOWN, "no value is in all labels"),
        ([shared("OPEN", "NORTH"), label("OPEN")], KNOWN, "not all labels have it"),
        ([shared("OPEN", "NORTH"), label("OPEN")], NONE, "not all labels have it"),
        # The result must be valid: SEALED wants just one of the release list; HARP goes with CLOSED alone.
        ([shared("SEALED", "NORTH"), label("SEALED")], KNOWN, "not valid under policy SKY"),
        (
            [label("CLOSED", ("Programmes", R, "HARP")), label("LOCKED")],
            KNOWN,
            "the result is not valid under policy SKY: 'HARP' of 'Programmes' requires 'CLOSED'",
        ),
        (
            [label("OPEN", ("Boxes", R, "RED BOX")), label("OPEN", ("Boxes", R, "BLUE BOX"))],
            KNOWN,
            "'Boxes' may have at most 1 values",
        ),
        ([label("SHUT"), label("OPEN")], KNOWN, "'SHUT' is not in policy SKY"),
        ([shared("SEALED", "NORTH"), shared("LOCKED", "NORTH")], KNOWN, "LOCKED and SEALED of policy SKY are equally"),
        # Without the policy's document only equal classifications can be compared.
        ([label("OPEN"), label("CLOSED")], NONE, "CLOSED, OPEN cannot be compared"),
        ([label("OPEN"), Label("SEA", "LOW")], KNOWN, "the labels are of policies SEA, SKY"),
        ([label("OPEN"), Label("SEA", "LOW")], NONE, "no policy is known"),
    ],
)
def test_where_no_label_dominates_a_person_must_decide(
    labels: list[Label], known: dict[str, SecurityPolicy], said: str
) -> None:
    for order in permutations(labels):
        with pytest.raises(NoDominantLabelError, match=said):
            dominant(order, known)


def test_labels_of_two_policies_are_brought_into_the_one_that_is_defined() -> None:
    known = {"SKY": mapping_to_sea(), "SEA": SEA}
    rel = Category("Rel", P, ("N",))
    sky, sea = shared("CLOSED", "NORTH"), Label("SEA", "LOW", (rel,))
    expected = Label("SEA", "HIGH", (Category("From", I, ("SKY",)), rel)).canonical()
    assert dominant([sky, sea], known) == dominant([sea, sky], known) == expected
    with pytest.raises(NoDominantLabelError, match="no equivalent of 'OPEN'"):
        dominant([shared("OPEN", "NORTH"), sea], known)


def test_an_alternative_that_a_label_carries_serves_as_its_equivalent() -> None:
    own = Label("SEA", "LOW", alternatives=(label("OPEN"),))
    assert dominant([own, label("CLOSED")], {"SKY": SKY, "SEA": SEA}) == label("CLOSED")


def test_names_that_differ_in_case_only_are_one_where_the_policy_says_so() -> None:
    nato = read_spif(spif(name="NATO"), "nato.spif")
    first = Label("nato", "open", (Category("shared with", P, ("north", "south")),))
    second = Label("NATO", "OPEN", (Category("Shared With", P, ("NORTH",)),))
    assert dominant([first, second], {"NATO": nato}) == second


def some(*values: str) -> st.SearchStrategy[str]:
    return st.sets(st.sampled_from(values), min_size=1).map(lambda found: "/".join(sorted(found)))


labels = st.builds(
    lambda classification, *categories: label(classification, *(one for one in categories if one is not None)),
    st.sampled_from(["OPEN", "CLOSED"]),
    st.none() | some("NORTH", "SOUTH", "EAST").map(lambda values: ("Shared With", P, values)),
    st.none() | some("LYRE", "HARP").map(lambda values: ("Programmes", R, values)),
    st.none() | some("STAFF", "OLD").map(lambda values: ("Remarks", I, values)),
)


def attempt(*several: Label | None) -> Label | None:
    """The dominating label, None where there is none (or one of these is none already)."""
    given = [one for one in several if one is not None]
    if len(given) < len(several):
        return None
    try:
        return dominant(given, KNOWN)
    except NoDominantLabelError:
        return None


@given(labels, labels)
def test_dominance_is_commutative_and_idempotent(first: Label, second: Label) -> None:
    assert attempt(first, second) == attempt(second, first)
    alone = attempt(first)
    assert alone is None or (alone == first == attempt(first, first))
    both = attempt(first, second)
    assert both is None or attempt(both, first) == both


@given(labels, labels, labels)
def test_dominance_is_associative_where_it_is_defined(first: Label, second: Label, third: Label) -> None:
    left, right, at_once = (
        attempt(attempt(first, second), third),
        attempt(first, attempt(second, third)),
        attempt(first, second, third),
    )
    assert len({found.label_id for found in (left, right, at_once) if found is not None}) <= 1
    # An intermediate that is no valid label stops one order only; all at once is defined wherever an order is.
    assert at_once is not None or (left is None and right is None)

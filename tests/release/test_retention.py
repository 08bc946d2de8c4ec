"""What agreements demand to be deleted: the shortest rule, after the notice, of an agreement in force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import DataMode, Kind
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.deletion_proof import leaf_of, list_path, root_of_path, salt_of
from ssa_hub.release.differences import agreement_differences
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.merkle import list_root
from ssa_hub.release.retention import DAY_NS, InForce, RetentionRule, demand_of

NOW = 10_000 * DAY_NS
THIRTY, TEN = RetentionRule(keep_days=30), RetentionRule(keep_days=10, data_modes=(DataMode.TEST,))
OF_SOURCE = RetentionRule(keep_days=5, sources=("radar",))


def demanded(*history: InForce) -> list[int | None]:
    demand = demand_of("alpha", history, NOW)
    modes = (DataMode.REAL, DataMode.TEST)
    found = [None if demand is None else demand.keep_ns(Kind.ELEMENTS, "any", mode) for mode in modes]
    return [None if each is None else each // DAY_NS for each in found]


def test_the_shortest_rule_that_matches_counts() -> None:
    assert demanded(InForce("v", (THIRTY, TEN), 0, None)) == [30, 10]
    assert demanded(InForce("v", (TEN,), 0, None)) == [None, 10]
    demand = demand_of("alpha", [InForce("v", (THIRTY, OF_SOURCE), 0, None)], NOW)
    assert demand is not None
    assert demand.cutoff_tai_ns(Kind.ELEMENTS, "radar", "REAL", NOW) == NOW - 5 * DAY_NS
    # What the hub derives has no source that a rule could name.
    assert demand.cutoff_tai_ns(Kind.DERIVED_CONJUNCTIONS, "radar", "REAL", NOW) == NOW - 30 * DAY_NS


def test_a_new_rule_waits_for_the_notice_and_a_longer_one_counts_at_once() -> None:
    since = NOW - DAY_NS // 2
    assert demanded(InForce("a", (), 0, since), InForce("b", (THIRTY,), since, None)) == [None, None]
    assert demanded(InForce("a", (THIRTY,), 0, since), InForce("b", (THIRTY, TEN), since, None)) == [30, 30]
    longer = RetentionRule(keep_days=60)
    assert demanded(InForce("a", (THIRTY,), 0, since), InForce("b", (longer,), since, None)) == [60, 60]
    assert demanded(InForce("a", (THIRTY,), 0, since), InForce("b", (THIRTY,), since, None)) == [30, 30]


def test_a_retired_agreement_and_one_with_a_gap_before_it_delete_nothing() -> None:
    since = NOW - DAY_NS // 2
    assert demanded(InForce("a", (THIRTY,), 0, since)) == [None, None]
    assert demanded(InForce("a", (THIRTY,), 0, since - 1), InForce("b", (THIRTY,), since, None)) == [None, None]
    assert demanded() == [None, None]


@given(days=st.lists(st.integers(1, 50), min_size=1, max_size=4), ages=st.lists(st.integers(0, 5), max_size=4))
def test_no_demand_is_shorter_than_what_any_agreement_of_the_notice_says(days: list[int], ages: list[int]) -> None:
    begins = [0, *sorted({NOW - age * DAY_NS // 4 for age in ages[: len(days) - 1]})]
    ends = [*begins[1:], None]
    history = [
        InForce(str(number), (RetentionRule(keep_days=keep),), begin, end)
        for number, (keep, begin, end) in enumerate(zip(days, begins, ends, strict=False))
    ]
    in_notice = [e.rules[0].keep_days for e in history if e.until_tai_ns is None or e.until_tai_ns > NOW - DAY_NS]
    demand = demand_of("alpha", history, NOW)
    expected = max(in_notice) * DAY_NS if history[-1].until_tai_ns is None else None
    assert (None if demand is None else demand.keep_ns(Kind.ELEMENTS, "s", "REAL")) == expected


def test_an_agreement_without_retention_keeps_its_version_and_one_with_it_has_another() -> None:
    # The version that ssa-hub 0.5 gave this text, before there was retention.
    plain = read_agreement('originator = "alpha"\n', "a.toml")
    with_it = read_agreement('originator = "alpha"\n[[retention]]\nkeep_days = 30\n', "a.toml")
    again = read_agreement('originator = "alpha"\n[[retention]]\nkeep_days = 30 # as agreed\n', "b.toml")
    assert plain.version == "99c9676370003335"
    assert with_it.version == again.version != plain.version


@pytest.mark.parametrize(
    ("table", "line", "key"),
    [
        ("keep_days = 0", 3, "keep_days"),
        ("keep_days = 36526", 3, "keep_days"),
        ('kinds = ["elements"]', 2, "keep_days"),
        ('keep_days = 3\nkinds = ["tear-lines"]', 4, "kinds"),
        ('keep_days = 3\nkinds = ["derived-conjunctions"]\nsources = ["radar"]', 5, "sources"),
        ("keep_days = 3\nkeep_hours = 3", 4, "keep_hours"),
    ],
)
def test_a_mistake_in_retention_is_named_with_line_and_key(table: str, line: int, key: str) -> None:
    with pytest.raises(AgreementError) as caught:
        read_agreement(f'originator = "alpha"\n[[retention]]\n{table}\n', "a.toml")
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.key) == (line, key)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_every_path_leads_to_the_root_and_no_other_record_does(names: list[str], data: st.DataObject) -> None:
    key = bytes(range(32))
    leaves = sorted(leaf_of(salt_of(key, name), name) for name in names)
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = list_path(leaves, index)
    assert root_of_path(leaves[index], index, len(leaves), path) == list_root(leaves)
    other = leaf_of(salt_of(key, "x" * 9), "x" * 9)
    assert root_of_path(other, index, len(leaves), path) != list_root(leaves)


def test_differences_of_agreements_tell_what_is_deleted_by_the_new_and_no_more() -> None:
    def agreement(*tables: str) -> Agreement:
        return read_agreement(
            'originator = "alpha"\n' + "".join(f"[[retention]]\n{text}\n" for text in tables), "a.toml"
        )

    kept, old, new = 'keep_days = 90\nkinds = ["ephemerides"]', "keep_days = 60", "keep_days = 30"
    differences = agreement_differences(agreement(kept, old), agreement(new, kept), [])
    assert differences.retention_new == ("records of every kind are deleted 30 days after reception",)
    assert differences.retention_gone == ("records of every kind are deleted 60 days after reception",)
    first = agreement_differences(None, agreement(kept), [])
    assert (first.retention_new, first.retention_gone) == (
        ("records of ephemerides are deleted 90 days after reception",),
        (),
    )

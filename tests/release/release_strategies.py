"""Small worlds of partners, agreements, labels and records: few names, so that they meet."""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from schemas.labels import Category, CategoryType, Label, Succession
from schemas.records import DataMode, Kind
from ssa_hub.release.agreement import Agreement, Rule
from ssa_hub.release.columns import RECORD_KINDS, maskable_columns
from ssa_hub.release.mask import EXACT, Resolution
from ssa_hub.release.partner import Clearance, Partner, Posture, Role
from ssa_hub.release.tear_line_terms import TearLineTerms

NAMES = ("AQUILA", "BOREAL", "CORVUS", "DORADO")
GROUPS = ("coalition", "operators")
PURPOSES = ("collision-avoidance", "research")
POLICIES = ("NATO", "TLP")
CLASSIFICATIONS = ("UNCLASSIFIED", "SECRET")
TAGS = ("Releasable To", "Context")
VALUES = ("NOR", "SWE", "USA")
HOUR_NS = 3_600 * 10**9
NOW_TAI_NS = 1_790_000_000 * 10**9

# The machine may be busy; how long a case takes is not what these tests are about.
unhurried = settings(deadline=None)

names = st.sampled_from(NAMES)
kinds = st.sampled_from(Kind)
record_kinds = st.sampled_from(RECORD_KINDS)
data_modes = st.sampled_from(DataMode)
postures = st.sampled_from(Posture)
instants = st.integers(-3, 3).map(lambda hours: NOW_TAI_NS + hours * HOUR_NS)
HOURS = tuple(f"2026-09-21T{hour:02d}:00:00" for hour in range(11, 18))


def some(items: Any, at_least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """Sorted tuples of distinct items."""
    return st.sets(st.sampled_from(list(items)), min_size=at_least).map(lambda found: tuple(sorted(found)))


def mostly_all(items: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """All of the items, or now and then some of them: rules that match are the ones worth testing."""
    return st.integers(0, 3).flatmap(lambda choice: some(items, 1) if choice == 0 else st.just(tuple(sorted(items))))


def categories(types: Any) -> st.SearchStrategy[Category]:
    return st.builds(Category, st.sampled_from(TAGS), st.sampled_from(types), some(VALUES, 1))


clearances = st.lists(
    st.builds(
        Clearance,
        st.sampled_from(POLICIES),
        some(CLASSIFICATIONS, 1),
        st.lists(categories([CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE]), max_size=3).map(tuple),
    ),
    max_size=2,
    unique_by=lambda clearance: clearance.policy,
).map(tuple)
# Cleared for everything: else labels deny nearly all, and rules have nothing to decide.
CLEARED = tuple(
    Clearance(
        policy,
        CLASSIFICATIONS,
        tuple(
            Category(tag, type_, VALUES)
            for tag in sorted(TAGS)
            for type_ in (CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE)
        ),
    )
    for policy in POLICIES
)
partners = st.builds(
    Partner,
    names,
    st.just(frozenset(GROUPS)) | some(GROUPS).map(frozenset),
    st.just(CLEARED) | clearances,
    st.sets(st.sampled_from(Role)).map(frozenset),
    st.just(frozenset(PURPOSES)) | some(PURPOSES).map(frozenset),
)
labels = st.builds(
    Label,
    st.sampled_from(POLICIES),
    st.sampled_from(CLASSIFICATIONS),
    st.lists(categories(list(CategoryType)), max_size=2).map(tuple),
)
FIELDS = (
    ("*",),
    ("epoch_utc",),
    (maskable_columns(Kind.ELEMENTS)[2], maskable_columns(Kind.DERIVED_CONJUNCTIONS)[1]),
    ("miss_distance_m", "object_name", "object_name_1"),
)
RESOLUTIONS = (
    EXACT,
    EXACT,
    Resolution(time_s=60),
    Resolution(time_s=7, distance_m=1_000.0, angle_deg=0.7),
    Resolution(distance_m=0.3, speed_m_s=1.5, mean_motion_rev_per_day=0.01, eccentricity=0.001),
)
tear_line_terms = st.builds(
    TearLineTerms,
    window_s=st.sampled_from([60, 3_600]),
    miss_distance_bounds_m=st.sampled_from([(1_000.0,), (200.0, 1_000.0, 5_000.0)]),
    budget=st.integers(1, 3),
    label=labels,
    approach_angle_step_deg=st.sampled_from([0.0, 30.0]),
    budget_days=st.sampled_from([1, 7]),
)


@st.composite
def rules(draw: st.DrawFn, rule_id: str = "r") -> Rule:
    """A rule as a reader could have given it: it speaks of somebody, and its interval is not empty."""
    who, groups = draw(some(NAMES)), draw(some(GROUPS))
    if not who and not groups:
        groups = ("coalition",)
    purposes = draw(st.sampled_from([(), (), PURPOSES, PURPOSES[:1]]))
    statements = draw(st.integers(0, 5)) == 0
    begin, end = sorted(draw(st.lists(st.sampled_from(HOURS), min_size=2, max_size=2, unique=True)))
    return Rule(
        id=rule_id,
        kinds=(Kind.TEAR_LINES,) if statements else draw(mostly_all(RECORD_KINDS)),
        data_modes=draw(mostly_all(DataMode)),
        fields=() if statements else draw(st.sampled_from(FIELDS)),
        resolution=EXACT if statements else draw(st.sampled_from(RESOLUTIONS)),
        tear_line=draw(tear_line_terms) if statements else None,
        purposes=purposes,
        partners=who,
        groups=groups,
        postures=draw(mostly_all(Posture)),
        delay_s=draw(st.sampled_from([0, 0, 1, 3_600])),
        valid_from=draw(st.sampled_from([None, None, begin])),
        valid_until=draw(st.sampled_from([None, None, end])),
    )


@st.composite
def agreements(draw: st.DrawFn, originator: str = "AQUILA") -> Agreement:
    count = draw(st.sampled_from([0, 1, 2, 2, 3, 4]))
    return Agreement(
        originator=originator, rules=tuple(draw(rules(f"{originator}-{number}")) for number in range(count))
    )


@st.composite
def agreement_sets(draw: st.DrawFn) -> dict[str, Agreement]:
    return {name: draw(agreements(name)) for name in draw(mostly_all(NAMES))}


succeeded_labels = labels | st.builds(
    lambda label, at_utc, successor: msgspec.structs.replace(label, succession=Succession(at_utc, successor)),
    labels,
    st.sampled_from(HOURS),
    labels,
)
label_sets = st.lists(succeeded_labels, min_size=1, max_size=4).map(
    lambda found: {label.label_id: label for label in found}
)

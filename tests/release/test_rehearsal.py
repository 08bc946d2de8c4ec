"""Rehearsal against its oracle: each drawn record decided by itself, at every instant at which anything can change."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.timescales import parse_utc
from ssa_hub.history.traffic import CONJUNCTION_TRAFFIC, ELEMENT_TRAFFIC
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.mask import Mask
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.record_decision import DECIDING_COLUMNS, Outcome, RecordDecision, decide_record
from ssa_hub.release.rehearsal import (
    DIVISIONS_MAX,
    EFFECTS_SCHEMA,
    Rehearsal,
    TooManyInstantsError,
    differing,
    rehearse,
    sums,
)
from ssa_hub.release.replay import RuleSet
from ssa_hub.release.rule import Rule
from tests.release.release_strategies import (
    HOUR_NS,
    NAMES,
    NOW_TAI_NS,
    agreement_sets,
    agreements,
    label_sets,
    partners,
    postures,
    unhurried,
)

Row = dict[str, Any]
BEGIN_TAI_NS = NOW_TAI_NS - 6 * HOUR_NS
RECEIVED = st.sampled_from([NOW_TAI_NS - hours * HOUR_NS + offset for hours in range(7) for offset in (-1, 0, 1)])


class Combination(NamedTuple):
    """What effects are counted by, without what the rules say."""

    partner: str
    kind: str
    data_mode: str
    sides: tuple[tuple[str, str], ...]


class World(NamedTuple):
    """A rehearsal, and the records that came in."""

    rehearsal: Rehearsal
    records: list[tuple[Kind, Row]]


@st.composite
def worlds(draw: st.DrawFn, *, of_one: bool = False) -> World:
    """``of_one``: AQUILA rehearses a draft of its own agreement; else the whole hub rehearses a posture."""
    labels = draw(label_sets)
    label_ids = [*sorted(labels), "unknown"]
    enrolled = {p.name: p for p in draw(st.lists(partners, min_size=2, max_size=4, unique_by=lambda p: p.name))}
    before = RuleSet(draw(agreement_sets()), draw(postures))
    if of_one:
        enrolled.setdefault("AQUILA", Partner("AQUILA"))
        after = RuleSet({**before.agreements, "AQUILA": draw(agreements("AQUILA"))}, before.posture)
    else:
        after = RuleSet(before.agreements, draw(postures))
    who = "AQUILA" if of_one else None
    rehearsal = Rehearsal(before, after, enrolled, labels, {}, BEGIN_TAI_NS, NOW_TAI_NS, who, who)
    records = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(list(DECIDING_COLUMNS)))
        row: Row = {
            "data_mode": draw(st.sampled_from([DataMode.REAL, DataMode.EXERCISE])).value,
            "received_tai_ns": max(draw(RECEIVED), BEGIN_TAI_NS),
        }
        for originator_column, label_column in DECIDING_COLUMNS[kind]:
            row[originator_column] = draw(st.sampled_from(NAMES))
            row[label_column] = draw(st.sampled_from(label_ids))
        if row["received_tai_ns"] <= NOW_TAI_NS:
            records.append((kind, row))
    return World(rehearsal, records)


def sides_of(kind: Kind, row: Row) -> tuple[tuple[str, str], ...]:
    return tuple((row[originator], row[label]) for originator, label in DECIDING_COLUMNS[kind])


def counts(world: World) -> dict[Kind, pa.Table]:
    """What the history would count, made row by row."""
    rehearsal = world.rehearsal
    cuts = [rehearsal.received_from_tai_ns, *rehearsal.cuts(rehearsal.spans(rehearsal.labels))]
    counted: dict[Kind, Counter[tuple[Any, ...]]] = {kind: Counter() for kind in DECIDING_COLUMNS}
    for kind, row in world.records:
        begin = max(cut for cut in cuts if cut <= row["received_tai_ns"])
        flat = [text for side in sorted(sides_of(kind, row)) for text in side]
        counted[kind][(row["data_mode"], *flat, begin)] += 1
    found = {}
    for kind, of_kind in counted.items():
        schema = CONJUNCTION_TRAFFIC if kind is Kind.DERIVED_CONJUNCTIONS else ELEMENT_TRAFFIC
        rows = [dict(zip(schema.names, (*key, n), strict=True)) for key, n in of_kind.items()]
        found[kind] = pa.Table.from_pylist(rows, schema=schema)
    return found


def effects_of(world: World) -> pa.Table:
    rehearsal = world.rehearsal
    return rehearse(rehearsal, rehearsal.spans(rehearsal.labels), counts(world))


def successions(label: Label) -> Iterator[int]:
    """The instants at which another label takes a label's place, or that of an alternative, TAI ns."""
    if label.succession is not None:
        yield parse_utc(label.succession.at_utc)
        yield from successions(label.succession.label)
    for alternative in label.alternatives:
        yield from successions(alternative)


def first_seen(world: World, kind: Kind, row: Row, partner: Partner, rules: RuleSet) -> RecordDecision | None:
    """The decision at the first instant at which the partner sees the record; None: at no instant until now."""
    all_rules = [rule for agreement in rules.agreements.values() for rule in agreement.rules]
    instants = {row["received_tai_ns"] + rule.delay_ns for rule in all_rules} | {row["received_tai_ns"], NOW_TAI_NS}
    instants |= {end for rule in all_rules for end in (rule.valid_from_tai_ns, rule.valid_until_tai_ns) if end}
    instants |= {at for label in world.rehearsal.labels.values() for at in successions(label)}
    for instant in sorted(instants):
        if row["received_tai_ns"] <= instant <= NOW_TAI_NS:
            decision = decide_record(
                kind, row, partner, rules.agreements, world.rehearsal.labels, posture=rules.posture, now_tai_ns=instant
            )
            if decision.outcome is Outcome.SEEN:
                return decision
    return None


def shown(decision: RecordDecision) -> tuple[Mask, int]:
    """Fields and how finely, and when it became visible."""
    assert decision.visible_from_tai_ns is not None
    assert decision.mask is not None
    return decision.mask, decision.visible_from_tai_ns


def expected_counts(world: World, rows: Iterable[tuple[Kind, Row]]) -> dict[Combination, Counter[str]]:
    expected: dict[Combination, Counter[str]] = {}
    for kind, row in rows:
        for name, partner in world.rehearsal.partners.items():
            was, will = (
                first_seen(world, kind, row, partner, rules)
                for rules in (world.rehearsal.before, world.rehearsal.after)
            )
            sides = tuple(sorted(sides_of(kind, row)))
            found = expected.setdefault(Combination(name, kind.value, row["data_mode"], sides), Counter())
            found["records"] += 1
            found["received"] += was is not None
            found["would_receive"] += will is not None
            found["more"] += was is None and will is not None
            found["less"] += was is not None and will is None
            found["changed"] += was is not None and will is not None and shown(was) != shown(will)
    return expected


def told_counts(effects: pa.Table) -> dict[Combination, Counter[str]]:
    told: dict[Combination, Counter[str]] = {}
    for effect in effects.to_pylist():
        sides = [(effect["originator_1"], effect["label_id_1"])]
        if effect["originator_2"] is not None:
            sides.append((effect["originator_2"], effect["label_id_2"]))
        key = Combination(effect["partner"], effect["kind"], effect["data_mode"], tuple(sorted(sides)))
        found = told.setdefault(key, Counter())
        for name in ("records", "received", "would_receive", "more", "less", "changed"):
            found[name] += effect[name]
    return told


def nonzero(found: dict[Combination, Counter[str]]) -> dict[Combination, Counter[str]]:
    """Without who receives nothing either way: of whom no rule speaks, effects say nothing."""
    return {
        key: Counter({name: n for name, n in counter.items() if n})
        for key, counter in found.items()
        if counter["received"] or counter["would_receive"]
    }


def without_own(found: dict[Combination, Counter[str]]) -> dict[Combination, Counter[str]]:
    return {key: it for key, it in found.items() if any(originator != key.partner for originator, _ in key.sides)}


@unhurried
@given(worlds())
def test_effects_of_a_posture_are_those_of_each_record_decided_by_itself_through_time(world: World) -> None:
    effects = effects_of(world)
    assert effects.schema == EFFECTS_SCHEMA
    told = {key: it for key, it in told_counts(effects).items() if key.partner in spoken_of(world)}
    expected = {
        key: it
        for key, it in without_own(expected_counts(world, world.records)).items()
        if key.partner in spoken_of(world)
    }
    assert nonzero(told) == nonzero(expected)
    assert {key: it["records"] for key, it in told.items()} == {key: it["records"] for key, it in expected.items()}


def spoken_of(world: World) -> set[str]:
    rules = [
        rule
        for rules in (world.rehearsal.before, world.rehearsal.after)
        for agreement in rules.agreements.values()
        for rule in agreement.rules
    ]
    return {p.name for p in world.rehearsal.partners.values() if any(rule.names(p) for rule in rules)}


@unhurried
@given(worlds(of_one=True))
def test_an_originator_is_told_of_his_own_and_of_conjunctions_that_he_sees_what_his_side_allows(world: World) -> None:
    rehearsal = world.rehearsal
    me = rehearsal.partners["AQUILA"]
    mine = []
    for kind, row in world.records:
        sides = sides_of(kind, row)
        seen = decide_record(
            kind,
            row,
            me,
            rehearsal.before.agreements,
            rehearsal.labels,
            posture=rehearsal.before.posture,
            now_tai_ns=NOW_TAI_NS,
        )
        if any(originator == "AQUILA" for originator, _ in sides) and seen.outcome is Outcome.SEEN:
            mine.append((kind, row))
    told = told_counts(effects_of(world))
    assert not any(key.partner == "AQUILA" for key in told)
    for key, counter in told.items():
        rows = [
            (kind, row) for kind, row in mine
            if (kind.value, row["data_mode"], tuple(sorted(sides_of(kind, row)))) == key[1:]
        ]  # fmt: skip
        assert counter["records"] == len(rows)
        partner = rehearsal.partners[key.partner]
        expected = Counter[str]()
        for kind, row in rows:
            was, will = (first_seen(world, kind, alone(kind, row, partner), partner, rules)
                         for rules in (rehearsal.before, rehearsal.after))  # fmt: skip
            expected["received"] += was is not None
            expected["would_receive"] += will is not None
        assert (counter["received"], counter["would_receive"]) == (expected["received"], expected["would_receive"])


def alone(kind: Kind, row: Row, partner: Partner) -> Row:
    """The same record, as if a third party's orbit were AQUILA's other one: then only AQUILA's rules decide."""
    (mine,) = {side for side in sides_of(kind, row) if side[0] == "AQUILA"} if kind is Kind.ELEMENTS else {None}
    if mine is not None:
        return row
    own = next(side for side in sides_of(kind, row) if side[0] == "AQUILA")
    changed = dict(row)
    for originator, label in DECIDING_COLUMNS[kind]:
        if row[originator] not in ("AQUILA", partner.name):
            changed[originator], changed[label] = own
    return changed


def rule(rule_id: str, **given: Any) -> Rule:
    fields = {"kinds": (Kind.ELEMENTS,), "data_modes": (DataMode.REAL,), "partners": ("BOREAL",), "fields": ("*",)}
    return Rule(id=rule_id, **{**fields, **given})


LABEL = Label("PUBLIC", "UNCLASSIFIED")
BOREAL = Partner("BOREAL", clearances=(Clearance("PUBLIC", ("UNCLASSIFIED",)),))


def small(before: tuple[Rule, ...], after: tuple[Rule, ...], received_h_ago: tuple[int, ...] = (5, 3, 1)) -> pa.Table:
    """AQUILA changes its rules; one record came in so many hours ago each."""
    first, then = (
        RuleSet({"AQUILA": Agreement(originator="AQUILA", rules=r)}, Posture.PEACETIME) for r in (before, after)
    )
    known = {"AQUILA": Partner("AQUILA"), "BOREAL": BOREAL}
    rehearsal = Rehearsal(first, then, known, {LABEL.label_id: LABEL}, {}, BEGIN_TAI_NS, NOW_TAI_NS, "AQUILA", "AQUILA")
    records = [
        (Kind.ELEMENTS, {"data_mode": "REAL", "received_tai_ns": NOW_TAI_NS - hours * HOUR_NS, "originator": "AQUILA",
                         "label_id": LABEL.label_id})
        for hours in received_h_ago
    ]  # fmt: skip
    return effects_of(World(rehearsal, records))


def test_an_effect_names_fields_resolution_delay_and_rule_before_and_after() -> None:
    after = rule("coarse", fields=("inclination_deg", "object_name"), delay_s=7_200)
    (both,) = small((rule("all"),), (after,)).to_pylist()
    assert (both["received"], both["would_receive"], both["changed"], both["less"]) == (3, 2, 2, 1)
    assert both["fields_more"] == []
    assert "object_name" not in both["fields_less"]
    assert {"eccentricity", "payload_sha256"} < set(both["fields_less"])
    assert (both["delay_before_s"], both["delay_after_s"]) == (0, 7_200)
    assert (both["rule_before"], both["rule_after"]) == ("all", "coarse")
    assert "'coarse'" in both["reason_after"]


def test_a_rule_that_has_ended_let_through_what_came_while_it_held() -> None:
    """It ended 1 h 43 min before NOW_TAI_NS, which is 2026-09-21T14:12:43 UTC."""
    ended = rule("ended", valid_until="2026-09-21T12:30:00")
    (none,) = small((), (ended,), received_h_ago=(0,)).to_pylist()
    assert (none["records"], none["more"]) == (1, 0)
    (early,) = small((), (ended,), received_h_ago=(5,)).to_pylist()
    assert (early["records"], early["more"], early["rule_after"]) == (1, 1, "ended")


def test_sums_are_over_partner_kind_and_data_mode_and_differing_drops_what_stays() -> None:
    effects = small((rule("all"),), (rule("late", delay_s=7_200),))
    (summed,) = sums(effects).to_pylist()
    assert summed == {
        "partner": "BOREAL", "kind": "elements", "data_mode": "REAL", "records": 3, "received": 3,
        "would_receive": 2, "more": 0, "less": 1, "changed": 2,
    }  # fmt: skip
    assert differing(small((rule("all"),), (rule("another name"),))).num_rows == 0


def test_rules_that_change_too_often_are_refused() -> None:
    many = tuple(rule(f"r{n}", delay_s=n) for n in range(1, DIVISIONS_MAX + 2))
    with pytest.raises(TooManyInstantsError, match="choose a shorter one"):
        small((), many)

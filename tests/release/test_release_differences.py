"""What a new version of an agreement changes, by rule and by partner; asked again of the decision, case by case."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.labels import Label
from schemas.records import DataMode, Kind
from ssa_hub.release.agreement import Agreement, Example, Rule
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.decision import Allow, decide_by_rules
from ssa_hub.release.differences import Direction, PartnerChange, RuleState, agreement_differences
from ssa_hub.release.mask import Resolution
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.tear_line_terms import TearLineTerms
from tests.release.release_strategies import NOW_TAI_NS, agreements, instants, partners, unhurried

BOREAL = Partner("BOREAL", frozenset({"coalition"}), (Clearance("NATO", ("SECRET",)),))
CORVUS = Partner("CORVUS", frozenset({"operators"}))
PARTNERS = [CORVUS, BOREAL, Partner("AQUILA", frozenset({"coalition", "operators"}))]
RULE = Rule(id="r", kinds=(Kind.ELEMENTS,), data_modes=(DataMode.REAL,), fields=("object_name",), groups=("coalition",))
TERMS = TearLineTerms(window_s=600, miss_distance_bounds_m=(1_000.0,), budget=3, label=Label("NATO", "SECRET"))
STATEMENTS = msgspec.structs.replace(RULE, id="s", kinds=(Kind.TEAR_LINES,), fields=(), tear_line=TERMS)


def agreement_of(*rules: Rule) -> Agreement:
    return Agreement(originator="AQUILA", rules=rules)


def changed(rule: Rule = RULE, **changes: object) -> Rule:
    return msgspec.structs.replace(rule, **changes)


def seen(old: Agreement | None, new: Agreement | None) -> list[tuple[str, Direction, tuple[str, ...]]]:
    changes = agreement_differences(old, new, PARTNERS).partners
    return [(change.partner, change.direction, change.what) for change in changes]


def test_rules_are_new_gone_and_changed_key_by_key() -> None:
    old = agreement_of(RULE, changed(id="going"), changed(id="same"))
    new = agreement_of(changed(id="same"), changed(delay_s=60, groups=("operators",)), changed(id="new", postures=()))
    differences = agreement_differences(old, new, [])
    assert (differences.old_version, differences.new_version) == (old.version, new.version)
    states = {change.rule: change.state for change in differences.rules}
    assert states == {"r": RuleState.CHANGED, "new": RuleState.NEW, "going": RuleState.GONE}
    keys = {key.key: (key.old, key.new) for key in next(c for c in differences.rules if c.rule == "r").keys}
    assert keys == {"delay_s": (None, 60), "groups": (("coalition",), ("operators",))}
    assert differences.order_changed
    assert not differences.examples_changed


def test_without_an_agreement_everything_is_new_and_then_gone() -> None:
    assert seen(None, agreement_of(RULE)) == [("BOREAL", Direction.MORE, ("now",))]
    assert seen(agreement_of(RULE), None) == [("BOREAL", Direction.LESS, ("no more",))]
    with pytest.raises(ValueError, match="one originator"):
        agreement_differences(None, None, [])
    with pytest.raises(ValueError, match="one originator"):
        agreement_differences(agreement_of(), Agreement(originator="CORVUS"), [])


COARSE = changed(fields=("*",), resolution=Resolution(time_s=60, angle_deg=1.0))


@pytest.mark.parametrize(
    ("old", "new", "direction", "what"),
    [
        (RULE, changed(delay_s=60), Direction.LESS, ("delay 0 s -> 60 s",)),
        (changed(delay_s=60), RULE, Direction.MORE, ("delay 60 s -> 0 s",)),
        (RULE, changed(fields=("object_name", "eccentricity")), Direction.MORE, ("shown: eccentricity",)),
        (
            RULE,
            changed(fields=("eccentricity",)),
            Direction.OTHER,
            ("shown: eccentricity", "withheld: object_name"),
        ),
        (
            RULE,
            changed(fields=("object_name", "inclination_deg"), resolution=Resolution(angle_deg=0.5)),
            Direction.MORE,
            ("shown: inclination_deg",),
        ),
        # What is always shown is coarser; the angles that are new are no loss.
        (
            changed(fields=("inclination_deg",)),
            changed(fields=("inclination_deg", "mean_anomaly_deg"), resolution=Resolution(time_s=60, angle_deg=0.5)),
            Direction.OTHER,
            ("shown: mean_anomaly_deg", "time_s exact -> 60", "angle_deg exact -> 0.5"),
        ),
        (COARSE, changed(COARSE, resolution=Resolution(time_s=60)), Direction.MORE, ("angle_deg 1 -> exact",)),
        (
            STATEMENTS,
            changed(STATEMENTS, tear_line=msgspec.structs.replace(TERMS, budget=4, window_s=60)),
            Direction.MORE,
            ("window_s 600 -> 60", "budget 3 -> 4"),
        ),
        (
            STATEMENTS,
            changed(STATEMENTS, tear_line=msgspec.structs.replace(TERMS, miss_distance_bounds_m=(500.0, 1_000.0))),
            Direction.OTHER,
            ("miss_distance_bounds_m [1000.0] -> [500.0,1000.0]",),
        ),
        (
            STATEMENTS,
            changed(STATEMENTS, tear_line=msgspec.structs.replace(TERMS, label=Label("NATO", "TOP SECRET"))),
            Direction.LESS,
            ("no more",),
        ),
    ],
)
def test_a_partner_sees_more_less_or_otherwise(
    old: Rule, new: Rule, direction: Direction, what: tuple[str, ...]
) -> None:
    assert seen(agreement_of(old), agreement_of(new)) == [("BOREAL", direction, what)]


def test_a_change_that_an_earlier_rule_covers_changes_nobody_and_one_that_uncovers_does() -> None:
    all_of_it = changed(id="all", fields=("*",))
    assert seen(agreement_of(all_of_it, RULE), agreement_of(all_of_it, changed(delay_s=60))) == []
    ((partner, direction, _),) = seen(agreement_of(all_of_it, RULE), agreement_of(RULE, all_of_it))
    assert (partner, direction) == ("BOREAL", Direction.LESS)
    # The originator sees his own as before.
    assert seen(agreement_of(), agreement_of(changed(partners=("AQUILA",), groups=()))) == []


def test_modes_and_postures_with_the_same_change_stand_together() -> None:
    old = agreement_of(changed(kinds=RECORD_KINDS, data_modes=(DataMode.REAL, DataMode.TEST)))
    new = agreement_of(
        changed(kinds=RECORD_KINDS, data_modes=(DataMode.REAL, DataMode.TEST), postures=(Posture.CRISIS,))
    )
    changes = agreement_differences(old, new, PARTNERS).partners
    assert changes == tuple(
        PartnerChange(
            "BOREAL",
            kind,
            (DataMode.REAL, DataMode.TEST),
            (Posture.CONFLICT, Posture.PEACETIME),
            Direction.LESS,
            ("no more",),
        )
        for kind in RECORD_KINDS
    )


def test_as_of_an_instant_rules_that_hold_no_more_show_nobody_anything() -> None:
    ended = agreement_of(changed(valid_until="2020-01-01T00:00:00"))
    assert agreement_differences(None, ended, PARTNERS, now_tai_ns=NOW_TAI_NS).partners == ()
    assert len(agreement_differences(None, ended, PARTNERS).partners) == 1


@unhurried
@given(st.lists(partners, max_size=2, unique_by=lambda p: p.name), agreements(), agreements(), instants)
def test_whoever_is_said_to_see_more_or_less_does_and_nobody_else(
    known: list[Partner], old: Agreement, new: Agreement, now_tai_ns: int
) -> None:
    differences = agreement_differences(old, new, known, now_tai_ns=now_tai_ns)
    told = {
        (change.partner, change.kind, data_mode, posture): change.direction
        for change in differences.partners
        for data_mode in change.data_modes
        for posture in change.postures
    }
    for partner in known:
        for kind in RECORD_KINDS:
            for data_mode in DataMode:
                for posture in Posture:
                    case = {"kind": kind, "data_mode": data_mode, "posture": posture, "now_tai_ns": now_tai_ns}
                    before, after = (
                        decide_by_rules(partner, agreement, originator="AQUILA", **case) for agreement in (old, new)
                    )
                    direction = told.get((partner.name, kind, data_mode, posture))
                    if not isinstance(before, Allow) or not isinstance(after, Allow):
                        gains = isinstance(after, Allow) - isinstance(before, Allow)
                        assert direction == {1: Direction.MORE, 0: None, -1: Direction.LESS}[gains]
                    else:
                        same = (before.mask, before.delay_ns) == (after.mask, after.delay_ns)
                        assert (direction is None) == same
    assert agreement_differences(old, old, known, now_tai_ns=now_tai_ns).partners == ()


def test_examples_that_change_are_told() -> None:
    example = Example(partner="BOREAL", kind=Kind.ELEMENTS, data_mode=DataMode.REAL, sees=False)
    with_example = Agreement(originator="AQUILA", examples=(example,))
    differences = agreement_differences(agreement_of(), with_example, PARTNERS)
    assert differences.examples_changed
    assert differences.rules == differences.partners == ()

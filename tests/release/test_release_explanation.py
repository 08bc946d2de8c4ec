"""Why a partner sees a record, and who may ask."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from schemas.labels import Label
from schemas.records import CONJUNCTION, ELEMENT_SET, DataMode, Kind
from ssa_hub.release.agreement import Agreement, Rule
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.explanation import Explanation, explain, may_explain
from ssa_hub.release.mask import Resolution
from ssa_hub.release.partner import Clearance, Partner, Posture, Role
from ssa_hub.release.reason import Audience, ReasonCode
from ssa_hub.release.record_decision import Outcome, deciding_originators
from tests.release.release_strategies import NOW_TAI_NS, partners, unhurried

LABEL = Label("NATO", "SECRET")
LABELS = {LABEL.label_id: LABEL}
BOREAL = Partner("BOREAL", frozenset({"coalition"}), (Clearance("NATO", ("SECRET",)),))
AQUILA, CORVUS = Partner("AQUILA"), Partner("CORVUS")
STEWARD = Partner("HUB", roles=frozenset({Role.STEWARD}))
GENEROUS = Rule(
    id="all", kinds=RECORD_KINDS, data_modes=(DataMode.EXERCISE,), fields=("*",), partners=("BOREAL",), delay_s=10
)
SPARING = msgspec.structs.replace(GENEROUS, id="some", fields=("miss_distance_m", "object_name"), delay_s=60)
AGREEMENTS = {
    "AQUILA": Agreement(originator="AQUILA", rules=(GENEROUS,)),
    "CORVUS": Agreement(originator="CORVUS", rules=(SPARING,)),
}
ELEMENTS: dict[str, Any] = dict.fromkeys(field.name for field in ELEMENT_SET) | {
    "record_id": "e1",
    "originator": "CORVUS",
    "label_id": LABEL.label_id,
    "data_mode": "EXERCISE",
    "received_tai_ns": NOW_TAI_NS - 60 * 10**9,
}
CONJUNCTION_ROW: dict[str, Any] = dict.fromkeys(field.name for field in CONJUNCTION) | {
    "record_id": "c1",
    "originator": "HUB",
    "data_mode": "EXERCISE",
    "received_tai_ns": NOW_TAI_NS - 60 * 10**9,
    "parent_originator_1": "AQUILA",
    "parent_originator_2": "CORVUS",
    "parent_label_id_1": LABEL.label_id,
    "parent_label_id_2": LABEL.label_id,
}


def explained(kind: Kind, row: dict[str, Any], partner: Partner = BOREAL, now_tai_ns: int = NOW_TAI_NS) -> Explanation:
    return explain(kind, row, partner, AGREEMENTS, LABELS, posture=Posture.CRISIS, now_tai_ns=now_tai_ns)


def test_a_record_that_is_seen_is_explained_with_its_rule() -> None:
    explanation = explained(Kind.ELEMENTS, ELEMENTS)
    assert (explanation.outcome, explanation.audience) == (Outcome.SEEN, Audience.PARTNER)
    assert "object_name" in explanation.fields
    assert "eccentricity" in explanation.withheld
    (part,) = explanation.parts
    assert (part.originator, part.rule, part.delay_s) == ("CORVUS", "some", 60)
    assert part.agreement_version == AGREEMENTS["CORVUS"].version
    assert (
        part.reason
        == "Rule 'some' of CORVUS allows elements of mode EXERCISE: the fields that it names, 60 s after receipt."
    )


def test_the_resolution_is_told_where_something_is_coarse_and_only_there() -> None:
    coarse = msgspec.structs.replace(GENEROUS, resolution=Resolution(time_s=60, distance_m=500.0))
    known = {**AGREEMENTS, "AQUILA": Agreement(originator="AQUILA", rules=(coarse,))}
    case = {"posture": Posture.CRISIS, "now_tai_ns": NOW_TAI_NS}
    told = explain(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW, BOREAL, known, LABELS, **case)
    assert told.resolution == {"time_s": 60, "distance_m": 500.0}
    assert b'"resolution":{"time_s":60,"distance_m":500.0}' in msgspec.json.encode(told.for_the_partner())
    assert "in steps of time_s 60, distance_m 500" in told.parts[0].reason
    exact = explained(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW)
    assert exact.resolution is msgspec.UNSET
    assert b"resolution" not in msgspec.json.encode(exact)


def test_before_its_delay_is_over_a_record_is_the_originators_to_explain() -> None:
    explanation = explained(Kind.ELEMENTS, ELEMENTS, now_tai_ns=NOW_TAI_NS - 1)
    assert (explanation.outcome, explanation.audience) == (Outcome.EMBARGOED, Audience.ORIGINATOR)
    assert explanation.visible_from_utc == explained(Kind.ELEMENTS, ELEMENTS).decided_at_utc
    with pytest.raises(ValueError, match="for the originator alone"):
        explanation.for_the_partner()


def test_a_conjunction_is_explained_once_a_parent() -> None:
    explanation = explained(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW)
    assert explanation.outcome is Outcome.SEEN
    assert [(part.originator, part.rule, part.delay_s) for part in explanation.parts] == [
        ("AQUILA", "all", 10),
        ("CORVUS", "some", 60),
    ]
    assert "miss_distance_m" in explanation.fields
    assert {"parent_1", "relative_speed_m_s"} <= set(explanation.withheld)


def test_one_parent_that_is_denied_denies_the_conjunction() -> None:
    row = CONJUNCTION_ROW | {"parent_originator_2": "DORADO"}
    explanation = explained(Kind.DERIVED_CONJUNCTIONS, row)
    assert (explanation.outcome, explanation.fields, explanation.visible_from_utc) == (Outcome.DENIED, (), None)
    assert [part.code for part in explanation.parts] == [ReasonCode.RULE, ReasonCode.NO_AGREEMENT]
    # The originator of one side sees its own data, and the other side's rules decide on the rest.
    assert explained(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW, AQUILA).outcome is Outcome.DENIED


def test_a_label_that_the_hub_does_not_know_denies_even_the_originator() -> None:
    for partner in (BOREAL, CORVUS):
        explanation = explained(Kind.ELEMENTS, ELEMENTS | {"label_id": "gone"}, partner)
        assert explanation.outcome is Outcome.DENIED
        assert explanation.parts[0].code is ReasonCode.LABEL_UNKNOWN


def test_the_partner_is_not_told_the_versions_of_agreements() -> None:
    told = explained(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW).for_the_partner()
    assert [part.agreement_version for part in told.parts] == [None, None]
    text = msgspec.json.encode(told).decode()
    assert not any(agreement.version in text for agreement in AGREEMENTS.values())


def test_who_may_ask() -> None:
    originators = deciding_originators(Kind.DERIVED_CONJUNCTIONS, CONJUNCTION_ROW)
    assert originators == ("AQUILA", "CORVUS")
    assert may_explain(STEWARD, BOREAL, originators)
    # One side's originator would be told the other side's rules.
    assert not may_explain(AQUILA, BOREAL, originators)
    assert may_explain(AQUILA, BOREAL, ("AQUILA", "AQUILA"))
    assert may_explain(CORVUS, BOREAL, deciding_originators(Kind.ELEMENTS, ELEMENTS))
    assert not may_explain(BOREAL, BOREAL, originators)
    assert may_explain(BOREAL, BOREAL, originators, about_partner_sees=True)
    assert not may_explain(BOREAL, CORVUS, originators, about_partner_sees=True)


@unhurried
@given(partners, partners)
def test_nobody_but_a_steward_may_ask_about_a_record_without_originators(asker: Partner, about: Partner) -> None:
    assert may_explain(asker, about, ()) == (Role.STEWARD in asker.roles)

"""Whom a tear-line concerns: the table of cases, one change each from a case in which it is said."""

from typing import Any

import pytest

from schemas.labels import Label
from schemas.records import DataMode
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.partner import Posture, read_partners
from ssa_hub.release.tear_line_concern import Concern, Decisions, ObjectSide

PUBLIC, SECRET = Label("PUBLIC", "UNCLASSIFIED"), Label("PUBLIC", "SECRET")
HOUR_NS = 3_600 * 10**9
_PARTNERS = """
[[partner]]
name = "BETA"
OPERATES
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]
[[partner]]
name = "ALPHA"
[[partner]]
name = "OMEGA"
"""
_RECORDS = """
[[rule]]
id = "records"
kinds = ["derived-conjunctions"]
partners = ["BETA"]
data_modes = ["REAL"]
fields = ["*"]
delay_s = {delay_s}
"""
_STATEMENTS = """
[[rule]]
id = "statements"
kinds = ["tear-lines"]
partners = ["BETA"]
data_modes = ["REAL"]
postures = ["crisis"]
delay_s = {delay_s}
[rule.tear_line]
window_s = 600
miss_distance_bounds_m = [1000]
budget = 3
label = {{ policy = "PUBLIC", classification = "{classification}" }}
"""


def _concern(
    *,
    operates: str = 'operates = ["cat-1"]',
    own_originator: str = "ALPHA",
    own_label: Label = PUBLIC,
    own_delay_s: int | None = 0,
    hidden_originator: str = "OMEGA",
    hidden_label: Label = PUBLIC,
    hidden_delay_s: int | None = None,
    statement_delay_s: int | None = 0,
    statement_classification: str = "UNCLASSIFIED",
    data_mode: DataMode = DataMode.REAL,
    posture: Posture = Posture.CRISIS,
) -> Concern | None:
    omega = 'originator = "OMEGA"\n'
    if hidden_delay_s is not None:
        omega += _RECORDS.format(delay_s=hidden_delay_s)
    if statement_delay_s is not None:
        omega += _STATEMENTS.format(delay_s=statement_delay_s, classification=statement_classification)
    alpha = 'originator = "ALPHA"\n' + ("" if own_delay_s is None else _RECORDS.format(delay_s=own_delay_s))
    agreements = {name: read_agreement(text, name) for name, text in (("ALPHA", alpha), ("OMEGA", omega))}
    partners = {one.name: one for one in read_partners(_PARTNERS.replace("OPERATES", operates), "partners.toml")}
    labels = {label.label_id: label for label in (PUBLIC, SECRET)}
    decisions = Decisions(partners, agreements, labels, {}, posture=posture, now_tai_ns=0)
    return decisions.concern(
        partners["BETA"],
        ObjectSide("cat-1", own_originator, own_label.label_id),
        ObjectSide("cat-2", hidden_originator, hidden_label.label_id),
        data_mode,
    )


@pytest.mark.parametrize(
    ("case", "delay_ns"),
    [
        ({}, 0),
        ({"hidden_label": SECRET}, 0),
        ({"own_originator": "BETA", "own_label": SECRET, "own_delay_s": None}, 0),
        ({"own_delay_s": 3_600}, HOUR_NS),
        ({"statement_delay_s": 3_600}, HOUR_NS),
        # released, but the label forbids it
        ({"hidden_delay_s": 0, "hidden_label": SECRET}, 0),
        # embargoed: told before the record comes
        ({"hidden_delay_s": 7_200}, 0),
        ({"hidden_delay_s": 7_200, "statement_delay_s": 3_600}, HOUR_NS),
    ],
)
def test_it_is_said(case: dict[str, Any], delay_ns: int) -> None:
    concern = _concern(**case)
    assert concern is not None
    assert (concern.grant.rule, concern.delay_ns) == ("statements", delay_ns)


@pytest.mark.parametrize(
    "case",
    [
        {"operates": ""},
        {"operates": "", "own_originator": "BETA"},
        {"operates": 'operates = ["cat-2"]'},
        {"own_delay_s": None},
        {"own_label": SECRET},
        {"own_label": Label("PUBLIC", "UNKNOWN TO THE HUB")},
        {"own_originator": "NOBODY"},
        {"statement_delay_s": None},
        {"statement_classification": "SECRET"},
        {"posture": Posture.PEACETIME},
        {"data_mode": DataMode.EXERCISE},
        # released: the record itself comes, now or as early as the statement would
        {"hidden_delay_s": 0},
        {"hidden_delay_s": 3_600, "statement_delay_s": 3_600},
        {"hidden_delay_s": 3_600, "own_delay_s": 3_600},
        # his own orbit is not hidden from him
        {"hidden_originator": "BETA"},
        {"hidden_originator": "NOBODY"},
    ],
)
def test_it_is_not_said(case: dict[str, Any]) -> None:
    assert _concern(**case) is None


def test_granting_names_whom_each_originator_lets_be_told() -> None:
    omega = 'originator = "OMEGA"\n' + _STATEMENTS.format(delay_s=0, classification="UNCLASSIFIED")
    partners = {one.name: one for one in read_partners(_PARTNERS.replace("OPERATES", ""), "partners.toml")}
    agreements = {"OMEGA": read_agreement(omega, "omega.toml")}
    found = {
        posture: Decisions(partners, agreements, {}, {}, posture=posture, now_tai_ns=0).granting()
        for posture in (Posture.CRISIS, Posture.CONFLICT)
    }
    assert found == {Posture.CRISIS: {("OMEGA", DataMode.REAL): [partners["BETA"]]}, Posture.CONFLICT: {}}

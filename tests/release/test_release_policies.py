"""Security policies that the hub knows take part wherever a label decides: one invalid label shuts every door."""

import msgspec
import pytest

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.spif import SecurityPolicy, read_spif
from ssa_hub.release.admission import check_examples
from ssa_hub.release.agreement import Agreement, Example, Rule
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.decision import Allow, decide, tear_line_grant
from ssa_hub.release.differences import agreement_differences
from ssa_hub.release.explanation import explain
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.reason import ReasonCode
from ssa_hub.release.record_decision import mask_now, visible
from ssa_hub.release.table import build_release_table
from ssa_hub.release.tear_line_terms import TearLineTerms
from tests.release.release_strategies import NOW_TAI_NS
from tests.release.test_release_table import a_row
from tests.schemas.spif.documents import spif

SKY = read_spif(spif(), "sky.spif")
# Of no classification that the policy has: without the policy's document, it is only compared.
LABEL = Label(SKY.name, "UNHEARD OF")
BOREAL = Partner("BOREAL", frozenset({"coalition"}), (Clearance(SKY.name, ("UNHEARD OF",)),))
RULE = Rule(id="r", kinds=RECORD_KINDS, data_modes=(DataMode.REAL,), fields=("*",), groups=("coalition",))
TERMS = TearLineTerms(window_s=600, miss_distance_bounds_m=(1_000.0,), budget=3, label=LABEL)
STATEMENTS = msgspec.structs.replace(RULE, id="s", kinds=(Kind.TEAR_LINES,), fields=(), tear_line=TERMS)
EXAMPLE = Example(partner="BOREAL", kind=Kind.TEAR_LINES, data_mode=DataMode.REAL, sees=True)
AGREEMENT = Agreement(originator="AQUILA", rules=(RULE, STATEMENTS), examples=(EXAMPLE,))
KNOWN = {"AQUILA": AGREEMENT}
LABELS = {LABEL.label_id: LABEL}
CASE = {"posture": Posture.CRISIS, "now_tai_ns": NOW_TAI_NS}
ROW = a_row(
    Kind.ELEMENTS,
    0,
    originator="AQUILA",
    label_id=LABEL.label_id,
    data_mode="REAL",
    received_tai_ns=NOW_TAI_NS - 1,
)


@pytest.mark.parametrize(("policies", "allowed"), [({}, True), ({SKY.name: SKY}, False)])
def test_a_label_that_its_policy_does_not_have_is_denied_everywhere(
    policies: dict[str, SecurityPolicy], allowed: bool
) -> None:
    of_rules = {"originator": "AQUILA", "data_mode": DataMode.REAL, **CASE, "policies": policies}
    decision = decide(BOREAL, AGREEMENT, label=LABEL, kind=Kind.ELEMENTS, **of_rules)
    assert isinstance(decision, Allow) == allowed
    assert (tear_line_grant(BOREAL, AGREEMENT, **of_rules) is not None) == allowed
    table = build_release_table(BOREAL, KNOWN, LABELS, KNOWN, Posture.CRISIS, NOW_TAI_NS, policies)
    assert (table.to_arrow().num_rows > 0) == allowed
    given = (Kind.ELEMENTS, ROW, BOREAL, KNOWN, LABELS)
    assert (visible(*given, **CASE, policies=policies) is not None) == allowed
    assert (mask_now(*given, **CASE, policies=policies) is not None) == allowed
    (part,) = explain(*given, **CASE, policies=policies).parts
    assert part.allowed == allowed
    if not allowed:
        assert part.code in {ReasonCode.LABEL_INVALID, ReasonCode.LABEL_CLASSIFICATION}
    assert (check_examples(AGREEMENT, [BOREAL], policies) == []) == allowed
    changes = agreement_differences(None, AGREEMENT, [BOREAL], policies=policies).partners
    assert (Kind.TEAR_LINES in {change.kind for change in changes}) == allowed

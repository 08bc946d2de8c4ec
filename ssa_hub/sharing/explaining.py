"""Why a partner sees a record or does not: looks the record up, and asks `ssa_hub.release` who may be told."""

from collections.abc import Callable

import msgspec

from schemas.records import Kind, Row
from schemas.timescales import now_tai_ns
from ssa_hub.release.explanation import Explanation, explain, may_explain
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import deciding_originators, visible
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.store import State

KINDS = {"elements": Kind.ELEMENTS, "conjunctions": Kind.DERIVED_CONJUNCTIONS}


class Explained(msgspec.Struct, frozen=True):
    """An explanation, and under which rules of the asker's it was given."""

    policy_version: str
    explanation: Explanation


class Explainer:
    """Answers ``explain(record, partner)`` to those who may ask."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    def explain(self, asker: Partner, record_id: str, partner_name: str) -> Explained | None:
        """The explanation; None where there is no such record or partner, or where the asker may not be told.

        The three are one answer on purpose: anything else would tell that a withheld record exists.
        """
        rules = self._policies.rules()
        about = rules.partners.get(partner_name)
        found = self._find(record_id)
        if about is None or found is None:
            return None
        kind, row = found
        now = self._clock_tai_ns()
        about_sees = (
            visible(kind, row, about, rules.agreements, rules.labels, posture=rules.posture, now_tai_ns=now) is not None
        )
        originators = deciding_originators(kind, row)
        if not may_explain(asker, about, originators, about_partner_sees=about_sees):
            return None
        explanation = explain(kind, row, about, rules.agreements, rules.labels, posture=rules.posture, now_tai_ns=now)
        if not may_explain(asker, about, originators):
            explanation = explanation.for_the_partner()
        return Explained(self._policies.released_to(asker, now).table.policy_version, explanation)

    def _find(self, record_id: str) -> tuple[Kind, Row] | None:
        entry = self._state.recorded.get(record_id)
        return None if entry is None else (KINDS[entry.kind], msgspec.json.decode(entry.body))

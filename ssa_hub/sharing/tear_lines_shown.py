"""Whether a tear-line that was made may still be told: by the rules, the posture and the withdrawals of this moment."""

import msgspec

from schemas.records import DataMode
from schemas.tear_line import tear_line_from_json
from ssa_hub.release.partner import Partner
from ssa_hub.release.tear_line import OwnSide, cell_of, statement_of
from ssa_hub.release.tear_line_concern import Decisions, ObjectSide
from ssa_hub.sharing.policies import Policies, Rules
from ssa_hub.state.notices import NoticeRow
from ssa_hub.state.store import State


class TearLinesShown:
    """Asked before each telling (`ssa_hub.sharing.notices.TearLineStillAllowed`). Threads may share one."""

    def __init__(self, state: State, policies: Policies) -> None:
        self._state, self._policies = state, policies
        self._withdrawn: tuple[Rules, frozenset[str]] | None = None

    def __call__(self, partner: Partner, notice: NoticeRow, now_tai_ns: int) -> bool:
        """Whether the rules in force now let just this be said to the partner now.

        A rule for tear-lines must hold for him, he must be cleared for the statement's label, be concerned still and
        still see his own side; neither orbit nor the conjunction may be withdrawn. On the terms in force now the same
        conjunction must give the same statement: who makes his terms coarser takes back what was not told yet. Raises
        StateUnavailableError.
        """
        found = self._state.tear_lines.of_notice(notice.id)
        rules = self._policies.rules()
        known = rules.partners.get(partner.name)
        if found is None or known is None or found[0].partner != partner.name:
            return False
        row, conjunction = found[0], msgspec.json.decode(found[1])
        parents = {conjunction["record_id"], conjunction["parent_1"], conjunction["parent_2"]}
        if not parents.isdisjoint(self._withdrawn_ids(rules)):
            return False
        decisions = Decisions(
            rules.partners, rules.agreements, rules.labels, rules.security_policies,
            posture=rules.posture, now_tai_ns=now_tai_ns,
        )  # fmt: skip
        own = ObjectSide(row.own_object_id, row.own_originator, row.own_label_id)
        allowed = decisions.allowed(known, own, row.hidden_originator, DataMode(row.data_mode))
        if allowed is None or conjunction["received_tai_ns"] + allowed.delay_ns > now_tai_ns:
            return False
        terms = allowed.grant.terms  # it has been looked whether he is cleared for their label
        cell = cell_of(conjunction, terms)
        if cell is None:
            return False
        told = tear_line_from_json(row.body)
        again = statement_of(
            cell,
            OwnSide(told.object_id, told.catalogue_number, told.orbit_originator),
            terms,
            data_mode=row.data_mode,
            case_number=told.case_number,
            revision=told.revision,
            issued_tai_ns=told.issued_tai_ns,
        )
        return again.said_sha256() == told.said_sha256()

    def _withdrawn_ids(self, rules: Rules) -> frozenset[str]:
        kept = self._withdrawn
        if kept is None or kept[0] is not rules:
            kept = (rules, frozenset(rules.withdrawn.column("record_id").to_pylist()))
            self._withdrawn = kept
        return kept[1]

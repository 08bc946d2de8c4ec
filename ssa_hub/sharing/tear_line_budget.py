"""What has been said about hidden objects, for their originator: statements and budgets by object and partner."""

from collections.abc import Callable

import msgspec

from schemas.records import DataMode
from schemas.timescales import NS_PER_DAY, now_tai_ns
from ssa_hub.release.tear_line_concern import Decisions
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.state.store import State
from ssa_hub.state.tear_lines import TOLD


class TearLineBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Statements to ``partner`` about ``object_id``. ``told`` and ``over_budget`` count those of the last
    ``budget_days``, which ``left`` of the budget is reckoned from; ``told_ever`` and ``over_budget_ever`` all. Budget,
    its days and what is left are null while no rule of the agreement allows any; then the counts are of all.
    """

    originator: str
    object_id: str
    partner: str
    data_mode: str
    told: int
    over_budget: int
    budget: int | None
    budget_days: int | None
    left: int | None
    told_ever: int
    over_budget_ever: int
    first_utc: str
    last_utc: str


class TearLineBudgets:
    """Answers originators about their own objects. Raises StateUnavailableError."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    def about(self, originator: str | None) -> list[TearLineBudget]:
        """Of one originator's objects, or (for who runs the hub) of all; by originator, object, partner, data mode."""
        now, rules = self._clock_tai_ns(), self._policies.rules()
        decisions = Decisions(
            rules.partners, rules.agreements, rules.labels, rules.security_policies,
            posture=rules.posture, now_tai_ns=now,
        )  # fmt: skip
        grouped: dict[tuple[str, str, str, str], list[tuple[bool, int]]] = {}
        for owner, object_id, partner, data_mode, outcome, instant in self._state.tear_lines.about(originator):
            grouped.setdefault((owner, object_id, partner, data_mode), []).append((outcome == TOLD, instant))
        return [self._budget(key, statements, decisions, now) for key, statements in grouped.items()]

    def _budget(
        self, key: tuple[str, str, str, str], statements: list[tuple[bool, int]], decisions: Decisions, now: int
    ) -> TearLineBudget:
        owner, object_id, partner_name, data_mode = key
        partner = self._policies.rules().partners.get(partner_name)
        grant = None if partner is None else decisions.grant(partner, owner, DataMode(data_mode))
        terms = None if grant is None else grant.terms
        since = None if terms is None else now - terms.budget_days * NS_PER_DAY
        lately = [told for told, instant in statements if since is None or instant > since]
        first, last = utc_texts([statements[0][1], statements[-1][1]])
        assert first is not None and last is not None  # noqa: S101, PT018 (only None becomes None)
        return TearLineBudget(
            originator=owner,
            object_id=object_id,
            partner=partner_name,
            data_mode=data_mode,
            told=lately.count(True),
            over_budget=lately.count(False),
            budget=None if terms is None else terms.budget,
            budget_days=None if terms is None else terms.budget_days,
            left=None if terms is None else max(0, terms.budget - lately.count(True)),
            told_ever=sum(told for told, _ in statements),
            over_budget_ever=sum(not told for told, _ in statements),
            first_utc=first,
            last_utc=last,
        )

"""Tear-lines are made here: follows recorded conjunctions, and tells operators what hidden objects' originators allow.

One process at a time, by lease. The place up to which conjunctions were followed moves in the transaction that keeps
their statements, and only forward. Rules and posture are read anew at every turn. When they change, or an interval of
theirs begins or ends, or a budget may have room again, the conjunctions of the last days are looked at once more, the
last one of each close approach, so that nobody stays without the statement that he is allowed by now.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import structlog

from ingest.clock_watch import ClockJumpedError
from ingest.log import TopicPartition
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, now_tai_ns
from ssa_hub.release.tear_line import SAME_PASS_NS
from ssa_hub.release.tear_line_concern import Decisions
from ssa_hub.services.finishing import finished_in_thread
from ssa_hub.services.holding import HeldLease
from ssa_hub.services.tear_line_issuing import Candidate, Issuing, candidates, row_of
from ssa_hub.sharing.policies import Policies, Rules
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State
from ssa_hub.state.tear_lines import OVER_BUDGET, TOLD, Case

LEASE = "tear-lines"
_PLACE = TopicPartition("tear-lines", 0)
# Longer than any window that is screened: what was recorded before says nothing of what is to come.
_LOOK_BACK_NS = 8 * NS_PER_DAY
_PAGE = 2_000
_LOOK_EVERY_S = 0.3
_LEASE_S = 30.0
_AFTER_FAILURE_S = 5.0
_BUDGETS_AGAIN_NS = 600 * NS_PER_SECOND

log_event = structlog.get_logger("tear-lines")


class Turn(NamedTuple):
    """What one turn has said: statements told, and statements kept back by budgets."""

    told: int
    over_budget: int


class _Basis(NamedTuple):
    """What statements depend on besides conjunctions, without what only new records can depend on (labels)."""

    partners: dict[str, object]
    agreements: dict[str, str]
    posture: str
    withdrawn: int
    security_policies: dict[str, object]


class TearLineService:
    """Follows conjunctions and makes statements; `turn` is one look, for one thread at a time."""

    def __init__(
        self, state: State, policies: Policies, holder: str, clock_tai_ns: Callable[[], int] = now_tai_ns
    ) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns
        self._lease = HeldLease(state.leases, LEASE, holder, _LEASE_S)
        self._issuing: Issuing | None = None
        self._followed = 0
        self._basis: _Basis | None = None
        self._again_tai_ns: int | None = None
        self._budgets_tai_ns = 0

    async def run(self) -> None:
        """Follow until cancelled, while the lease is held; a database that is away is tried again."""
        held = False
        try:
            while True:
                try:
                    held = await self._lease.acquire()
                    if held:
                        self._lease.lost = False
                        async with self._lease.renewed():
                            await self._turns()
                        held = False
                    else:
                        self._basis = None  # another one works; whoever takes over looks at everything once
                except (StateUnavailableError, ClockJumpedError) as error:
                    log_event.warning("tear-lines interrupted", error=str(error))
                    held = False
                await asyncio.sleep(_AFTER_FAILURE_S)
        finally:
            if held:
                await self._lease.release()

    async def _turns(self) -> None:
        while not self._lease.lost:
            said = await finished_in_thread(self.turn)
            if said != Turn(0, 0):
                log_event.info("tear-lines made", told=said.told, over_budget=said.over_budget)
            await asyncio.sleep(_LOOK_EVERY_S)

    def turn(self) -> Turn:
        """Look once at what is new, and at what is not where the rules have changed. Raises StateUnavailableError."""
        up_to = self._state.recorded.last_seq()
        now = self._clock_tai_ns()
        rules = self._policies.rules()  # after the number: rules are never older than the records they are applied to
        if self._issuing is None:
            self._issuing = Issuing(self._state)
        start = self._state.recorded.seq_at(now - _LOOK_BACK_NS) if self._basis is None else 0
        self._followed = max(self._followed, self._state.positions.get(_PLACE), start)
        decisions = Decisions(
            rules.partners, rules.agreements, rules.labels, rules.security_policies,
            posture=rules.posture, now_tai_ns=now,
        )  # fmt: skip
        again = self._must_look_again(rules, now)
        said = [self._follow(decisions, rules, up_to, now)]
        if again:
            said.append(self._look_again(decisions, rules, now))
        self._note(rules, decisions, now)
        return Turn(sum(turn.told for turn in said), sum(turn.over_budget for turn in said))

    def _must_look_again(self, rules: Rules, now: int) -> bool:
        if self._basis != _basis_of(rules) or (self._again_tai_ns is not None and now >= self._again_tai_ns):
            return True
        if now < self._budgets_tai_ns:
            return False
        self._budgets_tai_ns = now + _BUDGETS_AGAIN_NS
        return self._state.tear_lines.waiting(now, now - _LOOK_BACK_NS)

    def _note(self, rules: Rules, decisions: Decisions, now: int) -> None:
        """Remember what this turn stood on, and at which instant that changes by itself."""
        changes = [
            end
            for agreement in rules.agreements.values()
            for rule in agreement.rules
            for end in (rule.valid_from_tai_ns, rule.valid_until_tai_ns)
        ]
        changes += [label.next_change_tai_ns(now) for label in rules.labels.values()]
        for (originator, data_mode), partners in decisions.granting().items():
            grants = [decisions.grant(partner, originator, data_mode) for partner in partners]
            changes += [grant.next_change_tai_ns for grant in grants if grant is not None]
        self._again_tai_ns = min((change for change in changes if change is not None and change > now), default=None)
        self._basis = _basis_of(rules)

    def _follow(self, decisions: Decisions, rules: Rules, up_to: int, now: int) -> Turn:
        """Everything recorded since the last turn, in its order."""
        granting = decisions.granting()
        told = over_budget = 0
        while granting and self._followed < up_to:
            page = self._state.tear_lines.conjunctions_after(self._followed, set(granting), up_to=up_to, limit=_PAGE)
            if not page:
                break
            found = [
                candidate
                for followed in page
                for candidate in candidates(followed.seq, row_of(followed.body), decisions, granting, now)
            ]
            said = self._issue(_without_withdrawn(found, rules.withdrawn), now, follow_up_to=page[-1].seq)
            told, over_budget = told + said.told, over_budget + said.over_budget
            self._followed = page[-1].seq
        self._followed = max(self._followed, up_to)  # what concerns no rule for tear-lines need not be looked at again
        return Turn(told, over_budget)

    def _look_again(self, decisions: Decisions, rules: Rules, now: int) -> Turn:
        """The last conjunction of each close approach that was recorded in the last days and followed already."""
        granting = decisions.granting()
        place = self._state.recorded.seq_at(now - _LOOK_BACK_NS)
        newest: dict[tuple[Case, str, int], Candidate] = {}
        while granting and place < self._followed:
            page = self._state.tear_lines.conjunctions_after(place, set(granting), up_to=self._followed, limit=_PAGE)
            if not page:
                break
            found = [
                candidate
                for followed in page
                for candidate in candidates(followed.seq, row_of(followed.body), decisions, granting, now)
            ]
            for candidate in _without_withdrawn(found, rules.withdrawn):
                _keep_newest(newest, candidate)
            place = page[-1].seq
        return self._issue(sorted(newest.values(), key=lambda candidate: candidate.seq), now)

    def _issue(self, found: list[Candidate], now: int, *, follow_up_to: int | None = None) -> Turn:
        if not found and follow_up_to is None:
            return Turn(0, 0)
        assert self._issuing is not None  # noqa: S101 (a turn begins with it)
        outcomes: list[str | None] = []
        with self._state.transaction() as connection:
            self._state.tear_lines.lock(connection)
            outcomes += [self._issuing.issue(connection, candidate, now) for candidate in found]
            if follow_up_to is not None:
                self._state.positions.set(connection, {_PLACE: follow_up_to})
        return Turn(outcomes.count(TOLD), outcomes.count(OVER_BUDGET))


def _basis_of(rules: Rules) -> _Basis:
    return _Basis(
        dict(rules.partners),
        {originator: agreement.version for originator, agreement in rules.agreements.items()},
        rules.posture,
        rules.withdrawn.num_rows,
        dict(rules.security_policies),
    )


def _keep_newest(newest: dict[tuple[Case, str, int], Candidate], candidate: Candidate) -> None:
    """Keep a candidate, which comes later than those that are kept, in the place of one of the same close approach."""
    bucket = candidate.row["tca_tai_ns"] // SAME_PASS_NS
    for near in (bucket - 1, bucket, bucket + 1):
        key = (candidate.case, candidate.own.orbit_originator, near)
        kept = newest.get(key)
        if kept is not None and abs(kept.row["tca_tai_ns"] - candidate.row["tca_tai_ns"]) < SAME_PASS_NS:
            del newest[key]
    newest[candidate.case, candidate.own.orbit_originator, bucket] = candidate


def _without_withdrawn(found: list[Candidate], withdrawn: pa.Table) -> list[Candidate]:
    """Without those whose record, or one of whose orbits, is withdrawn."""
    if not found or withdrawn.num_rows == 0:
        return found
    gone = set(withdrawn.column("record_id").to_pylist())
    return [c for c in found if gone.isdisjoint((c.row["record_id"], c.row["parent_1"], c.row["parent_2"]))]

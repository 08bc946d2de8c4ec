"""Rehearsing a draft agreement or another posture over what the history has recorded, for those who may."""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from schemas.records import Kind
from schemas.timescales import now_tai_ns
from ssa_hub.history.traffic import Traffic
from ssa_hub.release.admission import admit, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.rehearsal import Rehearsal, rehearse, sums
from ssa_hub.release.replay import RuleSet
from ssa_hub.sharing.places import Places
from ssa_hub.sharing.policies import Policies, Rules
from ssa_hub.sharing.posture import NotEntitledError, may_look_back
from ssa_hub.state.store import State

DEFAULT_PERIOD_NS = 30 * 86_400 * 10**9


class NotYoursError(Exception):
    """The draft is of another originator's agreement."""


class BadPeriodError(ValueError):
    """The period ends before it begins."""


class Period(NamedTuple):
    """What was received in [``received_from_tai_ns``, ``received_to_tai_ns``), TAI ns.

    None: from 30 days before the end; until now, and now itself.
    """

    received_from_tai_ns: int | None = None
    received_to_tai_ns: int | None = None


class Rehearsed(NamedTuple):
    """The effects and their sums, over which period, as of when. ``remarks``: on names in the draft that nobody has."""

    effects: pa.Table
    sums: pa.Table
    received_from_tai_ns: int
    received_to_tai_ns: int
    now_tai_ns: int
    remarks: tuple[str, ...] = ()


class Rehearser:
    """Rehearses; changes nothing. ``asker`` None: who runs the hub, at its command line.

    One at a time for each asker, as each reads all the traffic of its period. All methods raise BadPeriodError,
    TooManyInstantsError, TooManyAtOnceError, StateUnavailableError, HistoryUnavailableError.
    """

    def __init__(
        self, state: State, traffic: Traffic, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns
    ) -> None:
        self._state, self._traffic, self._policies, self._clock_tai_ns = state, traffic, policies, clock_tai_ns
        self._places = Places(a_partner=1)

    def agreement(self, asker: Partner | None, text: str, file: str, period: Period) -> Rehearsed:
        """A draft in the place of its originator's agreement. A partner may rehearse his own alone.

        Raises AgreementError with every mistake and every example that fails, NotYoursError.
        """
        rules = self._policies.rules()
        draft = read_agreement(text, file)
        if asker is not None and draft.originator != asker.name:
            raise NotYoursError
        admit(draft, rules.partners.values(), {}, rules.security_policies)
        agreements: dict[str, Agreement] = {**rules.agreements, draft.originator: draft}
        after = RuleSet(agreements, rules.posture)
        remarks = tuple(unknown_names(draft, rules.partners.values()))
        return self._rehearsed(asker, rules, after, period, draft.originator)._replace(remarks=remarks)

    def posture(self, asker: Partner | None, posture: Posture, period: Period) -> Rehearsed:
        """Another posture, for all originators' records. For stewards and the role posture; else NotEntitledError."""
        if asker is not None and not may_look_back(asker):
            raise NotEntitledError
        rules = self._policies.rules()
        return self._rehearsed(asker, rules, RuleSet(rules.agreements, posture), period, None)

    def _rehearsed(
        self, asker: Partner | None, rules: Rules, after: RuleSet, period: Period, originator: str | None
    ) -> Rehearsed:
        now = self._clock_tai_ns()
        end = now + 1 if period.received_to_tai_ns is None else min(period.received_to_tai_ns, now + 1)
        begin = end - DEFAULT_PERIOD_NS if period.received_from_tai_ns is None else period.received_from_tai_ns
        if begin >= end:
            raise BadPeriodError("the period ends before it begins, or begins after now")
        rehearsal = Rehearsal(
            before=RuleSet(rules.agreements, rules.posture),
            after=after,
            partners=rules.partners,
            labels=rules.labels,
            policies=rules.security_policies,
            received_from_tai_ns=begin,
            now_tai_ns=now,
            originator=originator,
            # Who may rehearse a posture is told of all records how many there are.
            asker=None if asker is None or originator is None else asker.name,
        )
        with self._places.one_more("" if asker is None else asker.name):
            spans = rehearsal.spans(self._counted_labels(rules, rehearsal.asker))
            given = {
                "cuts_tai_ns": rehearsal.cuts(spans),
                "originator": originator,
                "withdrawn": rules.withdrawn,
            }
            counted = {
                Kind.ELEMENTS: self._traffic.elements(begin, end, **given),
                Kind.DERIVED_CONJUNCTIONS: self._traffic.conjunctions(begin, end, **given),
            }
            for kind in (Kind.CONJUNCTION_MESSAGES, Kind.EPHEMERIDES):
                counted[kind] = self._traffic.messages(kind, begin, end, **given)
            effects = rehearse(rehearsal, spans, counted)
        return Rehearsed(effects, sums(effects), begin, end, now)

    def _counted_labels(self, rules: Rules, asker: str | None) -> set[str]:
        """The labels that are decided on: all, or those that an asker's own records have had."""
        if asker is None:
            return set(rules.labels)
        return {known.label_id for known in self._state.newest.combinations() if known.originator == asker}

"""The rules in force, read from state, and each partner's release table, kept until something it depends on changes."""

import threading
from typing import NamedTuple

import pyarrow as pa

from schemas.labels import Label
from schemas.records import Kind
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.table import ReleaseTable, build_release_table
from ssa_hub.state.store import State


class Rules(NamedTuple):
    """All that decisions depend on, at one instant. ``token`` changes whenever any of it does."""

    token: tuple[object, ...]
    partners: dict[str, Partner]
    agreements: dict[str, Agreement]
    labels: dict[str, Label]
    posture: Posture


class Released(NamedTuple):
    """A partner's release table, and what it lets through as queries join with it, tabulated once.

    ``conjunctions_by_miss_distance`` are only those combinations that show the miss distance: who may not see it
    cannot ask by it either, as a bound would tell it.
    """

    table: ReleaseTable
    elements: pa.Table
    conjunctions: pa.Table
    conjunctions_by_miss_distance: pa.Table

    def combinations(self, kinds: frozenset[Kind]) -> pa.Table:
        """The combinations of these kinds."""
        chosen = {Kind.ELEMENTS: self.elements, Kind.DERIVED_CONJUNCTIONS: self.conjunctions}
        return pa.concat_tables([table for kind, table in chosen.items() if kind in kinds])


class Policies:
    """Reads the rules anew when state says that they have changed, so a change acts on the next question."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._released: dict[str, tuple[Rules, Released]] = {}

    def rules(self) -> Rules:
        """The rules in force now."""
        token = self._state.policy_token()
        with self._lock:
            if self._rules is None or self._rules.token != token:
                self._rules = self._read(token)
            return self._rules

    def released_to(self, partner: Partner, now_tai_ns: int) -> Released:
        """What is released to the partner as of now."""
        rules = self.rules()
        with self._lock:
            kept = self._released.get(partner.name)
        if kept is not None and kept[0] is rules:
            valid_until = kept[1].table.valid_until_tai_ns
            if valid_until is None or now_tai_ns < valid_until:
                return kept[1]
        table = build_release_table(
            rules.partners.get(partner.name, partner),
            rules.agreements,
            rules.labels,
            # An originator without an agreement releases nothing, but to himself.
            {*rules.agreements, partner.name},
            rules.posture,
            now_tai_ns,
        )
        derived = Kind.DERIVED_CONJUNCTIONS
        released = Released(
            table,
            table.to_arrow(Kind.ELEMENTS).combine_chunks(),
            table.to_arrow(derived).combine_chunks(),
            table.to_arrow(derived, showing=("miss_distance_m",)).combine_chunks(),
        )
        with self._lock:
            self._released[partner.name] = (rules, released)
        return released

    def _read(self, token: tuple[object, ...]) -> Rules:
        agreements = [read_agreement(text, file) for file, text in self._state.agreements.active()]
        return Rules(
            token=token,
            partners={partner.name: partner for partner in self._state.partners.all()},
            agreements={agreement.originator: agreement for agreement in agreements},
            labels=self._state.labels.all(),
            posture=self._state.agreements.posture(),
        )

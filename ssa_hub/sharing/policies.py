"""The rules in force, read from state, and each partner's release table, kept until something it depends on changes."""

import threading
from typing import NamedTuple

from schemas.labels import Label
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


class Policies:
    """Reads the rules anew when state says that they have changed, so a change acts on the next question."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._tables: dict[str, tuple[Rules, ReleaseTable]] = {}

    def rules(self) -> Rules:
        """The rules in force now."""
        token = self._state.policy_token()
        with self._lock:
            if self._rules is None or self._rules.token != token:
                self._rules = self._read(token)
            return self._rules

    def release_of(self, partner: Partner, now_tai_ns: int) -> ReleaseTable:
        """The partner's release table as of now."""
        rules = self.rules()
        with self._lock:
            cached = self._tables.get(partner.name)
            if cached is not None and cached[0] is rules:
                table = cached[1]
                if table.valid_until_tai_ns is None or now_tai_ns < table.valid_until_tai_ns:
                    return table
        table = build_release_table(
            rules.partners.get(partner.name, partner),
            rules.agreements,
            rules.labels,
            # An originator without an agreement releases nothing, but to himself.
            {*rules.agreements, partner.name},
            rules.posture,
            now_tai_ns,
        )
        with self._lock:
            self._tables[partner.name] = (rules, table)
        return table

    def _read(self, token: tuple[object, ...]) -> Rules:
        agreements = [read_agreement(text, file) for file, text in self._state.agreements.active()]
        return Rules(
            token=token,
            partners={partner.name: partner for partner in self._state.partners.all()},
            agreements={agreement.originator: agreement for agreement in agreements},
            labels=self._state.labels.all(),
            posture=self._state.agreements.posture(),
        )

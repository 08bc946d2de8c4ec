"""Why a partner sees a record or does not: looks the record up, and asks `ssa_hub.release` who may be told."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pyarrow as pa

from schemas.records import Kind, Row
from schemas.timescales import now_tai_ns
from ssa_hub.release.explanation import Explanation, explain, may_explain
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import DECIDING_COLUMNS, Outcome, deciding_originators
from ssa_hub.sharing.disclosures import Channel, Disclosure, disclosures_of
from ssa_hub.sharing.policies import Policies, Released, Rules
from ssa_hub.sharing.seen_records import KINDS, is_withdrawn, seen_record
from ssa_hub.state.recorded import RecordedRow, read_bodies
from ssa_hub.state.store import State


class Explained(msgspec.Struct, frozen=True):
    """An explanation, and under which rules of the asker's it was given.

    ``withdrawn``: the originator has recalled the record, and nobody is served it, whatever the rules say.
    """

    policy_version: str
    explanation: Explanation
    withdrawn: bool


class Answer(NamedTuple):
    """What is answered, and what of it must be recorded before it is sent."""

    explained: Explained
    disclosures: list[Disclosure]


class _Found(NamedTuple):
    """The record that is asked about, with its true id: its kind, row, and entry."""

    kind: Kind
    row: Row
    entry: RecordedRow


class Explainer:
    """Answers ``explain(record, partner)`` to those who may ask."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    def explain(self, asker: Partner, record_id: str, partner_name: str) -> Answer | None:
        """The explanation; None where there is no such record or partner, or where the asker may not be told.

        The three are one answer on purpose: anything else would tell that a withheld record exists. ``record_id`` is
        as the asker is shown it; whoever may be told why anybody sees a record gives its true id, too.
        """
        rules = self._policies.rules()
        about = rules.partners.get(partner_name)
        if about is None:
            return None
        now = self._clock_tai_ns()
        released = self._policies.released_to(asker, now)
        found = self._find(rules, released, asker, about, record_id, now)
        if found is None:
            return None
        explanation = explain(
            found.kind, found.row, about, rules.agreements, rules.labels,
            posture=rules.posture, now_tai_ns=now, policies=rules.security_policies,
        )  # fmt: skip
        originators = deciding_originators(found.kind, found.row)
        if not may_explain(asker, about, originators):
            explanation = explanation.for_the_partner()
        explanation = msgspec.structs.replace(explanation, record_id=record_id)
        told = Explained(released.table.policy_version, explanation, is_withdrawn(found.kind, found.row, rules))
        of_what_he_sees = asker.name == about.name and explanation.outcome is Outcome.SEEN
        return Answer(told, _disclosures(found, released) if of_what_he_sees else [])

    def _find(
        self, rules: Rules, released: Released, asker: Partner, about: Partner, record_id: str, now_tai_ns: int
    ) -> _Found | None:
        """The record, where the asker may be told why ``about`` sees it or does not."""
        entry = self._state.recorded.get(record_id)
        if entry is not None:
            kind, row = KINDS[entry.kind], msgspec.json.decode(entry.body)
            if may_explain(asker, about, deciding_originators(kind, row)):
                return _Found(kind, row, entry)
        seen = seen_record(self._state, rules, released.ids, asker, record_id, now_tai_ns=now_tai_ns)
        if seen is None or is_withdrawn(seen.kind, seen.row, rules):
            return None
        if not may_explain(asker, about, deciding_originators(seen.kind, seen.row), about_partner_sees=True):
            return None
        return _Found(seen.kind, seen.row, seen.entry)


def _disclosures(found: _Found, released: Released) -> list[Disclosure]:
    """What telling the partner about a record that he sees releases."""
    columns = DECIDING_COLUMNS[found.kind]
    grants = [
        released.table.grant(found.kind, found.row["data_mode"], found.row[originator]) for originator, _ in columns
    ]
    masks = [grant.mask_id for grant in grants if grant is not None]
    mask_id = masks[0] if len(masks) == 1 else released.table.combine(masks[0], masks[1])
    rows = read_bodies([found.entry.body], found.entry.kind).append_column("mask_id", pa.array([mask_id], pa.int32()))
    return disclosures_of(rows, found.kind, released.table, partner=released.table.partner, channel=Channel.EXPLAIN)

"""Records that a partner names by the ids that he is shown: his pseudonym where he sees a record in part, else its own.

Any other id, the true one of a record that he sees in part among them, is one of no record.
"""

from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Kind, Row
from ssa_hub.release.mask import Mask
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import mask_now
from ssa_hub.sharing.policies import Rules
from ssa_hub.sharing.shown_ids import PartnerIds
from ssa_hub.state.recorded import RecordedRow
from ssa_hub.state.store import State

KINDS = {
    "elements": Kind.ELEMENTS,
    "conjunctions": Kind.DERIVED_CONJUNCTIONS,
    "conjunction_messages": Kind.CONJUNCTION_MESSAGES,
    "ephemerides": Kind.EPHEMERIDES,
}


class SeenRecord(NamedTuple):
    """A record that the partner sees: its entry with the true id, its row, and how he sees it."""

    entry: RecordedRow
    kind: Kind
    row: Row
    mask: Mask


def seen_record(
    state: State, rules: Rules, ids: PartnerIds, partner: Partner, shown_id: str, *, now_tai_ns: int
) -> SeenRecord | None:
    """The record that the partner is shown under an id (32 hexadecimal digits), withdrawn or not; None: there is none.

    Raises ValueError for an id of another form, StateUnavailableError.
    """
    partner = rules.partners.get(partner.name, partner)
    for record_id, whole in ((shown_id, True), (ids.true(shown_id), False)):
        entry = state.recorded.get(record_id)
        if entry is None:
            continue
        kind, row = KINDS[entry.kind], msgspec.json.decode(entry.body)
        mask = mask_now(
            kind,
            row,
            partner,
            rules.agreements,
            rules.labels,
            posture=rules.posture,
            now_tai_ns=now_tai_ns,
            policies=rules.security_policies,
        )
        if mask is not None and mask.shows_all(kind) is whole:
            return SeenRecord(entry, kind, row, mask)
    return None


def is_withdrawn(kind: Kind, row: Row, rules: Rules) -> bool:
    """Whether a record is served no more: withdrawn itself, or derived from what was withdrawn with all of that."""
    record_ids = rules.withdrawn.column("record_id")
    if _holds(record_ids, [row["record_id"]]):
        return True
    if kind is not Kind.DERIVED_CONJUNCTIONS:
        return False
    return _holds(record_ids.filter(rules.withdrawn.column("derived")), [row["parent_1"], row["parent_2"]])


def _holds(column: pa.ChunkedArray, values: list[str]) -> bool:
    return bool(pc.any(pc.is_in(column, value_set=pa.array(values, pa.string()))).as_py())

"""Rows of the feed as the stream's events: as in the listings, with the policy version, and what of it is released."""

from typing import NamedTuple

import msgspec
import pyarrow as pa

from schemas.records import Kind
from ssa_hub.sharing.disclosures import Channel, Disclosure, disclosures_of
from ssa_hub.sharing.policies import Released
from ssa_hub.sharing.seen_records import KINDS
from ssa_hub.sharing.shown_rows import shown_rows, without_withdrawn
from ssa_hub.sharing.utc import with_utc_columns
from ssa_hub.state.feed import FeedRow
from ssa_hub.state.recorded import read_bodies


class StreamRecord(NamedTuple):
    """One event: ``name`` is its type, ``data`` the record's JSON, ``shown_id`` the id that the partner knows it by."""

    delay_ns: int
    shown_id: str
    name: str
    data: bytes


def stream_records(rows: list[FeedRow], released: Released) -> tuple[list[StreamRecord], list[Disclosure]]:
    """Those of the rows that are still served, in their order, and what must be recorded before they are sent."""
    events: dict[int, StreamRecord] = {}
    disclosures: list[Disclosure] = []
    encode = msgspec.json.Encoder().encode
    for name, kind in KINDS.items():
        chosen = [row for row in rows if row.kind == name]
        if not chosen:
            continue
        table = read_bodies([row.body for row in chosen], name)
        table = table.append_column("mask_id", pa.array([_mask_id(row, kind, released) for row in chosen], pa.int32()))
        table = table.append_column("seq", pa.array([row.seq for row in chosen], pa.int64()))
        table = without_withdrawn(table, kind, released.withdrawn)
        seqs, table = table.column("seq").to_pylist(), table.drop_columns(["seq"])
        disclosures += disclosures_of(
            table, kind, released.table, partner=released.table.partner, channel=Channel.STREAM
        )
        delays = {row.seq: row.delay_ns for row in chosen}
        shown = with_utc_columns(shown_rows(table, kind, released)).to_pylist()
        for seq, record in zip(seqs, shown, strict=True):
            data = encode({**record, "policy_version": released.table.policy_version})
            events[seq] = StreamRecord(delays[seq], record["record_id"], name, data)
    return [events[row.seq] for row in rows if row.seq in events], disclosures


def _mask_id(row: FeedRow, kind: Kind, released: Released) -> int:
    if kind is Kind.DERIVED_CONJUNCTIONS:
        return released.table.combine(*row.mask_ids)
    return int(row.mask_ids[0])

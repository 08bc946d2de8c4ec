"""Withdrawing: an originator recalls records of his, and everybody who has received any of them is told.

One transaction of state withdraws the records, puts the orbits before them in their places, changes the policy's
revision (so every answer, open stream and cached table follows at its next look) and writes the notices. What is slow,
history and ledger, is read before it; where anything was withdrawn meanwhile, it is read anew.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pyarrow as pa

from connectors.payload import Provenance
from schemas.records import Kind
from schemas.timescales import now_tai_ns
from ssa_hub.history.lineage import records_of_payload
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.store import History
from ssa_hub.history.tables import ELEMENTS
from ssa_hub.sharing.withdrawal_recipients import Recipients
from ssa_hub.state.store import State
from ssa_hub.state.withdrawals import Reason, WithdrawnMeanwhileError, WithdrawnRecord

RECORDS_MAX = 10_000
_TRIES = 20
_END_OF_TIME_TAI_NS = 2**63 - 1
_RELEASE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "data_mode", "originator", "label_id")),
        ("delay_ns", pa.int64()),
        ("mask_id", pa.int32()),
        ("time_step_ns", pa.int64()),
        ("distance_step_m", pa.float64()),
    ]
)


class NotHisError(Exception):
    """Among what is to be withdrawn is something that does not exist, or is another's: the two are one."""


class WithdrawnAlreadyError(Exception):
    """All of it is withdrawn already."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an originator recalls: records by their ids, or all of his of one payload; exactly one of the two.

    ``reason_to_recipients``: whether those who received them are told the reason. ``derived``: conjunctions that were
    found with a withdrawn orbit are flagged, or withdrawn with it.
    """

    reason: str
    record_ids: tuple[str, ...] | None = None
    payload_sha256: str | None = None
    reason_to_recipients: bool = True
    derived: Literal["flag", "withdraw"] = "flag"


class _Body(msgspec.Struct, frozen=True):
    """What matters here of a record's columns."""

    originator: str
    data_mode: str
    received_tai_ns: int
    object_id: str | None = None
    label_id: str | None = None
    parent_originator_1: str | None = None
    parent_originator_2: str | None = None

    def is_of(self, originator: str) -> bool:
        """Whether it is his to withdraw: his own record, or a conjunction of two orbits that are both his."""
        parents = {self.parent_originator_1, self.parent_originator_2}
        return originator == self.originator if parents == {None} else parents == {originator}


class Withdrawing:
    """Takes withdrawals. Threads may share one."""

    def __init__(
        self,
        state: State,
        history: History,
        queries: HistoryQueries,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._state, self._history, self._queries = state, history, queries
        self._clock_tai_ns = clock_tai_ns
        self._recipients = Recipients(state, history)

    def withdraw(self, originator: str, recall: Recall, by: str) -> int:
        """Withdraw; durable, and followed by every answer from then on, when this returns the withdrawal's number.

        Records that are withdrawn already stay with the withdrawal that they are of. Raises NotHisError,
        WithdrawnAlreadyError, StateUnavailableError, HistoryUnavailableError; then nothing is withdrawn.
        """
        for _ in range(_TRIES):
            last = self._state.withdrawals.last()
            found = self._found(originator, recall)
            gone = self._state.withdrawals.withdrawn(list(found))
            if gone and len(gone) == len(found):
                raise WithdrawnAlreadyError
            try:
                return self._withdraw(originator, recall, by, last, {i: r for i, r in found.items() if i not in gone})
            except WithdrawnMeanwhileError:
                continue
        raise RuntimeError(f"{_TRIES} other withdrawals came between, one after another")

    def _withdraw(
        self, originator: str, recall: Recall, by: str, last: int, found: dict[str, tuple[str, _Body]]
    ) -> int:
        records = [WithdrawnRecord(record_id, kind, body.data_mode) for record_id, (kind, body) in found.items()]
        followers_seq = self._state.recorded.last_seq()
        followers = self._followers({i: body for i, (kind, body) in found.items() if kind == ELEMENTS})
        now = self._clock_tai_ns()
        reason = Reason(recall.reason, recall.reason_to_recipients)
        earliest = min((body.received_tai_ns for _, body in found.values()), default=now)
        letters = self._recipients.letters(
            originator, records, reason, recall.derived, received_from_tai_ns=earliest, withdrawn_tai_ns=now
        )
        with self._state.transaction() as connection:
            number = self._state.withdrawals.add(
                connection,
                records,
                originator=originator,
                reason=reason,
                derived=recall.derived,
                payload_sha256=recall.payload_sha256,
                by=by,
                now_tai_ns=now,
                after=last,
                followers=followers,
                followers_seq=followers_seq,
            )
            self._recipients.write(connection, number, letters, now)
        return number

    def _found(self, originator: str, recall: Recall) -> dict[str, tuple[str, _Body]]:
        """Kind and body of each record that is meant, by id. Raises NotHisError."""
        if recall.record_ids is not None:
            wanted = sorted(set(recall.record_ids))
            bodies = self._state.withdrawals.bodies(wanted)
        else:
            wanted = self._of_payload(originator, recall.payload_sha256 or "")
            bodies = self._state.withdrawals.bodies(wanted)
            # What is in history and not recorded yet is noted by the recorder, as it takes it in.
            wanted = sorted(bodies)
        read = {i: (kind, msgspec.json.decode(body, type=_Body)) for i, (kind, body) in bodies.items()}
        if any(record_id not in read or not read[record_id][1].is_of(originator) for record_id in wanted):
            raise NotHisError
        return read

    def _of_payload(self, originator: str, payload_sha256: str) -> list[str]:
        """Ids of the originator's records of a payload. Raises NotHisError where none of it ever came of his."""
        received = [
            instant
            for provenance, instant in self._state.withdrawals.payload_receipts(payload_sha256)
            if msgspec.json.decode(provenance, type=Provenance).originator == originator
        ]
        if not received:
            raise NotHisError
        found = records_of_payload(self._history, payload_sha256, originator, min(received), max(received))
        ids: list[str] = found.column("record_id").unique().to_pylist()
        return ids

    def _followers(self, leaving: dict[str, _Body]) -> pa.Table:
        """Of each object and combination of these orbits the newest that is recorded, and not withdrawn or one of them.

        What history has and state does not is passed over: it is recorded after this, and takes its place then.
        """
        objects: dict[tuple[str, str, str], set[str]] = {}
        for body in leaving.values():
            assert body.object_id is not None and body.label_id is not None  # noqa: S101, PT018 (an element set)
            objects.setdefault((body.data_mode, body.originator, body.label_id), set()).add(body.object_id)
        withdrawn = self._state.withdrawals.table()
        without = pa.concat_tables([withdrawn, _not_to_be_found(sorted(leaving), withdrawn.schema)])
        found = []
        for (data_mode, originator, label_id), ids in sorted(objects.items()):
            release = _release_of(data_mode, originator, label_id)
            while True:
                newest = self._queries.elements_newest(
                    release,
                    now_tai_ns=_END_OF_TIME_TAI_NS,
                    data_mode=data_mode,
                    object_ids=sorted(ids),
                    limit=len(ids),
                    withdrawn=without,
                )
                chosen: list[str] = newest.column("record_id").to_pylist()
                unknown = sorted(set(chosen) - self._state.recorded.known(chosen))
                if not unknown:
                    break
                without = pa.concat_tables([without, _not_to_be_found(unknown, withdrawn.schema)])
            found.append(newest.drop_columns(["mask_id"]))
        return pa.concat_tables(found) if found else self._state.newest.elements("")


def _release_of(data_mode: str, originator: str, label_id: str) -> pa.Table:
    """A release table that shows all element sets of one combination, whole and at once."""
    row: dict[str, Any] = {
        "kind": Kind.ELEMENTS.value,
        "data_mode": data_mode,
        "originator": originator,
        "label_id": label_id,
        "delay_ns": 0,
        "mask_id": 0,
        "time_step_ns": 1,
        "distance_step_m": 0.0,
    }
    return pa.Table.from_pylist([row], schema=_RELEASE_SCHEMA)


def _not_to_be_found(record_ids: list[str], schema: pa.Schema) -> pa.Table:
    return pa.table([record_ids, [False] * len(record_ids)], schema=schema)

"""What the recorder must not bring back: records that are withdrawn, and what came with a withdrawn payload."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from ssa_hub.history.tables import CONJUNCTIONS
from ssa_hub.state.database import Database, among, upsert
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.release_tables import withdrawals, withdrawn_records


class RecordingWithdrawn:
    """Asked by the recorder about rows that it is about to record (columns of the kind's record schema)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def without_withdrawn(self, connection: Connection, kind: str, rows: pa.Table) -> pa.Table:
        """The rows without those that are withdrawn (for the newest orbits); to be asked after `Recorded.insert`.

        Withdrawn as well is what came with a payload before that was withdrawn, and had not been recorded until now:
        it is noted here.
        """
        _note(connection, _late(connection, kind, rows))
        gone = _withdrawn_of(connection, rows.column("record_id").to_pylist())
        if not gone:
            return rows
        return rows.filter(pc.invert(pc.is_in(rows.column("record_id"), value_set=pa.array(sorted(gone), pa.string()))))

    def note_late(self, kind: str, rows: pa.Table) -> None:
        """Note what `without_withdrawn` would note, before history has the rows and views could show them."""
        with self._database.snapshot() as connection:
            late = _late(connection, kind, rows)
        if late:
            with self._database.transaction() as connection:
                _note(connection, late)


def _note(connection: Connection, late: list[dict[str, str | int]]) -> None:
    if late:
        policy_changed(connection)
        statement = upsert(connection, withdrawn_records).on_conflict_do_nothing(index_elements=["record_id"])
        connection.execute(statement, late)


def _late(connection: Connection, kind: str, rows: pa.Table) -> list[dict[str, str | int]]:
    """Rows of ``withdrawn_records`` for those of payloads that were withdrawn after they had come; none twice."""
    if kind == CONJUNCTIONS or rows.num_rows == 0:
        return []
    columns = withdrawals.c
    chosen = select(columns.id, columns.originator, columns.payload_sha256, columns.withdrawn_tai_ns)
    of_payload: dict[tuple[str, str], list[tuple[int, int]]] = {}
    payloads = pc.unique(rows.column("payload_sha256")).to_pylist()
    of_these = chosen.where(among(connection, columns.payload_sha256, payloads)).order_by(columns.id)
    for row in connection.execute(of_these):
        of_payload.setdefault((row.originator, row.payload_sha256), []).append((row.withdrawn_tai_ns, row.id))
    if not of_payload:
        return []
    names = ("record_id", "originator", "payload_sha256", "received_tai_ns", "data_mode")
    late: dict[str, dict[str, str | int]] = {}
    for record_id, originator, sha256, received, mode in zip(
        *(rows.column(name).to_pylist() for name in names), strict=True
    ):
        for withdrawn_tai_ns, number in of_payload.get((originator, sha256), ()):
            # What is sent after the withdrawal is sent on purpose, under another label perhaps.
            if received <= withdrawn_tai_ns:
                note = {"record_id": record_id, "withdrawal_id": number, "kind": kind, "data_mode": mode}
                late.setdefault(record_id, note)
    known = _withdrawn_of(connection, list(late))
    return [note for record_id, note in late.items() if record_id not in known]


def _withdrawn_of(connection: Connection, record_ids: Sequence[str]) -> set[str]:
    chosen = select(withdrawn_records.c.record_id)
    return set(connection.execute(chosen.where(among(connection, withdrawn_records.c.record_id, record_ids))).scalars())

"""Removing deleted records from state: feed, newest orbits, quarantine, receipts of payloads.

What state says of acts stays: the ledger's entries (with digests of record ids), withdrawals, notices and tear-lines
are what others were told and when, not records.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, func, select, tuple_, update

from connectors.payload import Provenance
from ssa_hub.history.tables import ELEMENTS
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.giving_up import Archive, take_back
from ssa_hub.state.history_tables import export_jobs
from ssa_hub.state.newest import Newest
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.release_tables import withdrawn_records
from ssa_hub.state.tables import newest, payloads, quarantine, recorded

_PART = 5_000


class Forgetting:
    """Each method is a transaction, or several, that can be called again after it was interrupted."""

    def __init__(self, database: Database, newest_orbits: Newest, archive: Archive) -> None:
        self._database, self._newest, self._archive = database, newest_orbits, archive

    def records(self, record_ids: Sequence[str]) -> int:
        """Remove records from feed and newest orbits; the newest of what is left takes their places. How many."""
        gone = 0
        for first in range(0, len(record_ids), _PART):
            gone += self._forget(list(record_ids[first : first + _PART]))
        return gone

    def _forget(self, part: list[str]) -> int:
        with self._database.transaction() as connection:
            for table in (recorded.name, newest.name):
                lock_table(connection, table)
            places = select(newest.c.object_id, newest.c.combination_id).where(newest.c.record_id.in_(part))
            vacated = [(row.object_id, row.combination_id) for row in connection.execute(places)]
            connection.execute(delete(newest).where(newest.c.record_id.in_(part)))
            gone = connection.execute(delete(recorded).where(recorded.c.record_id.in_(part))).rowcount
            if vacated:
                left = (
                    select(recorded.c.record_id, recorded.c.kind, recorded.c.received_tai_ns, recorded.c.body)
                    .outerjoin(withdrawn_records, withdrawn_records.c.record_id == recorded.c.record_id)
                    .where(
                        recorded.c.kind == ELEMENTS,
                        tuple_(recorded.c.object_id_1, recorded.c.combination_1).in_(vacated),
                        withdrawn_records.c.record_id.is_(None),
                    )
                )
                # One whose body was given up may be the newest of what is left; history has it still.
                rows = [(row[0], row[1], row[2], row[3]) for row in connection.execute(left)]
                bodies = [body for _, body in self._archive.filled(rows).values()]
                if bodies:
                    followers = read_bodies(bodies, ELEMENTS)
                    self._newest.upsert(connection, followers)
                    now_newest = select(newest.c.record_id).where(
                        tuple_(newest.c.object_id, newest.c.combination_id).in_(vacated)
                    )
                    ids = set(connection.execute(now_newest).scalars())
                    take_back(connection, [row for row in followers.to_pylist() if row["record_id"] in ids])
        return gone

    def received_before(self, tai_ns: int) -> list[tuple[str, Provenance, int]]:
        """Payloads that are on the log and came before an instant: SHA-256, provenance, reception (TAI ns)."""
        chosen = select(payloads.c.payload_sha256, payloads.c.provenance, payloads.c.received_tai_ns).where(
            payloads.c.received_tai_ns < tai_ns, payloads.c.status == "published"
        )
        with self._database.snapshot() as connection:
            return [
                (row.payload_sha256, msgspec.json.decode(row.provenance, type=Provenance), row.received_tai_ns)
                for row in connection.execute(chosen)
            ]

    def receipts_of(self, sha256s: Iterable[str]) -> dict[str, int]:
        """How many receipts there are of each payload, on the log or not."""
        wanted, found = sorted(set(sha256s)), {}
        with self._database.snapshot() as connection:
            for first in range(0, len(wanted), _PART):
                chosen = (
                    select(payloads.c.payload_sha256, func.count())
                    .where(payloads.c.payload_sha256.in_(wanted[first : first + _PART]))
                    .group_by(payloads.c.payload_sha256)
                )
                found.update({row[0]: row[1] for row in connection.execute(chosen)})
        return found

    def payloads(self, sha256s: Sequence[str]) -> tuple[int, int]:
        """Remove receipts and refusals of payloads whose files are gone: how many payloads, how many refusals."""
        gone = refusals = 0
        for first in range(0, len(sha256s), _PART):
            part = list(sha256s[first : first + _PART])
            with self._database.transaction() as connection:
                refused = delete(quarantine).where(quarantine.c.payload_sha256.in_(part))
                refusals += connection.execute(refused).rowcount
                gone += connection.execute(delete(payloads).where(payloads.c.payload_sha256.in_(part))).rowcount
        return gone, refusals

    def exports(self, now_tai_ns: int) -> int:
        """End every export that may hold a record that is deleted: finished ones and those under way. How many.

        One that is queued has read nothing yet. Their files are still to be removed, those of one under way also by
        the worker that makes it, at its next batch (`ssa_hub.sharing.export_desk.remove_ended_files`).
        """
        finished = update(export_jobs).where(export_jobs.c.status == "complete")
        under_way = update(export_jobs).where(export_jobs.c.status == "running")
        failure = "records that it may hold were deleted: order it again"
        with self._database.transaction() as connection:
            expired = connection.execute(finished.values(status="expired", expires_tai_ns=now_tai_ns)).rowcount
            failed = connection.execute(
                under_way.values(status="failed", failure=failure, finished_tai_ns=now_tai_ns)
            ).rowcount
        return expired + failed

    def wipe(self) -> None:
        """Rewrite an SQLite database so that its files hold nothing of removed rows. PostgreSQL's own vacuum does.

        SQLite overwrites removed rows (``secure_delete``), but pages keep remnants of rows that moved to others.
        Raises StateUnavailableError.
        """
        if not self._database.is_sqlite:
            return
        with self._database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute("VACUUM").close()
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

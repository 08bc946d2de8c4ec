"""Deletions that retention demanded: what is being deleted, what was, and the proof of it.

A deletion is begun with the leaves of all its records, in one transaction: from then on they are known as deleted, and
whoever is killed afterwards, the next one can tell what is still to be removed. It is finished, chained to the one
before and signed once nothing of them is left. Deletions are finished in the order of their numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from ssa_hub.release.deletion_proof import (
    FIRST_PREVIOUS_SHA256,
    DeletionContent,
    DeletionProof,
    is_signed,
    leaf_of,
    list_path,
    row_sha256,
    salt_of,
    signed,
)
from ssa_hub.release.ledger_periods import LedgerKeys
from ssa_hub.release.merkle import list_root
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.deletion_tables import deleted_records
from ssa_hub.state.history_tables import deletions
from ssa_hub.state.secrets import Secrets

_RUNNING, _COMPLETE = "running", "complete"
_LOOKUP = 10_000


class Places(msgspec.Struct, frozen=True):
    """Where records were removed from, and how many. ``waiting_files``: of history, until the readers' grace is over.

    ``cleared``: everything but these files is done. ``first_tai_ns``: when the first record was received, or earlier.
    ``waiting_blobs``: blobs (SHA-256) that removed rows named, to be looked at.
    """

    first_tai_ns: int = 0
    history_rows: int = 0
    history_files: int = 0
    waiting_files: tuple[str, ...] = ()
    state_rows: int = 0
    quarantine_rows: int = 0
    waiting_blobs: tuple[str, ...] = ()
    blobs: int = 0
    payloads: int = 0
    log_partitions: int = 0
    exports: int = 0
    cleared: bool = False


class Deletion(NamedTuple):
    """One deletion. Root, hash and signature are there once it is finished."""

    number: int
    status: str
    kind: str
    originator: str
    rule: str
    agreement_version: str
    cutoff_tai_ns: int
    began_tai_ns: int
    finished_tai_ns: int | None
    records: int
    places: Places
    merkle_root: bytes | None
    row_sha256: bytes | None
    signature: bytes | None


class WrongDeletionsError(Exception):
    """The chain of deletions does not hold: which number, and what is wrong."""


class Deletions:
    """The deletions, and which record ids are deleted."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database, self._secrets = database, secrets

    def begin(
        self, *, kind: str, originator: str, rule: str, version: str, cutoff_tai_ns: int, record_ids: Sequence[str],
        now_tai_ns: int, first_tai_ns: int = 0,
    ) -> int:  # fmt: skip
        """Begin to delete records, which must not be deleted yet; the deletion's number. Raises ValueError for none."""
        if not record_ids:
            raise ValueError("a deletion of no records")
        key = self._key()
        leaves = [leaf_of(salt_of(key, record_id), record_id) for record_id in record_ids]
        with self._database.transaction() as connection:
            number: int = connection.execute(
                insert(deletions).values(
                    status=_RUNNING, kind=kind, originator=originator, rule=rule, agreement_version=version,
                    cutoff_tai_ns=cutoff_tai_ns, began_tai_ns=now_tai_ns, records=len(leaves),
                    places=_encoded(Places(first_tai_ns=first_tai_ns)),
                ).returning(deletions.c.number)
            ).scalar_one()  # fmt: skip
            connection.execute(insert(deleted_records), [{"leaf": leaf, "deletion": number} for leaf in leaves])
        return number

    def deleted(self, record_ids: Sequence[str]) -> set[str]:
        """Those of the ids whose records are deleted, or being deleted."""
        with self._database.snapshot() as connection:
            if connection.execute(select(deleted_records.c.deletion).limit(1)).scalar() is None:
                return set()
        key = self._key()
        by_leaf = {leaf_of(salt_of(key, record_id), record_id): record_id for record_id in record_ids}
        leaves = list(by_leaf)
        found: set[str] = set()
        with self._database.snapshot() as connection:
            for first in range(0, len(leaves), _LOOKUP):
                part = leaves[first : first + _LOOKUP]
                chosen = select(deleted_records.c.leaf).where(deleted_records.c.leaf.in_(part))
                found.update(by_leaf[bytes(leaf)] for leaf in connection.execute(chosen).scalars())
        return found

    def running(self) -> list[Deletion]:
        """Those that are not finished, by number."""
        return [deletion for deletion in self.all() if deletion.status == _RUNNING]

    def all(self, originator: str | None = None) -> list[Deletion]:
        """All deletions, or those of one originator's records, by number."""
        chosen = select(deletions).order_by(deletions.c.number)
        if originator is not None:
            chosen = chosen.where(deletions.c.originator == originator)
        with self._database.snapshot() as connection:
            return [_deletion(row) for row in connection.execute(chosen)]

    def get(self, number: int) -> Deletion | None:
        """One deletion, or None."""
        with self._database.snapshot() as connection:
            row = connection.execute(select(deletions).where(deletions.c.number == number)).one_or_none()
        return None if row is None else _deletion(row)

    def note(self, number: int, places: Places) -> None:
        """Keep how far a running deletion has come."""
        with self._database.transaction() as connection:
            connection.execute(
                update(deletions)
                .where(deletions.c.number == number, deletions.c.status == _RUNNING)
                .values(places=_encoded(places))
            )

    def finish(self, number: int, now_tai_ns: int) -> bool:
        """Chain and sign a deletion of which nothing is left. False: an earlier one is not finished, or it is already.

        Raises ValueError where files are still waited for.
        """
        seed = self._secrets.get_or_make("ledger-signing", 32)
        with self._database.transaction() as connection:
            lock_table(connection, deletions.name)
            first = select(func.min(deletions.c.number)).where(deletions.c.status == _RUNNING)
            if connection.execute(first).scalar() != number:
                return False
            deletion = _deletion(connection.execute(select(deletions).where(deletions.c.number == number)).one())
            if deletion.places.waiting_files or not deletion.places.cleared:
                raise ValueError(f"deletion {number} is not done yet")
            root = list_root(_leaves(connection, number))
            content = _content(deletion._replace(finished_tai_ns=now_tai_ns, merkle_root=root))
            row = row_sha256(content, _previous(connection, number))
            connection.execute(
                update(deletions)
                .where(deletions.c.number == number)
                .values(
                    status=_COMPLETE, finished_tai_ns=now_tai_ns, merkle_root=root, row_sha256=row,
                    signature=signed(seed, row),
                )
            )  # fmt: skip
        return True

    def public_key(self) -> bytes:
        """The key that deletions are signed with: the ledger's, 32 bytes."""
        seed = self._secrets.get_or_make("ledger-signing", 32)
        return LedgerKeys(seed, b"").public_key

    def prove(self, record_id: str, originator: str | None = None) -> DeletionProof | None:
        """The proof that a record was deleted, in a deletion of this originator's (None: anybody's).

        None where it was not, or where its deletion is not finished.
        """
        salt = salt_of(self._key(), record_id)
        leaf, public_key = leaf_of(salt, record_id), self.public_key()
        with self._database.snapshot() as connection:
            chosen = select(deletions).join(deleted_records, deleted_records.c.deletion == deletions.c.number)
            row = connection.execute(chosen.where(deleted_records.c.leaf == leaf)).one_or_none()
            if row is None or row.status != _COMPLETE or originator not in (None, row.originator):
                return None
            deletion, leaves = _deletion(row), _leaves(connection, row.number)
            previous = _previous(connection, row.number)
        index = leaves.index(leaf)
        return DeletionProof(
            record_id=record_id,
            salt=salt.hex(),
            index=index,
            path=tuple(sibling.hex() for sibling in list_path(leaves, index)),
            deletion=_content(deletion),
            previous_sha256=previous.hex(),
            signature=(deletion.signature or b"").hex(),
            public_key=public_key.hex(),
        )

    def verify(self) -> int:
        """Check chain, roots and signatures of all finished deletions; how many. Raises WrongDeletionsError."""
        public_key, previous, finished, unfinished = self.public_key(), FIRST_PREVIOUS_SHA256, 0, False
        for deletion in self.all():
            if deletion.status != _COMPLETE:
                unfinished = True
                continue
            if unfinished:
                raise WrongDeletionsError(f"deletion {deletion.number} was finished before an earlier one")
            with self._database.snapshot() as connection:
                leaves = _leaves(connection, deletion.number)
            if len(leaves) != deletion.records or list_root(leaves) != deletion.merkle_root:
                raise WrongDeletionsError(f"deletion {deletion.number}: its records are not under its root")
            row = row_sha256(_content(deletion), previous)
            if row != deletion.row_sha256:
                raise WrongDeletionsError(f"deletion {deletion.number}: the row, or one before, was changed")
            if not is_signed(public_key, row, deletion.signature or b""):
                raise WrongDeletionsError(f"deletion {deletion.number}: the signature is not this hub's")
            previous, finished = row, finished + 1
        return finished

    def _key(self) -> bytes:
        return self._secrets.get_or_make("deletion-salts", 32)


def _leaves(connection: Connection, number: int) -> list[bytes]:
    chosen = select(deleted_records.c.leaf).where(deleted_records.c.deletion == number)
    return sorted(bytes(leaf) for leaf in connection.execute(chosen).scalars())


def _previous(connection: Connection, number: int) -> bytes:
    before = deletions.c.number < number
    chosen = select(deletions.c.row_sha256).where(before).order_by(deletions.c.number.desc()).limit(1)
    found: bytes | None = connection.execute(chosen).scalar()
    return FIRST_PREVIOUS_SHA256 if found is None else bytes(found)


def _content(deletion: Deletion) -> DeletionContent:
    if deletion.finished_tai_ns is None or deletion.merkle_root is None:
        raise WrongDeletionsError(f"deletion {deletion.number} says that it is finished, and lacks when or its root")
    return DeletionContent(
        deletion.number, deletion.kind, deletion.originator, deletion.rule, deletion.agreement_version,
        deletion.cutoff_tai_ns, deletion.began_tai_ns, deletion.finished_tai_ns, deletion.records,
        _encoded(deletion.places), deletion.merkle_root.hex(),
    )  # fmt: skip


def _encoded(places: Places) -> str:
    return msgspec.json.encode(places, order="sorted").decode()


def _deletion(row: Row[tuple[object, ...]]) -> Deletion:
    values = row._asdict()
    values["places"] = msgspec.json.decode(values["places"], type=Places)
    for name in ("merkle_root", "row_sha256", "signature"):
        values[name] = None if values[name] is None else bytes(values[name])
    return Deletion(**values)

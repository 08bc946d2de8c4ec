"""Agreements in force with all that ever were, and the posture with its history."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from ssa_hub.release.partner import Posture
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.tables import agreements, postures


class AgreementEntry(NamedTuple):
    """One time that a version of an agreement was active: from ``activated_tai_ns`` to ``retired_tai_ns``.

    ``activated_by`` and ``retired_by`` say who did it; None where nobody said so, and of what is active still.
    """

    originator: str
    version: str
    file: str
    text: str
    activated_tai_ns: int
    retired_tai_ns: int | None
    activated_by: str | None
    retired_by: str | None


class PostureEntry(NamedTuple):
    """A posture, since when, and who set it."""

    posture: Posture
    set_tai_ns: int
    set_by: str


class Agreements:
    """At most one active agreement an originator. Each change changes the policy's revision."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def activate(
        self, originator: str, version: str, *, file: str, text: str, now_tai_ns: int, by: str | None = None
    ) -> bool:
        """Make a version the active one, the earlier one retired at the same instant; ``by``: whose act it is.

        A version that was active before may be so again. False: it is active already, and nothing has changed.
        """
        with self._database.transaction() as connection:
            lock_table(connection, agreements.name)
            active = select(agreements.c.version).where(
                agreements.c.originator == originator, agreements.c.retired_tai_ns.is_(None)
            )
            if connection.execute(active).scalar() == version:
                return False
            _retire(connection, originator, now_tai_ns, by)
            connection.execute(
                insert(agreements).values(
                    originator=originator,
                    version=version,
                    file=file,
                    body=text,
                    activated_tai_ns=now_tai_ns,
                    activated_by=by,
                )
            )
            policy_changed(connection)
        return True

    def retire(self, originator: str, now_tai_ns: int, by: str | None = None) -> bool:
        """End the active agreement of an originator: from now on nothing of his is released; ``by``: whose act it is.

        False: there was none.
        """
        with self._database.transaction() as connection:
            lock_table(connection, agreements.name)
            retired = _retire(connection, originator, now_tai_ns, by)
            if retired:
                policy_changed(connection)
        return retired

    def active(self) -> list[tuple[str, str]]:
        """(file, text) of every active agreement, by originator."""
        chosen = (
            select(agreements.c.file, agreements.c.body)
            .where(agreements.c.retired_tai_ns.is_(None))
            .order_by(agreements.c.originator)
        )
        with self._database.snapshot() as connection:
            return [(row.file, row.body) for row in connection.execute(chosen)]

    def history(self, originator: str | None = None) -> list[AgreementEntry]:
        """All times that a version of an originator's (None: of anybody's) was active, oldest first."""
        chosen = select(*(agreements.c[name] for name in _ENTRY)).order_by(agreements.c.id)
        if originator is not None:
            chosen = chosen.where(agreements.c.originator == originator)
        with self._database.snapshot() as connection:
            return [AgreementEntry(*row) for row in connection.execute(chosen)]

    def posture(self) -> Posture:
        """The posture now; peacetime until one is set."""
        entries = self.posture_history()
        return entries[-1].posture if entries else Posture.PEACETIME

    def set_posture(self, posture: Posture, *, set_by: str, now_tai_ns: int) -> bool:
        """Set the posture. False where it is the present one already."""
        with self._database.transaction() as connection:
            lock_table(connection, postures.name)
            last = select(postures.c.posture).order_by(postures.c.id.desc()).limit(1)
            if (connection.execute(last).scalar() or Posture.PEACETIME) == posture:
                return False
            connection.execute(insert(postures).values(posture=posture.value, set_tai_ns=now_tai_ns, set_by=set_by))
            policy_changed(connection)
        return True

    def posture_history(self) -> list[PostureEntry]:
        """All postures that were set, oldest first."""
        chosen = select(postures.c.posture, postures.c.set_tai_ns, postures.c.set_by).order_by(postures.c.id)
        with self._database.snapshot() as connection:
            return [PostureEntry(Posture(row[0]), row[1], row[2]) for row in connection.execute(chosen)]


_ENTRY = (
    "originator",
    "version",
    "file",
    "body",
    "activated_tai_ns",
    "retired_tai_ns",
    "activated_by",
    "retired_by",
)


def _retire(connection: Connection, originator: str, now_tai_ns: int, by: str | None) -> bool:
    changed = connection.execute(
        update(agreements)
        .where(agreements.c.originator == originator, agreements.c.retired_tai_ns.is_(None))
        .values(retired_tai_ns=now_tai_ns, retired_by=by)
    )
    return changed.rowcount == 1

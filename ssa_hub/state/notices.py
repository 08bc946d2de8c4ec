"""What the hub tells single partners: written once, told when it is first sent, confirmed at most once."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, func, insert, or_, select, update

from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.release_tables import notices, tear_lines

TEAR_LINE, WITHDRAWAL = "tear-line", "withdrawal"
_LOOKUP_IDS = 10_000

# From when on a notice may be sent. One that is written late, or under a delay, falls due after others with a greater
# number, so notices are read in the order in which they fall due.
_due = case(
    (notices.c.visible_tai_ns > notices.c.created_tai_ns, notices.c.visible_tai_ns), else_=notices.c.created_tai_ns
)


class NoticeRow(NamedTuple):
    """One notice to one partner. ``subject``: a tear-line's case number, or a withdrawal's number as text."""

    id: int
    partner: str
    kind: str
    data_mode: str
    subject: str
    originator: str
    body: bytes
    created_tai_ns: int
    visible_tai_ns: int
    told_tai_ns: int | None
    confirmed_tai_ns: int | None

    @property
    def due_tai_ns(self) -> int:
        """From when on it may be sent."""
        return max(self.created_tai_ns, self.visible_tai_ns)


class TearLineRule(NamedTuple):
    """By which rule of which version of an agreement a tear-line was made."""

    agreement_version: str
    rule: str


_ROW = select(*(notices.c[name] for name in NoticeRow._fields))


class Notices:
    """Notices by number. The numbers count for all partners together, so no partner may be shown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        connection: Connection,
        *,
        partner: str,
        kind: str,
        data_mode: str,
        subject: str,
        originator: str,
        body: bytes,
        visible_tai_ns: int,
        now_tai_ns: int,
    ) -> int:
        """Write a notice for a partner, to be sent from ``visible_tai_ns`` on; answers its number.

        Other writers of notices wait until this transaction ends, and instants never fall as numbers grow: who has
        read the notices that were due misses none that is written later.
        """
        lock_table(connection, notices.name)
        last: int = connection.execute(select(func.coalesce(func.max(notices.c.created_tai_ns), 0))).scalar_one()
        statement = insert(notices).values(
            partner=partner,
            kind=kind,
            data_mode=data_mode,
            subject=subject,
            originator=originator,
            body=body,
            created_tai_ns=max(now_tai_ns, last),
            visible_tai_ns=visible_tai_ns,
        )
        number: int = connection.execute(statement.returning(notices.c.id)).scalar_one()
        return number

    def due(
        self,
        partner: str,
        data_mode: str,
        *,
        now_tai_ns: int,
        limit: int,
        after: int | None = None,
        with_untold: bool = False,
    ) -> list[NoticeRow]:
        """Up to ``limit`` notices that may be sent now, in the order in which they fall due, then by number.

        ``after``: only those that come after that one (None, or one that is not his: all). ``with_untold``: and
        those that he has not been told at all, wherever they stand.
        """
        chosen = _ROW.where(notices.c.partner == partner, notices.c.data_mode == data_mode, now_tai_ns >= _due)
        with self._database.snapshot() as connection:
            if after is not None:
                place = connection.execute(
                    select(_due, notices.c.id).where(notices.c.id == after, notices.c.partner == partner)
                ).one_or_none()
                if place is not None:
                    later = or_(place[0] < _due, and_(place[0] == _due, notices.c.id > place[1]))
                    chosen = chosen.where(or_(later, notices.c.told_tai_ns.is_(None)) if with_untold else later)
            rows = connection.execute(chosen.order_by(_due, notices.c.id).limit(limit)).all()
        return [_notice(row) for row in rows]

    def untold(self, partner: str, data_mode: str, *, now_tai_ns: int, limit: int) -> list[NoticeRow]:
        """Up to ``limit`` notices that may be sent now and never were, by number."""
        chosen = _ROW.where(
            notices.c.partner == partner,
            notices.c.data_mode == data_mode,
            notices.c.told_tai_ns.is_(None),
            now_tai_ns >= _due,
        )
        with self._database.snapshot() as connection:
            rows = connection.execute(chosen.order_by(notices.c.id).limit(limit)).all()
        return [_notice(row) for row in rows]

    def last_due(self, partner: str, data_mode: str, now_tai_ns: int) -> int | None:
        """The notice after which nothing is due; None where none is due at all."""
        chosen = (
            select(notices.c.id)
            .where(notices.c.partner == partner, notices.c.data_mode == data_mode, now_tai_ns >= _due)
            .order_by(_due.desc(), notices.c.id.desc())
            .limit(1)
        )
        with self._database.snapshot() as connection:
            return connection.execute(chosen).scalar()

    def get(self, notice_id: int, partner: str) -> NoticeRow | None:
        """A partner's notice; None for what is not his."""
        with self._database.snapshot() as connection:
            row = connection.execute(_ROW.where(notices.c.id == notice_id, notices.c.partner == partner)).one_or_none()
        return None if row is None else _notice(row)

    def of(self, partner: str) -> list[NoticeRow]:
        """All notices of a partner, due or not, the last first."""
        with self._database.snapshot() as connection:
            rows = connection.execute(_ROW.where(notices.c.partner == partner).order_by(notices.c.id.desc()))
            return [_notice(row) for row in rows]

    def told(self, notice_ids: Collection[int], now_tai_ns: int) -> None:
        """Note that notices are being sent; the first instant stays."""
        wanted = sorted(notice_ids)
        if not wanted:
            return
        with self._database.transaction() as connection:
            for first in range(0, len(wanted), _LOOKUP_IDS):
                part = wanted[first : first + _LOOKUP_IDS]
                connection.execute(
                    update(notices)
                    .where(notices.c.id.in_(part), notices.c.told_tai_ns.is_(None))
                    .values(told_tai_ns=now_tai_ns)
                )

    def confirm(self, notice_id: int, partner: str, now_tai_ns: int) -> int | None:
        """Note that a partner has confirmed a notice that he was told; answers when, the first instant for ever.

        None for what is not his, or was never sent to him.
        """
        his = and_(notices.c.id == notice_id, notices.c.partner == partner, notices.c.told_tai_ns.is_not(None))
        with self._database.transaction() as connection:
            connection.execute(
                update(notices).where(his, notices.c.confirmed_tai_ns.is_(None)).values(confirmed_tai_ns=now_tai_ns)
            )
            return connection.execute(select(notices.c.confirmed_tai_ns).where(his)).scalar()

    def rules_of_tear_lines(self, notice_ids: Collection[int]) -> dict[int, TearLineRule]:
        """The rules that tear-lines were made by, by the numbers of their notices."""
        if not notice_ids:
            return {}
        columns = tear_lines.c
        chosen = select(columns.notice_id, columns.agreement_version, columns.rule)
        with self._database.snapshot() as connection:
            rows = connection.execute(chosen.where(columns.notice_id.in_(sorted(notice_ids))))
            return {row.notice_id: TearLineRule(row.agreement_version, row.rule) for row in rows}

    def about(self, kind: str, subject: str) -> list[NoticeRow]:
        """All notices about one thing, by partner and number."""
        chosen = _ROW.where(notices.c.kind == kind, notices.c.subject == subject)
        with self._database.snapshot() as connection:
            return [_notice(row) for row in connection.execute(chosen.order_by(notices.c.partner, notices.c.id))]


def _notice(row: Any) -> NoticeRow:
    found = NoticeRow(*row)
    return found._replace(body=bytes(found.body))

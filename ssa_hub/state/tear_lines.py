"""Tear-lines: the statements that were made about hidden objects, and those that a budget has kept back.

Everything here is for the hub and the hidden objects' originators; what a partner is told is the notice.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, func, insert, or_, select

from schemas.records import DataMode
from ssa_hub.history.tables import CONJUNCTIONS
from ssa_hub.state.combinations import combination_ids
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.giving_up import GIVEN_UP, Archive
from ssa_hub.state.release_tables import notices, tear_lines
from ssa_hub.state.tables import recorded

TOLD, OVER_BUDGET = "told", "over-budget"
_LOOKUP_IDS = 10_000


class Case(NamedTuple):
    """Who is told about which pair; a case is one close approach of it."""

    partner: str
    data_mode: str
    own_object_id: str
    hidden_object_id: str
    hidden_originator: str


class TearLineRow(NamedTuple):
    """One statement. ``revision`` counts those that were told from 1 on, and those over the budget from -1 down, so
    that a partner sees no gap. ``notice_id`` None: over the budget.
    """

    id: int
    case_number: str
    revision: int
    partner: str
    data_mode: str
    own_object_id: str
    own_originator: str
    own_label_id: str
    hidden_object_id: str
    hidden_originator: str
    record_id: str
    rule: str
    agreement_version: str
    tca_tai_ns: int
    miss_distance_m: float
    issued_tai_ns: int
    notice_id: int | None
    outcome: str
    body: bytes


class Followed(NamedTuple):
    """One recorded conjunction: its number and the JSON of all its columns."""

    seq: int
    body: bytes


_ROW = select(*(tear_lines.c[name] for name in TearLineRow._fields))


class TearLines:
    """Statements by case, by notice and by hidden object."""

    def __init__(self, database: Database, archive: Archive) -> None:
        self._database, self._archive = database, archive

    def conjunctions_after(
        self, seq: int, originators: set[tuple[str, DataMode]], *, up_to: int, limit: int
    ) -> list[Followed]:
        """Up to ``limit`` recorded conjunctions with a number in (seq, up_to], by number, one side of which is an orbit
        of one of the originators, in that data mode.
        """
        with self._database.snapshot() as connection:
            ids = [
                number
                for combination, number in combination_ids(connection).items()
                if (combination.originator, DataMode(combination.data_mode)) in originators
            ]
            chosen = (
                select(recorded.c.seq, recorded.c.body)
                .where(
                    recorded.c.seq > seq,
                    recorded.c.seq <= up_to,
                    recorded.c.kind == CONJUNCTIONS,
                    recorded.c.body != GIVEN_UP,  # older than the feed's window: nobody is told of it any more
                    or_(recorded.c.combination_1.in_(ids), recorded.c.combination_2.in_(ids)),
                )
                .order_by(recorded.c.seq)
                .limit(limit)
            )
            return [Followed(row.seq, bytes(row.body)) for row in connection.execute(chosen)]

    def lock(self, connection: Connection) -> None:
        """Keep others from making statements until the transaction ends."""
        lock_table(connection, tear_lines.name)

    def near(self, connection: Connection, case: Case, tca_tai_ns: int, within_ns: int) -> list[TearLineRow]:
        """All statements of the case whose closest approach, as known last, lies less than ``within_ns`` from an
        instant, in the order in which they were made; empty where there is none.
        """
        same = and_(*(tear_lines.c[name] == value for name, value in case._asdict().items()))
        close = and_(tear_lines.c.tca_tai_ns > tca_tai_ns - within_ns, tear_lines.c.tca_tai_ns < tca_tai_ns + within_ns)
        number = connection.execute(
            select(tear_lines.c.case_number).where(same, close).order_by(tear_lines.c.id.desc()).limit(1)
        ).scalar()
        if number is None:
            return []
        chosen = _ROW.where(same, tear_lines.c.case_number == number).order_by(tear_lines.c.id)
        return [_row(row) for row in connection.execute(chosen)]

    def seq_of(self, connection: Connection, record_id: str) -> int:
        """The number of the record that a statement was made from; 0 where it is gone."""
        found: int | None = connection.execute(select(recorded.c.seq).where(recorded.c.record_id == record_id)).scalar()
        return found or 0

    def told_since(self, connection: Connection, case: Case, since_tai_ns: int) -> int:
        """Statements to the case's partner about its hidden object, in its data mode, after an instant."""
        chosen = select(func.count()).where(
            tear_lines.c.partner == case.partner,
            tear_lines.c.data_mode == case.data_mode,
            tear_lines.c.hidden_originator == case.hidden_originator,
            tear_lines.c.hidden_object_id == case.hidden_object_id,
            tear_lines.c.outcome == TOLD,
            tear_lines.c.issued_tai_ns > since_tai_ns,
        )
        count: int = connection.execute(chosen).scalar_one()
        return count

    def add(self, connection: Connection, row: TearLineRow) -> None:
        """Keep a statement; its ``id`` is given by the database."""
        values = row._asdict()
        del values["id"]
        connection.execute(insert(tear_lines).values(values))

    def of_notice(self, notice_id: int) -> tuple[TearLineRow, bytes] | None:
        """The statement of a notice, and the body of the conjunction that it is of; None where either is gone."""
        chosen = select(
            *(tear_lines.c[name] for name in TearLineRow._fields),
            recorded.c.received_tai_ns,
            recorded.c.body.label("conjunction"),
        )
        chosen = chosen.join_from(tear_lines, recorded, tear_lines.c.record_id == recorded.c.record_id)
        with self._database.snapshot() as connection:
            row = connection.execute(chosen.where(tear_lines.c.notice_id == notice_id)).one_or_none()
        if row is None:
            return None
        record_id = row.record_id
        body = self._archive.filled([(record_id, CONJUNCTIONS, row[-2], row[-1])]).get(record_id)
        return None if body is None else (_row(row[:-2]), body[1])

    def told_of(self, record_ids: Sequence[str]) -> list[TearLineRow]:
        """Statements made of these conjunctions that their partners were sent, and that are the last of their case."""
        later = tear_lines.alias("later")
        superseded = exists().where(
            later.c.partner == tear_lines.c.partner,
            later.c.case_number == tear_lines.c.case_number,
            later.c.outcome == TOLD,
            later.c.revision > tear_lines.c.revision,
        )
        chosen = (
            _ROW.join_from(tear_lines, notices, tear_lines.c.notice_id == notices.c.id)
            .where(tear_lines.c.outcome == TOLD, notices.c.told_tai_ns.is_not(None), ~superseded)
            .order_by(tear_lines.c.id)
        )
        found: list[TearLineRow] = []
        with self._database.snapshot() as connection:
            for first in range(0, len(record_ids), _LOOKUP_IDS):
                part = tear_lines.c.record_id.in_(list(record_ids[first : first + _LOOKUP_IDS]))
                found += [_row(row) for row in connection.execute(chosen.where(part))]
        return found

    def waiting(self, now_tai_ns: int, since_tai_ns: int) -> bool:
        """Whether a statement about an approach that is still to come was kept back by a budget since an instant."""
        chosen = select(tear_lines.c.id).where(
            tear_lines.c.outcome == OVER_BUDGET,
            tear_lines.c.tca_tai_ns > now_tai_ns,
            tear_lines.c.issued_tai_ns > since_tai_ns,
        )
        with self._database.snapshot() as connection:
            return connection.execute(chosen.limit(1)).scalar() is not None

    def about(self, originator: str | None = None) -> list[tuple[str, str, str, str, str, int]]:
        """(hidden originator, hidden object, partner, data mode, outcome, instant in TAI ns) of all statements about
        one originator's objects, or of all, sorted.
        """
        columns = tear_lines.c
        group = (columns.hidden_originator, columns.hidden_object_id, columns.partner, columns.data_mode)
        chosen: Select[Any] = select(*group, columns.outcome, columns.issued_tai_ns).order_by(*group, columns.id)
        if originator is not None:
            chosen = chosen.where(columns.hidden_originator == originator)
        with self._database.snapshot() as connection:
            return [(r[0], r[1], r[2], r[3], r[4], r[5]) for r in connection.execute(chosen)]


def _row(row: Any) -> TearLineRow:
    found = TearLineRow(*row)
    return found._replace(body=bytes(found.body))

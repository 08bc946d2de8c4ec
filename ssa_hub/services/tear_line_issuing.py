"""One conjunction, one partner: what is said to him of it, kept and told in one transaction."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from schemas.records import DataMode
from schemas.tear_line import tear_line_from_json
from schemas.timescales import NS_PER_DAY
from ssa_hub.release.partner import Partner
from ssa_hub.release.tear_line import (
    SAME_PASS_NS,
    Cell,
    OwnSide,
    Side,
    case_number,
    cell_of,
    own_side,
    statement_of,
)
from ssa_hub.release.tear_line_concern import Concern, Decisions, ObjectSide
from ssa_hub.state.notices import TEAR_LINE
from ssa_hub.state.store import State
from ssa_hub.state.tear_lines import OVER_BUDGET, TOLD, Case, TearLineRow

_SECRET_BYTES = 32

Row = Mapping[str, Any]


class Candidate(NamedTuple):
    """A recorded conjunction (``seq``, ``row``) that may be told to a partner as a tear-line; it is in ``cell``."""

    seq: int
    row: Row
    own: OwnSide
    own_label_id: str
    hidden: ObjectSide
    case: Case
    concern: Concern
    cell: Cell


def object_side(row: Row, side: Side) -> ObjectSide:
    """One side of a conjunction (columns of `schemas.records.CONJUNCTION`)."""
    return ObjectSide(row[f"object_id_{side}"], row[f"parent_originator_{side}"], row[f"parent_label_id_{side}"])


def candidates(
    seq: int, row: Row, decisions: Decisions, granting: Mapping[tuple[str, DataMode], list[Partner]], now_tai_ns: int
) -> Iterator[Candidate]:
    """Whom a conjunction concerns, by side and partner. One that is over by the time at which it could be told is left
    out, unless it was over when it was received: that is a replayed day, whose time is not ours.
    """
    data_mode = DataMode(row["data_mode"])
    sides: tuple[tuple[Side, Side], ...] = ((1, 2), (2, 1))
    for own_number, hidden_number in sides:
        own, hidden = object_side(row, own_number), object_side(row, hidden_number)
        for partner in granting.get((hidden.originator, data_mode), ()):
            concern = decisions.concern(partner, own, hidden, data_mode)
            if concern is None:
                continue
            told_from = max(now_tai_ns, row["received_tai_ns"] + concern.delay_ns)
            if row["received_tai_ns"] < row["tca_tai_ns"] <= told_from:
                continue
            cell = cell_of(row, concern.grant.terms)
            if cell is not None:
                case = Case(partner.name, data_mode.value, own.object_id, hidden.object_id, hidden.originator)
                yield Candidate(seq, row, own_side(row, hidden_number), own.label_id, hidden, case, concern, cell)


class Issuing:
    """Makes statements. For one thread; what it writes belongs to the caller's transaction."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._secret = state.secrets.get_or_make("case-numbers", _SECRET_BYTES)

    def issue(self, connection: Connection, candidate: Candidate, now_tai_ns: int) -> str | None:
        """Say it, or keep it back where the budget is spent; answers the outcome, None where it is no news.

        News is what differs from what the partner was told last of this case from this orbit of his object; from an
        orbit that nothing was said from yet, what differs from all that stands. A record older than the one that was
        spoken of last is never news.
        """
        case, concern, terms = candidate.case, candidate.concern, candidate.concern.grant.terms
        tca_tai_ns = candidate.row["tca_tai_ns"]
        rows = self._state.tear_lines.near(connection, case, tca_tai_ns, SAME_PASS_NS)
        number = rows[-1].case_number if rows else case_number(self._secret, *case, tca_tai_ns)
        told = [row for row in rows if row.outcome == TOLD]
        told_from = max(now_tai_ns, candidate.row["received_tai_ns"] + concern.delay_ns)
        statement = statement_of(
            candidate.cell,
            candidate.own,
            terms,
            data_mode=case.data_mode,
            case_number=number,
            revision=len(told) + 1,
            issued_tai_ns=told_from,
        )
        said = statement.said_sha256()
        if self._is_old(connection, candidate, rows) or said in _standing(told, candidate.own.orbit_originator):
            return None
        spent = self._state.tear_lines.told_since(connection, case, now_tai_ns - terms.budget_days * NS_PER_DAY)
        kept_back = [row for row in rows if row.outcome == OVER_BUDGET]
        outcome = TOLD if spent < terms.budget else OVER_BUDGET
        if outcome == OVER_BUDGET and kept_back and _said_sha256(kept_back[-1]) == said:
            return None
        body = statement.to_json()
        notice_id = None
        if outcome == TOLD:
            notice_id = self._state.notices.add(
                connection,
                partner=case.partner,
                kind=TEAR_LINE,
                data_mode=case.data_mode,
                subject=number,
                originator=case.hidden_originator,
                body=body,
                visible_tai_ns=told_from,
                now_tai_ns=now_tai_ns,
            )
        row = TearLineRow(
            id=0,
            case_number=number,
            revision=statement.revision if outcome == TOLD else -len(kept_back) - 1,
            own_originator=candidate.own.orbit_originator,
            own_label_id=candidate.own_label_id,
            record_id=candidate.row["record_id"],
            rule=concern.grant.rule,
            agreement_version=concern.grant.agreement_version,
            tca_tai_ns=tca_tai_ns,
            miss_distance_m=candidate.row["miss_distance_m"],
            issued_tai_ns=now_tai_ns,
            notice_id=notice_id,
            outcome=outcome,
            body=body,
            **case._asdict(),
        )
        self._state.tear_lines.add(connection, row)
        return outcome

    def _is_old(self, connection: Connection, candidate: Candidate, rows: list[TearLineRow]) -> bool:
        """Whether a newer record of the case, from the same orbit's originator, was spoken of already."""
        same = [row for row in rows if row.own_originator == candidate.own.orbit_originator]
        return bool(same) and self._state.tear_lines.seq_of(connection, same[-1].record_id) > candidate.seq


def _said_sha256(row: TearLineRow) -> str:
    """The hash of what a kept statement says."""
    return tear_line_from_json(row.body).said_sha256()


def _standing(told: list[TearLineRow], orbit_originator: str) -> set[str]:
    """What stands told: by the last statement from this orbit's originator, or by the last from each."""
    last = {row.own_originator: row for row in told}
    rows = [last[orbit_originator]] if orbit_originator in last else list(last.values())
    return {_said_sha256(row) for row in rows}


def row_of(body: bytes) -> dict[str, Any]:
    """A recorded conjunction's columns."""
    row: dict[str, Any] = msgspec.json.decode(body)
    return row

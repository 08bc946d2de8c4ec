"""Who is to be told of a withdrawal: those who have received a withdrawn record, or a conjunction of a withdrawn orbit.

The ledger knows. Each gets a notice with the ids that he was shown, of what he received and nothing else. Who was told
a tear-line that was made of a withdrawn orbit gets one with its case number, which does not say whose orbit it was.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Connection

from schemas.timescales import NS_PER_SECOND, format_utc
from ssa_hub.history.lineage import conjunctions_of
from ssa_hub.history.store import History
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS
from ssa_hub.release.ledger import Channel
from ssa_hub.sharing.shown_ids import ShownIds, shown_ids_of
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.sharing.withdrawal_notice import WithdrawalNotice
from ssa_hub.state.database import lock_table
from ssa_hub.state.notices import WITHDRAWAL
from ssa_hub.state.release_tables import notices
from ssa_hub.state.store import State
from ssa_hub.state.withdrawals import WITHDRAW, Reason, WithdrawnRecord

# An answer that was made before a withdrawal is noted in the ledger, and sent, at most so long after it.
UNDER_WAY_NS = 120 * NS_PER_SECOND
_WITHDRAWN, _FLAGGED, _GONE = "record_ids", "conjunctions_flagged", "conjunctions_withdrawn"


class Letter(NamedTuple):
    """A notice that is to be written, of the records of one data mode. ``originator``: in whose ledger it stands.

    ``told_of``: whether who withdraws is told that this partner was: not where it would tell him of a hidden object.
    """

    partner: str
    data_mode: str
    notice: WithdrawalNotice
    originator: str
    told_of: bool = True


class _Concerned(NamedTuple):
    """A record that a withdrawal touches: its data mode, and under what a notice lists it."""

    data_mode: str
    listed_as: str


class Recipients:
    """Finds and tells them. Threads may share one."""

    def __init__(self, state: State, history: History) -> None:
        self._state, self._history = state, history
        self._ids: ShownIds | None = None

    def letters(
        self,
        originator: str,
        records: Sequence[WithdrawnRecord],
        reason: Reason,
        derived: str,
        *,
        received_from_tai_ns: int,
        withdrawn_tai_ns: int,
        until_tai_ns: int | None = None,
        told: dict[str, set[str]] | None = None,
    ) -> list[Letter]:
        """What is to be told to whom of the withdrawal of these records, by partner and data mode.

        ``received_from_tai_ns``: when the first of them came. ``until_tai_ns``: who received it later needs no telling.
        ``told``: ids that a partner has been told of already. Raises StateUnavailableError, HistoryUnavailableError.
        """
        concerned = self._concerned(records, derived, received_from_tai_ns)
        if not concerned:
            return []
        lists: dict[tuple[str, str], dict[str, set[str]]] = {}
        channels: dict[tuple[str, str], set[str]] = {}
        for received in self._state.ledger.who_received(sorted(concerned), originator, received_from_tai_ns):
            if received.partner == originator or (until_tai_ns is not None and received.last_tai_ns > until_tai_ns):
                continue
            shown = self._shown(received.partner, received.record_ids, received.pseudonymous)
            for record_id, as_shown in zip(received.record_ids, shown, strict=True):
                if as_shown in (told or {}).get(received.partner, set()):
                    continue
                data_mode, listed_as = concerned[record_id]
                key = (received.partner, data_mode)
                lists.setdefault(key, {}).setdefault(listed_as, set()).add(as_shown)
                channels.setdefault(key, set()).add(str(received.channel))
        (withdrawn_utc,) = utc_texts([withdrawn_tai_ns])
        letters = [
            Letter(
                partner,
                data_mode,
                WithdrawalNotice(
                    originator=originator,
                    withdrawn_utc=withdrawn_utc or "",
                    reason=reason.text if reason.told else None,
                    record_ids=tuple(sorted(found.get(_WITHDRAWN, ()))),
                    conjunctions_flagged=tuple(sorted(found.get(_FLAGGED, ()))),
                    conjunctions_withdrawn=tuple(sorted(found.get(_GONE, ()))),
                    channels=tuple(sorted(channels[partner, data_mode])),
                ),
                originator,
            )
            for (partner, data_mode), found in sorted(lists.items())
        ]
        return letters + self._of_tear_lines(originator, sorted(concerned), withdrawn_tai_ns, told or {})

    def _of_tear_lines(
        self, originator: str, record_ids: Sequence[str], withdrawn_tai_ns: int, told: dict[str, set[str]]
    ) -> list[Letter]:
        """That statements hold no more: to the minute, and without a word of whose orbit was withdrawn."""
        cases: dict[tuple[str, str, str], set[str]] = {}
        for row in self._state.tear_lines.told_of(record_ids):
            if row.case_number not in told.get(row.partner, set()):
                cases.setdefault((row.partner, row.data_mode, row.hidden_originator), set()).add(row.case_number)
        minute = format_utc(withdrawn_tai_ns, 0)[:-2] + "00"
        return [
            Letter(
                partner,
                data_mode,
                WithdrawalNotice(
                    originator=None,
                    withdrawn_utc=minute,
                    reason=None,
                    record_ids=(),
                    conjunctions_flagged=(),
                    conjunctions_withdrawn=(),
                    channels=(str(Channel.NOTICE),),
                    tear_lines=tuple(sorted(found)),
                    asked_of_you=(
                        "What these tear-lines said holds no more; the close approach is screened anew. Confirm: "
                        "POST /v1/notices/{notice_id}/confirm"
                    ),
                ),
                hidden_originator,
                told_of=hidden_originator == originator,
            )
            for (partner, data_mode, hidden_originator), found in sorted(cases.items())
        ]

    def write(self, connection: Connection, number: int, letters: Iterable[Letter], now_tai_ns: int) -> None:
        """Write the notices of a withdrawal."""
        for letter in letters:
            self._state.notices.add(
                connection,
                partner=letter.partner,
                kind=WITHDRAWAL,
                data_mode=letter.data_mode,
                subject=str(number) if letter.told_of else _untold(number),
                originator=letter.originator,
                body=msgspec.json.encode(letter.notice),
                visible_tai_ns=now_tai_ns,
                now_tai_ns=now_tai_ns,
            )

    def tell_latecomers(self, number: int, now_tai_ns: int) -> None:
        """Tell those whose answers were under way when the records were withdrawn. Twice tells nobody twice.

        Raises StateUnavailableError, HistoryUnavailableError.
        """
        withdrawal = self._state.withdrawals.get(number)
        records = self._state.withdrawals.records(number)
        if withdrawal is None or not records:
            return
        bodies = self._state.withdrawals.bodies([record.record_id for record in records])
        instants = [msgspec.json.decode(body, type=_Received).received_tai_ns for _, body in bodies.values()]

        def still_to_be_told() -> list[Letter]:
            return self.letters(
                withdrawal.originator,
                records,
                withdrawal.reason,
                withdrawal.derived,
                received_from_tai_ns=min(instants, default=withdrawal.withdrawn_tai_ns),
                withdrawn_tai_ns=withdrawal.withdrawn_tai_ns,
                until_tai_ns=withdrawal.withdrawn_tai_ns + UNDER_WAY_NS,
                told=self._told(number),
            )

        if still_to_be_told():
            with self._state.transaction() as connection:
                # Another process may be at the same work: only one of them writes at a time, and sees what is written.
                lock_table(connection, notices.name)
                self.write(connection, number, still_to_be_told(), now_tai_ns)

    def _told(self, number: int) -> dict[str, set[str]]:
        """The ids that each partner has been told of, as he was shown them."""
        told: dict[str, set[str]] = {}
        for subject in (str(number), _untold(number)):
            for row in self._state.notices.about(WITHDRAWAL, subject):
                notice = msgspec.json.decode(row.body, type=WithdrawalNotice)
                ids = told.setdefault(row.partner, set())
                ids.update(notice.record_ids, notice.conjunctions_flagged, notice.conjunctions_withdrawn)
                ids.update(notice.tear_lines)
        return told

    def _concerned(
        self, records: Sequence[WithdrawnRecord], derived: str, received_from_tai_ns: int
    ) -> dict[str, _Concerned]:
        orbits = [record.record_id for record in records if record.kind == ELEMENTS]
        found: dict[str, _Concerned] = {}
        if orbits:
            conjunctions = conjunctions_of(self._history, orbits, received_from_tai_ns)
            listed_as = _GONE if derived == WITHDRAW else _FLAGGED
            ids, modes = (conjunctions.column(name).to_pylist() for name in ("record_id", "data_mode"))
            found = {record_id: _Concerned(mode, listed_as) for record_id, mode in zip(ids, modes, strict=True)}
        for record in records:
            listed_as = _GONE if record.kind == CONJUNCTIONS else _WITHDRAWN
            found[record.record_id] = _Concerned(record.data_mode, listed_as)
        return found

    def _shown(self, partner: str, record_ids: tuple[str, ...], pseudonymous: bool) -> list[str]:
        if not pseudonymous:
            return list(record_ids)
        if self._ids is None:
            self._ids = shown_ids_of(self._state)
        ids = self._ids.of(partner).shown_column(pa.chunked_array([record_ids], pa.string()))
        shown: list[str] = ids.to_pylist()
        return shown


def _untold(number: int) -> str:
    """The subject of notices of a withdrawal that who withdraws is not told of."""
    return f"{number}, of others"


class _Received(msgspec.Struct, frozen=True):
    received_tai_ns: int

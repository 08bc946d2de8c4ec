"""Notices: what the hub tells one partner by himself, on the stream and in a listing, and his confirmations.

The number of a notice counts all partners' notices, so it is never shown (`ssa_hub.sharing.opaque_ids`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.release.ledger import Channel, Disclosure
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.opaque_ids import OpaqueIds
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.sharing.withdrawal_notice import WithdrawalNotice
from ssa_hub.state.notices import TEAR_LINE, WITHDRAWAL, NoticeRow
from ssa_hub.state.store import State

_KINDS_IN_LEDGER = {TEAR_LINE: "tear-lines", WITHDRAWAL: "withdrawals"}
_READ_AT_ONCE = 200
_WITHDRAWAL_RULE = "withdrawal"

# Whether a tear-line may still be told to a partner at an instant (TAI ns).
TearLineStillAllowed = Callable[[Partner, NoticeRow, int], bool]


def no_tear_lines(partner: Partner, row: NoticeRow, now_tai_ns: int) -> bool:
    """For who has no rule of tear-lines at hand: none may be told."""
    return False


class ShownNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as its partner gets it. ``withdrawal`` or ``tear_line`` says what it is about, by its kind."""

    notice_id: str
    kind: str
    data_mode: str
    confirmed_utc: str | None
    withdrawal: WithdrawalNotice | None
    tear_line: msgspec.Raw | None


class Notice(NamedTuple):
    """A notice for one partner. ``row.id`` is for the hub alone; ``shown_id`` is what he may see."""

    row: NoticeRow
    shown_id: str

    @property
    def id(self) -> int:
        """Its number: to go on after, never to be shown."""
        return self.row.id

    @property
    def kind(self) -> str:
        """``tear-line`` or ``withdrawal``: the type of its event, too."""
        return self.row.kind

    def shown(self) -> ShownNotice:
        """What the partner gets."""
        withdrawal = self.row.kind == WITHDRAWAL
        return ShownNotice(
            notice_id=self.shown_id,
            kind=self.row.kind,
            data_mode=self.row.data_mode,
            confirmed_utc=utc_texts([self.row.confirmed_tai_ns])[0],
            withdrawal=msgspec.json.decode(self.row.body, type=WithdrawalNotice) if withdrawal else None,
            tear_line=None if withdrawal else msgspec.Raw(self.row.body),
        )

    def data(self) -> bytes:
        """The same as JSON in one line."""
        return msgspec.json.encode(self.shown())


class Confirmation(msgspec.Struct, frozen=True):
    """When a notice was confirmed first."""

    notice_id: str
    confirmed_utc: str


class Notices:
    """Partners' notices. Threads may share one. Every method raises StateUnavailableError."""

    def __init__(
        self,
        state: State,
        policies: Policies,
        disclosures: Disclosures,
        tear_line_still_allowed: TearLineStillAllowed = no_tear_lines,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._state, self._policies, self._disclosures = state, policies, disclosures
        self._tear_line_still_allowed, self._clock_tai_ns = tear_line_still_allowed, clock_tai_ns
        self._ids = OpaqueIds(state, "notice")

    def visible(
        self,
        partner: Partner,
        *,
        after: int | None,
        data_mode: DataMode,
        limit: int,
        with_untold: bool = False,
    ) -> list[Notice]:
        """Up to ``limit`` notices for the partner after one (None: from the first), in the order of falling due.

        ``with_untold``, for streams: those that he was never sent come whatever they are after. Nothing is noted: who
        sends them calls `tell` first.
        """
        found: list[Notice] = []
        while len(found) < limit:
            now = self._clock_tai_ns()
            rows = self._state.notices.due(
                partner.name, data_mode.value, now_tai_ns=now, limit=_READ_AT_ONCE, after=after, with_untold=with_untold
            )
            found += [
                Notice(row, self._shown_id(row))
                for row in rows
                if row.kind != TEAR_LINE or self._tear_line_still_allowed(partner, row, now)
            ]
            if len(rows) < _READ_AT_ONCE:
                break
            after, with_untold = rows[-1].id, False
        return found[:limit]

    def tell(self, partner: Partner, notices: Sequence[Notice]) -> None:
        """Note that these are about to be sent to their partner: in the ledger, and when he was told first."""
        if not notices:
            return
        now = self._clock_tai_ns()
        rules = self._policies.rules()
        version = self._policies.released_to(partner, now).table.policy_version
        tear_lines = self._state.notices.rules_of_tear_lines(
            [notice.id for notice in notices if notice.kind == TEAR_LINE]
        )
        self._disclosures.record(
            [
                Disclosure(
                    partner=partner.name,
                    originator=notice.row.originator,
                    channel=Channel.NOTICE,
                    kind=_KINDS_IN_LEDGER[notice.kind],
                    data_mode=notice.row.data_mode,
                    policy_version=version,
                    agreement_version=tear_lines[notice.id].agreement_version if notice.kind == TEAR_LINE else "",
                    rule=tear_lines[notice.id].rule if notice.kind == TEAR_LINE else _WITHDRAWAL_RULE,
                    posture=str(rules.posture),
                    pseudonymous=False,
                    record_ids=b"",
                    records=1,
                )
                for notice in notices
            ]
        )
        self._state.notices.told([notice.id for notice in notices], now)

    def untold(self, partner: Partner, data_mode: str) -> int:
        """How many notices wait that the partner was never sent, counted up to `_READ_AT_ONCE`: who only reads pages
        learns so that there are some.
        """
        now = self._clock_tai_ns()
        rows = self._state.notices.untold(partner.name, data_mode, now_tai_ns=now, limit=_READ_AT_ONCE)
        return sum(row.kind != TEAR_LINE or self._tear_line_still_allowed(partner, row, now) for row in rows)

    def last(self, partner: Partner, data_mode: DataMode) -> int | None:
        """Where a stream that begins now goes on from: see ``after`` of `visible`, with ``with_untold``."""
        return self._state.notices.last_due(partner.name, data_mode.value, self._clock_tai_ns())

    def number(self, partner: Partner, shown_id: str) -> int | None:
        """The number of a notice that the partner was sent; None for any other text."""
        row = self._his(partner, shown_id)
        return None if row is None or row.told_tai_ns is None else row.id

    def shown_id(self, partner: Partner, number: int) -> str:
        """How a notice of the partner's is shown, by its number. Raises KeyError for what is not his."""
        row = self._state.notices.get(number, partner.name)
        if row is None:
            raise KeyError(number)
        return self._shown_id(row)

    def confirm(self, partner: Partner, shown_id: str) -> Confirmation | None:
        """Note that the partner confirms a notice that he was sent; the first time counts. None for any other."""
        row = self._his(partner, shown_id)
        if row is None:
            return None
        confirmed = self._state.notices.confirm(row.id, partner.name, self._clock_tai_ns())
        text = utc_texts([confirmed])[0]
        return None if text is None else Confirmation(shown_id, text)

    def _his(self, partner: Partner, shown_id: str) -> NoticeRow | None:
        rows = self._state.notices.of(partner.name)
        return next((row for row in rows if self._shown_id(row) == shown_id), None)

    def _shown_id(self, row: NoticeRow) -> str:
        return self._ids.of(row.partner, row.kind, row.data_mode, row.body)

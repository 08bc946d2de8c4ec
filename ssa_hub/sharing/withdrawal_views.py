"""What of withdrawals is shown: to their originator all, to a steward that they are, to everybody else nothing."""

from collections import defaultdict

import msgspec

from ssa_hub.release.partner import Partner, Role
from ssa_hub.sharing.opaque_ids import OpaqueIds
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.sharing.withdrawal_notice import WithdrawalNotice
from ssa_hub.state.notices import WITHDRAWAL, NoticeRow
from ssa_hub.state.store import State
from ssa_hub.state.withdrawals import Withdrawal


class WithdrawalSummary(msgspec.Struct, frozen=True, kw_only=True):
    """That something was withdrawn. ``records``: how many.

    ``screened_utc``: when the close approaches found without the withdrawn orbits were complete and shown; null until
    then, and where no orbit was withdrawn.
    """

    withdrawal_id: str
    originator: str
    withdrawn_utc: str
    derived: str
    records: int
    screened_utc: str | None


class WithdrawalRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One who received any of it, through which channels, and when he was told and has confirmed.

    ``records`` are withdrawn records, ``conjunctions`` those of withdrawn orbits, ``tear_lines`` cases that he was told
    of withdrawn orbits. Where he was told in several notices
    ``told_utc`` and ``confirmed_utc`` are null until the last of them is.
    """

    partner: str
    channels: tuple[str, ...]
    records: int
    conjunctions: int
    tear_lines: int
    told_utc: str | None
    confirmed_utc: str | None


class WithdrawalReport(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal as its originator sees it. ``outstanding``: how many recipients have not confirmed."""

    withdrawal_id: str
    originator: str
    withdrawn_utc: str
    withdrawn_by: str
    reason: str
    reason_to_recipients: bool
    derived: str
    payload_sha256: str | None
    record_ids: tuple[str, ...]
    screened_utc: str | None
    recipients: tuple[WithdrawalRecipient, ...]
    outstanding: int


class WithdrawalViews:
    """Answers originators and stewards. Every method raises StateUnavailableError."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ids = OpaqueIds(state, "withdrawal")

    def listed(self, asker: Partner) -> list[WithdrawalSummary]:
        """The asker's own withdrawals, for a steward everybody's; the last first."""
        originator = None if Role.STEWARD in asker.roles else asker.name
        return [self.summary(withdrawal) for withdrawal in self._state.withdrawals.all(originator=originator)]

    def report(self, asker: Partner, shown_id: str) -> WithdrawalReport | None:
        """One withdrawal with all who received any of it; None for what is not the asker's."""
        withdrawal = self.find(shown_id, originator=asker.name)
        return None if withdrawal is None else self.report_of(withdrawal)

    def made(self, number: int) -> WithdrawalReport:
        """The withdrawal that has just been made, for its originator. Raises KeyError for a number of none."""
        withdrawal = self._state.withdrawals.get(number)
        if withdrawal is None:
            raise KeyError(number)
        return self.report_of(withdrawal)

    def find(self, shown_id: str, *, originator: str | None = None) -> Withdrawal | None:
        """The withdrawal, of one originator or of all, that is shown so; None where there is none."""
        made = self._state.withdrawals.all(originator=originator)
        return next((withdrawal for withdrawal in made if self._shown_id(withdrawal) == shown_id), None)

    def summary(self, withdrawal: Withdrawal) -> WithdrawalSummary:
        """What a steward may see, too."""
        withdrawn, screened = utc_texts([withdrawal.withdrawn_tai_ns, withdrawal.screened_tai_ns])
        return WithdrawalSummary(
            withdrawal_id=self._shown_id(withdrawal),
            originator=withdrawal.originator,
            withdrawn_utc=withdrawn or "",
            derived=withdrawal.derived,
            records=withdrawal.records,
            screened_utc=screened,
        )

    def report_of(self, withdrawal: Withdrawal) -> WithdrawalReport:
        """What the originator sees."""
        by_partner: dict[str, list[NoticeRow]] = defaultdict(list)
        for row in self._state.notices.about(WITHDRAWAL, str(withdrawal.id)):
            by_partner[row.partner].append(row)
        recipients = tuple(_recipient(partner, rows) for partner, rows in sorted(by_partner.items()))
        withdrawn, screened = utc_texts([withdrawal.withdrawn_tai_ns, withdrawal.screened_tai_ns])
        return WithdrawalReport(
            withdrawal_id=self._shown_id(withdrawal),
            originator=withdrawal.originator,
            withdrawn_utc=withdrawn or "",
            withdrawn_by=withdrawal.withdrawn_by,
            reason=withdrawal.reason.text,
            reason_to_recipients=withdrawal.reason.told,
            derived=withdrawal.derived,
            payload_sha256=withdrawal.payload_sha256,
            record_ids=tuple(record.record_id for record in self._state.withdrawals.records(withdrawal.id)),
            screened_utc=screened,
            recipients=recipients,
            outstanding=sum(recipient.confirmed_utc is None for recipient in recipients),
        )

    def _shown_id(self, withdrawal: Withdrawal) -> str:
        return self._ids.of(withdrawal.originator, withdrawal.ordinal)


def _recipient(partner: str, rows: list[NoticeRow]) -> WithdrawalRecipient:
    notices = [msgspec.json.decode(row.body, type=WithdrawalNotice) for row in rows]
    told, confirmed = utc_texts(
        [_last([row.told_tai_ns for row in rows]), _last([row.confirmed_tai_ns for row in rows])]
    )
    return WithdrawalRecipient(
        partner=partner,
        channels=tuple(sorted({channel for notice in notices for channel in notice.channels})),
        records=sum(len(notice.record_ids) for notice in notices),
        conjunctions=sum(len(notice.conjunctions_flagged) + len(notice.conjunctions_withdrawn) for notice in notices),
        tear_lines=sum(len(notice.tear_lines) for notice in notices),
        told_utc=told,
        confirmed_utc=confirmed,
    )


def _last(instants: list[int | None]) -> int | None:
    """The last of them; None where one is still to come."""
    there = [instant for instant in instants if instant is not None]
    return max(there) if len(there) == len(instants) else None

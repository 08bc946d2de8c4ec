"""What a recipient of withdrawn records is told: the form of the notice."""

import msgspec


class WithdrawalNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An originator has recalled records that you have received, or that a tear-line to you was made of.

    ``record_ids``: the withdrawn ones; use them no more. ``conjunctions_flagged``: close approaches that were found
    with a withdrawn orbit and are still served, with ``parent_withdrawn`` true; ``conjunctions_withdrawn``: those that
    are withdrawn with it. All ids are as you were shown them. ``channels``: how you received any of it. ``reason`` is
    null where the originator keeps it to himself. ``tear_lines``: case numbers of statements that hold no more; such a
    notice names neither originator nor reason, and when it was only to the minute.
    """

    originator: str | None
    withdrawn_utc: str
    reason: str | None
    record_ids: tuple[str, ...]
    conjunctions_flagged: tuple[str, ...]
    conjunctions_withdrawn: tuple[str, ...]
    channels: tuple[str, ...]
    tear_lines: tuple[str, ...] = ()
    asked_of_you: str = (
        "Stop using these records, tell those whom you have given them to, then confirm: "
        "POST /v1/notices/{notice_id}/confirm"
    )

    @property
    def count(self) -> int:
        """How many records it speaks of."""
        records = len(self.record_ids) + len(self.conjunctions_flagged) + len(self.conjunctions_withdrawn)
        return records + len(self.tear_lines)

"""What a recipient of withdrawn records is told: the form of the notice."""

import msgspec


class WithdrawalNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An originator has recalled records that you have received.

    ``record_ids``: the withdrawn ones; use them no more. ``conjunctions_flagged``: close approaches that were found
    with a withdrawn orbit and are still served, with ``parent_withdrawn`` true; ``conjunctions_withdrawn``: those that
    are withdrawn with it. All ids are as you were shown them. ``channels``: how you received any of it. ``reason`` is
    null where the originator keeps it to himself.
    """

    originator: str
    withdrawn_utc: str
    reason: str | None
    record_ids: tuple[str, ...]
    conjunctions_flagged: tuple[str, ...]
    conjunctions_withdrawn: tuple[str, ...]
    channels: tuple[str, ...]
    asked_of_you: str = (
        "Stop using these records, tell those whom you have given them to, then confirm: "
        "POST /v1/notices/{notice_id}/confirm"
    )

    @property
    def count(self) -> int:
        """How many records it speaks of."""
        return len(self.record_ids) + len(self.conjunctions_flagged) + len(self.conjunctions_withdrawn)

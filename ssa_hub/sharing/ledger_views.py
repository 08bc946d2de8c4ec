"""What a partner is told of the ledger: as an originator who received what of his, as a recipient what he received.

Nothing here goes by role, a steward's included: each sees the entries of his own data, and sums of what he was given.
"""

import threading
from collections import OrderedDict
from datetime import date
from typing import Literal

import msgspec

from ssa_hub.release.ledger import day_text, read_day
from ssa_hub.release.ledger_extract import ExtractEntry, LedgerExtract, entry_of, make_extract
from ssa_hub.release.ledger_periods import LedgerSum
from ssa_hub.state.ledger_questions import Position
from ssa_hub.state.ledger_rows import Interval
from ssa_hub.state.store import State

_KEPT_DAYS = 4

_BY_ORIGINATOR = ("partner", "channel", "kind", "data_mode", "rule")
_BY_RECIPIENT = ("originator", "channel", "kind", "data_mode")
# Who withholds is said neither in a tear-line nor where one is taken back, and who has an orbit near a what-if's is not
# said in its counts. (A withdrawal's notice names its originator where he may be named.)
_NAMELESS = (("kind", "tear-lines"), ("kind", "withdrawals"), ("channel", "what-if"))


class DisclosureSum(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many records in so many entries; ``day`` where it was asked by day, ``entries`` to the originator only."""

    channel: str
    kind: str
    data_mode: str
    records: int
    first_tai_ns: int
    last_tai_ns: int
    originator: str | None = None
    partner: str | None = None
    rule: str | None = None
    day: str | None = None
    entries: int | None = None


class LedgerKeyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The key that verifies the hub's signatures, 64 hexadecimal digits."""

    public_key: str
    algorithm: Literal["Ed25519"] = "Ed25519"


class LedgerViews:
    """Answers of the ledger. Threads may share one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._extracts: OrderedDict[tuple[int, str], LedgerExtract] = OrderedDict()

    def sums_of_mine(self, originator: str, interval: Interval, *, by_day: bool = False) -> list[DisclosureSum]:
        """Who has received what of an originator's data, by partner, channel, kind, data mode and rule."""
        by = (*_BY_ORIGINATOR, "period") if by_day else _BY_ORIGINATOR
        found = self._state.ledger_questions.sums(by, interval, originator=originator)
        return [_told(dict(zip(by, key, strict=True)), value, entries=value.entries) for key, value in found]

    def sums_received(self, partner: str, interval: Interval, *, by_day: bool = False) -> list[DisclosureSum]:
        """What a partner received, by originator, channel, kind and data mode, as far as he was told these."""
        by = (*_BY_RECIPIENT, "period") if by_day else _BY_RECIPIENT
        merged: dict[tuple[tuple[str, str | int], ...], LedgerSum] = {}
        for key, value in self._state.ledger_questions.sums(by, interval, partner=partner):
            named = dict(zip(by, key, strict=True))
            if any(named[column] == text for column, text in _NAMELESS):
                del named["originator"]
            told = tuple(named.items())
            merged[told] = value if told not in merged else merged[told].plus(value)
        return [_told(dict(key), value, entries=None) for key, value in merged.items()]

    def entries(
        self, originator: str, interval: Interval, *, after: Position | None, limit: int
    ) -> tuple[list[ExtractEntry], Position | None]:
        """An originator's entries, oldest first, and where to go on."""
        found, position = self._state.ledger_questions.entries(
            interval, originator=originator, partner=None, after=after, limit=limit
        )
        return [entry_of(entry) for entry in found], position

    def extract(self, originator: str, day: str) -> LedgerExtract | None:
        """An originator's extract of a UTC day (YYYY-MM-DD); None where the day is not closed.

        Raises ValueError for a text that is no day.
        """
        period = read_day(str(date.fromisoformat(day)))
        key = (period, originator)
        with self._lock:
            if key in self._extracts:
                return self._extracts[key]
        read = self._state.ledger_periods.read(period, originator)
        if read is None:
            return None
        keys = self._state.ledger_periods.keys()
        extract = make_extract(
            originator,
            read.closed,
            read.previous_sha256,
            read.leaves,
            list(map(entry_of, read.entries)),
            keys,
        )
        with self._lock:
            self._extracts[key] = extract
            while len(self._extracts) > _KEPT_DAYS:
                self._extracts.popitem(last=False)
        return extract

    def key(self) -> LedgerKeyReport:
        """The public key."""
        return LedgerKeyReport(public_key=self._state.ledger_periods.keys().public_key.hex())


def _told(named: dict[str, str | int], value: LedgerSum, entries: int | None) -> DisclosureSum:
    texts = {name: str(text) for name, text in named.items() if name != "period"}
    period = named.get("period")
    return DisclosureSum(
        **texts,
        day=day_text(period) if isinstance(period, int) else None,
        entries=entries,
        records=value.records,
        first_tai_ns=value.first_tai_ns,
        last_tai_ns=value.last_tai_ns,
    )

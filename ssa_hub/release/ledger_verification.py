"""Verifying a whole ledger: everything that can be computed from its entries is, and the first difference is named."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.records import DataMode
from ssa_hub.release.ledger import KINDS, NO_ENTRY_SHA256, RECORD_ID_BYTES, TEXTS, Channel, chained_sha256, day_text
from ssa_hub.release.ledger import utc_day as day_of
from ssa_hub.release.ledger_periods import (
    FIRST_PREVIOUS_SHA256,
    ClosedPeriod,
    LedgerKeys,
    LedgerSum,
    PeriodContent,
    StoredEntry,
    SumKey,
    is_signed,
    period_sha256,
)
from ssa_hub.release.merkle import sparse_root
from ssa_hub.release.partner import Posture

Sums = Mapping[int, Mapping[SumKey, LedgerSum]]
_KNOWN_TEXTS = {
    TEXTS.index(name): frozenset(str(text).encode() for text in texts)
    for name, texts in (("channel", Channel), ("kind", KINDS), ("data_mode", DataMode), ("posture", Posture))
}


class Finding(NamedTuple):
    """Where the ledger is wrong first, and what is wrong there."""

    place: str
    what: str


class WrongLedgerError(Exception):
    """The ledger is not what was written."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.finding = Finding(place, what)


class Verified(NamedTuple):
    """What was found right: so many entries and closed periods, and the head of the chain."""

    entries: int
    periods: int
    head_sha256: bytes


def verify_ledger(
    entries: Iterable[StoredEntry],
    periods: Sequence[ClosedPeriod],
    sums: Sums,
    keys: LedgerKeys,
    known_sha256: bytes | None = None,
) -> Verified:
    """Recompute chain, sums, roots, periods and signatures. Raises WrongLedgerError for the first that is wrong.

    ``entries`` by number, ``periods`` by day, ``sums`` by day. ``known_sha256``: the hash of an entry or a period that
    was noted earlier, outside the hub; the ledger must still have it. Without it, entries that are missing at the end
    of the open period, or a whole ledger written anew by somebody who has the hub's key, cannot be told.
    """
    walk = _Walk(periods, sums, keys, known_sha256)
    for entry, following in _with_next(entries):
        walk.entry(entry, following)
    walk.end()
    return Verified(walk.last_number, len(periods), walk.head_sha256)


def _with_next(entries: Iterable[StoredEntry]) -> Iterator[tuple[StoredEntry, StoredEntry | None]]:
    before: StoredEntry | None = None
    for entry in entries:
        if before is not None:
            yield before, entry
        before = entry
    if before is not None:
        yield before, None


class _Walk:
    """The state of a verification on its way along the chain."""

    def __init__(
        self, periods: Sequence[ClosedPeriod], sums: Sums, keys: LedgerKeys, known_sha256: bytes | None
    ) -> None:
        self._sums, self._keys = sums, keys
        self._public_key = keys.public_key
        self._known, self._known_seen = known_sha256, known_sha256 in (None, NO_ENTRY_SHA256)
        self._waiting = list(reversed(periods))
        self._periods = frozenset(period.period for period in periods)
        self._previous: tuple[int, bytes] | None = None
        self._content = PeriodContent(1)
        self._content_period: int | None = None
        self.last_number, self.head_sha256, self._last_tai_ns = 0, NO_ENTRY_SHA256, None

    _last_tai_ns: int | None

    def entry(self, entry: StoredEntry, following: StoredEntry | None) -> None:
        """Check the next entry, and before it the periods that ended before it."""
        expected = self.last_number + 1
        place = f"entry {expected}"
        if entry.number != expected:
            raise WrongLedgerError(place, f"is missing; the next there is has the number {entry.number}")
        if entry.pseudonymous not in (0, 1):  # SQLite keeps a byte where PostgreSQL has a truth value
            raise WrongLedgerError(place, f"pseudonymous is {entry.pseudonymous}")
        try:
            content = entry.content()
        except struct.error as error:
            raise WrongLedgerError(place, f"has a number that cannot be one: {error}") from error
        digest = chained_sha256(self.head_sha256, entry.number, content)
        if digest != entry.entry_sha256:
            raise WrongLedgerError(place, _what_changed(entry, digest, following))
        if problems := _implausible(entry):
            raise WrongLedgerError(place, "; ".join(problems))
        if self._last_tai_ns is not None and entry.released_tai_ns < self._last_tai_ns:
            raise WrongLedgerError(place, "released_tai_ns is before that of the entry before")
        if entry.period != self._content_period:
            self._close_before(entry.period)
            self._content = PeriodContent(entry.number, self.head_sha256)
            self._content_period = entry.period
        self._content.add(entry, content)
        self.last_number, self.head_sha256, self._last_tai_ns = entry.number, digest, entry.released_tai_ns
        self._see(digest)

    def end(self) -> None:
        """Check what is left when there are no more entries."""
        self._close_before(None)
        for period in sorted(set(self._sums) - self._periods):
            raise WrongLedgerError(f"sums of period {_day(period)}", "there is no such closed period")
        if not self._known_seen:
            raise WrongLedgerError(
                f"after entry {self.last_number}",
                "no entry and no period has the hash given: entries are missing, or the ledger was written anew",
            )

    def _see(self, digest: bytes) -> None:
        self._known_seen = self._known_seen or digest == self._known

    def _close_before(self, period: int | None) -> None:
        while self._waiting and (period is None or self._waiting[-1].period < period):
            self._close(self._waiting.pop())

    def _close(self, closed: ClosedPeriod) -> None:
        content = self._content
        if self._content_period is None or self._content_period < closed.period:
            if self._content_period is not None and self._previous is None:
                raise WrongLedgerError(f"period {_day(self._content_period)}", "is missing, a later one is closed")
            content = PeriodContent(self.last_number + 1, self.head_sha256)
        place = f"period {_day(closed.period)}"
        if self._previous is not None and closed.period != self._previous[0] + 1:
            raise WrongLedgerError(f"period {_day(self._previous[0] + 1)}", "is missing, a later one is closed")
        root = sparse_root(content.leaves(), self._keys.blinding_key(closed.period))
        previous_sha256 = FIRST_PREVIOUS_SHA256 if self._previous is None else self._previous[1]
        self._check_columns(place, closed, content, root, previous_sha256)
        _check_sums(place, content.sums(), self._sums.get(closed.period, {}))
        self._previous = closed.period, closed.period_sha256
        self._see(closed.period_sha256)

    def _check_columns(
        self, place: str, closed: ClosedPeriod, content: PeriodContent, root: bytes, previous_sha256: bytes
    ) -> None:
        digest = period_sha256(closed.period, previous_sha256, closed.merkle_root, closed.commitment(self._keys))
        digest_signed = is_signed(self._public_key, digest, closed.signature)
        expected = {
            "first_number": content.first_number,
            "last_number": content.last_number,
            "head_sha256": content.head_sha256,
            "merkle_root": root,
        }
        wrong = [name for name, value in expected.items() if getattr(closed, name) != value]
        if digest == closed.period_sha256 and digest_signed:
            if closed.last_number > content.last_number:
                missing = f"entry {content.last_number + 1}"
                raise WrongLedgerError(missing, f"is missing: {place} was closed with {closed.last_number} as its last")
            if closed.last_number < content.last_number:
                added = f"entry {closed.last_number + 1}"
                raise WrongLedgerError(added, f"was added to {place} after that was closed")
            if wrong:
                raise WrongLedgerError(place, f"{', '.join(wrong)}: the entries are not those that were signed for")
            return
        if wrong:
            raise WrongLedgerError(place, f"{', '.join(wrong)}: not what its entries give")
        if digest_signed:
            raise WrongLedgerError(place, "period_sha256: not what its other columns give")
        if digest == closed.period_sha256:
            raise WrongLedgerError(place, "signature: not one of this hub's key over period_sha256")
        if is_signed(self._public_key, closed.period_sha256, closed.signature):
            raise WrongLedgerError(place, "period or closed_tai_ns: not what was signed")
        raise WrongLedgerError(place, "closed_tai_ns, period_sha256 or signature: they do not fit together")


def _check_sums(place: str, expected: Mapping[SumKey, LedgerSum], stored: Mapping[SumKey, LedgerSum]) -> None:
    for key in sorted({*expected, *stored}):
        where = f"sums of {place}, " + ", ".join(f"{name} {value}" for name, value in key._asdict().items())
        if key not in stored:
            raise WrongLedgerError(where, "missing: there are entries of this kind")
        if key not in expected:
            raise WrongLedgerError(where, "there is no entry of this kind")
        for name, value in expected[key]._asdict().items():
            if getattr(stored[key], name) != value:
                raise WrongLedgerError(where, f"{name} is {getattr(stored[key], name)}, the entries give {value}")


def _what_changed(entry: StoredEntry, digest: bytes, following: StoredEntry | None) -> str:
    """What of an entry does not fit its hash: the entry after it was chained to the true hash."""
    hint = "".join(f"; {problem}" for problem in _implausible(entry))
    if following is not None and following.number == entry.number + 1:
        content = following.content()
        if chained_sha256(digest, following.number, content) == following.entry_sha256:
            return "entry_sha256: not what its columns give"
        if chained_sha256(entry.entry_sha256, following.number, content) == following.entry_sha256:
            return f"its columns are not those that were noted: one or more were changed{hint}"
    return f"its columns and entry_sha256 do not fit together{hint}"


def _implausible(entry: StoredEntry) -> list[str]:
    """What cannot be in an entry, whatever its hash says."""
    found = []
    for index, known in _KNOWN_TEXTS.items():
        if entry.texts[index] not in known:
            found.append(f"{TEXTS[index]} is {entry.texts[index].decode('utf-8', 'backslashreplace')!r}")
    if entry.record_ids and len(entry.record_ids) != RECORD_ID_BYTES * entry.records:
        found.append(f"records is {entry.records}, and there are {len(entry.record_ids)} bytes of record_ids")
    try:
        if entry.period != day_of(entry.released_tai_ns):
            found.append("period is not the UTC day of released_tai_ns")
    except (ValueError, IndexError, OverflowError):
        found.append(f"released_tai_ns is {entry.released_tai_ns}")
    return found


def _day(period: int) -> str:
    """The day as a date, or as a number where it is beyond any calendar."""
    try:
        return day_text(period)
    except (ValueError, IndexError, OverflowError):
        return f"number {period}"

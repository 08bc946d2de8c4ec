"""The disclosure ledger's entries: what was released to whom, in one form of bytes, chained by SHA-256.

An entry's *content* is everything but its number: it is what an originator is shown, and what his Merkle leaf is made
of. The number counts all originators' entries, so it would tell him how much others' data is asked for; only the
chain, which the hub keeps, covers it.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, UNIX_EPOCH_MJD, format_utc, parse_utc, tai_minus_utc_s

RECORD_ID_BYTES = 16
NO_ENTRY_SHA256 = bytes(32)
FIRST_PERIOD = 730  # 1972-01-01: before, UTC was no whole number of seconds from TAI

_CONTENT_TAG = b"ssa-hub ledger entry 1\n"
_NUMBER = struct.Struct(">q")
_INSTANTS = struct.Struct(">qq")
_LENGTH = struct.Struct(">I")
_COUNTS = struct.Struct(">BqI")

# The texts of an entry in the order in which they are hashed.
TEXTS = (
    "partner",
    "originator",
    "channel",
    "kind",
    "data_mode",
    "policy_version",
    "agreement_version",
    "rule",
    "posture",
)
KINDS = ("elements", "conjunctions", "tear-lines", "withdrawals", "conjunction-messages", "ephemerides")


class Channel(StrEnum):
    """The way by which something was released."""

    PAGE = "page"
    STREAM = "stream"
    NOTICE = "notice"
    EXPLAIN = "explain"
    WHAT_IF = "what-if"
    EXPORT = "export"


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer released of one originator's data to one partner, under one rule.

    ``record_ids`` are the true ids, 16 bytes each, in the order of the answer; empty where the records are only
    counted. ``pseudonymous``: the partner was shown other ids.
    """

    partner: str
    originator: str
    channel: Channel
    kind: str
    data_mode: str
    policy_version: str
    agreement_version: str
    rule: str
    posture: str
    pseudonymous: bool
    record_ids: bytes
    records: int

    def record_id_texts(self) -> list[str]:
        """The record ids as 32 hexadecimal digits each."""
        text = self.record_ids.hex()
        return [text[start : start + 2 * RECORD_ID_BYTES] for start in range(0, len(text), 2 * RECORD_ID_BYTES)]


class LedgerEntry(Disclosure, frozen=True, kw_only=True):
    """A disclosure as it stands in the ledger. ``period``: its UTC day, days since 1970-01-01."""

    number: int
    period: int
    released_tai_ns: int
    entry_sha256: bytes


class ChainHead(NamedTuple):
    """The last entry of the chain. Before the first: number 0, 32 zero bytes, no instant."""

    number: int
    entry_sha256: bytes
    released_tai_ns: int | None


EMPTY_CHAIN = ChainHead(0, NO_ENTRY_SHA256, None)


def problems_of(disclosure: Disclosure) -> list[str]:
    """What keeps a disclosure from being noted; empty: nothing."""
    found = []
    if disclosure.kind not in KINDS:
        found.append(f"kind must be one of {', '.join(KINDS)}, not {disclosure.kind!r}")
    if disclosure.records < 1:
        found.append(f"records must be at least 1, not {disclosure.records}")
    if disclosure.record_ids and len(disclosure.record_ids) != RECORD_ID_BYTES * disclosure.records:
        found.append(
            f"record_ids must be 16 bytes for each of {disclosure.records} records, not {len(disclosure.record_ids)}"
        )
    if not disclosure.partner or not disclosure.originator:
        found.append("partner and originator must be named")
    return found


def packed_content(
    *,
    period: int,
    released_tai_ns: int,
    texts: Sequence[bytes],
    pseudonymous: int,
    records: int,
    record_ids: bytes,
) -> bytes:
    """The canonical bytes of an entry's content; ``texts`` are the UTF-8 of `TEXTS` in that order.

    Big endian: tag, period and instant (8 bytes each), each text after its length (4), pseudonymous (1), records (8),
    record ids after their length (4). Lengths come first, so no two contents have the same bytes.
    """
    parts = [_CONTENT_TAG, _INSTANTS.pack(period, released_tai_ns)]
    for text in texts:
        parts.append(_LENGTH.pack(len(text)))
        parts.append(text)
    parts.append(_COUNTS.pack(pseudonymous, records, len(record_ids)))
    parts.append(record_ids)
    return b"".join(parts)


def content_bytes(disclosure: Disclosure, period: int, released_tai_ns: int) -> bytes:
    """`packed_content` of a disclosure at an instant."""
    return packed_content(
        period=period,
        released_tai_ns=released_tai_ns,
        texts=[getattr(disclosure, name).encode() for name in TEXTS],
        pseudonymous=int(disclosure.pseudonymous),
        records=disclosure.records,
        record_ids=disclosure.record_ids,
    )


def chained_sha256(previous_sha256: bytes, number: int, content: bytes) -> bytes:
    """SHA-256 over the entry before, this entry's number (8 bytes, big endian) and its content."""
    return hashlib.sha256(previous_sha256 + _NUMBER.pack(number) + content).digest()


def chain(
    head: ChainHead, disclosures: Iterable[Disclosure], now_tai_ns: int, first_open_period: int
) -> Iterator[LedgerEntry]:
    """The disclosures as the next entries after ``head``, all at one instant.

    The instant is now, but never before the entry before nor in a day that is closed: of several processes' clocks
    one is always behind.
    """
    released_tai_ns = max(now_tai_ns, head.released_tai_ns or now_tai_ns, day_start_tai_ns(first_open_period))
    period = utc_day(released_tai_ns)
    number, previous = head.number, head.entry_sha256
    for disclosure in disclosures:
        number += 1
        previous = chained_sha256(previous, number, content_bytes(disclosure, period, released_tai_ns))
        yield LedgerEntry(
            **msgspec.structs.asdict(disclosure),
            number=number,
            period=period,
            released_tai_ns=released_tai_ns,
            entry_sha256=previous,
        )


@lru_cache(maxsize=4096)
def day_start_tai_ns(period: int) -> int:
    """The first instant of a UTC day (days since 1970-01-01), TAI ns. Raises ValueError before 1972."""
    offset_s = int(tai_minus_utc_s(np.array([period + UNIX_EPOCH_MJD], dtype=np.int64))[0])
    return period * NS_PER_DAY + offset_s * NS_PER_SECOND


def utc_day(tai_ns: int) -> int:
    """The UTC day of an instant, days since 1970-01-01; a leap second belongs to the day that it ends.

    >>> utc_day(parse_utc("2016-12-31T23:59:60.5")), utc_day(parse_utc("2017-01-01T00:00:00"))
    (17166, 17167)
    """
    day = tai_ns // NS_PER_DAY  # TAI is ahead of UTC, so this is never too early
    while day_start_tai_ns(day) > tai_ns:
        day -= 1
    return day


def day_text(period: int) -> str:
    """The day as YYYY-MM-DD."""
    return format_utc(day_start_tai_ns(period), 0)[:10]


def read_day(text: str) -> int:
    """The day of a text YYYY-MM-DD. Raises ValueError."""
    return utc_day(parse_utc(f"{text}T00:00:00"))

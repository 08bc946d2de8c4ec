"""Disclosures and chains of the tests' own."""

import hashlib

from schemas.timescales import parse_utc
from ssa_hub.release.ledger import EMPTY_CHAIN, TEXTS, ChainHead, Channel, Disclosure, LedgerEntry, chain
from ssa_hub.release.ledger_periods import LedgerKeys, StoredEntry

NOON_TAI_NS = parse_utc("2026-03-04T12:00:00")
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
KEYS = LedgerKeys(bytes(range(32)), bytes(range(32, 64)))


def record_id(name: object) -> bytes:
    """16 bytes that stand for a record."""
    return hashlib.sha256(str(name).encode()).digest()[:16]


def disclosure(originator: str = "AQUILA", partner: str = "BOREAL", *names: object, **changed: object) -> Disclosure:
    """A page of elements, with a record for each name (without names: one)."""
    ids = b"".join(map(record_id, names or ("a record",)))
    members: dict[str, object] = {
        "partner": partner,
        "originator": originator,
        "channel": Channel.PAGE,
        "kind": "elements",
        "data_mode": "REAL",
        "policy_version": "0123456789abcdef",
        "agreement_version": "fedcba9876543210",
        "rule": "allies-full",
        "posture": "peacetime",
        "pseudonymous": False,
        "record_ids": ids,
        "records": len(ids) // 16,
    }
    return Disclosure(**{**members, **changed})  # type: ignore[arg-type]


def stored(entry: LedgerEntry) -> StoredEntry:
    """An entry as it is read from the database."""
    return StoredEntry(
        entry.number,
        entry.period,
        entry.released_tai_ns,
        tuple(getattr(entry, name).encode() for name in TEXTS),
        int(entry.pseudonymous),
        entry.records,
        entry.record_ids,
        entry.entry_sha256,
    )


def chained(*batches: tuple[int, list[Disclosure]]) -> list[StoredEntry]:
    """The entries of batches (instant, disclosures), in one chain."""
    head, found = EMPTY_CHAIN, []
    for now_tai_ns, disclosures in batches:
        entries = list(chain(head, disclosures, now_tai_ns, 730))
        head = ChainHead(entries[-1].number, entries[-1].entry_sha256, entries[-1].released_tai_ns)
        found += map(stored, entries)
    return found

"""Periods of the ledger: one UTC day each, summed, committed to by a Merkle root, chained and signed.

Every day from the first on has a period, also one without entries: what an originator is given of a day then does not
say whether anything of anybody's was released on it.
"""

import hashlib
import hmac
import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ssa_hub.release.ledger import NO_ENTRY_SHA256, TEXTS, packed_content
from ssa_hub.release.merkle import Leaf, list_leaf, list_root

FIRST_PREVIOUS_SHA256 = bytes(32)
_PERIOD_TAG = b"ssa-hub ledger period 1\n"
_COMMITMENT_TAG = b"ssa-hub ledger chain 1\n"
_PERIOD = struct.Struct(">q")
_COMMITTED = struct.Struct(">qqq")
_ORIGINATOR = TEXTS.index("originator")


class LedgerKeys(NamedTuple):
    """The hub's own: the Ed25519 seed that signs periods, and the secret that blinds their trees; 32 bytes each."""

    signing_seed: bytes
    blinding_secret: bytes

    @property
    def public_key(self) -> bytes:
        """The 32 bytes with which anybody verifies the signatures (RFC 8032)."""
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed).public_key().public_bytes_raw()

    def blinding_key(self, period: int) -> bytes:
        """The blinding key of one period's tree."""
        return hmac.digest(self.blinding_secret, _PERIOD.pack(period), "sha256")


class StoredEntry(NamedTuple):
    """An entry as it lies in the database. ``texts``: UTF-8 of `ledger.TEXTS` in that order."""

    number: int
    period: int
    released_tai_ns: int
    texts: tuple[bytes, ...]
    pseudonymous: int
    records: int
    record_ids: bytes
    entry_sha256: bytes

    @property
    def originator(self) -> bytes:
        """The originator's name, UTF-8."""
        return self.texts[_ORIGINATOR]

    def content(self) -> bytes:
        """Its canonical bytes without the number (`ledger.packed_content`)."""
        return packed_content(
            period=self.period,
            released_tai_ns=self.released_tai_ns,
            texts=self.texts,
            pseudonymous=self.pseudonymous,
            records=self.records,
            record_ids=self.record_ids,
        )


class SumKey(NamedTuple):
    """What entries are summed by."""

    originator: str
    partner: str
    channel: str
    kind: str
    data_mode: str
    rule: str


class LedgerSum(NamedTuple):
    """So many entries with so many records, the first and the last at these instants (TAI ns)."""

    entries: int
    records: int
    first_tai_ns: int
    last_tai_ns: int

    def plus(self, other: "LedgerSum") -> "LedgerSum":
        """Both together."""
        return LedgerSum(
            self.entries + other.entries,
            self.records + other.records,
            min(self.first_tai_ns, other.first_tai_ns),
            max(self.last_tai_ns, other.last_tai_ns),
        )


_SUM_PLACES = tuple(TEXTS.index(name) for name in SumKey._fields)


class PeriodContent:
    """What the entries of one period come to: their leaves by originator, and their sums."""

    def __init__(self, first_number: int, before_sha256: bytes = NO_ENTRY_SHA256) -> None:
        self.first_number, self.last_number, self.head_sha256 = first_number, first_number - 1, before_sha256
        self._leaves: dict[bytes, list[bytes]] = {}
        self._sums: dict[tuple[bytes, ...], LedgerSum] = {}

    def add(self, entry: StoredEntry, content: bytes) -> None:
        """Take the next entry in, with its canonical bytes."""
        self.last_number, self.head_sha256 = entry.number, entry.entry_sha256
        self._leaves.setdefault(entry.originator, []).append(list_leaf(content))
        key = tuple(entry.texts[place] for place in _SUM_PLACES)
        own = LedgerSum(1, entry.records, entry.released_tai_ns, entry.released_tai_ns)
        known = self._sums.get(key)
        self._sums[key] = own if known is None else known.plus(own)

    def leaves(self) -> dict[str, Leaf]:
        """By originator: how many entries, and their root."""
        return {name.decode(): Leaf(len(hashes), list_root(hashes)) for name, hashes in self._leaves.items()}

    def sums(self) -> dict[SumKey, LedgerSum]:
        """The sums."""
        return {SumKey(*(text.decode() for text in key)): value for key, value in self._sums.items()}


class ClosedPeriod(NamedTuple):
    """A period as it lies in the database; ``last_number`` is one less than ``first_number`` where it is empty."""

    period: int
    first_number: int
    last_number: int
    head_sha256: bytes
    merkle_root: bytes
    period_sha256: bytes
    signature: bytes
    closed_tai_ns: int

    def commitment(self, keys: LedgerKeys) -> bytes:
        """`chain_commitment` of its columns."""
        return chain_commitment(
            keys.blinding_key(self.period), self.first_number, self.last_number, self.head_sha256, self.closed_tai_ns
        )


def chain_commitment(
    blinding_key: bytes, first_number: int, last_number: int, head_sha256: bytes, closed_tai_ns: int
) -> bytes:
    """Binds a period to its place in the chain without saying it: the numbers count all originators' entries."""
    committed = _COMMITMENT_TAG + _COMMITTED.pack(first_number, last_number, closed_tai_ns) + head_sha256
    return hmac.digest(blinding_key, committed, "sha256")


def period_sha256(period: int, previous_sha256: bytes, merkle_root: bytes, commitment: bytes) -> bytes:
    """SHA-256 over the day, the period before, the root and the commitment to the chain: what is signed."""
    return hashlib.sha256(_PERIOD_TAG + _PERIOD.pack(period) + previous_sha256 + merkle_root + commitment).digest()


def sign(keys: LedgerKeys, signed_sha256: bytes) -> bytes:
    """Ed25519 signature (RFC 8032) of a period's hash, 64 bytes."""
    return Ed25519PrivateKey.from_private_bytes(keys.signing_seed).sign(signed_sha256)


def is_signed(public_key: bytes, signed_sha256: bytes, signature: bytes) -> bool:
    """Whether the signature is one of the hash by this key. Raises ValueError for a key that is none."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_sha256)
    except InvalidSignature:
        return False
    return True


def closed_period(
    period: int, content: PeriodContent, merkle_root: bytes, previous_sha256: bytes, keys: LedgerKeys, now_tai_ns: int
) -> ClosedPeriod:
    """The signed record of a period with this content, closed now."""
    commitment = chain_commitment(
        keys.blinding_key(period), content.first_number, content.last_number, content.head_sha256, now_tai_ns
    )
    digest = period_sha256(period, previous_sha256, merkle_root, commitment)
    return ClosedPeriod(
        period=period,
        first_number=content.first_number,
        last_number=content.last_number,
        head_sha256=content.head_sha256,
        merkle_root=merkle_root,
        period_sha256=digest,
        signature=sign(keys, digest),
        closed_tai_ns=now_tai_ns,
    )

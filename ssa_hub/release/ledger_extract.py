"""An originator's extract of the ledger: his entries of one day, and the proof that there are no others.

The day's tree has one place a name and no more, so the proof of his leaf, which has the number and the root of his
entries, proves that the extract is complete, or, where it is empty, that nothing of his was released. Everything
here needs nothing of the hub but its public key.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from ssa_hub.release.ledger import (
    RECORD_ID_BYTES,
    TEXTS,
    Channel,
    Disclosure,
    content_bytes,
    day_text,
    problems_of,
    read_day,
    utc_day,
)
from ssa_hub.release.ledger_periods import ClosedPeriod, LedgerKeys, StoredEntry, is_signed, period_sha256
from ssa_hub.release.merkle import Leaf, Proof, list_leaf, list_root, prove, proven_root

FORMAT = "ssa-hub ledger extract 1"


class ExtractError(Exception):
    """The extract is not what the hub signed, or no extract at all; the text says which part."""


class ExtractEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry as its originator gets it; ``record_ids`` with 32 hexadecimal digits each, none where only counted."""

    released_tai_ns: int
    partner: str
    channel: Channel
    kind: str
    data_mode: str
    policy_version: str
    agreement_version: str
    rule: str
    posture: str
    pseudonymous: bool
    records: int
    record_ids: tuple[str, ...]

    def disclosure(self, originator: str) -> Disclosure:
        """The entry as it was noted. Raises ValueError for record ids that are none."""
        if any(len(record_id) != 2 * RECORD_ID_BYTES for record_id in self.record_ids):
            raise ValueError(f"a record id has {2 * RECORD_ID_BYTES} hexadecimal digits")
        members = {name: getattr(self, name) for name in _SHARED}
        return Disclosure(originator=originator, record_ids=bytes.fromhex("".join(self.record_ids)), **members)


_SHARED = tuple(name for name in ExtractEntry.__struct_fields__ if name not in ("released_tai_ns", "record_ids"))


def entry_of(stored: StoredEntry) -> ExtractEntry:
    """A stored entry as its originator gets it."""
    texts = {name: text.decode() for name, text in zip(TEXTS, stored.texts, strict=True) if name in _SHARED}
    digits, size = stored.record_ids.hex(), 2 * RECORD_ID_BYTES
    return ExtractEntry(
        released_tai_ns=stored.released_tai_ns,
        channel=Channel(texts.pop("channel")),
        **texts,
        pseudonymous=bool(stored.pseudonymous),
        records=stored.records,
        record_ids=tuple(digits[start : start + size] for start in range(0, len(digits), size)),
    )


class SignedPeriod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The day (YYYY-MM-DD), the day before's hash, and the hub's signature; hashes in hexadecimal.

    ``chain_commitment`` binds the day to the hub's chain; what is in it, the hub opens to an auditor.
    """

    day: str
    previous_sha256: str
    merkle_root: str
    chain_commitment: str
    period_sha256: str
    signature: str


class ExtractProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`merkle.Proof` in hexadecimal."""

    bitmap: str
    below: tuple[str, ...]
    blind: str
    above: tuple[str, ...]


class LedgerExtract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All entries of one originator on one UTC day, in order, with the proof that these are all."""

    format: str
    originator: str
    period: SignedPeriod
    entries: tuple[ExtractEntry, ...]
    proof: ExtractProof


def make_extract(
    originator: str,
    closed: ClosedPeriod,
    previous_sha256: bytes,
    leaves: dict[str, Leaf],
    entries: Sequence[ExtractEntry],
    keys: LedgerKeys,
) -> LedgerExtract:
    """The extract of a closed period; ``leaves`` are all originators', ``entries`` his, in the ledger's order."""
    proof = prove(leaves, keys.blinding_key(closed.period), originator)
    return LedgerExtract(
        format=FORMAT,
        originator=originator,
        period=SignedPeriod(
            day=day_text(closed.period),
            previous_sha256=previous_sha256.hex(),
            merkle_root=closed.merkle_root.hex(),
            chain_commitment=closed.commitment(keys).hex(),
            period_sha256=closed.period_sha256.hex(),
            signature=closed.signature.hex(),
        ),
        entries=tuple(entries),
        proof=ExtractProof(
            bitmap=proof.bitmap.hex(),
            below=tuple(value.hex() for value in proof.below),
            blind=proof.blind.hex(),
            above=tuple(value.hex() for value in proof.above),
        ),
    )


def write_extract(extract: LedgerExtract) -> bytes:
    """The extract as JSON."""
    return msgspec.json.encode(extract)


def read_extract(data: bytes) -> LedgerExtract:
    """An extract from its JSON. Raises ExtractError for anything else."""
    try:
        extract = msgspec.json.decode(data, type=LedgerExtract)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExtractError(f"not a ledger extract: {error}") from error
    if extract.format != FORMAT:
        raise ExtractError(f"not of the format {FORMAT!r}, but {extract.format!r}")
    return extract


def verify_extract(extract: LedgerExtract, public_key: bytes) -> None:
    """Check an extract against the hub's public key (32 bytes). Raises ExtractError; if it does not, then:

    the hub has signed this day, and on it released of this originator's data what the entries say and nothing else.
    """
    day = _day_of(extract)
    signed = extract.period
    digest = period_sha256(
        day,
        _hash(signed.previous_sha256, "period.previous_sha256"),
        _hash(signed.merkle_root, "period.merkle_root"),
        _hash(signed.chain_commitment, "period.chain_commitment"),
    )
    if digest != _hash(signed.period_sha256, "period.period_sha256"):
        raise ExtractError("period.period_sha256 is not the hash of the period's other members")
    try:
        is_the_hubs = is_signed(public_key, digest, _bytes(signed.signature, "period.signature"))
    except ValueError as error:
        raise ExtractError(f"the public key is none: {error}") from error
    if not is_the_hubs:
        raise ExtractError("period.signature is not the hub's signature of this period")
    hashes = [_leaf_of(extract, number, day) for number in range(len(extract.entries))]
    leaf = Leaf(len(hashes), list_root(hashes)) if hashes else None
    try:
        root = proven_root(extract.originator, leaf, _proof(extract.proof))
    except ValueError as error:
        raise ExtractError(f"proof: {error}") from error
    if root.hex() != signed.merkle_root:
        raise ExtractError(
            f"the entries are not those, or not all those, that the hub has signed for as {extract.originator}'s of "
            f"{signed.day}: they do not lead to its merkle_root"
        )


def verify_row(extracts: Sequence[LedgerExtract], public_key: bytes) -> None:
    """Check several extracts, and that neighbouring days are links of one chain. Raises ExtractError."""
    for extract in extracts:
        try:
            verify_extract(extract, public_key)
        except ExtractError as error:
            raise ExtractError(f"{extract.originator}, {extract.period.day}: {error}") from error
    for earlier, later in pairwise(sorted(extracts, key=_day_of)):
        days = _day_of(later) - _day_of(earlier)
        if days == 0 and later.period.period_sha256 != earlier.period.period_sha256:
            raise ExtractError(f"the hub has signed two different records of {later.period.day}")
        if days == 1 and later.period.previous_sha256 != earlier.period.period_sha256:
            raise ExtractError(f"{later.period.day} does not follow the record of {earlier.period.day} that is here")


def _leaf_of(extract: LedgerExtract, index: int, day: int) -> bytes:
    entry, where = extract.entries[index], f"entries[{index}]"
    try:
        disclosure = entry.disclosure(extract.originator)
        content = content_bytes(disclosure, day, entry.released_tai_ns)
        released_day = utc_day(entry.released_tai_ns)
    except (ValueError, IndexError, OverflowError, struct.error) as error:
        raise ExtractError(f"{where} cannot be one: {error}") from error
    if problems := problems_of(disclosure):
        raise ExtractError(f"{where}: {'; '.join(problems)}")
    if released_day != day:
        raise ExtractError(f"{where} was released on another day than {extract.period.day}")
    return list_leaf(content)


def _day_of(extract: LedgerExtract) -> int:
    try:
        return read_day(extract.period.day)
    except ValueError as error:
        raise ExtractError(f"period.day: {error}") from error


def _proof(proof: ExtractProof) -> Proof:
    return Proof(
        bitmap=_bytes(proof.bitmap, "proof.bitmap"),
        below=tuple(_hash(value, "proof.below") for value in proof.below),
        blind=_hash(proof.blind, "proof.blind"),
        above=tuple(_hash(value, "proof.above") for value in proof.above),
    )


def _bytes(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ExtractError(f"{where} is not hexadecimal") from error


def _hash(text: str, where: str) -> bytes:
    value = _bytes(text, where)
    if len(value) != 32:
        raise ExtractError(f"{where} must have 64 hexadecimal digits")
    return value

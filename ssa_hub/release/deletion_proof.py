"""What proves a deletion: salted leaves of the deleted records' ids, their Merkle root, and a chain of signed rows.

A leaf is the list leaf (RFC 6962, 2.1) of ``salt || record id``; the salt is a keyed digest of the id. So what the hub
keeps of a deleted record is 32 bytes that nobody can test a guess against without the hub's key, the hub itself knows
an id again when it is pushed once more, and a proof opens the salt of the one record that it is about.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ssa_hub.release.merkle import list_leaf

FIRST_PREVIOUS_SHA256 = bytes(32)
_ROW_TAG = b"ssa-hub deletion 1\n"
_NODE = b"\x01"


class DeletionContent(msgspec.Struct, frozen=True):
    """What the row of a finished deletion says, and its hash is over. Hashes and root in hexadecimal."""

    number: int
    kind: str
    originator: str
    rule: str
    agreement_version: str
    cutoff_tai_ns: int
    began_tai_ns: int
    finished_tai_ns: int
    records: int
    places: str
    merkle_root: str


class DeletionProof(msgspec.Struct, frozen=True):
    """That a record was among the deleted ones. All that is binary in hexadecimal.

    ``index`` of ``deletion.records`` leaves in ascending order; ``path``: siblings from the leaf up (RFC 6962, 2.1.1).
    """

    record_id: str
    salt: str
    index: int
    path: tuple[str, ...]
    deletion: DeletionContent
    previous_sha256: str
    signature: str
    public_key: str


def salt_of(key: bytes, record_id: str) -> bytes:
    """The salt of a record's leaf, 32 bytes."""
    return hmac.digest(key, record_id.encode(), "sha256")


def leaf_of(salt: bytes, record_id: str) -> bytes:
    """The leaf of a deleted record, 32 bytes."""
    return list_leaf(salt + record_id.encode())


def row_sha256(content: DeletionContent, previous_sha256: bytes) -> bytes:
    """The hash of a row: over its content as sorted JSON and the hash of the row before."""
    return hashlib.sha256(_ROW_TAG + previous_sha256 + msgspec.json.encode(content, order="sorted")).digest()


def signed(signing_seed: bytes, row: bytes) -> bytes:
    """The hub's Ed25519 signature over a row's hash (RFC 8032)."""
    return Ed25519PrivateKey.from_private_bytes(signing_seed).sign(_ROW_TAG + row)


def is_signed(public_key: bytes, row: bytes, signature: bytes) -> bool:
    """Whether the signature over a row's hash is that key's."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _ROW_TAG + row)
    except (InvalidSignature, ValueError):
        return False
    return True


def list_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of a leaf (RFC 6962, 2.1.1), from the leaf up. Raises IndexError for an index outside."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} of {len(leaves)}")
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        paired = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired if len(level) % 2 == 0 else [*paired, level[-1]]
        index //= 2
    return tuple(path)


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to. Raises ValueError where the path has another length than it must have."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} of {size}")
    siblings, value = list(path), leaf
    while size > 1:
        if index ^ 1 < size:
            if not siblings:
                raise ValueError("the path is too short")
            sibling = siblings.pop(0)
            value = _node(sibling, value) if index % 2 else _node(value, sibling)
        index, size = index // 2, (size + 1) // 2
    if siblings:
        raise ValueError("the path is too long")
    return value


def proof_mistake(proof: DeletionProof, public_key: bytes | None = None) -> str | None:
    """What is wrong with a proof; None: it holds. ``public_key``: the one that the reader trusts, or its own."""
    try:
        key = bytes.fromhex(proof.public_key)
        leaf = leaf_of(bytes.fromhex(proof.salt), proof.record_id)
        path = [bytes.fromhex(sibling) for sibling in proof.path]
        root = root_of_path(leaf, proof.index, proof.deletion.records, path)
        row = row_sha256(proof.deletion, bytes.fromhex(proof.previous_sha256))
        signature = bytes.fromhex(proof.signature)
    except ValueError as error:
        return str(error)
    if root.hex() != proof.deletion.merkle_root:
        return "the record is not under the deletion's root"
    if public_key is not None and key != public_key:
        return "it is signed by another hub"
    return None if is_signed(key, row, signature) else "the signature is not over this deletion"


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()

"""Hash trees: one over a list (RFC 6962), and a sparse one that holds at most one leaf a name.

The sparse tree has depth 256; a name's place is SHA-256(name), so by construction there is one leaf, or none, a name,
and the path to it proves either. In the plain form a proof would say which parts of the tree are empty, and so, names
being known, who else is *not* in it. Here the node at depth `STEM_BITS` on every path, of empty parts too, is hashed
with a secret blind of its own, and the proof opens the blind of its own path only: every hash above that depth looks
random, whether there is anything below or not. Below it a part is empty unless two names share that many bits.

Sources: RFC 6962, 2.1 (list); R. Dahlberg, T. Pulls, R. Peeters, "Efficient Sparse Merkle Trees", 2016 (sparse tree
with default hashes). Every kind of node is hashed with a first byte of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

DEPTH = 256
STEM_BITS = 12
HASH_BYTES = 32

_LIST_LEAF, _LIST_NODE, _LEAF, _NODE, _STEM = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04"
_ABSENT = bytes(HASH_BYTES)
_BITMAP_BYTES = (DEPTH - STEM_BITS + 7) // 8


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def list_leaf(content: bytes) -> bytes:
    """The hash of one item of a list (RFC 6962, 2.1: SHA-256(0x00 || content))."""
    return _sha256(_LIST_LEAF + content)


def list_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the hashes of a list's items (RFC 6962, 2.1: Merkle Tree Hash). Of none: SHA-256 of nothing."""
    if not leaves:
        return _sha256(b"")
    level = list(leaves)
    while len(level) > 1:
        # Pairs from the left, an odd last one goes up as it is: the same tree as the RFC's split at a power of two.
        paired = [_sha256(_LIST_NODE + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired if len(level) % 2 == 0 else [*paired, level[-1]]
    return level[0]


class Leaf(NamedTuple):
    """What the sparse tree holds of one name: how many entries its list has, and the list's root."""

    entries: int
    root: bytes


class Proof(NamedTuple):
    """Where a name's leaf is, or that there is none.

    ``below``: siblings from depth 256 up to `STEM_BITS`, where ``bitmap`` (most significant bit first: the deepest)
    says that they are not of empty parts. ``blind``: of the stem. ``above``: the siblings from there up to the root.
    """

    bitmap: bytes
    below: tuple[bytes, ...]
    blind: bytes
    above: tuple[bytes, ...]


def place_of(name: str) -> int:
    """The place of a name: SHA-256 of its UTF-8, as a number of 256 bits, the first branch being the first bit."""
    return int.from_bytes(_sha256(name.encode()), "big")


def leaf_sha256(name: str, leaf: Leaf) -> bytes:
    """The hash of a name's leaf: over the name's place, the number of entries and the root of its list."""
    return _sha256(_LEAF + place_of(name).to_bytes(HASH_BYTES, "big") + leaf.entries.to_bytes(8, "big") + leaf.root)


def sparse_root(leaves: Mapping[str, Leaf], blinding_key: bytes) -> bytes:
    """The root of the sparse tree with these leaves. ``blinding_key``: 32 secret bytes, another for each tree."""
    return _levels(leaves, blinding_key)[0][0]


def prove(leaves: Mapping[str, Leaf], blinding_key: bytes, name: str) -> Proof:
    """The proof of a name's leaf, or of its absence where ``leaves`` has no such name."""
    place = place_of(name)
    stem = place >> (DEPTH - STEM_BITS)
    level = {place_of(other): leaf_sha256(other, leaf) for other, leaf in leaves.items()}
    level = {key: value for key, value in level.items() if key >> (DEPTH - STEM_BITS) == stem}
    bits, below = 0, []
    for depth in range(DEPTH, STEM_BITS, -1):
        sibling = level.get(place ^ 1)
        bits <<= 1
        if sibling is not None:
            bits |= 1
            below.append(sibling)
        level, place = _up(level, depth), place >> 1
    above = []
    levels = _levels(leaves, blinding_key)
    for depth in range(STEM_BITS, 0, -1):
        above.append(levels[depth][place ^ 1])
        place >>= 1
    padding = 8 * _BITMAP_BYTES - (DEPTH - STEM_BITS)
    bitmap = (bits << padding).to_bytes(_BITMAP_BYTES, "big")
    return Proof(bitmap, tuple(below), _blind(blinding_key, stem), tuple(above))


def proven_root(name: str, leaf: Leaf | None, proof: Proof) -> bytes:
    """The root that a proof leads to from a name's leaf, or from its absence. Raises ValueError for a malformed one.

    The proof holds if this is the root that the tree is known to have.
    """
    padding = 8 * _BITMAP_BYTES - (DEPTH - STEM_BITS)
    bits = int.from_bytes(proof.bitmap, "big")
    if len(proof.bitmap) != _BITMAP_BYTES or bits & ((1 << padding) - 1):
        raise ValueError(f"the bitmap must be {_BITMAP_BYTES} bytes that end in {padding} zero bits")
    if len(proof.above) != STEM_BITS or len(proof.below) != bits.bit_count():
        raise ValueError("the proof has another number of hashes than its bitmap and the tree's depth say")
    if any(len(value) != HASH_BYTES for value in (*proof.above, *proof.below, proof.blind)):
        raise ValueError(f"every hash of a proof has {HASH_BYTES} bytes")
    place = place_of(name)
    value = _ABSENT if leaf is None else leaf_sha256(name, leaf)
    said = iter(proof.below)
    for depth in range(DEPTH, STEM_BITS, -1):
        present = bits >> (8 * _BITMAP_BYTES - 1 - (DEPTH - depth)) & 1
        value = _node(place, value, next(said) if present else _empty(depth))
        place >>= 1
    value = _stem(proof.blind, value)
    for sibling in proof.above:
        value = _node(place, value, sibling)
        place >>= 1
    return value


def _node(place: int, value: bytes, sibling: bytes) -> bytes:
    return _sha256(_NODE + sibling + value) if place & 1 else _sha256(_NODE + value + sibling)


@lru_cache(maxsize=DEPTH + 1)
def _empty(depth: int) -> bytes:
    """The hash of an empty part whose top is at a depth, without blinds."""
    return _ABSENT if depth == DEPTH else _sha256(_NODE + _empty(depth + 1) + _empty(depth + 1))


# From the deepest up, so that no call goes deeper than one step.
for _depth in range(DEPTH, STEM_BITS - 1, -1):
    _empty(_depth)


def _up(level: Mapping[int, bytes], depth: int) -> dict[int, bytes]:
    """The nodes that are not empty, one level above ``depth``."""
    parents = {place >> 1 for place in level}
    empty = _empty(depth)
    return {
        parent: _sha256(_NODE + level.get(2 * parent, empty) + level.get(2 * parent + 1, empty)) for parent in parents
    }


def _blind(blinding_key: bytes, stem: int) -> bytes:
    # All inputs have one length, so SHA-256 of key and input is as good as HMAC here, and three times as fast.
    return _sha256(blinding_key + stem.to_bytes(4, "big"))


def _stem(blind: bytes, value: bytes) -> bytes:
    return _sha256(_STEM + blind + value)


def _levels(leaves: Mapping[str, Leaf], blinding_key: bytes) -> list[list[bytes]]:
    """Every node from the root (depth 0) to the stems (depth `STEM_BITS`)."""
    level = {place_of(name): leaf_sha256(name, leaf) for name, leaf in leaves.items()}
    if len(level) != len(leaves):
        raise ValueError("two names have the same place")
    for depth in range(DEPTH, STEM_BITS, -1):
        level = _up(level, depth)
    empty = _empty(STEM_BITS)
    levels = [[_stem(_blind(blinding_key, stem), level.get(stem, empty)) for stem in range(1 << STEM_BITS)]]
    while len(levels[0]) > 1:
        nodes = levels[0]
        levels.insert(0, [_sha256(_NODE + nodes[at] + nodes[at + 1]) for at in range(0, len(nodes), 2)])
    return levels

"""The two trees: the list's against RFC 6962's own definition, the sparse one by what it must prove and refuse."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from ssa_hub.release.merkle import (
    STEM_BITS,
    Leaf,
    Proof,
    list_leaf,
    list_root,
    place_of,
    prove,
    proven_root,
    sparse_root,
)

_KEY = b"k" * 32
_names = st.text(min_size=1, max_size=12)
_leaves = st.dictionaries(
    _names, st.builds(Leaf, st.integers(1, 2**40), st.binary(min_size=32, max_size=32)), max_size=6
)


def _rfc_6962(items: list[bytes]) -> bytes:
    """Merkle Tree Hash, word by word from RFC 6962, 2.1."""
    if not items:
        return hashlib.sha256(b"").digest()
    if len(items) == 1:
        return hashlib.sha256(b"\x00" + items[0]).digest()
    k = 1
    while k * 2 < len(items):
        k *= 2
    return hashlib.sha256(b"\x01" + _rfc_6962(items[:k]) + _rfc_6962(items[k:])).digest()


@given(st.lists(st.binary(max_size=20), max_size=40))
def test_the_root_of_a_list_is_that_of_rfc_6962(items: list[bytes]) -> None:
    assert list_root([list_leaf(item) for item in items]) == _rfc_6962(items)


def test_the_root_of_a_list_is_that_of_certificate_transparencys_published_vectors() -> None:
    # The inputs and roots of the reference implementation's merkle tree tests (transparency-dev/merkle).
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    leaves = [list_leaf(bytes.fromhex(text)) for text in inputs]
    for size, root in roots.items():
        assert list_root(leaves[:size]).hex() == root


@settings(max_examples=25)
@given(_leaves, _names)
def test_a_name_is_proved_present_or_absent_and_never_the_other(leaves: dict[str, Leaf], name: str) -> None:
    root = sparse_root(leaves, _KEY)
    for asked in {*leaves, name}:
        leaf, proof = leaves.get(asked), prove(leaves, _KEY, asked)
        assert proven_root(asked, leaf, proof) == root
        false = Leaf(1, bytes(32)) if leaf is None else None
        assert proven_root(asked, false, proof) != root
        assert proven_root(asked + "?", leaf, proof) != root


@settings(max_examples=25)
@given(_leaves.filter(bool), st.data())
def test_a_proof_with_one_byte_changed_leads_elsewhere_or_is_refused(
    leaves: dict[str, Leaf], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(leaves)))
    proof = prove(leaves, _KEY, name)
    parts = [proof.bitmap, *proof.below, proof.blind, *proof.above]
    part = data.draw(st.integers(0, len(parts) - 1))
    place = data.draw(st.integers(0, len(parts[part]) - 1))
    changed = bytearray(parts[part])
    changed[place] ^= data.draw(st.integers(1, 255))
    parts[part] = bytes(changed)
    count = len(proof.below)
    false = Proof(parts[0], tuple(parts[1 : 1 + count]), parts[1 + count], tuple(parts[2 + count :]))
    try:
        root = proven_root(name, leaves[name], false)
    except ValueError:
        return
    assert root != sparse_root(leaves, _KEY)


def test_a_proof_has_the_same_form_whoever_else_is_in_the_tree() -> None:
    own = {"AQUILA": Leaf(3, b"r" * 32)}
    others = {f"OTHER-{number}": Leaf(number + 1, bytes([number]) * 32) for number in range(20)}
    stems = {place_of(name) >> (256 - STEM_BITS) for name in others}
    assert place_of("AQUILA") >> (256 - STEM_BITS) not in stems
    alone, among = prove(own, _KEY, "AQUILA"), prove({**own, **others}, _KEY, "AQUILA")
    assert (alone.bitmap, alone.below, alone.blind) == (among.bitmap, among.below, among.blind)
    assert len(alone.above) == len(among.above) == STEM_BITS


def test_hashes_of_empty_parts_differ_from_tree_to_tree() -> None:
    first, second = prove({}, b"a" * 32, "AQUILA"), prove({}, b"b" * 32, "AQUILA")
    assert not set(first.above) & set(second.above)
    assert len(set(first.above)) == STEM_BITS

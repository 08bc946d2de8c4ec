"""The keys that partners show."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.release.partner import KeyRecord, new_key, verify
from tests.release.release_strategies import unhurried


def test_a_new_key_is_found_again_and_only_its_hash_is_kept() -> None:
    token, record = new_key("BOREAL")
    assert re.fullmatch(r"ssa_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", token)
    assert record.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token.split("_", 2)[2] not in repr(record)
    assert verify(token, {record.key_id: record}.get) == record


def test_keys_are_all_different() -> None:
    keys = [new_key("BOREAL") for _ in range(200)]
    assert len({token for token, _ in keys}) == len({record.key_id for _, record in keys}) == 200


def test_an_unknown_key_and_a_wrong_secret_get_the_same_answer() -> None:
    token, record = new_key("BOREAL")
    other, _ = new_key("BOREAL")
    wrong_secret = f"ssa_{record.key_id}_{other.split('_', 2)[2]}"
    keys = {record.key_id: record}
    assert verify(wrong_secret, keys.get) is None
    assert verify(other, keys.get) is None
    assert verify(token + " ", keys.get) is None
    assert verify(token[:-1], keys.get) is None


@unhurried
@given(st.text(alphabet=st.characters(), max_size=100))
def test_no_text_opens_anything(text: str) -> None:
    _, record = new_key("BOREAL")
    assert verify(text, lambda _: record) is None
    assert verify(f"ssa_{record.key_id}_{text}", lambda _: record) is None


def test_the_hash_that_stands_for_no_key_opens_nothing() -> None:
    token, record = new_key("BOREAL")
    assert verify(token, lambda key_id: KeyRecord(key_id, "BOREAL", "0" * 64)) is None
    assert verify(token, lambda _: record) == record

"""Security policies in the state: the newest document of a name, and decisions that are made anew by it."""

from ssa_hub.state.store import State


def test_a_document_takes_the_place_of_the_earlier_one_of_its_name(state: State) -> None:
    kept = state.security_policies
    assert kept.add("SKY", b"one", file="sky.spif", by="ann", now_tai_ns=1)
    assert kept.add("LAND", b"land", file="land.spif", by="ann", now_tai_ns=2)
    assert kept.add("SKY", b"two \x00\xff", file="sky-2.spif", by="bob", now_tai_ns=3)
    assert kept.all() == [("LAND", "land.spif", b"land"), ("SKY", "sky-2.spif", b"two \x00\xff")]


def test_only_a_change_changes_the_policy_revision(state: State) -> None:
    kept = state.security_policies
    before = state.policy_token()
    assert kept.add("SKY", b"one", file="sky.spif", by="ann", now_tai_ns=1)
    added = state.policy_token()
    assert added != before
    assert not kept.add("SKY", b"one", file="other.spif", by="bob", now_tai_ns=2)
    assert state.policy_token() == added
    assert kept.all() == [("SKY", "sky.spif", b"one")]
    assert kept.remove("SKY")
    assert state.policy_token() != added
    assert not kept.remove("SKY")
    assert kept.all() == []

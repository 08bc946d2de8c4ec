import pytest

from schemas.labels import Category, CategoryType
from ssa_hub.release.partner import Clearance, Partner, Posture, Role, new_key, verify
from ssa_hub.state.store import State

NATO = Clearance("NATO", ("SECRET", "UNCLASSIFIED"), (Category("Rel", CategoryType.PERMISSIVE, ("DEU",)),))


def test_partners_come_back_as_they_were_put_and_only_changes_change_the_policy(state: State) -> None:
    alpha = Partner("Alpha", frozenset({"east", "west"}), (NATO,), frozenset({Role.STEWARD}))
    state.partners.put(alpha)
    token = state.policy_token()
    state.partners.put(alpha)
    assert state.policy_token() == token
    state.partners.put(Partner("alpha"))
    assert state.policy_token() != token
    assert state.partners.all() == [alpha, Partner("alpha")]
    assert state.partners.get("Alpha") == alpha
    assert state.partners.get("beta") is None


def test_a_key_opens_until_it_is_revoked(state: State) -> None:
    state.partners.put(Partner("alpha"))
    token, key = new_key("alpha")
    state.partners.add_key(key, 1)
    assert verify(token, state.partners.key) == key
    assert state.partners.revoke_key(key.key_id, 2)
    assert not state.partners.revoke_key(key.key_id, 3)
    assert verify(token, state.partners.key) is None
    assert [(found.created_tai_ns, found.revoked_tai_ns) for found in state.partners.all_keys()] == [(1, 2)]


def test_a_key_needs_a_partner_and_an_id_of_its_own(state: State) -> None:
    _, key = new_key("alpha")
    with pytest.raises(KeyError):
        state.partners.add_key(key, 1)
    state.partners.put(Partner("alpha"))
    state.partners.add_key(key, 1)
    with pytest.raises(ValueError, match="taken"):
        state.partners.add_key(key, 1)


def test_removing_a_partner_revokes_his_keys_and_remembers_them(state: State) -> None:
    state.partners.put(Partner("alpha"))
    _, key = new_key("alpha")
    state.partners.add_key(key, 1)
    assert state.partners.remove("alpha", 5)
    assert not state.partners.remove("alpha", 6)
    assert state.partners.key(key.key_id) is None
    assert [found.revoked_tai_ns for found in state.partners.all_keys()] == [5]


def test_one_agreement_an_originator_is_active_and_all_are_remembered(state: State) -> None:
    agreements = state.agreements
    assert agreements.activate("beta", "v1", file="b.toml", text="b1", now_tai_ns=1)
    assert agreements.activate("alpha", "v1", file="a.toml", text="a1", now_tai_ns=2)
    token = state.policy_token()
    assert not agreements.activate("alpha", "v1", file="a.toml", text="a1", now_tai_ns=3)
    assert state.policy_token() == token
    assert agreements.activate("alpha", "v2", file="a.toml", text="a2", now_tai_ns=4)
    assert state.policy_token() != token
    assert agreements.active() == [("a.toml", "a2"), ("b.toml", "b1")]
    assert agreements.retire("beta", 5)
    assert not agreements.retire("beta", 6)
    assert agreements.active() == [("a.toml", "a2")]
    spans = [(found.version, found.activated_tai_ns, found.retired_tai_ns) for found in agreements.history("alpha")]
    assert spans == [("v1", 2, 4), ("v2", 4, None)]


def test_the_posture_is_peacetime_until_it_is_set_and_has_a_history(state: State) -> None:
    assert state.agreements.posture() is Posture.PEACETIME
    assert not state.agreements.set_posture(Posture.PEACETIME, set_by="ops", now_tai_ns=1)
    assert state.agreements.set_posture(Posture.CRISIS, set_by="ops", now_tai_ns=2)
    assert state.agreements.posture() is Posture.CRISIS
    assert [(found.posture, found.set_by) for found in state.agreements.posture_history()] == [(Posture.CRISIS, "ops")]

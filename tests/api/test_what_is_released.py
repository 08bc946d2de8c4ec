"""Delays, masks and changes of rules, as partners see them."""

import pytest

from schemas.records import Kind
from ssa_hub.release.columns import ALWAYS_COLUMNS, COLUMNS
from ssa_hub.release.partner import Posture
from tests.api.answers import TABLE_FORMATS, ids, records
from tests.api.records import record_id, utc
from tests.api.rules import ALPHA, HOUR_S, MASKED_FIELDS
from tests.api.served_hub import ServedHub

LISTINGS = ("elements", "elements/history", "objects", "conjunctions")


def named(*names: str) -> list[str]:
    return [record_id(name) for name in names]


@pytest.mark.parametrize("listing", LISTINGS)
def test_who_is_allowed_nothing_gets_nothing_and_no_count(hub: ServedHub, listing: str) -> None:
    answer = hub.client("NOBODY").get(f"/v1/{listing}", params={"limit": 1})
    assert (records(answer), answer.json()["next"]) == ([], None)
    assert not {"SSA-Next-Cursor", "Link"} & set(answer.headers)


def test_an_originator_sees_its_own_and_no_more(hub: ServedHub) -> None:
    assert set(ids(hub.client("HERMIT").get("/v1/elements"))) == set(named("iss of hermit", "hermit's own"))
    assert ids(hub.client("ALPHA").get("/v1/conjunctions")) == named("near", "far", "secret")
    assert ids(hub.client("OMEGA").get("/v1/conjunctions")) == []


def test_a_steward_is_shown_no_record(hub: ServedHub) -> None:
    assert ids(hub.client("WARDEN").get("/v1/elements")) == []


def test_a_record_comes_when_its_delay_is_over_and_not_a_nanosecond_before(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    own_hub.clock.advance_s(HOUR_S - 1_800)
    own_hub.clock.now_tai_ns -= 1
    assert ids(client.get("/v1/elements", params={"object_id": "cat-25544"})) == named("iss, new")
    assert record_id("with delta") not in ids(client.get("/v1/conjunctions"))
    own_hub.clock.now_tai_ns += 1
    assert ids(client.get("/v1/elements", params={"object_id": "cat-25544"})) == named("iss of delta")
    assert record_id("with delta") in ids(client.get("/v1/conjunctions"))


def test_a_delay_is_not_got_round_by_asking_for_another_instant(hub: ServedHub) -> None:
    for known_at in (utc(0), utc(HOUR_S), utc(-1_800)):
        found = ids(hub.client("BETA").get("/v1/elements/history", params={"known_at": known_at}))
        assert record_id("iss of delta") not in found


@pytest.mark.parametrize("form", TABLE_FORMATS)
def test_masked_fields_are_null_and_named(hub: ServedHub, form: str) -> None:
    found = records(hub.client("GAMMA").get("/v1/elements", params={"format": form}))
    assert found
    shown = {*ALWAYS_COLUMNS[Kind.ELEMENTS], *MASKED_FIELDS}
    withheld = [name for name in COLUMNS[Kind.ELEMENTS] if name not in shown]
    for row in found:
        assert (row["withheld"].split() if form == "csv" else row["withheld"]) == withheld
        assert [row[name] for name in withheld] == ([""] if form == "csv" else [None]) * len(withheld)
        assert float(row["inclination_deg"]) == 51.6416


def test_objects_name_only_what_they_would_have_shown(hub: ServedHub) -> None:
    for row in records(hub.client("GAMMA").get("/v1/objects")):
        assert row["withheld"] == ["cospar_id"]
        assert row["cospar_id"] is None


def test_a_conjunction_shows_what_both_parents_originators_show(hub: ServedHub) -> None:
    found = records(hub.client("GAMMA").get("/v1/conjunctions"))
    assert [row["object_id_2"] for row in found] == ["cat-43013", "cat-44714"]
    for row in found:
        assert row["relative_speed_m_s"] == 9_876.5
        assert row["miss_distance_m"] is row["parent_1"] is row["object_name_2"] is row["at_window_edge"] is None
        assert {"miss_distance_m", "parent_1", "object_name_2", "at_window_edge"} <= set(row["withheld"])


@pytest.mark.parametrize("bound_m", [0, 100, 130, 5_000, 1e9])
def test_a_miss_distance_that_is_withheld_cannot_be_found_out_by_bounds(hub: ServedHub, bound_m: float) -> None:
    answer = hub.client("GAMMA").get("/v1/conjunctions", params={"miss_distance_max_m": bound_m})
    assert answer.json()["items"] == []


def test_new_rules_act_on_the_next_question(own_hub: ServedHub) -> None:
    client = own_hub.client("GAMMA")
    before = client.get("/v1/elements")
    own_hub.agree(ALPHA.replace('partners = ["GAMMA"]', 'partners = ["NOBODY"]'))
    after = client.get("/v1/elements")
    assert ids(before)
    assert ids(after) == []
    assert before.json()["policy_version"] != after.json()["policy_version"]
    own_hub.state.agreements.retire("ALPHA", own_hub.clock())
    assert ids(own_hub.client("NOBODY").get("/v1/elements")) == []


def test_a_posture_changes_what_is_released(own_hub: ServedHub) -> None:
    own_hub.agree(ALPHA.replace('data_modes = ["REAL"]\n', 'data_modes = ["REAL"]\npostures = ["crisis"]\n'))
    assert ids(own_hub.client("GAMMA").get("/v1/elements")) == []
    own_hub.state.agreements.set_posture(Posture.CRISIS, set_by="test", now_tai_ns=own_hub.clock())
    assert ids(own_hub.client("GAMMA").get("/v1/elements")) != []


def test_a_rule_ends_at_its_instant_without_anybody_touching_it(own_hub: ServedHub) -> None:
    until = f'data_modes = ["REAL"]\nvalid_until = "{utc(60)}"\n'
    own_hub.agree(ALPHA.replace('data_modes = ["REAL"]\n', until))
    assert ids(own_hub.client("GAMMA").get("/v1/elements"))
    own_hub.clock.advance_s(60)
    assert ids(own_hub.client("GAMMA").get("/v1/elements")) == []

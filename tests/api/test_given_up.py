"""What partners are answered does not change when state gives up the bodies of records that left the feed's window."""

from typing import Any

from ssa_hub.services.feed_window import FeedWindow
from ssa_hub.sharing.stream import FEED_WINDOW_NS
from ssa_hub.state.giving_up import GIVEN_UP
from tests.api.records import record_id
from tests.api.served_hub import ServedHub
from tests.api.test_stream import EVERYTHING


def answers(hub: ServedHub, partner: str) -> list[tuple[int, Any]]:
    client = hub.client(partner)
    found = [client.get(f"/v1/{path}") for path in ("elements", "elements/history", "conjunctions", "objects")]
    found += [client.get("/v1/explain", params={"record_id": name}) for name in EVERYTHING]
    return [(answer.status_code, answer.json()) for answer in found]


def given_up(hub: ServedHub) -> list[str]:
    with hub.state.database.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT record_id, body FROM recorded").all()
    return [record for record, body in rows if bytes(body) == GIVEN_UP]


def test_listings_and_explanations_are_the_same_before_and_after(own_hub: ServedHub) -> None:
    own_hub.clock.advance_s(450 * 86_400)
    partners = ("ALPHA", "BETA", "GAMMA", "DELTA")
    before = [answers(own_hub, partner) for partner in partners]
    assert FeedWindow(own_hub.state, FEED_WINDOW_NS).turn(own_hub.clock()) > 3
    assert [answers(own_hub, partner) for partner in partners] == before


def test_an_orbit_that_becomes_the_newest_again_by_a_withdrawal_is_listed(own_hub: ServedHub) -> None:
    own_hub.clock.advance_s(450 * 86_400)
    FeedWindow(own_hub.state, FEED_WINDOW_NS).turn(own_hub.clock())
    assert record_id("iss, old") in given_up(own_hub)
    own_hub.withdraw({"record_id": record_id("iss, new"), "originator": "ALPHA"})
    assert record_id("iss, old") not in given_up(own_hub)
    listed = own_hub.client("ALPHA").get("/v1/elements", params={"object_id": "cat-25544"}).json()["items"]
    assert record_id("iss, old") in [row["record_id"] for row in listed]

"""What becomes of withdrawn records in listings, streams, explanations and what-ifs."""

from typing import Any

import pytest

from ssa_hub.sharing.withdrawing import Recall
from tests.api.answers import TABLE_FORMATS, from_csv, ids, records
from tests.api.manoeuvres import ASKED, BESIDE, oem, orbit
from tests.api.records import PUBLIC, conjunction, element, record_id
from tests.api.served_hub import ServedHub
from tests.api.test_stream import stream


def withdraw(hub: ServedHub, *names: str, originator: str = "ALPHA", derived: str = "flag") -> None:
    recall = Recall(record_ids=tuple(record_id(name) for name in names), reason="wrong", derived=derived)
    hub.services.withdrawing.withdraw(originator, recall, "test")


def found(hub: ServedHub, listing: str, partner: str = "BETA", **query: Any) -> list[str]:
    answer = hub.client(partner).get(f"/v1/{listing}", params=query)
    assert answer.status_code == 200, answer.text
    return ids(answer)


def with_parents(name: str, first: str, second: str) -> dict[str, Any]:
    return conjunction(name, 25544, 44714) | {"parent_1": record_id(first), "parent_2": record_id(second)}


@pytest.fixture
def hub(own_hub: ServedHub) -> ServedHub:
    """The hub of all these tests, with conjunctions of orbits that are there."""
    own_hub.record([with_parents("of both", "iss, new", "starlink"), with_parents("of neither", "iss, old", "analyst")])
    return own_hub


@pytest.mark.parametrize("partner", ["BETA", "GAMMA", "ALPHA"])
def test_a_withdrawn_element_set_is_in_no_listing_and_the_one_before_it_is_the_newest(
    hub: ServedHub, partner: str
) -> None:
    shown = (
        (lambda name: record_id(name))
        if partner != "GAMMA"
        else lambda name: hub.hub.policies.shown_ids.of("GAMMA").shown(record_id(name))
    )
    before = found(hub, "elements/history", partner)
    assert shown("iss, new") in before
    withdraw(hub, "iss, new")
    assert found(hub, "elements/history", partner) == [name for name in before if name != shown("iss, new")]
    for listing in ("elements", "objects"):
        assert shown("iss, old") in found(hub, listing, partner, object_id="cat-25544")
    streamed = [event.data["record_id"] for event in stream(hub, partner, from_beginning=True, kind="elements")]
    assert shown("iss, new") not in streamed
    assert shown("iss, old") in streamed


@pytest.mark.parametrize("form", TABLE_FORMATS)
def test_conjunctions_of_a_withdrawn_orbit_are_flagged_in_every_format(hub: ServedHub, form: str) -> None:
    def flags() -> dict[str, bool]:
        client = hub.client("BETA")
        whole = records(client.get("/v1/conjunctions"))
        rows = records(client.get("/v1/conjunctions", params={"format": form}))
        if form == "csv":
            rows = [from_csv(row, like) for row, like in zip(rows, whole, strict=True)]
        return {row["record_id"]: row["parent_withdrawn"] for row in rows}

    assert set(flags().values()) == {False}
    withdraw(hub, "starlink")
    assert {name for name, flag in flags().items() if flag} == {record_id("of both")}
    streamed = {
        event.data["record_id"]: event.data["parent_withdrawn"]
        for event in stream(hub, from_beginning=True, kind="conjunctions")
    }
    assert streamed == flags()


def test_conjunctions_of_an_orbit_that_was_withdrawn_with_all_derived_are_gone(hub: ServedHub) -> None:
    withdraw(hub, "starlink", derived="withdraw")
    left = found(hub, "conjunctions")
    assert record_id("of both") not in left
    assert record_id("of neither") in left
    streamed = [event.data["record_id"] for event in stream(hub, from_beginning=True, kind="conjunctions")]
    assert sorted(streamed) == sorted(left)


def test_explain_answers_as_for_no_record_but_to_its_originator_and_stewards(hub: ServedHub) -> None:
    withdraw(hub, "starlink", derived="withdraw")
    for partner in ("BETA", "NOBODY"):
        for name in ("starlink", "of both"):
            told = hub.client(partner).get("/v1/explain", params={"record_id": record_id(name)})
            nothing = hub.client(partner).get("/v1/explain", params={"record_id": "0" * 32})
            assert (told.status_code, told.content) == (404, nothing.content)
    for partner in ("ALPHA", "WARDEN"):
        query = {"record_id": record_id("starlink"), "partner": "BETA"}
        assert hub.client(partner).get("/v1/explain", params=query).json()["withdrawn"] is True
        query["record_id"] = record_id("iss, old")
        assert hub.client(partner).get("/v1/explain", params=query).json()["withdrawn"] is False


def test_who_was_sent_a_record_goes_on_after_it_when_it_is_withdrawn_and_nobody_else_does(hub: ServedHub) -> None:
    events = stream(hub, from_beginning=True, kind="elements")
    place = [event.data["record_id"] for event in events].index(record_id("starlink"))
    withdraw(hub, "starlink")
    rest = stream(hub, after=events[place].id, kind="elements")
    assert [event.data["record_id"] for event in rest] == [event.data["record_id"] for event in events[place + 1 :]]
    hub.record([element("never sent", 44714)])
    withdraw(hub, "never sent")
    headers = {"Last-Event-ID": f"0;0:{record_id('never sent')}"}
    assert hub.client("BETA").get("/v1/stream", params={"wait_s": 0}, headers=headers).status_code == 422


def test_a_page_of_withdrawn_records_does_not_end_a_stream(hub: ServedHub) -> None:
    names = [f"recalled {n}" for n in range(6)]
    hub.record([element(name, 9, epoch=n) for n, name in enumerate(names)])
    hub.record([element("after them", 10)])
    withdraw(hub, *names)
    last = [event.data["record_id"] for event in stream(hub, from_beginning=True, kind="elements")][-1]
    assert last == record_id("after them")
    begun = stream(hub, from_beginning=True, kind="elements", last=5)[-1]
    assert [event.data["record_id"] for event in stream(hub, after=begun.id, kind="elements", last=1)]


@pytest.mark.parametrize("originator", ["ALPHA", "DELTA"])
def test_a_withdrawn_orbit_takes_no_part_in_a_what_if(own_hub: ServedHub, originator: str) -> None:
    """Of ALPHA state answers, of DELTA, whose records come an hour late, history."""
    row = orbit("of theirs", 102, BESIDE, originator=originator, received_s=-90_000)
    own_hub.record([row], labels=(PUBLIC,))

    def met() -> set[str]:
        answer = own_hub.client("BETA").post("/v1/what-if", content=oem(), params=ASKED)
        return {found["object_id_2"] for found in records(answer)}

    assert "cat-102" in met()
    recall = Recall(record_ids=(row["record_id"],), reason="wrong", derived="flag")
    own_hub.services.withdrawing.withdraw(originator, recall, "test")
    assert "cat-102" not in met()

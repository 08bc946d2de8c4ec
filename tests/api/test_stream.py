"""The stream: what comes, in which order, where it goes on, and when it ends."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ssa_hub.services.feed_window import FeedWindow
from ssa_hub.sharing.stream import FEED_WINDOW_NS
from tests.api.records import PUBLIC, conjunction, element, record_id
from tests.api.rules import ALPHA, DELTA, HOUR_S
from tests.api.served_hub import ServedHub


class Event(NamedTuple):
    """One server-sent event."""

    id: str
    event: str
    data: Any


def events_of(text: str) -> list[Event]:
    """The events of a finished stream, read as the WHATWG says (one data line an event here)."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            found.append(Event(fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def stream(hub: ServedHub, partner: str = "BETA", after: str | None = None, **query: Any) -> list[Event]:
    """The events that are there now, after the first one, which only says where one stands."""
    headers = {} if after is None else {"Last-Event-ID": after}
    answer = hub.client(partner).get("/v1/stream", params={"wait_s": 0, **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    begun, *events = events_of(answer.text)
    assert (begun.event, begun.data) == ("begun", {})
    return events


def names_in(hub: ServedHub, **query: Any) -> list[str]:
    return [event.data["record_id"] for event in stream(hub, **query)]


def named(*names: str) -> list[str]:
    return [record_id(name) for name in names]


EVERYTHING = named(
    "iss, old", "iss, new", "starlink", "analyst", "near", "far", "with omega", "delta's own", "of delta"
)


def test_from_the_beginning_everything_that_is_visible_comes_in_the_order_of_recording(hub: ServedHub) -> None:
    events = stream(hub, from_beginning=True)
    assert [event.data["record_id"] for event in events] == EVERYTHING
    assert [event.event for event in events] == ["elements"] * 4 + ["conjunctions"] * 3 + ["elements", "conjunctions"]


def test_an_event_is_the_record_as_in_the_listing_and_names_the_rules(hub: ServedHub) -> None:
    for partner in ("BETA", "GAMMA"):
        client = hub.client(partner)
        for listing, kind in (("elements/history", "elements"), ("conjunctions", "conjunctions")):
            page = client.get(f"/v1/{listing}").json()
            expected = {row["record_id"]: {**row, "policy_version": page["policy_version"]} for row in page["items"]}
            events = stream(hub, partner=partner, from_beginning=True, kind=kind)
            assert {event.data["record_id"]: event.data for event in events} == expected


def test_a_kind_or_a_data_mode_can_be_chosen(hub: ServedHub) -> None:
    assert names_in(hub, from_beginning=True, kind="conjunctions") == [*EVERYTHING[4:7], EVERYTHING[8]]
    assert names_in(hub, from_beginning=True, kind=["elements", "conjunctions"]) == EVERYTHING
    assert names_in(hub, from_beginning=True, data_mode="EXERCISE") == []
    assert names_in(hub, partner="ALPHA", from_beginning=True, data_mode="EXERCISE") == named("exercise")


def test_without_a_place_a_stream_starts_with_now(own_hub: ServedHub) -> None:
    assert stream(own_hub) == []


@pytest.mark.parametrize("last", [0, 1, 4, 100])
def test_last_ends_a_stream(hub: ServedHub, last: int) -> None:
    assert names_in(hub, from_beginning=True, last=last) == EVERYTHING[:last]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_stream_goes_on_after_its_last_event_and_loses_nothing(hub: ServedHub, most: int) -> None:
    found: list[str] = []
    after: str | None = None
    while True:
        events = stream(hub, after=after, from_beginning=after is None, last=most)
        if not events:
            break
        found += [event.data["record_id"] for event in events]
        after = events[-1].id
    # At least once: under a delay nothing may have been sent yet, and that goes on where the stream was begun.
    assert list(dict.fromkeys(found)) == EVERYTHING


def test_whoever_was_cut_off_before_the_first_record_goes_on_too(own_hub: ServedHub) -> None:
    begun, *rest = events_of(own_hub.client("BETA").get("/v1/stream", params={"wait_s": 0}).text)
    assert rest == []
    own_hub.record([element("meanwhile", 20581, received_s=1)])
    own_hub.clock.advance_s(600)
    assert [event.data["record_id"] for event in stream(own_hub, after=begun.id)] == named("meanwhile")


def test_what_was_under_an_embargo_when_the_stream_began_comes_when_it_is_due(own_hub: ServedHub) -> None:
    """It was recorded before the stream began: a place in the order of recording alone would have passed it."""
    begun, *rest = events_of(own_hub.client("BETA").get("/v1/stream", params={"wait_s": 0}).text)
    assert rest == []
    own_hub.clock.advance_s(1_799)
    assert stream(own_hub, after=begun.id) == []
    own_hub.clock.advance_s(1)
    assert [event.data["record_id"] for event in stream(own_hub, after=begun.id)] == named("iss of delta", "with delta")


def test_delayed_records_come_after_those_that_were_recorded_later(own_hub: ServedHub) -> None:
    before = stream(own_hub, from_beginning=True)
    own_hub.record([element("later", 20581, received_s=-60)])
    between = stream(own_hub, after=before[-1].id)
    assert [event.data["record_id"] for event in between] == named("later")
    own_hub.clock.advance_s(1_800)
    due = stream(own_hub, after=between[-1].id)
    assert [event.data["record_id"] for event in due] == named("iss of delta", "with delta")
    assert stream(own_hub, after=due[-1].id) == []


@pytest.mark.parametrize(
    "event_id",
    [
        "",
        "x",
        "0;",
        "-1",
        "9" * 19,
        "9" * 20,
        "0;0:" + "0" * 32,
        "0;0:" + record_id("iss of hermit"),
        "0;0:" + record_id("with hermit"),
        "0;0:" + record_id("secret"),
        f"0;{HOUR_S * 10**9}:" + record_id("iss of delta"),
        "0;0:" + record_id("iss, new") + ";0:" + record_id("hermit's own"),
        "0;0:" + record_id("iss, new").upper(),
        "0;0:" + record_id("iss, new") + "\u00e4",
        "0;" * 500,
        "0" * 3_000,
    ],
)
def test_an_id_that_the_partner_was_not_sent_is_refused_as_one_that_does_not_exist(
    hub: ServedHub, event_id: str
) -> None:
    client = hub.client("BETA")
    headers = {b"Last-Event-ID": event_id.encode("latin-1")}
    answer = client.get("/v1/stream", params={"wait_s": 0}, headers=headers)
    unknown = client.get("/v1/stream", params={"wait_s": 0}, headers={"Last-Event-ID": "0;0:" + "1" * 32})
    assert answer.status_code == unknown.status_code == 422
    assert answer.content == unknown.content or len(event_id) > 2_000


def test_ids_hold_nothing_that_counts_hidden_records(hub: ServedHub) -> None:
    sent = set()
    for event in stream(hub, from_beginning=True):
        begun, *parts = event.id.split(";")
        sent.add(event.data["record_id"])
        assert int(begun) == hub.clock() - FEED_WINDOW_NS  # where its window begins, whatever there is
        assert {part.split(":")[1] for part in parts} <= sent
        assert {part.split(":")[0] for part in parts} <= {"0", str(HOUR_S * 10**9)}


def live(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """The records of a running stream as they come."""
    event = ""
    for line in lines:
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event, json.loads(line.removeprefix("data: "))


def test_records_come_while_the_stream_is_open(own_hub: ServedHub) -> None:
    with own_hub.client("BETA").stream("GET", "/v1/stream", params={"last": 3, "from_beginning": False}) as answer:
        events = live(answer.iter_lines())
        assert next(events) == ("begun", {})
        own_hub.record([element("live", 20581), element("hidden", 20582, originator="HERMIT")])
        assert next(events)[1]["record_id"] == record_id("live")
        own_hub.record([conjunction("live conjunction")])
        assert next(events)[1]["record_id"] == record_id("live conjunction")
        own_hub.clock.advance_s(1_800)
        assert next(events)[1]["record_id"] == record_id("iss of delta")
        assert list(events) == []


def test_an_open_stream_follows_the_rules_as_they_change(own_hub: ServedHub) -> None:
    with own_hub.client("NOBODY").stream("GET", "/v1/stream", params={"last": 1, "kind": "elements"}) as answer:
        events = live(answer.iter_lines())
        next(events)
        own_hub.agree(ALPHA.replace('partners = ["GAMMA"]', 'partners = ["GAMMA", "NOBODY"]'))
        own_hub.record([element("live", 20581)])
        assert next(events)[1]["withheld"]


def test_a_stream_ends_when_its_key_is_revoked(own_hub: ServedHub) -> None:
    key = own_hub.new_key("BETA")
    with own_hub.client().stream("GET", "/v1/stream", headers={"X-API-Key": key}) as answer:
        events = live(answer.iter_lines())
        assert next(events) == ("begun", {})
        own_hub.state.partners.revoke_key(key.split("_")[1], own_hub.clock())
        own_hub.record([element("after", 20581)])
        assert list(events) == []


def test_a_stream_ends_when_its_partner_is_removed(own_hub: ServedHub) -> None:
    with own_hub.client("BETA").stream("GET", "/v1/stream") as answer:
        events = live(answer.iter_lines())
        next(events)
        own_hub.state.partners.remove("BETA", own_hub.clock())
        own_hub.record([element("after", 20581)], labels=(PUBLIC,))
        assert list(events) == []


def test_a_shorter_delay_repeats_records_rather_than_lose_them(own_hub: ServedHub) -> None:
    before = stream(own_hub, from_beginning=True)
    own_hub.agree(DELTA.replace(f"delay_s = {HOUR_S}", "delay_s = 60"))
    after = [event.data["record_id"] for event in stream(own_hub, after=before[-1].id)]
    assert {record_id("iss of delta"), record_id("with delta")} <= set(after)


def test_who_stayed_away_longer_than_the_window_is_told_so_and_begins_anew(own_hub: ServedHub) -> None:
    before = stream(own_hub, from_beginning=True)
    own_hub.clock.advance_s(86_400)
    *_, last = stream(own_hub, after=before[-1].id)  # what had been under an embargo
    own_hub.clock.advance_s(398 * 86_400)
    assert EVERYTHING[-1] in [event.data["record_id"] for event in stream(own_hub, after=before[-2].id)]
    own_hub.clock.advance_s(2 * 86_400)
    answer = own_hub.client("BETA").get("/v1/stream", headers={"Last-Event-ID": before[-2].id})
    assert (answer.status_code, answer.headers["Content-Type"]) == (410, "application/problem+json")
    assert "begin anew" in answer.json()["detail"]
    # Nothing that he may see has come since his last event: an old place is as good as a new one.
    assert stream(own_hub, after=last.id) == []
    assert stream(own_hub, from_beginning=True) == []


def test_an_old_place_is_refused_the_same_whether_bodies_are_given_up_yet_or_not(own_hub: ServedHub) -> None:
    before = stream(own_hub, from_beginning=True)
    own_hub.clock.advance_s(450 * 86_400)
    answers = []
    for _ in range(2):
        answer = own_hub.client("BETA").get("/v1/stream", headers={"Last-Event-ID": before[0].id})
        answers.append((answer.status_code, answer.json()["detail"]))
        FeedWindow(own_hub.state, FEED_WINDOW_NS).turn(own_hub.clock())
    assert answers[0][0] == 410
    assert answers[0] == answers[1]

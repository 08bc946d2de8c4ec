"""The posture: who may know what of it, who sets it, and that a change acts everywhere at once."""

import threading

import httpx
import pytest

from tests.api.manoeuvres import oem
from tests.api.records import element, record_id
from tests.api.served_hub import ServedHub
from tests.api.test_stream import events_of

COMMANDER = '[[partner]]\nname = "COMMANDER"\nroles = ["posture"]\n'
IN_CRISIS = """
originator = "ALPHA"

[[rule]]
id = "beta-in-crisis"
kinds = ["elements", "derived-conjunctions"]
partners = ["BETA"]
data_modes = ["REAL"]
postures = ["crisis", "conflict"]
fields = ["*"]
"""


@pytest.fixture
def commanded(own_hub: ServedHub) -> ServedHub:
    """A hub where ALPHA shows BETA everything in crisis and nothing in peacetime."""
    own_hub.enrol(COMMANDER)
    own_hub.agree(IN_CRISIS)
    return own_hub


def set_posture(hub: ServedHub, posture: str, who: str = "COMMANDER") -> int:
    return hub.client(who).put("/v1/posture", params={"posture": posture}).status_code


def test_every_partner_may_know_the_posture_and_only_the_role_sets_it(commanded: ServedHub) -> None:
    for who in ("BETA", "WARDEN", "ALPHA", "NOBODY"):
        assert set_posture(commanded, "crisis", who) == 403
        assert commanded.client(who).get("/v1/posture").json()["posture"] == "peacetime"
    assert set_posture(commanded, "crisis") == 200
    assert commanded.client("BETA").get("/v1/posture").json()["posture"] == "crisis"
    assert commanded.client().get("/v1/posture").status_code == 401
    assert set_posture(commanded, "war") == 422


def test_each_change_is_one_recorded_act(commanded: ServedHub) -> None:
    commanded.clock.advance_s(60)
    for posture in ("crisis", "crisis", "conflict"):
        assert set_posture(commanded, posture) == 200
        commanded.clock.advance_s(60)
    for who in ("COMMANDER", "WARDEN"):
        changes = commanded.client(who).get("/v1/posture/history").json()["changes"]
        assert [(it["number"], it["before"], it["after"], it["set_by"], it["set_utc"][11:19]) for it in changes] == [
            (1, "peacetime", "crisis", "partner COMMANDER", "12:01:00"),
            (2, "crisis", "conflict", "partner COMMANDER", "12:03:00"),
        ]
    answer = commanded.client("ALPHA").get("/v1/posture/history")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:ssa-hub:problem:not-entitled")


def test_a_partners_policy_version_is_that_of_his_answers(commanded: ServedHub) -> None:
    beta = commanded.client("BETA")
    versions = set()
    for posture in ("peacetime", "crisis"):
        set_posture(commanded, posture)
        version = beta.get("/v1/posture").json()["policy_version"]
        assert version == beta.get("/v1/elements").headers["SSA-Policy-Version"]
        versions.add(version)
    assert len(versions) == 2


def what_if_objects(hub: ServedHub) -> int:
    answer = hub.client("BETA").post("/v1/what-if", content=oem(), params={"threshold_km": 1, "hours": 1})
    assert answer.status_code == 200, answer.text
    objects: int = answer.json()["objects"]
    return objects


def test_a_change_acts_on_pages_what_ifs_and_reasons_at_once_and_is_taken_back_likewise(commanded: ServedHub) -> None:
    commanded.record([element("fresh", 20581, received_s=-10)])
    beta = commanded.client("BETA")

    def seen() -> tuple[bool, int, int]:
        ids = {row["record_id"] for row in beta.get("/v1/elements/history").json()["items"]}
        explained = beta.get("/v1/explain", params={"record_id": record_id("fresh")}).status_code
        return record_id("fresh") in ids, explained, what_if_objects(commanded)

    hidden, reason, few = seen()
    assert (hidden, reason) == (False, 404)
    set_posture(commanded, "crisis")
    shown, reason, many = seen()
    assert (shown, reason) == (True, 200)
    assert many > few
    set_posture(commanded, "peacetime")
    assert seen() == (False, 404, few)


def test_an_open_stream_follows_each_change(commanded: ServedHub) -> None:
    lines: list[str] = []
    begun, first = threading.Event(), threading.Event()

    def listen() -> None:
        query: dict[str, str | int] = {"wait_s": 60, "last": 2, "kind": "elements"}
        with commanded.client("BETA").stream("GET", "/v1/stream", params=query) as answer:
            for line in answer.iter_lines():
                lines.append(line)
                if line == "event: begun":
                    begun.set()
                if record_id("in crisis") in line:
                    first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(30)
    versions = {}
    for posture, arrived in (("crisis", first), ("conflict", None)):
        set_posture(commanded, "peacetime")
        set_posture(commanded, posture)
        versions[f"in {posture}"] = policy_version(commanded)
        commanded.record([element(f"in {posture}", 20581, received_s=0)])
        assert arrived is None or arrived.wait(30)
    listener.join(60)
    assert not listener.is_alive()
    told = {event.data["record_id"]: event.data["policy_version"] for event in events_of("\n".join(lines))[1:]}
    assert told == {record_id(name): version for name, version in versions.items()}


def policy_version(hub: ServedHub) -> str:
    """BETA's, asked with another client than the one that listens."""
    key = {"Authorization": f"Bearer {hub.new_key('BETA')}"}
    return str(httpx.get(f"{hub.base_url}/v1/posture", headers=key).json()["policy_version"])


def test_a_stream_that_goes_on_shows_nothing_more_once_a_posture_is_taken_back(commanded: ServedHub) -> None:
    set_posture(commanded, "crisis")
    begun, *_ = events_of(commanded.client("BETA").get("/v1/stream", params={"wait_s": 0}).text)
    set_posture(commanded, "peacetime")
    commanded.record([element("afterwards", 20583, received_s=0)])
    headers = {"Last-Event-ID": begun.id}
    answer = commanded.client("BETA").get("/v1/stream", params={"wait_s": 0, "kind": "elements"}, headers=headers)
    assert [event.event for event in events_of(answer.text)] == ["begun"]

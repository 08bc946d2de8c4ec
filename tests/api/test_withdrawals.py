"""Withdrawing, from push to confirmation: gone at once everywhere, and everybody who had it is told and asked."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from schemas.timescales import NS_PER_SECOND, format_utc, now_tai_ns
from ssa_hub.release.ledger import Channel, Disclosure
from ssa_hub.sharing.withdrawal_recipients import Recipients
from ssa_hub.state.release_tables import ledger_entries
from tests.api.answers import ids
from tests.api.manoeuvres import oem
from tests.api.records import PUBLIC, at_s, conjunction, element, record_id
from tests.api.rules import ALPHA, DELTA, OMEGA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.api.test_stream import Event, events_of

LABEL = '{"policy":"PUBLIC","classification":"UNCLASSIFIED"}'
PATIENCE_S = 60.0
ONE = """1 25544U 98067A   24261.51782528  .00010000  00000+0  18000-3 0  9997
2 25544  51.6400 247.4627 0006703 130.5360 325.0288 15.49815350 56353"""


def checksum(line: str) -> str:
    """A TLE line with its last column, the sum of its digits (a minus counts one) modulo 10."""
    body = line[:68]
    return body + str(sum(int(c) if c.isdigit() else c == "-" for c in body) % 10)


def tle(number: int, day: float) -> str:
    """An orbit of an object at an epoch, a day of 2024."""
    first, second = ONE.splitlines()
    lines = (f"{first[:2]}{number:05d}{first[7:20]}{day:012.8f}{first[32:]}", f"{second[:2]}{number:05d}{second[7:]}")
    return "\n".join(checksum(line) for line in lines)


@pytest.fixture
def hub(tmp_path: Any) -> Iterator[ServedHub]:
    """A hub that records what is pushed, at the present."""
    with served_hub(tmp_path, recording=True) as served:
        served.clock.now_tai_ns = now_tai_ns() + 3_600 * NS_PER_SECOND
        served.enrol(PARTNERS)
        served.agree(ALPHA, DELTA, OMEGA)
        yield served


def push(hub: ServedHub, *orbits: str, partner: str = "ALPHA") -> dict[str, Any]:
    """Push orbits, and wait until they are recorded."""
    before = hub.state.recorded.last_seq()
    answer = hub.client(partner).post("/v1/elements", content="\n".join(orbits), headers={"SSA-Label": LABEL})
    assert answer.status_code == 202, answer.text
    receipt: dict[str, Any] = answer.json()
    wait_until(lambda: hub.state.recorded.last_seq() >= before + receipt["new"])
    return receipt


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


def withdraw(hub: ServedHub, partner: str = "ALPHA", **body: Any) -> httpx.Response:
    return hub.client(partner).post("/v1/withdrawals", json={"reason": "wrong force model", **body})


def notices(hub: ServedHub, partner: str, **query: Any) -> list[dict[str, Any]]:
    answer = hub.client(partner).get("/v1/notices", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def streamed(hub: ServedHub, partner: str, after: str | None = None, **query: Any) -> list[Event]:
    headers = {} if after is None else {"Last-Event-ID": after}
    answer = hub.client(partner).get("/v1/stream", params={"wait_s": 0, **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    return events_of(answer.text)


def history(hub: ServedHub, partner: str) -> list[str]:
    return ids(hub.client(partner).get("/v1/elements/history"))


def test_from_push_to_confirmation(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    push(hub, tle(25544, 261.5))
    old, new = history(hub, "ALPHA")
    assert history(hub, "BETA") == [old, new]
    assert ids(hub.client("BETA").get("/v1/elements")) == [new]
    *_, last = streamed(hub, "BETA", from_beginning=True)
    assert last.data["record_id"] == new
    assert hub.client("BETA").get("/v1/explain", params={"record_id": new}).status_code == 200

    made = withdraw(hub, record_ids=[new])
    assert made.status_code == 201, made.text

    assert history(hub, "BETA") == history(hub, "ALPHA") == [old]
    assert ids(hub.client("BETA").get("/v1/elements")) == [old]
    assert hub.client("BETA").get("/v1/explain", params={"record_id": new}).status_code == 404
    assert [event.data["record_id"] for event in streamed(hub, "BETA", from_beginning=True, kind="elements")[1:]] == [
        old
    ]
    assert hub.state.newest.elements("REAL").column("record_id").to_pylist() == [old]

    (notice,) = notices(hub, "BETA")
    assert (notice["kind"], notice["data_mode"], notice["confirmed_utc"]) == ("withdrawal", "REAL", None)
    told = notice["withdrawal"]
    assert (told["originator"], told["reason"], told["record_ids"]) == ("ALPHA", "wrong force model", [new])
    assert (told["conjunctions_flagged"], told["conjunctions_withdrawn"]) == ([], [])
    assert {"page", "stream"} <= set(told["channels"])
    assert notices(hub, "GAMMA") == notices(hub, "NOBODY") == notices(hub, "ALPHA") == []

    where = f"/v1/withdrawals/{made.json()['withdrawal_id']}"
    report = hub.client("ALPHA").get(where).json()
    (recipient,) = report["recipients"]
    assert (recipient["partner"], recipient["records"], recipient["confirmed_utc"]) == ("BETA", 1, None)
    assert recipient["told_utc"] is not None
    assert report["outstanding"] == 1

    confirm = f"/v1/notices/{notice['notice_id']}/confirm"
    first = hub.client("BETA").post(confirm)
    hub.clock.advance_s(60)
    assert hub.client("BETA").post(confirm).content == first.content
    assert first.json()["notice_id"] == notice["notice_id"]
    report = hub.client("ALPHA").get(where).json()
    assert report["recipients"][0]["confirmed_utc"] == first.json()["confirmed_utc"]
    assert report["outstanding"] == 0
    assert notices(hub, "BETA")[0]["confirmed_utc"] == first.json()["confirmed_utc"]


def test_an_open_stream_is_told_as_it_goes_on(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    (known,) = history(hub, "ALPHA")
    seen: list[Event] = []
    read = threading.Event()

    def follow() -> None:
        with hub.client("BETA").stream("GET", "/v1/stream", params={"from_beginning": True, "last": 2}) as answer:
            text = ""
            for part in answer.iter_text():
                text += part
                seen[:] = events_of(text[: text.rfind("\n\n") + 2])
                if len(seen) == 2:
                    read.set()

    following = threading.Thread(target=follow)
    following.start()
    assert read.wait(PATIENCE_S)
    assert [event.event for event in seen] == ["begun", "elements"]
    assert withdraw(hub, record_ids=[known]).status_code == 201
    following.join(PATIENCE_S)
    *_, told = seen
    assert (told.event, told.data["withdrawal"]["record_ids"]) == ("withdrawal", [known])
    assert told.data["withdrawal"]["channels"] == ["stream"]
    assert told.id.endswith(f";n:{told.data['notice_id']}")
    assert [event.event for event in streamed(hub, "BETA", after=told.id)] == ["begun"]
    # Told by the stream, he finds it in the listing as well.
    assert [one["notice_id"] for one in notices(hub, "BETA")] == [told.data["notice_id"]]


def test_a_whole_payload_goes_and_the_same_bytes_do_not_bring_it_back(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    (old,) = history(hub, "ALPHA")
    bad = [tle(25544, 261.5), tle(43013, 261.5)]
    receipt = push(hub, *bad)
    assert len(history(hub, "BETA")) == 3
    made = withdraw(hub, payload_sha256=receipt["payload_sha256"], reason_to_recipients=False)
    assert made.status_code == 201, made.text
    assert len(made.json()["record_ids"]) == 2
    assert history(hub, "BETA") == [old]
    assert push(hub, *bad)["new"] == 0
    push(hub, tle(20580, 261.5), *bad)
    assert len(history(hub, "BETA")) == 2
    newest = hub.state.newest.elements("REAL").column("catalogue_number").to_pylist()
    assert sorted(newest) == [20580, 25544]
    (notice,) = notices(hub, "BETA")
    assert notice["withdrawal"]["reason"] is None
    again = withdraw(hub, payload_sha256=receipt["payload_sha256"])
    assert (again.status_code, again.json()["type"]) == (409, "urn:ssa-hub:problem:withdrawn-already")


def test_what_is_not_his_is_answered_as_what_does_not_exist(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    receipt = push(hub, tle(43013, 260.5), partner="DELTA")
    (own,) = history(hub, "ALPHA")
    (others,) = history(hub, "DELTA")
    for mine in ([], [own]):
        unknown = withdraw(hub, record_ids=[*mine, "0" * 32])
        assert unknown.status_code == 404
        foreign = withdraw(hub, record_ids=[*mine, others])
        assert (foreign.status_code, foreign.content) == (404, unknown.content)
    unknown = withdraw(hub, payload_sha256="0" * 64)
    foreign = withdraw(hub, payload_sha256=receipt["payload_sha256"])
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert history(hub, "ALPHA") == [own]
    assert history(hub, "DELTA") == [others]
    assert hub.client("ALPHA").get("/v1/withdrawals").json() == {"items": []}


def test_withdrawals_and_notices_of_others_do_not_exist(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    (own,) = history(hub, "ALPHA")
    assert history(hub, "BETA") == [own]
    made = withdraw(hub, record_ids=[own]).json()
    (notice,) = notices(hub, "BETA")
    nowhere = hub.client("BETA").get(f"/v1/withdrawals/{'0' * 32}")
    theirs = hub.client("BETA").get(f"/v1/withdrawals/{made['withdrawal_id']}")
    assert (theirs.status_code, theirs.content) == (404, nowhere.content)
    unknown = hub.client("GAMMA").post(f"/v1/notices/{'0' * 32}/confirm")
    foreign = hub.client("GAMMA").post(f"/v1/notices/{notice['notice_id']}/confirm")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    after = [
        hub.client("GAMMA").get("/v1/notices", params={"after": one}).content for one in ("0" * 32, notice["notice_id"])
    ]
    assert after[0] == after[1]


def test_a_steward_sees_that_something_was_withdrawn_and_no_more(hub: ServedHub) -> None:
    push(hub, tle(25544, 260.5))
    (own,) = history(hub, "ALPHA")
    made = withdraw(hub, record_ids=[own]).json()
    (seen,) = hub.client("WARDEN").get("/v1/withdrawals").json()["items"]
    assert seen == {
        "withdrawal_id": made["withdrawal_id"],
        "originator": "ALPHA",
        "withdrawn_utc": made["withdrawn_utc"],
        "derived": "flag",
        "records": 1,
        "screened_utc": None,
    }
    assert hub.client("WARDEN").get(f"/v1/withdrawals/{made['withdrawal_id']}").status_code == 404
    assert hub.client("ALPHA").get("/v1/withdrawals").json()["items"] == [seen]
    assert hub.client("BETA").get("/v1/withdrawals").json() == {"items": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "x"}, "record_ids"),
        ({"reason": "x", "record_ids": []}, "record_ids"),
        ({"reason": "x", "record_ids": ["A" * 32]}, "record_ids"),
        ({"reason": "x", "record_ids": ["0" * 32], "payload_sha256": "0" * 64}, "record_ids"),
        ({"reason": "x", "payload_sha256": "0" * 63}, "payload_sha256"),
        ({"reason": "", "record_ids": ["0" * 32]}, "reason"),
        ({"reason": "x" * 2_001, "record_ids": ["0" * 32]}, "reason"),
        ({"record_ids": ["0" * 32]}, "body"),
        ({"reason": "x", "record_ids": ["0" * 32], "derived": "keep"}, "body"),
        ({"reason": "x", "record_ids": ["0" * 32], "reasons": 1}, "body"),
    ],
)
def test_a_mistake_is_named(hub: ServedHub, body: dict[str, Any], field: str) -> None:
    answer = hub.client("ALPHA").post("/v1/withdrawals", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def with_conjunctions(hub: ServedHub) -> tuple[str, str]:
    """Two orbits of ALPHA's and one of DELTA's with two conjunctions; answers the ids of the latter."""
    orbits = [element("a"), element("b", 43013), element("d", 20580, originator="DELTA", received_s=-90_000)]
    parents: dict[str, Any] = {"parent_1": record_id("a"), "object_id_1": "cat-25544"}
    met = conjunction("own", **parents, parent_2=record_id("b"))
    crossed = conjunction("crossed", 25544, 20580, originators=("ALPHA", "DELTA"), **parents, parent_2=record_id("d"))
    hub.record(orbits, [met, crossed], labels=(PUBLIC,))
    return record_id("own"), record_id("crossed")


@pytest.fixture
def still_hub(tmp_path: Any) -> Iterator[ServedHub]:
    """A hub of a test's own that records nothing by itself, in 2031."""
    with served_hub(tmp_path) as served:
        served.enrol(PARTNERS)
        served.agree(ALPHA, DELTA, OMEGA)
        yield served


def conjunctions(hub: ServedHub, partner: str = "BETA") -> dict[str, bool]:
    """Shown conjunctions, and whether they are flagged."""
    items = hub.client(partner).get("/v1/conjunctions").json()["items"]
    return {item["record_id"]: item["parent_withdrawn"] for item in items}


def test_conjunctions_of_a_withdrawn_orbit_are_flagged_and_their_readers_told(still_hub: ServedHub) -> None:
    hub = still_hub
    own, crossed = with_conjunctions(hub)
    assert conjunctions(hub) == {own: False, crossed: False}
    assert withdraw(hub, record_ids=[record_id("a")]).status_code == 201
    assert conjunctions(hub) == {own: True, crossed: True}
    (notice,) = notices(hub, "BETA")
    told = notice["withdrawal"]
    assert told["record_ids"] == [], "he never got the orbit"
    assert told["conjunctions_flagged"] == sorted([own, crossed])
    # Who reads a flagged one later sees the flag, and is told nothing besides.
    assert set(conjunctions(hub, "ALPHA").values()) == {True}
    assert notices(hub, "DELTA") == []


def test_conjunctions_are_withdrawn_with_the_orbit_where_its_originator_says_so(still_hub: ServedHub) -> None:
    hub = still_hub
    own, crossed = with_conjunctions(hub)
    assert set(conjunctions(hub)) == {own, crossed}
    assert withdraw(hub, record_ids=[record_id("b")], derived="withdraw").status_code == 201
    assert conjunctions(hub) == {crossed: False}
    (notice,) = notices(hub, "BETA")
    assert notice["withdrawal"]["conjunctions_withdrawn"] == [own]


def test_a_conjunction_is_withdrawn_by_who_has_both_orbits_alone(still_hub: ServedHub) -> None:
    hub = still_hub
    own, crossed = with_conjunctions(hub)
    assert set(conjunctions(hub)) == {own, crossed}
    assert withdraw(hub, record_ids=[crossed]).status_code == 404
    assert withdraw(hub, "DELTA", record_ids=[crossed]).status_code == 404
    assert withdraw(hub, record_ids=[own]).status_code == 201
    assert conjunctions(hub) == {crossed: False}
    assert notices(hub, "BETA")[0]["withdrawal"]["conjunctions_withdrawn"] == [own]


def test_who_sees_a_record_in_part_is_told_by_the_id_that_he_was_shown(still_hub: ServedHub) -> None:
    hub = still_hub
    own, _ = with_conjunctions(hub)
    shown = ids(hub.client("GAMMA").get("/v1/elements"))
    assert len(shown) == 2
    assert not {record_id("a"), record_id("b")} & set(shown)
    seen = [event.data["record_id"] for event in streamed(hub, "GAMMA", from_beginning=True, kind="elements")[1:]]
    assert sorted(seen) == sorted(shown)
    assert withdraw(hub, record_ids=[record_id("a")]).status_code == 201
    (notice,) = notices(hub, "GAMMA")
    (gone,) = notice["withdrawal"]["record_ids"]
    assert [gone] == sorted(set(shown) - set(ids(hub.client("GAMMA").get("/v1/elements"))))
    assert own not in str(notice)
    assert record_id("a") not in str(notice)


def test_an_answer_that_was_under_way_is_made_good(still_hub: ServedHub) -> None:
    """Noted in the ledger after the withdrawal: its reader is told once, also where two look for such."""
    hub = still_hub
    with_conjunctions(hub)
    made = withdraw(hub, record_ids=[record_id("a")]).json()
    assert notices(hub, "BETA") == []
    hub.clock.advance_s(1)
    hub.services.disclosures.record(
        [
            Disclosure(
                partner="BETA",
                originator="ALPHA",
                channel=Channel.PAGE,
                kind="elements",
                data_mode="REAL",
                policy_version="v",
                agreement_version="v",
                rule="beta-full",
                posture="peacetime",
                pseudonymous=False,
                record_ids=bytes.fromhex(record_id("a")),
                records=1,
            )
        ]
    )
    withdrawal = hub.services.withdrawals.find(made["withdrawal_id"])
    assert withdrawal is not None
    for _ in range(2):
        Recipients(hub.state, hub.hub.history).tell_latecomers(withdrawal.id, hub.clock())
    (notice,) = notices(hub, "BETA")
    assert notice["withdrawal"]["record_ids"] == [record_id("a")]


def test_notices_come_in_pages_and_as_lines(still_hub: ServedHub) -> None:
    hub = still_hub
    with_conjunctions(hub)
    history(hub, "BETA")
    for name in ("a", "b"):
        assert withdraw(hub, record_ids=[record_id(name)]).status_code == 201
    everything = notices(hub, "BETA")
    assert len(everything) == 2
    first = hub.client("BETA").get("/v1/notices", params={"limit": 1}).json()
    assert first["items"] == everything[:1]
    second = hub.client("BETA").get("/v1/notices", params={"limit": 1, "after": first["next"]}).json()
    assert (second["items"], second["next"]) == (everything[1:], None)
    lines = hub.client("BETA").get("/v1/notices", params={"format": "ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == everything
    assert notices(hub, "BETA", data_mode="TEST") == []


def test_telling_is_noted_in_the_ledger(still_hub: ServedHub) -> None:
    hub = still_hub
    with_conjunctions(hub)
    history(hub, "BETA")
    withdraw(hub, record_ids=[record_id("a")])
    notices(hub, "BETA")
    with hub.state.database.snapshot() as connection:
        chosen = select(ledger_entries.c.partner, ledger_entries.c.originator, ledger_entries.c.kind)
        told = connection.execute(chosen.where(ledger_entries.c.channel == "notice")).all()
    assert [tuple(row) for row in told] == [("BETA", "ALPHA", "withdrawals")]


def test_a_what_if_meets_the_orbit_before_the_withdrawn_one(still_hub: ServedHub) -> None:
    hub = still_hub
    hub.record([element("old", epoch=-3)], [element("new", epoch=-2)], labels=(PUBLIC,))
    question: dict[str, str | float] = {"threshold_km": 50, "hours": 0.1, "start": format_utc(at_s(0), 0)}
    with_new = hub.client("BETA").post("/v1/what-if", content=oem(), params=question)
    assert with_new.status_code == 200, with_new.text
    assert with_new.json()["objects"] == 1
    withdraw(hub, record_ids=[record_id("new")])
    assert hub.client("BETA").post("/v1/what-if", content=oem(), params=question).json()["objects"] == 1
    withdraw(hub, record_ids=[record_id("old")])
    assert hub.client("BETA").post("/v1/what-if", content=oem(), params=question).json()["objects"] == 0

"""Partners' pushes: what is acknowledged, who sees it, what is refused."""

import gzip
import json
import time

import httpx
import pytest

from schemas.omm.write import write_omm_csv, write_omm_json, write_omm_kvn, write_omm_xml
from schemas.tle.write import write_tle
from ssa_hub.api import pushes
from tests.api.answers import ids, records
from tests.api.records import PUBLIC, element, table_of
from tests.api.served_hub import ServedHub

ROWS = [element("one", 25544), element("two", 44714, object_name="STARLINK-1008", inclination_deg=53.0541)]
LABEL = {"SSA-Label": PUBLIC.to_json().decode()}
MESSAGES = {
    "tle": write_tle(table_of(ROWS), with_names=False),
    "3le": write_tle(table_of(ROWS), with_names=True),
    "gzip": gzip.compress(write_tle(table_of(ROWS), with_names=True)),
    "omm-kvn": write_omm_kvn(table_of(ROWS)),
    "omm-xml": write_omm_xml(table_of(ROWS)),
    "omm-json": write_omm_json(table_of(ROWS)),
    "omm-csv": write_omm_csv(table_of(ROWS)),
}


def push(hub: ServedHub, data: bytes, partner: str = "ALPHA", **headers: str) -> httpx.Response:
    return hub.client(partner).post(
        "/v1/elements", content=data, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def recorded(hub: ServedHub, count: int) -> None:
    """Wait until so many records are recorded."""
    deadline = time.monotonic() + 60
    while hub.state.recorded.last_seq() < count:
        assert time.monotonic() < deadline, "nothing is recorded"
        # Recording happens in the server's thread; asking it is what passes the time.
        hub.client().get("/v1/health")
    hub.clock.now_tai_ns = max(hub.clock.now_tai_ns, time.time_ns())


@pytest.mark.parametrize("form", MESSAGES)
def test_what_is_pushed_is_seen_by_those_whom_the_agreement_names(recording_hub: ServedHub, form: str) -> None:
    answer = push(recording_hub, MESSAGES[form], **LABEL)
    assert answer.status_code == 202, answer.text
    receipt = answer.json()
    assert (receipt["records"], receipt["new"], receipt["refused"], receipt["repeat"]) == (2, 2, 0, False)
    recorded(recording_hub, 2)
    found = records(recording_hub.client("BETA").get("/v1/elements"))
    assert [(row["catalogue_number"], row["inclination_deg"]) for row in found] == [(25544, 51.6416), (44714, 53.0541)]
    assert {(row["originator"], row["source"], row["data_mode"]) for row in found} == {("ALPHA", "push:ALPHA", "REAL")}
    assert ids(recording_hub.client("NOBODY").get("/v1/elements")) == []


def test_without_a_label_nobody_but_the_pusher_sees_it(recording_hub: ServedHub) -> None:
    assert push(recording_hub, MESSAGES["tle"]).status_code == 202
    recorded(recording_hub, 2)
    assert len(ids(recording_hub.client("ALPHA").get("/v1/elements"))) == 2
    for name in ("BETA", "GAMMA", "WARDEN"):
        assert ids(recording_hub.client(name).get("/v1/elements")) == []


def test_the_same_again_adds_nothing_and_says_so(recording_hub: ServedHub) -> None:
    first, again = (push(recording_hub, MESSAGES["tle"], **LABEL).json() for _ in range(2))
    assert (again["receipt_id"], again["repeat"], again["new"]) == (first["receipt_id"], True, 0)
    recorded(recording_hub, 2)
    other_bytes = push(recording_hub, MESSAGES["3le"][:0] + b"\n" + MESSAGES["tle"], **LABEL).json()
    assert (other_bytes["repeat"], other_bytes["records"], other_bytes["new"]) == (False, 2, 0)
    assert recording_hub.state.recorded.last_seq() == 2


def test_bad_records_are_told_and_the_good_ones_are_taken(recording_hub: ServedHub) -> None:
    lines = MESSAGES["tle"].splitlines()
    lines[0] = lines[0][:-1] + (b"0" if lines[0][-1:] != b"0" else b"1")
    receipt = push(recording_hub, b"\n".join(lines) + b"\n", **LABEL).json()
    assert (receipt["records"], receipt["refused"], len(receipt["refusals"])) == (1, 1, 1)
    assert "checksum" in receipt["refusals"][0]
    assert "push by ALPHA" in receipt["refusals"][0]


@pytest.mark.parametrize("data", [b"hello", b"\0", b"[]", b"{", b"<omm/>", b"\x1f\x8b\x08", b"1 \0\xff"])
def test_what_is_no_message_is_acknowledged_and_refused_as_a_whole(recording_hub: ServedHub, data: bytes) -> None:
    receipt = push(recording_hub, data, **LABEL).json()
    assert (receipt["records"], receipt["new"]) == (0, 0)
    assert receipt["refused"] == len(receipt["refusals"]) <= 1


def test_the_data_mode_of_a_push_is_the_hubs_own_or_the_one_that_is_named(recording_hub: ServedHub) -> None:
    client = recording_hub.client("ALPHA")
    client.post("/v1/elements", params={"data_mode": "SIMULATED"}, content=MESSAGES["tle"], headers=LABEL)
    recorded(recording_hub, 2)
    assert ids(client.get("/v1/elements")) == []
    assert len(ids(client.get("/v1/elements", params={"data_mode": "SIMULATED"}))) == 2


def test_an_empty_body_is_a_bad_request(hub: ServedHub) -> None:
    answer = push(hub, b"", **LABEL)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_is_refused(hub: ServedHub, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes, "MAX_BODY_BYTES", 1_000)
    content = b"x" * 1_001 if told else iter([b"x" * 600, b"x" * 401])
    answer = hub.client("ALPHA").post("/v1/elements", content=content)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert hub.client("ALPHA").post("/v1/elements", content=b"x" * 1_000).status_code == 202


def test_a_push_without_a_key_is_not_taken(hub: ServedHub) -> None:
    assert hub.client().post("/v1/elements", content=MESSAGES["tle"]).status_code == 401


@pytest.mark.parametrize(
    "label",
    [
        "",
        "PUBLIC",
        "{}",
        "[]",
        '{"policy": "PUBLIC"}',
        '{"policy": 1, "classification": "U"}',
        '{"policy": "PUBLIC", "classification": "U", "owner": "x"}',
        '{"policy": "PUBLIC", "classification": "U", "categories": [{"tag_name": "T", "type": "X", "values": ["a"]}]}',
        '{"policy": "P", "classification": "U", "categories": [{"tag_name": "T", "type": "PERMISSIVE", "values": []}]}',
        '{"policy": "\\ud800", "classification": "U"}',
        "[" * 5_000,
        '{"policy": "' + "x" * 8_001 + '", "classification": "U"}',
    ],
)
def test_a_label_that_is_none_is_refused_and_nothing_is_taken(hub: ServedHub, label: str) -> None:
    answer = push(hub, MESSAGES["tle"], SSA_Label=label)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_a_label_may_say_what_no_latin_letter_can(recording_hub: ServedHub) -> None:
    text = json.dumps({"policy": "PUBLIC", "classification": "НЕСЕКРЕТНО"}, ensure_ascii=False)
    answer = recording_hub.client("ALPHA").post(
        "/v1/elements", content=MESSAGES["tle"], headers={b"SSA-Label": text.encode()}
    )
    assert answer.status_code == 202
    recorded(recording_hub, 2)
    assert [label.classification for label in recording_hub.state.labels.all().values()] == ["НЕСЕКРЕТНО"]

"""Conjunction messages and ephemerides from a push to an answer: release, masks, ids, files, ledger, withdrawal."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssa_hub.services.withdrawal_history import WithdrawalHistory
from tests.api.records import PUBLIC
from tests.api.rules import PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.ingest.test_message_ingest import OEM
from tests.schemas.cdm.messages import RELATIVE, changed, kvn

AGREEMENT = """
originator = "ALPHA"

[[rule]]
id = "beta-all"
kinds = ["conjunction-messages", "ephemerides"]
partners = ["BETA"]
data_modes = ["REAL"]
fields = ["*"]

[[rule]]
id = "gamma-some"
kinds = ["conjunction-messages"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = ["*"]
[rule.resolution]
time_s = 3600
distance_m = 100.0

[[rule]]
id = "gamma-index"
kinds = ["ephemerides"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = ["states", "ref_frames"]
"""
LABEL = {"SSA-Label": PUBLIC.to_json().decode()}
CDMS = kvn() + kvn(relative=changed(RELATIVE, TCA="2026-03-09T08:09:10.123", MISS_DISTANCE="900.0"))
COVARIANCE = """COVARIANCE_START
EPOCH = 2026-03-10T00:00:00
COV_REF_FRAME = RTN
1.0
0.1 2.0
0.2 0.3 3.0
0.01 0.02 0.03 0.4
0.01 0.02 0.03 0.04 0.5
0.01 0.02 0.03 0.04 0.05 0.6
COVARIANCE_STOP
"""
_TWO_RECORDS, _FOUR_RECORDS = 2, 4


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    """A hub that has recorded two conjunction messages and two ephemerides of ALPHA, which the tests ask about."""
    with served_hub(tmp_path_factory.mktemp("hub"), recording=True) as served:
        filled(served)
        yield served


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[ServedHub]:
    """The same, of one test."""
    with served_hub(tmp_path, recording=True) as served:
        filled(served)
        yield served


def filled(hub: ServedHub) -> None:
    hub.enrol(PARTNERS)
    hub.agree(AGREEMENT)
    ephemeris = OEM + COVARIANCE
    for data in (CDMS, OEM.encode(), ephemeris.replace("2026-001A", "39084").encode()):
        answer = hub.client("ALPHA").post("/v1/messages", content=data, headers=LABEL)
        assert answer.status_code == 202, answer.text
        assert answer.json()["refused"] == 0, answer.text
    deadline = time.monotonic() + 60
    while hub.state.recorded.last_seq() < _FOUR_RECORDS:
        assert time.monotonic() < deadline, "nothing is recorded"
        hub.client().get("/v1/health")
    hub.clock.now_tai_ns = max(hub.clock.now_tai_ns, time.time_ns())


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_conjunction_messages_are_seen_by_whom_the_agreement_names_and_by_nobody_else(hub: ServedHub) -> None:
    found = items(hub.client("BETA").get("/v1/conjunction-messages"))
    assert [(row["tca_utc"][:19], row["miss_distance_m"]) for row in found] == [
        ("2026-03-07T08:09:10", pytest.approx(241.867732, abs=1)),
        ("2026-03-09T08:09:10", 900.0),
    ]
    assert {row["originator"] for row in found} == {"ALPHA"}
    assert [row["withheld"] for row in found] == [[], []]
    assert "miss-distance-disagrees" in found[1]["quality"]
    assert items(hub.client("DELTA").get("/v1/conjunction-messages")) == []
    assert len(items(hub.client("ALPHA").get("/v1/conjunction-messages"))) == _TWO_RECORDS


def test_conjunction_messages_are_found_by_object_tca_and_what_was_known(hub: ServedHub) -> None:
    def asked(**given: Any) -> list[float]:
        return [
            row["miss_distance_m"] for row in items(hub.client("BETA").get("/v1/conjunction-messages", params=given))
        ]

    (first, second) = asked()
    row = items(hub.client("BETA").get("/v1/conjunction-messages"))[0]
    for side in (1, 2):
        assert asked(object_id=row[f"object_id_{side}"]) == [first, second]
        if row[f"object{side}_catalogue_number"]:
            assert asked(catalogue_number=row[f"object{side}_catalogue_number"]) == [first, second]
    assert asked(object_id="cat-1") == []
    assert asked(tca_from="2026-03-08T00:00:00") == [second]
    assert asked(tca_to="2026-03-08T00:00:00") == [first]
    assert asked(known_at="2020-01-01T00:00:00") == []


def test_pages_hold_each_conjunction_message_once(hub: ServedHub) -> None:
    seen: list[str] = []
    for partner in ("BETA", "GAMMA"):
        url, seen = "/v1/conjunction-messages?limit=1", []
        while url:
            answer = hub.client(partner).get(url)
            seen += [row["record_id"] for row in items(answer)]
            following = answer.links.get("next", {}).get("url")
            url = f"/v1/conjunction-messages{following}" if following else ""
        assert len(seen) == len(set(seen)) == _TWO_RECORDS


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow", "parquet"])
def test_a_coarsened_message_has_no_column_that_says_what_is_coarsened(hub: ServedHub, form: str) -> None:
    answer = hub.client("GAMMA").get("/v1/conjunction-messages", params={"format": form})
    assert answer.status_code == 200, answer.text
    rows = items(hub.client("GAMMA").get("/v1/conjunction-messages"))
    assert [row["tca_utc"] for row in rows] == ["2026-03-07T07:59:23.000000000", "2026-03-09T07:59:23.000000000"]
    assert [row["miss_distance_m"] for row in rows] == [200.0, 900.0]
    for row in rows:
        exact_numbers = (
            "computed_",
            "object1_x",
            "object1_cr_r",
            "object2_y_dot",
            "hard_body",
            "collision_probability_r",
        )
        assert not [name for name, value in row.items() if name.startswith(exact_numbers) and value is not None]
        assert row["payload_sha256"] is None
        assert row["relative_comments"] is None
    for exact in (b"241.8", b"08:09:10"):
        assert exact not in answer.content


def test_ids_of_what_is_seen_in_part_are_pseudonyms_and_explain_takes_them(hub: ServedHub) -> None:
    for listing in ("/v1/conjunction-messages", "/v1/ephemerides"):
        whole = {row["record_id"] for row in items(hub.client("BETA").get(listing))}
        in_part = {row["record_id"] for row in items(hub.client("GAMMA").get(listing))}
        assert len(whole) == len(in_part) == _TWO_RECORDS
        assert in_part == {hub.shown_id("GAMMA", record) for record in whole}
        for record in in_part:
            said = hub.client("GAMMA").get("/v1/explain", params={"record_id": record}).json()
            assert said["explanation"]["outcome"] == "seen"
        for record in whole:
            assert hub.client("GAMMA").get("/v1/explain", params={"record_id": record}).status_code == 404


def test_the_index_is_found_by_object_and_usable_span(hub: ServedHub) -> None:
    def asked(**given: Any) -> list[list[str]]:
        return [row["object_ids"] for row in items(hub.client("BETA").get("/v1/ephemerides", params=given))]

    both = [["src-push:ALPHA-2026-001A"], ["cat-39084"]]
    assert asked() == both
    assert asked(object_id="cat-39084") == both[1:]
    assert asked(object_designator="2026-001A") == both[:1]
    assert asked(usable_from="2026-03-10T00:02:00", usable_to="2026-03-11T00:00:00") == both
    assert asked(usable_from="2026-03-10T00:02:01") == asked(usable_to="2026-03-09T23:59:59") == []
    assert asked(known_at="2020-01-01T00:00:00") == []


def test_states_come_exactly_in_three_forms_to_those_who_see_every_field(hub: ServedHub) -> None:
    beta = hub.client("BETA")
    with_none, with_one = (row["record_id"] for row in items(beta.get("/v1/ephemerides")))
    path = f"/v1/ephemerides/{with_none}/states"
    arrow = pa.ipc.open_stream(beta.get(path, params={"format": "arrow"}).content).read_all()
    parquet = pq.read_table(io.BytesIO(beta.get(path, params={"format": "parquet"}).content))
    lines = beta.get(path).text.splitlines()
    assert arrow.equals(parquet)
    assert len(lines) == arrow.num_rows == 3
    assert arrow.column("x_km").to_pylist() == [7000.0, 6986.0, 6943.0]
    assert arrow.column("y_dot_km_s").to_pylist() == [7.5, 7.4, 7.4]
    assert set(arrow.column("ref_frame").to_pylist()) == {"EME2000"}
    assert beta.get(f"/v1/ephemerides/{with_none}/covariances").status_code == 404
    (line,) = beta.get(f"/v1/ephemerides/{with_one}/covariances").text.splitlines()
    assert '"lower_triangle":[1.0,0.1,2.0,0.2,0.3,3.0,' in line


def test_states_do_not_exist_for_who_sees_the_index_in_part_or_nothing(hub: ServedHub) -> None:
    true = [row["record_id"] for row in items(hub.client("BETA").get("/v1/ephemerides"))]
    nothing = hub.client("DELTA").get(f"/v1/ephemerides/{'0' * 32}/states")
    assert nothing.status_code == 404
    for partner in ("GAMMA", "DELTA"):
        shown = [row["record_id"] for row in items(hub.client(partner).get("/v1/ephemerides"))]
        for record in (*true, *shown):
            answer = hub.client(partner).get(f"/v1/ephemerides/{record}/states")
            assert (answer.status_code, answer.content) == (404, nothing.content)
    conjunction = items(hub.client("BETA").get("/v1/conjunction-messages"))[0]["record_id"]
    assert hub.client("BETA").get(f"/v1/ephemerides/{conjunction}/states").status_code == 404


def test_every_answer_is_in_the_ledger_before_it_is_sent(own_hub: ServedHub) -> None:
    beta = own_hub.client("BETA")
    items(beta.get("/v1/conjunction-messages"))
    (record, _) = (row["record_id"] for row in items(beta.get("/v1/ephemerides")))
    beta.get(f"/v1/ephemerides/{record}/states")
    entries = own_hub.client("ALPHA").get("/v1/ledger/entries").json()["entries"]
    told = [(entry["kind"], entry["partner"], entry["records"], entry["rule"]) for entry in entries]
    assert sorted(told) == [
        ("conjunction-messages", "BETA", 2, "beta-all"),
        ("ephemerides", "BETA", 1, "beta-all"),
        ("ephemerides", "BETA", 2, "beta-all"),
    ]


def test_what_its_originator_withdraws_is_served_no_more_and_its_withdrawal_is_in_history_once(
    own_hub: ServedHub,
) -> None:
    beta, alpha = own_hub.client("BETA"), own_hub.client("ALPHA")
    first, second = (row["record_id"] for row in items(beta.get("/v1/conjunction-messages")))
    index = items(beta.get("/v1/ephemerides"))[1]
    recalls = ({"record_ids": [first]}, {"payload_sha256": index["payload_sha256"]})
    for recall in recalls:
        made = alpha.post("/v1/withdrawals", json={"reason": "wrong", **recall})
        assert made.status_code == 201, made.text
    assert [row["record_id"] for row in items(beta.get("/v1/conjunction-messages"))] == [second]
    assert [row["record_id"] for row in items(beta.get("/v1/ephemerides"))] != [index["record_id"]]
    assert len(items(beta.get("/v1/ephemerides"))) == 1
    assert beta.get(f"/v1/ephemerides/{index['record_id']}/states").status_code == 404
    told = [notice["withdrawal"]["record_ids"] for notice in items(beta.get("/v1/notices"))]
    assert sorted(told) == sorted([[first], [index["record_id"]]])
    for _ in range(2):  # another process, or this one after a restart
        WithdrawalHistory(own_hub.state, own_hub.hub.history).follow()
    kept = own_hub.hub.history.table("withdrawals").scan().to_arrow()
    assert sorted(kept.column("record_id").to_pylist()) == sorted([first, index["record_id"]])

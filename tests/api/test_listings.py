"""The listings: formats, filters, pages."""

from typing import Any

import httpx
import pytest

from schemas.messages import read_payload
from schemas.records import CONJUNCTION, ELEMENT_FIELDS, ELEMENT_SET
from tests.api.answers import TABLE_FORMATS, from_csv, ids, records
from tests.api.conftest import CONJUNCTIONS, ELEMENTS
from tests.api.records import record_id, utc
from tests.api.served_hub import ServedHub

LISTINGS = ("elements", "elements/history", "objects", "conjunctions")
NEWEST = ["iss, new", "delta's own", "starlink", "analyst"]
MESSAGES = {
    "tle": "tle",
    "3le": "tle",
    "omm-kvn": "omm-kvn",
    "omm-xml": "omm-xml",
    "omm-json": "omm-json",
    "omm-csv": "omm-csv",
}
# What a message does not carry: the places that it stands in.
NOT_SAID = {"epoch_utc", "deviations", "payload_record"}


def ask(hub: ServedHub, listing: str, partner: str = "BETA", **query: Any) -> httpx.Response:
    return hub.client(partner).get(f"/v1/{listing}", params=query)


def named(*names: str) -> list[str]:
    return [record_id(name) for name in names]


def test_the_newest_element_set_of_each_object_is_the_newest_that_the_partner_sees(hub: ServedHub) -> None:
    assert ids(ask(hub, "elements")) == named(*NEWEST)


def test_history_is_every_visible_element_set_by_object_and_epoch(hub: ServedHub) -> None:
    assert ids(ask(hub, "elements/history")) == named("iss, old", "iss, new", "delta's own", "starlink", "analyst")


def test_objects_are_described_by_their_newest_visible_element_set(hub: ServedHub) -> None:
    found = records(ask(hub, "objects"))
    described = [(row["object_id"], row["object_name"]) for row in found]
    assert described == [
        ("cat-25544", "OBJECT 25544"),
        ("cat-43013", "OBJECT 43013"),
        ("cat-44714", "STARLINK-1008"),
        ("src-push:ALPHA-270001", None),
    ]
    assert [row["withheld"] for row in found] == [[]] * 4


def test_conjunctions_come_by_their_time_of_closest_approach(hub: ServedHub) -> None:
    assert ids(ask(hub, "conjunctions")) == named("near", "far", "with omega", "of delta")


def test_json_says_every_field_of_a_record_as_it_was_recorded(hub: ServedHub) -> None:
    rows = {row["record_id"]: row for row in (*ELEMENTS, *CONJUNCTIONS)}
    for listing, fields in (("elements/history", ELEMENT_SET), ("conjunctions", CONJUNCTION)):
        for found in records(ask(hub, listing)):
            expected = dict(rows[found["record_id"]])
            if expected.get("parent_originator_2") == "OMEGA":  # whose element sets BETA does not see
                assert found["parent_2"] != expected.pop("parent_2")
            assert {field.name: found[field.name] for field in fields if field.name in expected} == expected


def test_instants_stand_as_utc_too(hub: ServedHub) -> None:
    near = records(ask(hub, "conjunctions"))[0]
    assert near["tca_utc"] == utc(600) == "2031-05-01T12:10:00.000000"
    assert near["received_utc"] == utc(-86_400)


@pytest.mark.parametrize("listing", LISTINGS)
def test_all_table_formats_say_the_same(hub: ServedHub, listing: str) -> None:
    found = {form: records(ask(hub, listing, format=form)) for form in TABLE_FORMATS}
    assert found["json"]
    assert found["ndjson"] == found["arrow"] == found["parquet"] == found["json"]
    assert [from_csv(row, like) for row, like in zip(found["csv"], found["json"], strict=True)] == found["json"]


@pytest.mark.parametrize(("form", "encoding"), MESSAGES.items())
def test_messages_read_back_as_the_elements_that_were_recorded(hub: ServedHub, form: str, encoding: str) -> None:
    answer = ask(hub, "elements", format=form)
    assert answer.status_code == 200, answer.text
    reading = read_payload(answer.content, "answer")
    assert (reading.encoding, reading.refusals) == (encoding, [])
    rows = {row["record_id"]: row for row in ELEMENTS}
    expected = [
        {field.name: rows[key][field.name] for field in ELEMENT_FIELDS if field.name not in NOT_SAID}
        for key in named(*NEWEST)
    ]
    for row in expected:  # what a message says where nothing is known
        row["element_set_number"] = row["element_set_number"] or 0
        row["object_name"] = None if form == "tle" else row["object_name"] or "UNKNOWN"
    found = [{key: value for key, value in row.items() if key not in NOT_SAID} for row in reading.elements.to_pylist()]
    assert found == expected


@pytest.mark.parametrize("form", [*TABLE_FORMATS, *MESSAGES])
def test_an_empty_answer_is_an_answer_in_every_format(hub: ServedHub, form: str) -> None:
    answer = ask(hub, "elements", partner="NOBODY", format=form)
    assert answer.status_code == 200
    if form in TABLE_FORMATS:
        assert records(answer) == []


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_by_cursor_give_the_rows_of_one_page(hub: ServedHub, listing: str, limit: int) -> None:
    whole = records(ask(hub, listing))
    found, query = [], {"limit": limit}
    while True:
        answer = ask(hub, listing, **query)
        page = records(answer)
        assert answer.json()["next"] == answer.headers.get("SSA-Next-Cursor")
        assert len(page) == limit or "SSA-Next-Cursor" not in answer.headers
        found += page
        if "SSA-Next-Cursor" not in answer.headers:
            break
        query["cursor"] = answer.headers["SSA-Next-Cursor"]
    assert found == whole


def test_the_link_to_the_next_page_asks_the_same_question(hub: ServedHub) -> None:
    client = hub.client("BETA")
    query = {"object_id": ["cat-25544", 'a>b;, "c" ü%'], "limit": "1", "epoch_from": "2000-01-01T00:00:00"}
    first = client.get("/v1/elements/history", params=query)
    link = first.links["next"]["url"]
    assert httpx.QueryParams(link.lstrip("?")).multi_items() == [
        *httpx.QueryParams(query).multi_items(),
        ("cursor", first.headers["SSA-Next-Cursor"]),
    ]
    second = client.get(f"/v1/elements/history{link}")
    assert ids(first) + ids(second) == named("iss, old", "iss, new")
    assert "next" not in second.links


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"object_id": "cat-25544"}, ["iss, old", "iss, new"]),
        ({"catalogue_number": [44714, 270001]}, ["starlink", "analyst"]),
        ({"object_id": "cat-44714", "catalogue_number": 270001}, ["starlink", "analyst"]),
        ({"object_id": "cat-20580"}, []),
        ({"object_id": ""}, []),
        ({"epoch_from": utc(-200 * 864)}, ["iss, new", "delta's own", "starlink", "analyst"]),
        ({"epoch_to": utc(-200 * 864)}, ["iss, old", "iss, new"]),
        ({"epoch_from": utc(-200 * 864), "epoch_to": utc(-150 * 864)}, ["iss, new", "starlink"]),
        ({"known_at": utc(-150_000)}, ["iss, old"]),
        ({"data_mode": "EXERCISE"}, []),
    ],
)
def test_history_answers_what_was_asked(hub: ServedHub, query: dict[str, Any], expected: list[str]) -> None:
    assert ids(ask(hub, "elements/history", **query)) == named(*expected)


def test_newest_as_it_was_known_then(hub: ServedHub) -> None:
    assert ids(ask(hub, "elements", known_at=utc(-150_000))) == named("iss, old")
    assert ids(ask(hub, "elements", known_at=utc(-200_001))) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tca_from": utc(601)}, ["far", "with omega", "of delta"]),
        ({"tca_to": utc(1_200)}, ["near", "far"]),
        ({"tca_from": utc(1_200), "tca_to": utc(1_200)}, ["far"]),
        ({"miss_distance_max_m": 900}, ["near", "with omega", "of delta"]),
        ({"object_id": "cat-44714"}, ["far"]),
        ({"catalogue_number": 43013}, ["near", "with omega", "of delta"]),
        ({"known_at": utc(-80_000)}, ["near", "far", "with omega"]),
    ],
)
def test_conjunctions_answer_what_was_asked(hub: ServedHub, query: dict[str, Any], expected: list[str]) -> None:
    assert ids(ask(hub, "conjunctions", **query)) == named(*expected)


def test_a_partner_gets_a_data_mode_only_as_it_is_released(hub: ServedHub) -> None:
    answer = ask(hub, "elements", partner="ALPHA", data_mode="EXERCISE")
    assert ids(answer) == named("exercise")
    assert answer.json()["data_mode"] == answer.headers["SSA-Data-Mode"] == "EXERCISE"


def test_the_policy_version_stands_in_the_header_of_every_format_and_in_the_body_of_json(hub: ServedHub) -> None:
    answers = [ask(hub, "elements", format=form) for form in (*TABLE_FORMATS, *MESSAGES)]
    versions = {answer.headers["SSA-Policy-Version"] for answer in answers}
    assert versions == {answers[0].json()["policy_version"]}
    assert versions != {ask(hub, "elements", partner="GAMMA").headers["SSA-Policy-Version"]}


def test_answers_are_not_for_caches(hub: ServedHub) -> None:
    for path in ("/v1/elements", "/v1/stream?last=0", f"/v1/explain?record_id={record_id('iss, new')}", "/v1/explain"):
        assert hub.client("BETA").get(path).headers["Cache-Control"] == "no-store", path

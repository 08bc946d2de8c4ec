"""Changes between two instants, and sources side by side: what is compared, shown, paged and disclosed."""

from typing import Any

import pytest

from tests.api.answers import TABLE_FORMATS, records
from tests.api.records import at_s, element, record_id, utc
from tests.api.served_hub import ServedHub

BEFORE, AFTER = utc(-150_000), utc(0)


def ask(hub: ServedHub, question: str, partner: str = "BETA", **query: Any) -> list[dict[str, Any]]:
    return records(hub.client(partner).get(f"/v1/elements/{question}", params=query))


def changed(hub: ServedHub, partner: str = "BETA", begin: str = BEFORE, end: str = AFTER, **query: Any) -> list[Any]:
    return ask(hub, "changes", partner, **{"from": begin, "to": end}, **query)


def test_changes_are_the_newest_visible_sets_that_are_others_than_before(hub: ServedHub) -> None:
    found = [(row["record_id"], row["change"], row["previous_record_id"]) for row in changed(hub)]
    assert found == [
        (record_id("iss, new"), "replaced", record_id("iss, old")),
        (record_id("delta's own"), "appeared", None),
        (record_id("starlink"), "appeared", None),
        (record_id("analyst"), "appeared", None),
    ]
    replaced = changed(hub, object_id="cat-25544")[0]
    assert replaced["previous_epoch_tai_ns"] == at_s(-300 * 864)
    assert replaced["previous_received_tai_ns"] == at_s(-200_000)
    assert replaced["received_tai_ns"] == at_s(-100_000)


def test_between_instants_without_news_nothing_has_changed(hub: ServedHub) -> None:
    assert changed(hub, begin=utc(-50_000), end=utc(-40_000)) == []
    assert changed(hub, begin=AFTER) == []


def test_changes_from_a_later_instant_to_an_earlier_one_are_refused(hub: ServedHub) -> None:
    answer = hub.client("BETA").get("/v1/elements/changes", params={"from": AFTER, "to": BEFORE})
    assert answer.status_code == 422
    assert "from" in answer.text


@pytest.mark.parametrize("form", TABLE_FORMATS)
def test_every_form_says_the_same_of_changes(hub: ServedHub, form: str) -> None:
    found = [row["previous_record_id"] or None for row in changed(hub, format=form)]
    assert found == [record_id("iss, old"), None, None, None]


def test_who_sees_sets_in_part_sees_pseudonyms_of_both(hub: ServedHub) -> None:
    first = changed(hub, "GAMMA")[0]
    assert first["record_id"] == hub.shown_id("GAMMA", record_id("iss, new"))
    assert first["previous_record_id"] == hub.shown_id("GAMMA", record_id("iss, old"))
    assert first["eccentricity"] is None


def test_pages_of_changes_are_the_whole_list(hub: ServedHub) -> None:
    whole = [row["record_id"] for row in changed(hub)]
    query: dict[str, Any] = {"from": BEFORE, "to": AFTER, "limit": 1}
    client, found = hub.client("BETA"), []
    while True:
        answer = client.get("/v1/elements/changes", params=query)
        found += [row["record_id"] for row in records(answer)]
        if "SSA-Next-Cursor" not in answer.headers:
            break
        query = {**query, "cursor": answer.headers["SSA-Next-Cursor"]}
    assert found == whole


def test_the_set_before_is_disclosed_too(own_hub: ServedHub) -> None:
    changed(own_hub, object_id="cat-25544")
    entries = own_hub.client("ALPHA").get("/v1/ledger/entries").json()["entries"]
    said = {name for entry in entries for name in entry["record_ids"]}
    assert said == {record_id("iss, new"), record_id("iss, old")}


def test_a_withdrawn_set_never_was(own_hub: ServedHub) -> None:
    own_hub.withdraw(element("iss, new", epoch=-200, received_s=-100_000))
    assert "cat-25544" not in [row["object_id"] for row in changed(own_hub)]


def test_sources_stand_side_by_side(own_hub: ServedHub) -> None:
    own_hub.record([element("iss by another way", epoch=-250, received_s=-50_000, source="folder:ALPHA")])
    own_hub.clock.advance_s(7_200)
    found = [(row["originator"], row["source"], row["record_id"]) for row in ask(own_hub, "side-by-side", limit=3)]
    assert found == [
        ("ALPHA", "folder:ALPHA", record_id("iss by another way")),
        ("ALPHA", "push:ALPHA", record_id("iss, new")),
        ("DELTA", "push:DELTA", record_id("iss of delta")),
    ]
    early = ask(own_hub, "side-by-side", object_id="cat-25544", known_at=utc(-60_000))
    assert [row["record_id"] for row in early] == [record_id("iss, new")]


def test_pages_side_by_side_are_the_whole_list(hub: ServedHub) -> None:
    whole = [row["record_id"] for row in ask(hub, "side-by-side")]
    query: dict[str, Any] = {"limit": 1}
    client, found = hub.client("BETA"), []
    while True:
        answer = client.get("/v1/elements/side-by-side", params=query)
        found += [row["record_id"] for row in records(answer)]
        if "SSA-Next-Cursor" not in answer.headers:
            break
        query = {**query, "cursor": answer.headers["SSA-Next-Cursor"]}
    assert found == whole
    assert len(whole) == 4

"""``sidecar=true`` on the listings: the page itself, its label bound to it, and what the ledger calls it."""

import io
import zipfile

import pytest

from tests.api.served_hub import ServedHub

LISTINGS = ("elements", "elements/history", "objects", "conjunctions")


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_page_with_a_sidecar_holds_the_page_and_its_labels(hub: ServedHub, listing: str) -> None:
    client = hub.client("BETA")
    plain = client.get(f"/v1/{listing}", params={"format": "ndjson", "limit": 2})
    answer = client.get(f"/v1/{listing}", params={"format": "ndjson", "limit": 2, "sidecar": "true"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["SSA-Next-Cursor"] == plain.headers["SSA-Next-Cursor"]
    assert "sidecar=true" in answer.links["next"]["url"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert plain.content in contents.values()
    (sidecar,) = (data for name, data in contents.items() if name.endswith(".bdo"))
    assert b"UNCLASSIFIED" in sidecar


def test_a_page_without_rows_has_no_label_to_bind(hub: ServedHub) -> None:
    answer = hub.client("NOBODY").get("/v1/elements", params={"sidecar": "true"})
    assert answer.status_code == 406


def test_an_answer_is_in_the_ledger_with_true_ids_under_the_channel_that_it_went_by(own_hub: ServedHub) -> None:
    shown = own_hub.hub.policies.shown_ids.of("GAMMA")
    client = own_hub.client("GAMMA")
    page = client.get("/v1/elements").json()["items"]
    client.get("/v1/elements", params={"sidecar": "true", "format": "csv"})
    client.get("/v1/explain", params={"record_id": page[0]["record_id"]})
    client.get("/v1/stream", params={"from_beginning": True, "wait_s": 0, "kind": "elements"})
    true_ids = {shown.true(row["record_id"]) for row in page}
    received = own_hub.state.ledger.who_received(sorted(true_ids), "ALPHA", 0)
    by_channel = {str(one.channel): (one.partner, set(one.record_ids), one.pseudonymous) for one in received}
    assert by_channel == {
        "page": ("GAMMA", true_ids, True),
        "export": ("GAMMA", true_ids, True),
        "explain": ("GAMMA", {shown.true(page[0]["record_id"])}, True),
        "stream": ("GAMMA", true_ids, True),
    }


def test_own_data_and_refused_answers_make_no_disclosure(own_hub: ServedHub) -> None:
    own_hub.client("HERMIT").get("/v1/elements")
    own_hub.client("NOBODY").get("/v1/elements")
    assert own_hub.client("GAMMA").get("/v1/elements", params={"format": "tle"}).status_code == 406
    with own_hub.state.database.snapshot() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_entries").scalar() == 0

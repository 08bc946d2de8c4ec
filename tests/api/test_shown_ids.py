"""Ids as partners are shown them: pseudonyms of what they see in part, taken back wherever they give one."""

import hmac
import shutil
import subprocess
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.sharing.shown_ids import PartnerIds, ShownIds, with_shown_ids
from tests.api.answers import TABLE_FORMATS, ids, records
from tests.api.records import conjunction, element, record_id
from tests.api.rules import ALPHA
from tests.api.served_hub import ServedHub
from tests.api.test_stream import stream

record_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)


def ask(hub: ServedHub, partner: str, listing: str, **query: Any) -> httpx.Response:
    answer = hub.client(partner).get(f"/v1/{listing}", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def explained(hub: ServedHub, partner: str, given_id: str) -> httpx.Response:
    return hub.client(partner).get("/v1/explain", params={"record_id": given_id})


@given(secret=st.binary(min_size=32, max_size=32), names=st.lists(st.text(), min_size=2, max_size=2, unique=True),
       found=st.lists(record_ids, unique=True, max_size=5), data=st.data())  # fmt: skip
def test_a_shown_id_leads_back_to_its_record_and_differs_between_partners(
    secret: bytes, names: list[str], found: list[str], data: st.DataObject
) -> None:
    one, other = (ShownIds(secret).of(name) for name in names)
    shown = [one.shown(record) for record in found]
    assert [one.true(each) for each in shown] == found
    assert len(set(shown)) == len(found)
    assert not set(shown) & {other.shown(record) for record in found}
    column = pa.chunked_array([found[:2], found[2:]], pa.string())
    assert one.shown_column(column).to_pylist() == shown
    hidden = np.array(data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found))), dtype=np.bool_)
    mixed = with_shown_ids(column, hidden, one)
    assert mixed.to_pylist() == [b if hide else a for a, b, hide in zip(found, shown, hidden, strict=True)]
    held = b"".join(bytes(buffer) for chunk in mixed.chunks for buffer in chunk.buffers() if buffer is not None)
    assert all(record.encode() not in held for record, hide in zip(found, hidden, strict=True) if hide)


@pytest.mark.parametrize("wrong", ["", "0" * 31, "0" * 33, "A" * 32, "x" * 32, "0" * 30 + "é"])
def test_what_is_no_id_is_refused(wrong: str) -> None:
    ids_of = PartnerIds(b"s" * 32, "BETA")
    for method in (ids_of.shown, ids_of.true):
        with pytest.raises(ValueError, match="32 hexadecimal"):
            method(wrong)


def test_a_shown_id_is_aes_128_of_the_id_as_openssl_computes_it() -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is absent")
    key = hmac.new(b"s" * 32, b"BETA", "sha256").hexdigest()[:32]
    command = [openssl, "enc", "-aes-128-ecb", "-nopad", "-K", key]
    block = bytes.fromhex(record_id("a"))
    told = subprocess.run(command, input=block, capture_output=True, check=True).stdout
    assert PartnerIds(b"s" * 32, "BETA").shown(record_id("a")) == told.hex()


@pytest.mark.parametrize("form", TABLE_FORMATS)
def test_who_sees_rows_in_part_is_shown_no_true_id_in_any_format(hub: ServedHub, form: str) -> None:
    true_ids = {row["record_id"] for row in records(ask(hub, "ALPHA", "elements/history"))}
    true_ids |= {row["record_id"] for row in records(ask(hub, "ALPHA", "conjunctions"))}
    assert true_ids
    for listing in ("elements", "elements/history", "objects", "conjunctions"):
        answer = ask(hub, "GAMMA", listing, format=form)
        assert records(answer)
        assert not any(true_id.encode() in answer.content for true_id in true_ids)


def test_an_id_is_the_same_in_every_answer_to_one_partner_and_another_for_another(own_hub: ServedHub) -> None:
    own_hub.agree(ALPHA.replace('partners = ["GAMMA"]', 'partners = ["GAMMA", "NOBODY"]'))
    for listing in ("elements/history", "conjunctions"):
        gamma, nobody, whole = (
            {row["object_id" if "object_id" in row else "object_id_2"] + str(row["received_tai_ns"]): row["record_id"]
             for row in records(ask(own_hub, partner, listing))}
            for partner in ("GAMMA", "NOBODY", "ALPHA")
        )  # fmt: skip
        assert gamma.keys() == nobody.keys() <= whole.keys()
        assert not {*gamma.values()} & {*nobody.values()}
        assert not {*gamma.values(), *nobody.values()} & {*whole.values()}
        kind = "conjunctions" if listing == "conjunctions" else "elements"
        streamed = {event.data["record_id"] for event in stream(own_hub, "GAMMA", from_beginning=True, kind=kind)}
        assert streamed == {*gamma.values()}


def test_explain_takes_the_id_that_is_shown_and_no_other(hub: ServedHub) -> None:
    shown = records(ask(hub, "GAMMA", "elements/history", object_id="cat-44714"))[0]["record_id"]
    answer = explained(hub, "GAMMA", shown)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["explanation"]["record_id"], told["explanation"]["outcome"], told["withdrawn"]) == (
        shown,
        "seen",
        False,
    )
    assert record_id("starlink") not in answer.text
    nothing = explained(hub, "GAMMA", "0" * 32)
    for partner, given_id in (("GAMMA", record_id("starlink")), ("BETA", shown), ("NOBODY", shown)):
        refused = explained(hub, partner, given_id)
        assert (refused.status_code, refused.content) == (404, nothing.content)
    assert explained(hub, "BETA", record_id("starlink")).status_code == 200


def test_a_parents_id_is_a_pseudonym_unless_its_element_sets_are_seen_whole(hub: ServedHub) -> None:
    rows = {row["record_id"]: row for row in records(ask(hub, "BETA", "conjunctions"))}
    row = rows[record_id("with omega")]
    assert row["parent_1"] == record_id("with omega, parent 1")
    assert row["parent_2"] not in (None, record_id("with omega, parent 2"))


def test_a_stream_goes_on_after_an_event_that_is_shown_in_part(own_hub: ServedHub) -> None:
    events = stream(own_hub, "GAMMA", from_beginning=True)
    assert len(events) > 3
    for place, event in enumerate(events):
        rest = [later.data["record_id"] for later in stream(own_hub, "GAMMA", after=event.id)]
        assert rest == [later.data["record_id"] for later in events[place + 1 :]]
        begun, part = event.id.split(";")
        true_id = own_hub.hub.policies.shown_ids.of("GAMMA").true(part.split(":")[1])
        headers = {"Last-Event-ID": f"{begun};0:{true_id}"}
        refused = own_hub.client("GAMMA").get("/v1/stream", params={"wait_s": 0}, headers=headers)
        assert refused.status_code == 422


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_rows_that_are_equal_in_all_that_is_shown_neither_skip_nor_repeat(
    own_hub: ServedHub, limit: int
) -> None:
    """Many element sets whose shown epoch and reception are one, and conjunctions within one step of TCA."""
    rule = ALPHA.replace(
        'fields = ["object_name", "inclination_deg"]', 'fields = ["object_name"]\nresolution = { time_s = 86400 }'
    )
    rule = rule.replace(
        'fields = ["relative_speed_m_s", "method"]', 'fields = ["method"]\nresolution = { time_s = 86400 }'
    )
    own_hub.agree(rule)
    own_hub.record([element(f"many {n}", 5, epoch=n) for n in range(-7, 0)])
    own_hub.record([conjunction(f"pair {n}", 5, 6, tca_s=40_000 + n) for n in range(7)])
    for listing in ("elements/history", "conjunctions"):
        whole = records(ask(own_hub, "GAMMA", listing))
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            answer = ask(own_hub, "GAMMA", listing, **query)
            found += records(answer)
            if "SSA-Next-Cursor" not in answer.headers:
                break
            query["cursor"] = answer.headers["SSA-Next-Cursor"]
        assert found == whole
        assert len(ids(ask(own_hub, "GAMMA", listing))) == len({row["record_id"] for row in whole}) >= 7


def test_coarse_rows_do_not_carry_their_exact_instants_in_any_format(own_hub: ServedHub) -> None:
    own_hub.agree(
        ALPHA.replace(
            'fields = ["object_name", "inclination_deg"]', 'fields = ["object_name"]\nresolution = { time_s = 3600 }'
        )
    )
    (exact,) = {row["epoch_utc"] for row in records(ask(own_hub, "ALPHA", "elements", object_id="cat-44714"))}
    (row,) = records(ask(own_hub, "GAMMA", "elements", object_id="cat-44714"))
    assert row["epoch_tai_ns"] % (3600 * 10**9) == 0
    assert row["epoch_utc"] != exact
    for form in ("tle", "3le", "omm-kvn", "omm-json"):
        query = {"format": form, "object_id": "cat-44714"}
        refused = own_hub.client("GAMMA").get("/v1/elements", params=query)
        assert refused.status_code == 406
    for form in ("json", "csv", "arrow", "ndjson"):
        assert exact.encode() not in ask(own_hub, "GAMMA", "elements", format=form).content

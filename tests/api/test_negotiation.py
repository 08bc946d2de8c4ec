"""Which format an answer comes in, and when it cannot."""

import httpx
import pytest

from ssa_hub.api.formats import MEDIA_TYPES, Format
from tests.api.records import PUBLIC, element
from tests.api.served_hub import ServedHub

JSON, CSV, TLE = "application/json", "text/csv", "text/plain"
PROBLEM = "application/problem+json"


def answered(hub: ServedHub, path: str, *accept: str, partner: str = "BETA") -> httpx.Response:
    """The answer to a question with as many Accept headers."""
    client = hub.client(partner)
    request = client.build_request("GET", path, headers=[("Authorization", client.headers["Authorization"])])
    request.headers.pop("Accept", None)
    request.headers = httpx.Headers([*request.headers.items(), *(("Accept", text) for text in accept)])
    return client.send(request)


def media_type(answer: httpx.Response) -> str:
    return answer.headers["Content-Type"].split(";")[0]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], JSON),
        ([""], JSON),
        (["*/*"], JSON),
        (["text/csv"], CSV),
        (["TEXT/CSV;charset=utf-8"], CSV),
        (["text/*"], CSV),
        (["text/csv;q=0.5, text/plain"], TLE),
        (["text/csv, text/plain"], CSV),
        (["text/plain, text/csv"], TLE),
        (["text/csv", "text/plain;q=0.9"], CSV),
        (["text/csv;q=0.1", "text/plain;q=0.2"], TLE),
        (["image/png, text/csv;q=0.001"], CSV),
        (["*/*;q=0.1, text/plain;q=0.2"], TLE),
        (["application/json;q=0, application/*"], "application/x-ndjson"),
        (["text/csv;q=0, text/*"], TLE),
        (["text/csv;q=2, text/plain;q=0.1"], TLE),
        (["text/csv;q=nan, text/plain;q=0.1"], TLE),
        (["text/csv;q=, text/plain;q=0.1"], TLE),
        (["application/vnd.ccsds.omm+kvn"], "application/vnd.ccsds.omm+kvn"),
        (["application/xml"], "application/xml"),
    ],
)
def test_accept_chooses_by_quality_then_by_its_order(hub: ServedHub, accept: list[str], expected: str) -> None:
    answer = answered(hub, "/v1/elements", *accept)
    assert (answer.status_code, media_type(answer)) == (200, expected)
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("form", Format)
def test_format_goes_before_accept(hub: ServedHub, form: Format) -> None:
    answer = answered(hub, f"/v1/elements?format={form}", "image/png")
    assert answer.headers["Content-Type"] == MEDIA_TYPES[form]


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/*;q=0", "no media type", ";;;,,"])
def test_what_is_not_on_offer_is_not_acceptable(hub: ServedHub, accept: str) -> None:
    answer = answered(hub, "/v1/elements", accept)
    assert (answer.status_code, media_type(answer)) == (406, PROBLEM)
    assert "application/x-ndjson" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/objects", "/v1/conjunctions"])
def test_messages_are_for_element_sets(hub: ServedHub, path: str) -> None:
    assert answered(hub, path, "text/plain").status_code == 406
    refused = answered(hub, f"{path}?format=tle")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["query.format"]


@pytest.mark.parametrize("form", ["tle", "3le", "omm-kvn", "omm-xml", "omm-json", "omm-csv"])
def test_a_message_with_withheld_fields_is_refused_and_they_are_named(hub: ServedHub, form: str) -> None:
    answer = answered(hub, f"/v1/elements?format={form}", partner="GAMMA")
    assert (answer.status_code, media_type(answer)) == (406, PROBLEM)
    detail = answer.json()["detail"]
    for name in ("mean_motion_rev_per_day", "eccentricity", "bstar_per_earth_radius", "mean_element_theory"):
        assert name in detail
    # What is shown, and what a message does without, keeps nobody from writing it.
    for name in ("inclination_deg", "epoch_tai_ns", "catalogue_number", "cospar_id", "deviations"):
        assert name not in detail


def test_a_number_that_no_tle_can_say_is_told(own_hub: ServedHub) -> None:
    own_hub.record([element("nine digits", 799_500_123)])
    answer = answered(own_hub, "/v1/elements?format=tle")
    assert answer.status_code == 406
    assert "799500123" in answer.json()["detail"]
    assert answered(own_hub, "/v1/elements?format=omm-xml").status_code == 200


def test_arrow_carries_nothing_in_the_slots_of_nulls(own_hub: ServedHub) -> None:
    """DuckDB leaves other rows' values there; a hidden row's would travel with the answer."""
    import numpy as np
    import pyarrow as pa

    hidden = [
        element(f"hidden {number}", number, originator="HERMIT", element_set_number=7_777_777, epoch=number - 3_000)
        for number in range(1_000, 3_000)
    ]
    shown = [
        element(f"shown {number}", number, element_set_number=None if number % 2 else 5, epoch=-2_500)
        for number in range(1_000, 3_000)
    ]
    own_hub.record([row for pair in zip(hidden, shown, strict=True) for row in pair], labels=(PUBLIC,))
    for path in ("/v1/elements", "/v1/elements/history"):
        answer = answered(own_hub, f"{path}?format=arrow&limit=10000")
        column = pa.ipc.open_stream(answer.content).read_all().column("element_set_number")
        assert column.null_count >= 1_000
        for chunk in column.chunks:
            values = np.frombuffer(chunk.buffers()[1], np.int32)[: len(chunk)]
            assert set(values[np.asarray(chunk.is_null())].tolist()) == {0}

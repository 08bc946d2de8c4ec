"""Who is let in, and how everything else is answered: keys, errors, methods, hostile requests."""

import socket
from typing import Any

import httpx
import pytest

from tests.api.conftest import ELEMENTS
from tests.api.records import record_id
from tests.api.served_hub import ServedHub

PATHS = ("/v1/elements", "/v1/elements/history", "/v1/objects", "/v1/conjunctions", "/v1/stream", "/v1/explain")
PROBLEM = "application/problem+json"


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem of an answer, which must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:ssa-hub:problem:")
    assert body["title"]
    return body


@pytest.mark.parametrize("path", PATHS)
def test_every_kind_of_bad_key_gets_the_same_answer(hub: ServedHub, path: str) -> None:
    revoked = hub.new_key("BETA")
    hub.state.partners.revoke_key(revoked.split("_")[1], hub.clock())
    hub.enrol('[[partner]]\nname = "PASSING"')
    gone = hub.new_key("PASSING")
    hub.state.partners.remove("PASSING", hub.clock())
    good = hub.new_key("BETA")
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer {revoked}"},
        {"Authorization": f"Bearer {gone}"},
        {"Authorization": f"Bearer {good[:-1]}"},
        {"Authorization": f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}"},
        {"Authorization": f"Basic {good}"},
        {"X-API-Key": revoked},
        {"X-API-Key": "ü".encode("latin-1").decode("latin-1")},
    ]
    client = hub.client()
    encoded = [{name: text.encode("latin-1") for name, text in header.items()} for header in headers]
    answers = [client.get(path, headers=header) for header in encoded]
    answers += [client.get(path, params={"limit": "x", "nonsense": "1", "record_id": "?"})]
    problem(answers[0], 401)
    assert {(a.status_code, a.content, a.headers["WWW-Authenticate"]) for a in answers} == {
        (401, answers[0].content, "Bearer")
    }


def test_a_key_is_taken_in_either_header(hub: ServedHub) -> None:
    key = hub.new_key("BETA")
    for headers in ({"X-API-Key": key}, {"Authorization": f"bearer {key}"}):
        assert hub.client().get("/v1/objects", headers=headers).status_code == 200


def test_a_revoked_key_is_one_no_more(own_hub: ServedHub) -> None:
    key = own_hub.new_key("BETA")
    headers = {"X-API-Key": key}
    assert own_hub.client().get("/v1/objects", headers=headers).status_code == 200
    own_hub.state.partners.revoke_key(key.split("_")[1], own_hub.clock())
    problem(own_hub.client().get("/v1/objects", headers=headers), 401)


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/elements/", "/v1", "/docs", "/v1/elements/..%2fobjects"])
def test_an_unknown_endpoint_is_a_problem(hub: ServedHub, path: str) -> None:
    assert problem(hub.client("BETA").get(path), 404)["type"].endswith(":no-such-endpoint")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/elements", "GET, POST"),
        ("PUT", "/v1/elements", "GET, POST"),
        ("OPTIONS", "/v1/stream", "GET"),
        ("POST", "/v1/explain", "GET"),
    ],
)
def test_a_method_that_is_not_there_is_a_problem(hub: ServedHub, method: str, path: str, allowed: str) -> None:
    answer = hub.client("BETA").request(method, path)
    assert problem(answer, 405)["type"].endswith(":method-not-allowed")
    assert answer.headers["Allow"] == allowed


def test_head_is_refused_without_a_body_and_the_connection_stays_whole(hub: ServedHub) -> None:
    client = hub.client("BETA")
    answer = client.head("/v1/objects")
    assert (answer.status_code, answer.content) == (405, b"")
    assert client.get("/v1/objects").status_code == 200


def test_a_range_is_passed_over(hub: ServedHub) -> None:
    answer = hub.client("BETA").get("/v1/objects", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content[:1]) == (200, b"{")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("elements", {"limit": "0"}, "query.limit"),
        ("elements", {"limit": "100001"}, "query.limit"),
        ("elements", {"limit": "9" * 300}, "query.limit"),
        ("elements", {"limit": "1e3"}, "query.limit"),
        ("elements", {"limit": ["1", "2"]}, "limit"),
        ("elements", {"limt": "1"}, "limt"),
        ("elements", {"epoch_from": "2026-01-01T00:00:00"}, "epoch_from"),
        ("elements", {"data_mode": "real"}, "query.data_mode"),
        ("elements", {"format": "xml"}, "query.format"),
        ("elements", {"object_id": "a\0b"}, "query.object_id.0"),
        ("elements", {"object_id": ["cat-1", "x" * 301]}, "query.object_id.1"),
        ("elements", {"catalogue_number": ["1", "0"]}, "query.catalogue_number.1"),
        ("elements", {"catalogue_number": str(2**63)}, "query.catalogue_number.0"),
        ("elements", {"catalogue_number": [str(n) for n in range(1, 1_002)]}, "query.catalogue_number"),
        ("elements", {"known_at": "yesterday"}, "known_at"),
        ("elements", {"known_at": ""}, "known_at"),
        ("elements", {"known_at": "2026-02-30T00:00:00"}, "known_at"),
        ("elements", {"known_at": "9999-01-01T00:00:00"}, "known_at"),
        ("elements", {"known_at": "2026-01-01T00:00:00\0"}, "known_at"),
        ("elements/history", {"epoch_to": "2026-01-01"}, "epoch_to"),
        ("conjunctions", {"miss_distance_max_m": "nan"}, "query.miss_distance_max_m"),
        ("conjunctions", {"miss_distance_max_m": "inf"}, "query.miss_distance_max_m"),
        ("conjunctions", {"miss_distance_max_m": "-1"}, "query.miss_distance_max_m"),
        ("stream", {"wait_s": "-1"}, "query.wait_s"),
        ("stream", {"wait_s": "nan"}, "query.wait_s"),
        ("stream", {"kind": "sightings"}, "query.kind.0"),
        ("explain", {}, "query.record_id"),
        ("explain", {"record_id": "A" * 32}, "query.record_id"),
        ("explain", {"record_id": "a" * 32 + "\n"}, "query.record_id"),
    ],
)
def test_a_parameter_that_cannot_be_understood_is_named(
    hub: ServedHub, path: str, query: dict[str, Any], field: str
) -> None:
    body = problem(hub.client("BETA").get(f"/v1/{path}", params=query), 422)
    assert field in [error["field"] for error in body["errors"]]


def cursor_of(*parts: Any) -> str:
    import base64
    import json

    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ü",
        "%00",
        "A" * 2_001,
        cursor_of(),
        cursor_of("elements"),
        cursor_of("history", "cat-1", 1, 1, "x"),
        cursor_of("elements", 1),
        cursor_of("elements", None),
        cursor_of("elements", "a", "b"),
        cursor_of("elements", "\ud800"),
        cursor_of("elements", ["a"]),
        cursor_of("elements")[:-1],
    ],
)
def test_a_cursor_that_is_none_is_refused(hub: ServedHub, cursor: str) -> None:
    problem(hub.client("BETA").get("/v1/elements", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**400, 1.5, True])
def test_numbers_of_cursors_are_instants_that_can_be(hub: ServedHub, number: float) -> None:
    cursor = cursor_of("conjunctions", number, "x")
    problem(hub.client("BETA").get("/v1/conjunctions", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("key", ["", "a\0b", "\U0010ffff", "'; DROP TABLE release; --", "zzz"])
def test_a_cursor_of_ones_own_making_only_says_where_to_go_on(hub: ServedHub, key: str) -> None:
    everything = hub.client("BETA").get("/v1/elements").json()["items"]
    answer = hub.client("BETA").get("/v1/elements", params={"cursor": cursor_of("elements", key)})
    assert answer.json()["items"] == [item for item in everything if item["object_id"] > key]


def raw(hub: ServedHub, request: bytes) -> bytes:
    """What comes back for bytes on the wire."""
    host, port = hub.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/elements?limit=1&object_id=\xff\xfe&object_id=cat-25544&object_id=cat-44714",
        b"/v1/elements?limit=1&object_id=%ff%0d%0aX-Evil:1&object_id=cat-25544&object_id=cat-44714",
        b"/v1/elements?limit=1&object_id=%ed%a0%80&object_id=cat-25544&object_id=cat-44714",
        b"/v1/elements?&&limit=1&%63ursor=&=&;",
        b"/%ff%fe",
        b"//v1/elements",
    ],
)
@pytest.mark.parametrize("host", [b"x", b"[", b"a:b:c", b'"><script>alert(1)</script>'])
def test_strange_bytes_in_a_request_are_no_mistake_of_the_hub(hub: ServedHub, target: bytes, host: bytes) -> None:
    key = hub.new_key("BETA").encode()
    head = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\nX-API-Key: %b\r\n\r\n" % (target, host, key)
    answer = raw(hub, head)
    status = int(answer.split()[1])
    assert status in (200, 400, 404, 422), answer
    assert b"\r\nX-Evil" not in answer
    welcome = raw(hub, b"GET / HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % host)
    assert b"<script>" not in welcome
    assert int(welcome.split()[1]) in (200, 400)


def test_errors_name_nothing_that_is_hidden(hub: ServedHub) -> None:
    hidden = [record_id(name) for name in ("iss of hermit", "hermit's own", "secret", "iss of delta")]
    assert {row["record_id"] for row in ELEMENTS} >= set(hidden)
    client = hub.client("NOBODY")
    for name in hidden:
        for path, headers in ((f"/v1/explain?record_id={name}", {}), ("/v1/stream", {"Last-Event-ID": f"0;0:{name}"})):
            assert name not in client.get(path, headers=headers).text


def test_health_needs_no_key_and_tells_nothing(hub: ServedHub) -> None:
    answer = hub.client().get("/v1/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "log": "ok", "state": "ok", "history": "ok"}


def test_health_says_what_is_missing(own_hub: ServedHub) -> None:
    warehouse = own_hub.hub.settings.warehouse
    warehouse.rename(warehouse.with_name("elsewhere"))
    answer = own_hub.client().get("/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert answer.json()["history"] == "its directory is missing"


def test_history_that_is_away_is_a_503_with_the_time_to_wait(own_hub: ServedHub) -> None:
    files = [path for path in own_hub.hub.settings.warehouse.rglob("*.parquet") if "elements" in path.parts]
    assert files
    for path in files:
        path.unlink()
    answer = own_hub.client("BETA").get("/v1/elements")
    assert problem(answer, 503)["type"].endswith(":unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert str(own_hub.hub.settings.warehouse) not in answer.text


def test_the_welcome_page_says_how_to_begin(hub: ServedHub) -> None:
    page = hub.client().get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"{hub.base_url}/v1/elements" in page.text

"""The OpenAPI document: valid, complete, and true of the answers."""

from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.manoeuvres import oem
from tests.api.records import record_id
from tests.api.served_hub import ServedHub

# What the server itself or every endpoint may answer, whatever was asked.
ALWAYS = {"400", "401", "422", "503"}
STATUSES = {
    ("get", "/v1/deletions"): {"200"},
    ("get", "/v1/deletions/proof"): {"200", "404"},
    ("get", "/v1/elements"): {"200", "406"},
    ("get", "/v1/elements/history"): {"200", "406"},
    ("get", "/v1/elements/changes"): {"200", "406"},
    ("get", "/v1/elements/side-by-side"): {"200", "406"},
    ("get", "/v1/objects"): {"200", "406"},
    ("get", "/v1/conjunctions"): {"200", "406"},
    ("get", "/v1/stream"): {"200", "410"},
    ("get", "/v1/explain"): {"200", "404"},
    ("post", "/v1/elements"): {"202", "413"},
    ("post", "/v1/messages"): {"202", "413"},
    ("get", "/v1/conjunction-messages"): {"200", "406"},
    ("get", "/v1/ephemerides"): {"200", "406"},
    ("get", "/v1/ephemerides/{record_id}/states"): {"200", "404", "406"},
    ("get", "/v1/ephemerides/{record_id}/covariances"): {"200", "404", "406"},
    ("post", "/v1/what-if"): {"200", "406", "413", "429", "504"},
    ("get", "/v1/screening"): {"200", "403"},
    ("post", "/v1/screening/cancel"): {"202", "403"},
    ("post", "/v1/withdrawals"): {"201", "404", "409", "413"},
    ("get", "/v1/withdrawals"): {"200"},
    ("get", "/v1/withdrawals/{withdrawal_id}"): {"200", "404"},
    ("get", "/v1/notices"): {"200", "406"},
    ("post", "/v1/notices/{notice_id}/confirm"): {"200", "404"},
    ("get", "/v1/posture"): {"200"},
    ("put", "/v1/posture"): {"200", "403"},
    ("get", "/v1/posture/history"): {"200", "403"},
    ("get", "/v1/agreements/mine"): {"200"},
    ("put", "/v1/agreements/mine"): {"200", "403", "413"},
    ("post", "/v1/agreements/mine/restore"): {"200", "404"},
    ("post", "/v1/agreements/check"): {"200", "403", "413"},
    ("get", "/v1/ledger"): {"200"},
    ("get", "/v1/ledger/entries"): {"200"},
    ("get", "/v1/ledger/extract"): {"200", "404"},
    ("get", "/v1/ledger/key"): {"200"},
    ("get", "/v1/tear-lines/about-mine"): {"200"},
    ("get", "/v1/elements/export"): {"200", "429"},
    ("get", "/v1/conjunctions/export"): {"200", "429"},
    ("post", "/v1/exports"): {"202", "413", "429"},
    ("get", "/v1/exports"): {"200"},
    ("get", "/v1/exports/{job_id}"): {"200", "404"},
    ("delete", "/v1/exports/{job_id}"): {"204", "404"},
    ("head", "/v1/exports/{job_id}/content"): {"200", "206", "404", "409", "410", "416"},
    ("get", "/v1/exports/{job_id}/content"): {"200", "206", "404", "409", "410", "416"},
    ("post", "/v1/rehearsals"): {"200", "403", "406", "413", "429"},
}


@pytest.fixture(scope="module")
def document(hub: ServedHub) -> dict[str, Any]:
    """The document as it is served."""
    found: dict[str, Any] = hub.client().get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): it for path, item in document["paths"].items() for method, it in item.items()}


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_endpoint_says_all_statuses_that_it_can_give(document: dict[str, Any]) -> None:
    said = {key: set(operation["responses"]) for key, operation in operations(document).items()}
    assert said.pop(("get", "/v1/health")) == {"200", "400", "503"}
    assert said == {key: special | ALWAYS for key, special in STATUSES.items()}


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for key, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                problem = response["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, (key, status)


def test_every_parameter_and_operation_says_what_it_is(document: dict[str, Any]) -> None:
    for key, operation in operations(document).items():
        assert operation["summary"], key
        assert operation["description"], key
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (key, parameter["name"])


def test_every_operation_but_health_needs_a_key(document: dict[str, Any]) -> None:
    for (_, path), operation in operations(document).items():
        schemes = {name for choice in operation.get("security", ()) for name in choice}
        assert schemes == (set() if path == "/v1/health" else {"bearer", "api-key"}), path


ASKED = [
    ("BETA", "/v1/elements", {}, 200),
    ("GAMMA", "/v1/elements", {"limit": 1}, 200),
    ("BETA", "/v1/elements", {"format": "omm-json"}, 200),
    ("GAMMA", "/v1/elements", {"format": "tle"}, 406),
    ("GAMMA", "/v1/elements/history", {}, 200),
    ("GAMMA", "/v1/objects", {}, 200),
    ("BETA", "/v1/objects", {}, 200),
    ("BETA", "/v1/conjunctions", {}, 200),
    ("GAMMA", "/v1/conjunctions", {}, 200),
    ("NOBODY", "/v1/conjunctions", {}, 200),
    ("GAMMA", "/v1/conjunctions", {"limit": 0, "tca_from": "x", "nonsense": 1}, 422),
    (None, "/v1/stream", {}, 401),
    ("BETA", "/v1/stream", {"kind": "x"}, 422),
    ("ALPHA", "/v1/explain", {"record_id": record_id("iss, new"), "partner": "GAMMA"}, 200),
    ("WARDEN", "/v1/explain", {"record_id": record_id("with hermit"), "partner": "BETA"}, 200),
    ("BETA", "/v1/explain", {"record_id": record_id("with hermit")}, 404),
    (None, "/v1/health", {}, 200),
    ("WARDEN", "/v1/screening", {}, 200),
    ("BETA", "/v1/screening", {}, 403),
]


@pytest.mark.parametrize(("partner", "path", "query", "status"), ASKED)
def test_answers_are_as_the_document_says(
    hub: ServedHub, document: dict[str, Any], partner: str | None, path: str, query: dict[str, Any], status: int
) -> None:
    answer = hub.client(partner).get(path, params=query)
    assert answer.status_code == status, answer.text
    validate(document, ("get", path), answer.status_code, answer.headers["Content-Type"], answer.json())


@pytest.mark.parametrize(("content", "status"), [(b"", 400), (b"1 25544U", 202), (b"[]", 202)])
def test_receipts_are_as_the_document_says(
    own_hub: ServedHub, document: dict[str, Any], content: bytes, status: int
) -> None:
    answer = own_hub.client("ALPHA").post("/v1/elements", content=content)
    assert answer.status_code == status
    validate(document, ("post", "/v1/elements"), status, answer.headers["Content-Type"], answer.json())


@pytest.mark.parametrize(("content", "status"), [(b"", 400), (b"1 25544U", 422), (oem(), 200)])
def test_what_ifs_are_as_the_document_says(
    hub: ServedHub, document: dict[str, Any], content: bytes, status: int
) -> None:
    answer = hub.client("BETA").post("/v1/what-if", content=content, params={"threshold_km": 50})
    assert answer.status_code == status
    validate(document, ("post", "/v1/what-if"), status, answer.headers["Content-Type"], answer.json())


def test_withdrawals_and_notices_are_as_the_document_says(own_hub: ServedHub, document: dict[str, Any]) -> None:
    alpha, beta = own_hub.client("ALPHA"), own_hub.client("BETA")
    assert beta.get("/v1/elements").status_code == 200

    def check(key: tuple[str, str], answer: httpx.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        validate(document, key, status, answer.headers["Content-Type"], answer.json())
        return answer.json()

    recall = {"record_ids": [record_id("iss, new")], "reason": "wrong"}
    schema = operations(document)["post", "/v1/withdrawals"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema).validate(recall)
    made = check(("post", "/v1/withdrawals"), alpha.post("/v1/withdrawals", json=recall), 201)
    check(("post", "/v1/withdrawals"), alpha.post("/v1/withdrawals", json=recall), 409)
    check(("post", "/v1/withdrawals"), beta.post("/v1/withdrawals", json=recall), 404)
    check(("post", "/v1/withdrawals"), alpha.post("/v1/withdrawals", json=[]), 422)
    check(("get", "/v1/withdrawals"), alpha.get("/v1/withdrawals"), 200)
    one = ("get", "/v1/withdrawals/{withdrawal_id}")
    check(one, alpha.get(f"/v1/withdrawals/{made['withdrawal_id']}"), 200)
    check(one, beta.get(f"/v1/withdrawals/{made['withdrawal_id']}"), 404)
    (notice,) = check(("get", "/v1/notices"), beta.get("/v1/notices"), 200)["items"]
    confirm = ("post", "/v1/notices/{notice_id}/confirm")
    check(confirm, beta.post(f"/v1/notices/{notice['notice_id']}/confirm"), 200)
    check(confirm, alpha.post(f"/v1/notices/{notice['notice_id']}/confirm"), 404)
    check(("get", "/v1/notices"), beta.get("/v1/notices", params={"format": "csv"}), 422)
    check(("get", "/v1/notices"), beta.get("/v1/notices", headers={"Accept": "text/csv"}), 406)


def validate(document: dict[str, Any], key: tuple[str, str], status: int, media_type: str, body: Any) -> None:
    """Check an answer's body against the schema that the document has for it."""
    schema = operations(document)[key]["responses"][str(status)]["content"][media_type.split(";")[0]]["schema"]
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(body)


def test_every_media_type_of_the_listings_is_given(hub: ServedHub, document: dict[str, Any]) -> None:
    for path in ("/v1/elements", "/v1/elements/history", "/v1/objects", "/v1/conjunctions"):
        for media_type in operations(document)["get", path]["responses"]["200"]["content"]:
            query = {"sidecar": "true"} if media_type == "application/zip" else {}
            answer = hub.client("BETA").get(path, params=query, headers={"Accept": media_type})
            assert answer.headers["Content-Type"].split(";")[0] == media_type
            headers = operations(document)["get", path]["responses"]["200"]["headers"]
            assert {name for name in headers if name in answer.headers} == {"SSA-Policy-Version", "SSA-Data-Mode"}

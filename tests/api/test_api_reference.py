"""docs/api.md names everything that the API has, and nothing that it has not."""

import re
from pathlib import Path
from typing import Any

import pytest

from ssa_hub.api.formats import ELEMENT_FORMATS, MEDIA_TYPES, TABLE_FORMATS, Format
from tests.api.served_hub import ServedHub

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def table(section: str) -> list[list[str]]:
    """The cells of the table in a section, without its head."""
    lines = [line for line in PAGE.split(f"## {section}\n", 1)[1].split("\n## ")[0].splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="module")
def document(hub: ServedHub) -> dict[str, Any]:
    found: dict[str, Any] = hub.client().get("/openapi.json").json()
    return found


def test_each_endpoint_stands_in_the_reference(document: dict[str, Any]) -> None:
    real = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert {quoted(row[0])[0] for row in table("Endpoints")} == real


def test_each_parameter_stands_in_the_reference_with_the_endpoints_that_have_it(document: dict[str, Any]) -> None:
    listings = ["/v1/elements", "/v1/elements/history", "/v1/elements/changes", "/v1/elements/side-by-side"]
    listings += ["/v1/objects", "/v1/conjunctions"]
    groups = {"listings": listings, "pushes": ["POST /v1/elements", "POST /v1/messages"]}
    said = {
        (name, path)
        for row in table("Parameters")
        for name in quoted(row[0])
        for part in row[1].split(", ")
        for path in groups.get(part, quoted(part))
    }
    real = {
        (parameter["name"], path if method == "get" else f"{method.upper()} {path}")
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    assert said == real


def test_each_header_of_a_request_stands_in_the_reference(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "header":
                    assert f"`{parameter['name']}`".lower() in PAGE.lower()


def test_each_format_stands_in_the_reference_with_its_media_type() -> None:
    said = {quoted(row[0])[0]: (quoted(row[1])[0], row[2]) for row in table("Formats")}
    assert said == {
        form: (MEDIA_TYPES[form].split(";")[0], "all listings" if form in TABLE_FORMATS else "element sets")
        for form in ELEMENT_FORMATS
    }
    assert set(said) == set(Format)


def test_each_status_stands_in_the_reference(document: dict[str, Any]) -> None:
    real = {status for item in document["paths"].values() for it in item.values() for status in it["responses"]}
    assert {row[0] for row in table("Errors")} == {status for status in real if status >= "400"} | {"405", "500"}

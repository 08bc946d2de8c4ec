"""Answers read back by other means than those that wrote them."""

import csv
import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet

TABLE_FORMATS = ("json", "ndjson", "csv", "arrow", "parquet")
Records = list[dict[str, Any]]
# What each answer has of its own, whatever is asked.
OF_THE_INSTANT = frozenset({"date", "ssa-request-id"})


def lasting_headers(answer: httpx.Response) -> dict[str, str]:
    """The headers without those that differ from one answer to the next."""
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_INSTANT}


def records(answer: httpx.Response) -> Records:
    """The records of an answer in any of the table formats, as JSON says them."""
    assert answer.status_code == 200, answer.text
    media_type = answer.headers["Content-Type"].split(";")[0]
    match media_type:
        case "application/json":
            return list(answer.json()["items"])
        case "application/x-ndjson":
            return [json.loads(line) for line in answer.text.splitlines()]
        case "text/csv":
            return list(csv.DictReader(io.StringIO(answer.text)))
        case "application/vnd.apache.arrow.stream":
            return list(pa.ipc.open_stream(answer.content).read_all().to_pylist())
        case "application/vnd.apache.parquet":
            return list(pa.parquet.read_table(io.BytesIO(answer.content)).to_pylist())
    raise AssertionError(f"{media_type} is no table format")


def from_csv(row: dict[str, str], like: dict[str, Any]) -> dict[str, Any]:
    """A row of CSV, each text as what another format's value is: nothing for null, blanks within a list."""

    def value(text: str, of: Any) -> Any:
        match of:
            case None:
                return text or None
            case bool():
                return {"true": True, "false": False}[text]
            case int() | float():
                return type(of)(text)
            case list():
                return text.split()
        return text

    assert list(row) == list(like)
    return {name: value(text, like[name]) for name, text in row.items()}


def ids(answer: httpx.Response) -> list[str]:
    """The record ids of an answer, in its order."""
    return [str(record["record_id"]) for record in records(answer)]

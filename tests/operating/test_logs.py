"""Logs: JSON lines with the same fields everywhere, a request's id on each of its lines, an error once with cause."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from ssa_hub.api.requests import Requests
from ssa_hub.cli.logs import configure_logs


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Path]:
    """A configured log, put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    path = tmp_path / "hub.log.jsonl"
    configure_logs(path)
    structlog.configure(cache_logger_on_first_use=False)  # the next test has a file of its own
    yield path
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_line_says_what_how_bad_when_and_which_service(lines: Path) -> None:
    structlog.get_logger("recorder").warning("recording interrupted", error="away", path=Path("/x"))
    logging.getLogger("uvicorn.error").error('a "quoted" %s', "message\nof two lines")
    first, second = read(lines)
    assert {"event", "level", "time", "service"} <= first.keys()
    assert (first["service"], first["level"], first["error"], first["path"]) == ("recorder", "warning", "away", "/x")
    assert (second["service"], second["level"]) == ("uvicorn.error", "error")
    assert second["event"] == 'a "quoted" message\nof two lines'
    assert first["time"].endswith("Z")


def application() -> FastAPI:
    app = FastAPI()
    log_event = structlog.get_logger("api")

    @app.get("/fine")
    def fine() -> str:
        log_event.info("looked up")
        return "fine"

    @app.get("/fails/{name}")
    def fails(name: str) -> str:
        raise RuntimeError("the reason")

    @app.get("/breaks")
    def breaks() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("half way")

        return StreamingResponse(parts())

    app.add_middleware(Requests)
    return app


def get(path: str, *headers: tuple[bytes, bytes]) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(application())
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.get(path, headers=list(headers))

    return asyncio.run(asked())


def test_the_id_that_a_client_sends_goes_with_each_line_and_back_to_him(lines: Path) -> None:
    answer = get("/fine", (b"SSA-Request-Id", b"case-7.A_b"))
    assert answer.headers["SSA-Request-Id"] == "case-7.A_b"
    assert [line["request_id"] for line in read(lines)] == ["case-7.A_b"]


@pytest.mark.parametrize("sent", ["", "x" * 65, 'a"b', "a b", "a\tb", "é"])
def test_an_id_that_could_confuse_a_log_is_replaced(lines: Path, sent: str) -> None:
    answer = get("/fine", (b"SSA-Request-Id", sent.encode()))
    made = answer.headers["SSA-Request-Id"]
    assert len(made) == 32
    assert int(made, 16) >= 0
    assert get("/fine").headers["SSA-Request-Id"] != made
    assert read(lines)[0]["request_id"] == made


def test_an_error_is_told_once_with_its_cause_and_the_client_learns_nothing_of_it(lines: Path) -> None:
    answer = get("/fails/secret-name")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "reason" not in answer.text
    (told,) = read(lines)
    assert (told["event"], told["level"], told["route"]) == ("request failed", "error", "/fails/{name}")
    assert told["request_id"] == answer.headers["SSA-Request-Id"]
    assert "RuntimeError: the reason" in told["exception"]


def test_an_answer_that_breaks_half_way_breaks_the_connection(lines: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        get("/breaks")
    assert [line["event"] for line in read(lines)] == ["request failed"]

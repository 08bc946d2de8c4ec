"""A hub that is stopped while a push waits for the log: the push is told to come again, and is not acknowledged."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from tests.api.rules import ALPHA, PARTNERS
from tests.api.served_hub import served_hub
from tests.ingest.tle import element_set


def test_a_push_that_waits_when_the_hub_is_stopped_is_a_503_that_says_when_to_come_again(tmp_path: Path) -> None:
    waiting = Event()

    async def never(entries: Mapping[str, Any]) -> None:
        waiting.set()
        await asyncio.Event().wait()

    def push(base_url: str, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{base_url}/v1/elements", content=element_set(1).encode(), headers=headers, timeout=60)

    with ThreadPoolExecutor(1) as pushing:
        with served_hub(tmp_path) as served:
            served.enrol(PARTNERS)
            served.agree(ALPHA)
            served.hub.ingest._log.append_all = never  # type: ignore[method-assign]
            answering = pushing.submit(push, served.base_url, served.new_key("ALPHA"))
            assert waiting.wait(30)
        answer = answering.result()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "not acknowledged" in answer.json()["detail"]

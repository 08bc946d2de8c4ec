"""Metrics: who may read them, what they say, and what never stands in them."""

import asyncio
import json
import math
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ssa_hub.measures import REGISTRY, REQUEST_SECONDS
from ssa_hub.services.failures import SettingsError
from ssa_hub.services.gauges import Gauges
from ssa_hub.services.metrics_server import metrics_served
from tests.api.conftest import CONJUNCTIONS, ELEMENTS, fill
from tests.api.served_hub import ServedHub, served_hub

STEWARD = '[[partner]]\nname = "WATCH"\nroles = ["steward"]\n'


@pytest.fixture
def hub(tmp_path: Path):  # type: ignore[no-untyped-def]
    with served_hub(tmp_path) as served:
        fill(served)
        served.enrol(STEWARD)
        yield served


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """As Prometheus' own parser reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def gathered(hub: ServedHub) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    asyncio.run(Gauges(hub.hub).turn())
    answer = hub.client("WATCH").get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
    return samples(answer.text)


def test_metrics_are_for_stewards_and_for_nobody_else_even_from_this_machine(hub: ServedHub) -> None:
    assert hub.client().get("/metrics").status_code == 401
    assert hub.client("BETA").get("/metrics").status_code == 403
    forwarded = hub.client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1", "Host": "127.0.0.1"})
    assert forwarded.status_code == 401
    assert hub.client("WATCH").get("/metrics").status_code == 200
    assert "/metrics" not in hub.client().get("/openapi.json").json()["paths"]


def test_metrics_say_how_much_there_is(hub: ServedHub) -> None:
    found = gathered(hub)
    assert found["ssa_hub_history_rows_count", (("kind", "elements"),)] == len(ELEMENTS)
    assert found["ssa_hub_history_rows_count", (("kind", "conjunctions"),)] == len(CONJUNCTIONS)
    assert found["ssa_hub_history_files_count", (("kind", "elements"), ("level", "0"))] == 1
    assert found["ssa_hub_wrong_count", ()] == 0
    assert found["ssa_hub_state_bytes", ()] > 0
    assert found["ssa_hub_disk_free_bytes", (("part", "history"),)] > 0
    assert math.isfinite(found["ssa_hub_newest_recorded_age_seconds", ()])
    assert math.isnan(found["ssa_hub_checkpoint_age_seconds", ()]) or found["ssa_hub_checkpoint_age_seconds", ()] > 0


def test_requests_are_timed_by_route_and_status_and_never_by_what_was_asked(hub: ServedHub) -> None:
    def count(route: str, status: str) -> float:
        labels = {"route": route, "method": "GET", "status": status}
        return REGISTRY.get_sample_value("ssa_hub_request_seconds_count", labels) or 0.0

    def labels() -> set[str]:
        return {value for _, found in samples(hub.client("WATCH").get("/metrics").text) for _, value in found}

    # Of this process: other tests' hubs may have counted what their sources are called.
    known = labels()
    before = count("/v1/elements", "200"), count("/v1/elements", "422"), count("none", "404")
    client = hub.client("BETA")
    client.get("/v1/elements", params={"object_id": "cat-25544"})
    client.get("/v1/elements", params={"limit": "0"})
    client.get("/v1/secret-object")

    def counted() -> list[float]:
        after = count("/v1/elements", "200"), count("/v1/elements", "422"), count("none", "404")
        return [b - a for a, b in zip(before, after, strict=True)]

    patient_until_s = time.monotonic() + 60
    while sum(counted()) < 3 and time.monotonic() < patient_until_s:
        time.sleep(0.01)  # a request is counted once its answer is sent: the client may read on before that
    assert counted() == [1, 1, 1]
    assert not any(word in label for label in labels() - known for word in ("25544", "secret-object", "BETA", "ALPHA"))
    assert {name for family in REQUEST_SECONDS.collect() for sample in family.samples for name in sample.labels} <= {
        "route", "method", "status", "le"
    }  # fmt: skip


def test_a_port_of_their_own_shows_the_same_metrics_and_is_closed_afterwards() -> None:
    with metrics_served("127.0.0.1", 0) as port:
        assert port is not None
        assert "ssa_hub_log_lag_messages" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
        with pytest.raises(SettingsError, match="cannot serve metrics"), metrics_served("127.0.0.1", port):
            pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


def test_liveness_answers_when_readiness_does_not(hub: ServedHub) -> None:
    hub.hub.settings.warehouse.rename(hub.hub.settings.warehouse.with_name("away"))
    client = hub.client()
    ready, alive = client.get("/v1/health"), client.get("/v1/health/live")
    hub.hub.settings.warehouse.with_name("away").rename(hub.hub.settings.warehouse)
    assert (ready.status_code, ready.json()["status"]) == (503, "degraded")
    assert (alive.status_code, json.loads(alive.content)) == (200, {"status": "ok"})
    assert client.get("/v1/health").status_code == 200

"""How screening stands: for stewards alone, with progress, and the word to end a run."""

import pytest

from schemas.records import DataMode
from tests.api.records import NOW_TAI_NS
from tests.api.served_hub import ServedHub

WINDOW = {"start_tai_ns": NOW_TAI_NS, "duration_s": 86_400.0, "threshold_km": 5.0}


def begin(hub: ServedHub, sequence: int = 7) -> int:
    """Note that a run has begun."""
    return hub.state.runs.begin(data_mode=DataMode.REAL, catalogue_seq=sequence, objects=26_905, **WINDOW)  # type: ignore[arg-type]


def test_a_steward_sees_how_far_the_run_is_and_what_the_last_one_found(own_hub: ServedHub) -> None:
    steward = own_hub.client("WARDEN")
    assert steward.get("/v1/screening").json() == {"running": [], "last_complete": []}
    first = begin(own_hub)
    own_hub.state.runs.complete(first, objects=26_905, conjunctions=25_898, left_out=[{"why": "decayed"}], wall_s=16.5)
    second = begin(own_hub)
    own_hub.state.runs.advance(second, fraction=0.25, seconds_left=None)
    report = steward.get("/v1/screening").json()
    ((running,), (last,)) = report["running"], report["last_complete"]
    assert (running["run"], running["objects"], running["fraction"], running["seconds_left"]) == (
        second,
        26_905,
        0.25,
        None,
    )
    assert (last["run"], last["conjunctions"], last["left_out"], last["wall_s"]) == (first, 25_898, 1, 16.5)
    own_hub.state.runs.advance(second, fraction=0.5, seconds_left=12.0)
    (running,) = steward.get("/v1/screening").json()["running"]
    assert (running["fraction"], running["seconds_left"]) == (0.5, 12.0)


@pytest.mark.parametrize("partner", ["BETA", "ALPHA", "NOBODY"])
def test_a_partner_learns_nothing_of_it(own_hub: ServedHub, partner: str) -> None:
    before = own_hub.client(partner).get("/v1/screening")
    assert (before.status_code, before.json()["type"]) == (403, "urn:ssa-hub:problem:not-a-steward")
    run = begin(own_hub)
    own_hub.state.runs.advance(run, fraction=0.5, seconds_left=1.0)
    answer = own_hub.client(partner).get("/v1/screening")
    assert answer.content == before.content
    assert own_hub.client(partner).post("/v1/screening/cancel").status_code == 403
    assert own_hub.state.runs.advance(run, fraction=0.6, seconds_left=1.0) is None


def test_a_steward_may_end_a_run(own_hub: ServedHub) -> None:
    steward = own_hub.client("WARDEN")
    assert steward.post("/v1/screening/cancel").json() == {"runs": 0}
    run = begin(own_hub)
    answer = steward.post("/v1/screening/cancel")
    assert (answer.status_code, answer.json()) == (202, {"runs": 1})
    assert own_hub.state.runs.advance(run, fraction=0.6, seconds_left=1.0) == "WARDEN"
    own_hub.state.runs.fail(run, "cancelled by WARDEN")
    assert own_hub.state.runs.advance(run, fraction=0.7, seconds_left=1.0) is None, "what is over goes no further"

"""Tear-lines end to end, through a served hub: BETA operates cat-25544, ALPHA shows its orbit, OMEGA hides its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ssa_hub.cli.commands import app
from ssa_hub.release.partner import Posture
from ssa_hub.services.tear_lines import TearLineService, Turn
from tests.api.records import PUBLIC, SECRET, at_s, conjunction, element, record_id
from tests.api.served_hub import ServedHub, served_hub

_CLEARED = 'clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]'
PARTNERS = f"""
[[partner]]
name = "BETA"
operates = ["cat-25544"]
{_CLEARED}

[[partner]]
name = "GAMMA"
{_CLEARED}

[[partner]]
name = "OMEGA"
{_CLEARED}
"""
ALPHA = """
originator = "ALPHA"

[[rule]]
id = "all"
kinds = ["elements", "derived-conjunctions"]
partners = ["BETA", "GAMMA", "OMEGA"]
data_modes = ["REAL"]
fields = ["*"]
"""
OMEGA = """
originator = "OMEGA"

[[rule]]
id = "warn"
kinds = ["tear-lines"]
partners = ["BETA", "GAMMA"]
data_modes = ["REAL"]
postures = ["peacetime"]

[rule.tear_line]
window_s = 600
miss_distance_bounds_m = [200, 1000, 5000]
approach_angle_step_deg = 45
budget = 2
label = { policy = "PUBLIC", classification = "UNCLASSIFIED" }
"""


def near(name: str, number: int = 43013, **given: Any) -> dict[str, Any]:
    """A conjunction of BETA's object with one of OMEGA's that nobody else may see."""
    return conjunction(
        name, 25544, number, originators=("ALPHA", "OMEGA"), labels=(PUBLIC, SECRET),
        **{"tca_s": 3_700.0, "miss_distance_m": 432.1, "approach_angle_deg": 61.5, "received_s": -10.0, **given},
    )  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ServedHub]:
    """Rules and partners, and no record yet."""
    with served_hub(tmp_path) as served:
        served.enrol(PARTNERS)
        served.agree(ALPHA, OMEGA)
        yield served


def service(hub: ServedHub) -> TearLineService:
    """The service of the hub, on the tests' clock."""
    return TearLineService(hub.state, hub.hub.policies, "test", hub.clock)


def tear_lines(hub: ServedHub, partner: str) -> list[dict[str, Any]]:
    """What a partner's notices have."""
    answer = hub.client(partner).get("/v1/notices")
    assert answer.status_code == 200, answer.text
    return [item["tear_line"] for item in answer.json()["items"] if item["kind"] == "tear-line"]


def test_the_operator_is_told_within_the_bounds_and_nobody_else_anything(hub: ServedHub) -> None:
    hub.record([near("one")], labels=(PUBLIC, SECRET))
    assert service(hub).turn() == Turn(1, 0)
    (said,) = tear_lines(hub, "BETA")
    assert (said["object_id"], said["orbit_originator"], said["revision"]) == ("cat-25544", "ALPHA", 1)
    assert (said["window_start_utc"], said["window_end_utc"]) == ("2031-05-01T13:00:00", "2031-05-01T13:10:00")
    assert (said["miss_distance_lower_m"], said["miss_distance_upper_m"]) == (200.0, 1000.0)
    assert (said["approach_angle_lower_deg"], said["approach_angle_upper_deg"]) == (45.0, 90.0)
    assert said["issued_utc"] == "2031-05-01T12:00:00"
    for partner in ("GAMMA", "OMEGA"):
        assert tear_lines(hub, partner) == []
    text = json.dumps(said)
    hidden = (
        "OMEGA",
        "43013",
        SECRET.label_id,
        record_id("one"),
        "432.1",
        "61.5",
        str(at_s(3_700)),
    )
    assert not [word for word in hidden if word in text]
    assert hub.client("BETA").get("/v1/conjunctions").json()["items"] == []


def test_the_stream_sends_it(hub: ServedHub) -> None:
    hub.record([near("one")], labels=(PUBLIC, SECRET))
    service(hub).turn()
    texts = {
        name: hub.client(name).get("/v1/stream", params={"from_beginning": True, "wait_s": 0}).text
        for name in ("BETA", "GAMMA")
    }
    assert texts["BETA"].count("event: tear-line") == 1
    assert "tear-line" not in texts["GAMMA"]
    assert "OMEGA" not in texts["BETA"]


def test_the_same_statement_is_not_said_again_and_another_one_is_a_revision(hub: ServedHub) -> None:
    made = service(hub)
    hub.record([near("one")], labels=(PUBLIC, SECRET))
    assert made.turn() == Turn(1, 0)
    hub.record([near("same cell", tca_s=3_750.0, miss_distance_m=999.0, received_s=-9.0)])
    assert made.turn() == Turn(0, 0)
    hub.record([near("nearer", miss_distance_m=150.0, received_s=-8.0)])
    assert made.turn() == Turn(1, 0)
    first, second = tear_lines(hub, "BETA")
    assert first["case_number"] == second["case_number"]
    assert (second["revision"], second["miss_distance_upper_m"]) == (2, 200.0)
    assert service(hub).turn() == Turn(0, 0), "a service that is started anew says nothing again"


def test_beyond_the_budget_nothing_is_told_and_the_owner_sees_it(hub: ServedHub, tmp_path: Path) -> None:
    made = service(hub)
    hub.record(
        [near(name, tca_s=tca_s) for name, tca_s in (("one", 3_700.0), ("two", 9_700.0), ("three", 15_700.0))],
        labels=(PUBLIC, SECRET),
    )
    hub.record([near("other object", 20580, received_s=-9.0)])
    assert made.turn() == Turn(3, 1)
    assert len(tear_lines(hub, "BETA")) == 3
    items = hub.client("OMEGA").get("/v1/tear-lines/about-mine").json()["items"]
    seen = {item["object_id"]: (item["partner"], item["told"], item["left"], item["over_budget"]) for item in items}
    assert seen == {"cat-43013": ("BETA", 2, 0, 1), "cat-20580": ("BETA", 1, 1, 0)}
    for partner in ("BETA", "GAMMA"):
        assert hub.client(partner).get("/v1/tear-lines/about-mine").json() == {"items": []}
    listed = CliRunner().invoke(
        app, ["tear-lines", "list", "--data-dir", str(tmp_path), "--originator", "OMEGA"], catch_exceptions=False
    )
    assert listed.exit_code == 0, listed.output
    assert "cat-43013" in listed.output
    assert (
        "OMEGA"
        not in CliRunner()
        .invoke(app, ["tear-lines", "list", "--data-dir", str(tmp_path), "--originator", "ALPHA"])
        .output
    )


def test_a_posture_that_forbids_it_hides_what_was_not_told_at_once(hub: ServedHub) -> None:
    hub.record([near("one")], labels=(PUBLIC, SECRET))
    made = service(hub)
    made.turn()
    hub.state.agreements.set_posture(Posture.CONFLICT, set_by="test", now_tai_ns=hub.clock())
    assert tear_lines(hub, "BETA") == []
    hub.record([near("two", tca_s=9_700.0, received_s=-9.0)])
    assert made.turn() == Turn(0, 0)
    hub.state.agreements.set_posture(Posture.PEACETIME, set_by="test", now_tai_ns=hub.clock())
    assert made.turn() == Turn(1, 0), "what nothing was said of is looked at again"
    assert len(tear_lines(hub, "BETA")) == 2


def test_coarser_terms_take_back_what_was_said_more_finely(hub: ServedHub) -> None:
    hub.record([near("one")], labels=(PUBLIC, SECRET))
    made = service(hub)
    made.turn()
    hub.agree(OMEGA.replace("[200, 1000, 5000]", "[5000]"))
    assert tear_lines(hub, "BETA") == []
    assert made.turn() == Turn(1, 0)
    (said,) = tear_lines(hub, "BETA")
    assert (said["miss_distance_lower_m"], said["miss_distance_upper_m"]) == (0.0, 5000.0)


def test_who_sees_the_conjunction_gets_no_tear_line(hub: ServedHub) -> None:
    hub.agree(OMEGA + ALPHA.split("\n\n", 1)[1])
    hub.record([near("one") | {"parent_label_id_2": PUBLIC.label_id}], labels=(PUBLIC, SECRET))
    assert service(hub).turn() == Turn(0, 0)
    assert len(hub.client("BETA").get("/v1/conjunctions").json()["items"]) == 1


def withdrawn_cases(hub: ServedHub, partner: str) -> list[dict[str, Any]]:
    """What a partner's notices say of withdrawn tear-lines."""
    items = hub.client(partner).get("/v1/notices").json()["items"]
    return [item["withdrawal"] for item in items if item["kind"] == "withdrawal"]


@pytest.mark.parametrize(("side", "withdrawing"), [(1, "ALPHA"), (2, "OMEGA")])
def test_a_withdrawn_orbit_takes_the_statement_back_without_saying_whose_it_was(
    hub: ServedHub, side: int, withdrawing: str
) -> None:
    hub.enrol('[[partner]]\nname = "ALPHA"\n')
    row = near("one")
    parent = element("orbit", originator=withdrawing, label=(PUBLIC, SECRET)[side - 1])
    row[f"parent_{side}"] = parent["record_id"]
    hub.record([parent], [row], labels=(PUBLIC, SECRET))
    service(hub).turn()
    page = hub.client("BETA").get("/v1/conjunctions")
    assert page.headers["SSA-Notices"] == "1"
    (said,) = tear_lines(hub, "BETA")
    assert "SSA-Notices" not in hub.client("BETA").get("/v1/conjunctions").headers

    recall = {"record_ids": [parent["record_id"]], "reason": "wrong", "derived": "flag"}
    made = hub.client(withdrawing).post("/v1/withdrawals", json=recall)
    assert made.status_code == 201, made.text
    assert tear_lines(hub, "BETA") == []
    (told,) = withdrawn_cases(hub, "BETA")
    assert told["tear_lines"] == [said["case_number"]]
    assert (told["originator"], told["reason"], told["record_ids"]) == (None, None, [])
    assert told["withdrawn_utc"] == "2031-05-01T12:00:00"
    assert withdrawn_cases(hub, "GAMMA") == []
    # Nor does what he can ask of the ledger say it.
    received = hub.client("BETA").get("/v1/ledger", params={"as": "recipient"}).text
    assert "tear-lines" in received
    assert "withdrawals" in received
    assert "OMEGA" not in received
    # Whose orbit was the hidden one knows that there was a statement; whose was the other must not learn of it.
    cases = sum(one["tear_lines"] for one in made.json()["recipients"])
    assert cases == (1 if withdrawing == "OMEGA" else 0)

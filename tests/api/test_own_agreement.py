"""An originator's own agreement through the API: his alone, checked before it acts, every act kept."""

import pytest

from tests.api.records import record_id
from tests.api.rules import ALPHA
from tests.api.served_hub import ServedHub

BRIEF = """originator = "ALPHA"

[[rule]]
id = "beta-brief"
kinds = ["elements"]
partners = ["BETA", "A STRANGER"]
data_modes = ["REAL"]
fields = ["object_name"]

[[example]]
partner = "BETA"
kind = "elements"
data_mode = "REAL"
sees = true
fields = ["object_name"]
"""
CHECK, MINE, RESTORE = "/v1/agreements/check", "/v1/agreements/mine", "/v1/agreements/mine/restore"


def test_a_draft_is_checked_and_nothing_is_changed(own_hub: ServedHub) -> None:
    alpha = own_hub.client("ALPHA")
    before = alpha.get(MINE).json()
    checked = alpha.post(CHECK, content=BRIEF)
    assert checked.status_code == 200
    assert (checked.json()["rules"], checked.json()["examples"]) == (1, 1)
    assert checked.json()["remarks"] == ["rule 'beta-brief': no partner is called 'A STRANGER'"]
    assert alpha.get(MINE).json() == before


def test_every_mistake_is_told_with_its_line(own_hub: ServedHub) -> None:
    wrong = BRIEF.replace('["object_name"]\n\n', '["object_nam"]\n\n', 1).replace('"REAL"]', '"REEL"]')
    for answer in (
        own_hub.client("ALPHA").post(CHECK, content=wrong),
        own_hub.client("ALPHA").put(MINE, content=wrong),
        own_hub.client("ALPHA").post("/v1/rehearsals", json={"agreement": wrong}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ssa-hub:problem:invalid-agreement")
        errors = answer.json()["errors"]
        assert {(error["field"], "line 7" in error["message"] or "line 8" in error["message"]) for error in errors} >= {
            ("data_modes", True)
        }


def test_an_example_that_fails_refuses_it(own_hub: ServedHub) -> None:
    wrong = BRIEF.replace("sees = true\nfields", "sees = true\ndelay_s = 5\nfields")
    answer = own_hub.client("ALPHA").put(MINE, content=wrong)
    assert answer.status_code == 422
    assert "the delay is to be 5 s and is 0 s" in answer.json()["errors"][0]["message"]
    assert own_hub.client("ALPHA").get(MINE).json()["text"] == ALPHA


def test_putting_it_into_force_acts_at_once_is_recorded_and_can_be_taken_back(own_hub: ServedHub) -> None:
    alpha, beta = own_hub.client("ALPHA"), own_hub.client("BETA")

    def shown() -> object:
        rows = {row["originator"]: row for row in beta.get("/v1/elements").json()["items"]}
        return rows["ALPHA"]["eccentricity"]

    first = alpha.get(MINE).json()["version"]
    assert shown() is not None
    own_hub.clock.advance_s(60)
    done = alpha.put(MINE, content=BRIEF).json()
    assert done["changed"] is True
    assert alpha.put(MINE, content=BRIEF).json() == {**done, "changed": False}
    assert shown() is None
    own_hub.clock.advance_s(60)
    assert alpha.post(RESTORE, params={"version": first}).json()["version"] == first
    assert shown() is not None
    history = alpha.get(MINE).json()["history"]
    assert [(act["version"], act["activated_by"], act["retired_by"]) for act in history] == [
        (first, None, "partner ALPHA"),
        (done["version"], "partner ALPHA", "partner ALPHA"),
        (first, "partner ALPHA", None),
    ]
    assert [act["activated_utc"][11:19] for act in history] == ["12:00:00", "12:01:00", "12:02:00"]


@pytest.mark.parametrize("other", ["DELTA", "NO SUCH PARTNER"])
def test_another_originators_agreement_is_refused_whether_it_exists_or_not(own_hub: ServedHub, other: str) -> None:
    alpha, text = own_hub.client("ALPHA"), BRIEF.replace('originator = "ALPHA"', f'originator = "{other}"')
    answers = [
        alpha.post(CHECK, content=text),
        alpha.put(MINE, content=text),
        alpha.post("/v1/rehearsals", json={"agreement": text}),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert other.encode() not in answers[0].content


def test_a_version_that_was_never_ones_own_is_not_found(own_hub: ServedHub) -> None:
    of_delta = own_hub.client("DELTA").get(MINE).json()["version"]
    for version in (of_delta, "0" * 16):
        answer = own_hub.client("ALPHA").post(RESTORE, params={"version": version})
        assert (answer.status_code, answer.json()["detail"]) == (404, "You never had that version in force.")


def test_who_has_no_agreement_is_told_so(own_hub: ServedHub) -> None:
    assert own_hub.client("HERMIT").get(MINE).json() == {
        "originator": "HERMIT", "version": None, "text": None, "history": [],
    }  # fmt: skip
    assert (
        own_hub.client("ALPHA")
        .put(MINE, content=b"\xff\xfe")
        .json()["errors"][0]["message"]
        .startswith("agreement.toml: line 1")
    )
    assert record_id("hermit's own") not in own_hub.client("BETA").get("/v1/elements").text


def test_an_agreement_in_force_that_no_longer_reads_releases_nothing_and_stops_nobody_else(own_hub: ServedHub) -> None:
    before = {row["originator"] for row in own_hub.client("BETA").get("/v1/elements").json()["items"]}
    assert {"ALPHA", "DELTA"} <= before
    own_hub.state.agreements.activate(
        "ALPHA", "0" * 16, file="alpha.toml", text="unknown = 1", now_tai_ns=own_hub.clock(), by="a former version"
    )
    after = own_hub.client("BETA").get("/v1/elements")
    assert after.status_code == 200
    assert {row["originator"] for row in after.json()["items"]} == before - {"ALPHA"}

"""Why a partner sees a record or does not: who is told, and what everybody else is."""

import httpx
import pytest

from tests.api.answers import lasting_headers
from tests.api.records import record_id
from tests.api.served_hub import ServedHub

NO_RECORD = "0" * 32


def ask(hub: ServedHub, asker: str, record: str, about: str | None = None) -> httpx.Response:
    query = {"record_id": record if record == NO_RECORD else record_id(record)}
    if about is not None:
        query["partner"] = about
    return hub.client(asker).get("/v1/explain", params=query)


def test_the_originator_is_told_why_another_does_not_see(hub: ServedHub) -> None:
    explained = ask(hub, "ALPHA", "iss, new", "NOBODY").json()["explanation"]
    assert (explained["outcome"], explained["partner"]) == ("denied", "NOBODY")
    assert [(part["code"], part["allowed"]) for part in explained["parts"]] == [("no-rule", False)]
    assert "NOBODY" in explained["parts"][0]["reason"]


def test_the_originator_is_told_why_another_sees(hub: ServedHub) -> None:
    explained = ask(hub, "ALPHA", "iss, new", "GAMMA").json()["explanation"]
    assert (explained["outcome"], explained["parts"][0]["rule"]) == ("seen", "gamma-elements")
    assert "eccentricity" in explained["withheld"]
    assert explained["parts"][0]["agreement_version"]


def test_a_steward_may_ask_about_everybody(hub: ServedHub) -> None:
    explained = ask(hub, "WARDEN", "with hermit", "BETA").json()["explanation"]
    assert [part["code"] for part in explained["parts"]] == ["rule", "no-agreement"]
    embargoed = ask(hub, "WARDEN", "iss of delta", "BETA").json()["explanation"]
    assert (embargoed["outcome"], embargoed["visible_from_utc"]) == ("embargoed", "2031-05-01T12:30:00.000000")


def test_a_partner_is_told_about_himself_what_he_sees_without_versions_that_speak_of_others(hub: ServedHub) -> None:
    for about in ("BETA", None):
        answer = ask(hub, "BETA", "with omega", about)
        explained = answer.json()["explanation"]
        assert [part["rule"] for part in explained["parts"]] == ["beta-full", "beta-conjunctions"]
        assert {part["agreement_version"] for part in explained["parts"]} == {None}
        assert answer.json()["policy_version"] == answer.headers["SSA-Policy-Version"]


@pytest.mark.parametrize(
    ("asker", "record", "about"),
    [
        ("BETA", "iss of hermit", None),
        ("BETA", "iss of delta", None),
        ("BETA", "secret", "BETA"),
        ("BETA", "with hermit", None),
        ("BETA", "iss, new", "GAMMA"),
        ("BETA", "iss, new", "NO PARTNER"),
        ("BETA", "iss, new", ""),
        ("BETA", "iss, new", "a\0b"),
        ("NOBODY", "iss, new", None),
        ("DELTA", "iss, new", "BETA"),
        ("ALPHA", "with omega", "BETA"),
        ("OMEGA", "with omega", "BETA"),
        ("HERMIT", "with hermit", None),
        ("WARDEN", "iss, new", "NO PARTNER"),
        ("WARDEN", NO_RECORD, "BETA"),
        ("ALPHA", NO_RECORD, "NOBODY"),
    ],
)
def test_everybody_else_gets_the_answer_of_a_record_that_does_not_exist(
    hub: ServedHub, asker: str, record: str, about: str | None
) -> None:
    answer, nothing = ask(hub, asker, record, about), ask(hub, asker, NO_RECORD)
    assert answer.status_code == nothing.status_code == 404
    assert answer.content == nothing.content
    assert lasting_headers(answer) == lasting_headers(nothing)

"""The ledger over HTTP: what was sent is in it, each sees his own side, and the extract verifies without the hub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.timescales import format_utc
from ssa_hub.cli.commands import app
from ssa_hub.release.ledger import day_text, utc_day
from ssa_hub.release.ledger_extract import ExtractError, read_extract, verify_extract
from tests.api.conftest import fill
from tests.api.records import NOW_TAI_NS, record_id
from tests.api.served_hub import ServedHub, served_hub

_TODAY = day_text(utc_day(NOW_TAI_NS))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    """A hub whose partners have asked for pages on one day, which is over and closed."""
    with served_hub(tmp_path_factory.mktemp("hub")) as served:
        fill(served)
        served.client("BETA").get("/v1/elements").raise_for_status()
        served.client("GAMMA").get("/v1/elements?object_id=cat-25544").raise_for_status()
        served.client("BETA").get("/v1/conjunctions").raise_for_status()
        served.client("ALPHA").get("/v1/elements").raise_for_status()
        served.clock.advance_s(86_400)
        assert served.state.ledger_periods.close_over(served.clock()) == 1
        yield served


def _sums(hub: ServedHub, partner: str, **query: str) -> list[dict[str, object]]:
    answer = hub.client(partner).get("/v1/ledger", params=query)
    answer.raise_for_status()
    sums: list[dict[str, object]] = answer.json()["sums"]
    return sums


def test_an_originator_is_told_who_received_what_of_his(asked: ServedHub) -> None:
    told = [
        (s["partner"], s["kind"], s["channel"], s["rule"], s["records"], s["entries"]) for s in _sums(asked, "ALPHA")
    ]
    assert told == [
        ("BETA", "conjunctions", "page", "beta-full", 3, 1),
        ("BETA", "elements", "page", "beta-full", 3, 1),
        ("GAMMA", "elements", "page", "gamma-elements", 1, 1),
    ]


def test_by_day_and_interval(asked: ServedHub) -> None:
    assert {s["day"] for s in _sums(asked, "ALPHA", by_day="true")} == {_TODAY}
    assert _sums(asked, "ALPHA", to=format_utc(NOW_TAI_NS)) == []
    assert len(_sums(asked, "ALPHA", **{"from": format_utc(NOW_TAI_NS)})) == 3
    assert len(_sums(asked, "ALPHA", **{"from": _TODAY + "T00:00:00"})) == 3


def test_a_recipient_is_told_counts_without_rules_and_ids(asked: ServedHub) -> None:
    received = _sums(asked, "BETA", **{"as": "recipient"})
    told = [(s["originator"], s["kind"], s["records"]) for s in received]
    assert told == [
        ("ALPHA", "conjunctions", 3),
        ("ALPHA", "elements", 3),
        ("DELTA", "conjunctions", 1),
        ("DELTA", "elements", 1),
        ("OMEGA", "conjunctions", 1),
    ]
    assert not {"rule", "partner", "entries"} & {name for s in received for name in s}


@pytest.mark.parametrize("partner", ["WARDEN", "NOBODY", "HERMIT"])
def test_nobody_sees_others_data_by_role_or_otherwise(asked: ServedHub, partner: str) -> None:
    assert _sums(asked, partner) == _sums(asked, partner, **{"as": "recipient"}) == []
    assert asked.client(partner).get("/v1/ledger/entries").json() == {"entries": [], "next": None}


def test_entries_have_true_ids_in_pages(asked: ServedHub) -> None:
    client = asked.client("ALPHA")
    first = client.get("/v1/ledger/entries", params={"limit": 2}).json()
    second = client.get("/v1/ledger/entries", params={"limit": 2, "cursor": first["next"]}).json()
    entries = [*first["entries"], *second["entries"]]
    assert (len(first["entries"]), len(second["entries"]), second["next"]) == (2, 1, None)
    assert [(e["partner"], e["pseudonymous"]) for e in entries] == [("BETA", False), ("GAMMA", True), ("BETA", False)]
    assert entries[1]["record_ids"] == [record_id("iss, new")]
    assert all(len(entry["record_ids"]) == entry["records"] for entry in entries)
    assert "number" not in entries[0]


def test_an_answer_says_nothing_of_how_much_others_are_asked_for(asked: ServedHub) -> None:
    one, other = (asked.client(name).get("/v1/ledger/entries").json()["entries"] for name in ("DELTA", "OMEGA"))
    assert set(one[0]) == set(other[0])
    extract = asked.client("HERMIT").get("/v1/ledger/extract", params={"period": _TODAY}).json()
    busy = asked.client("ALPHA").get("/v1/ledger/extract", params={"period": _TODAY}).json()
    assert len(extract["proof"]["above"]) == len(busy["proof"]["above"])
    assert extract["proof"]["below"] == busy["proof"]["below"] == []


def test_an_extract_verifies_and_a_false_one_does_not(asked: ServedHub) -> None:
    key = bytes.fromhex(asked.client("ALPHA").get("/v1/ledger/key").json()["public_key"])
    answer = asked.client("ALPHA").get("/v1/ledger/extract", params={"period": _TODAY})
    extract = read_extract(answer.content)
    verify_extract(extract, key)
    assert len(extract.entries) == 3
    document = answer.json()
    del document["entries"][1]
    with pytest.raises(ExtractError, match="not all those"):
        verify_extract(read_extract(json.dumps(document).encode()), key)


def test_that_nothing_of_ones_own_was_released_is_proved(asked: ServedHub) -> None:
    key = bytes.fromhex(asked.client("HERMIT").get("/v1/ledger/key").json()["public_key"])
    extract = read_extract(asked.client("HERMIT").get("/v1/ledger/extract", params={"period": _TODAY}).content)
    assert extract.entries == ()
    verify_extract(extract, key)


@pytest.mark.parametrize(
    ("period", "status"), [("2031-05-02", 404), ("1999-01-01", 404), ("2031-02-30", 422), ("yesterday", 422)]
)
def test_a_day_that_is_not_closed_or_none_has_no_extract(asked: ServedHub, period: str, status: int) -> None:
    assert asked.client("ALPHA").get("/v1/ledger/extract", params={"period": period}).status_code == status


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "from=noon", "as=steward"])
def test_questions_that_cannot_be_understood_are_refused(asked: ServedHub, query: str) -> None:
    path = "/v1/ledger" if query.startswith(("as", "from")) else "/v1/ledger/entries"
    assert asked.client("ALPHA").get(f"{path}?{query}").status_code == 422


def test_without_a_ledger_nothing_is_sent(own_hub: ServedHub) -> None:
    with own_hub.state.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_entries RENAME TO away")
    answer = own_hub.client("BETA").get("/v1/elements")
    assert answer.status_code == 503
    assert record_id("iss, new").encode() not in answer.content


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ledger", *arguments])
    return result.exit_code, result.output


def test_the_command_line_shows_verifies_and_checks_extracts(asked: ServedHub, tmp_path: Path) -> None:
    hub = ["--data-dir", str(asked.hub.settings.data_dir)]
    status, shown = _run("show", *hub, "--originator", "ALPHA")
    assert (status, shown.count("gamma-elements"), shown.count("BETA")) == (0, 1, 2)
    status, shown = _run("show", *hub, "--record", record_id("iss, new"))
    assert (status, "GAMMA" in shown, "another" in shown) == (0, True, True)
    status, verified = _run("verify", *hub)
    assert (status, "1 closed days" in verified) == (0, True)
    assert _run("verify", *hub, "--head", verified.split("head")[1].split()[0])[0] == 0
    status, output = _run("verify", *hub, "--head", "ab" * 32)
    assert (status, "no entry and no period" in output) == (1, True)
    file = tmp_path / "extract.json"
    assert _run("extract", "ALPHA", _TODAY, *hub, "-o", str(file))[0] == 0
    key = _run("key", *hub)[1].strip()
    status, checked = _run("check-extract", str(file), "--public-key", key)
    assert (status, "3 entries" in checked) == (0, True)
    file.write_text(file.read_text().replace("GAMMA", "OMEGA"))
    status, checked = _run("check-extract", str(file), "--public-key", key)
    assert (status, "false extract" in checked) == (1, True)

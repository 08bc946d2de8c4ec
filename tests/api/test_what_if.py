"""The private what-if: its answers, whom it screens against, what it keeps, what it refuses."""

import asyncio
import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from schemas.records import DataMode
from schemas.timescales import parse_utc
from ssa_hub.api.access import Services
from ssa_hub.release.partner import Partner
from ssa_hub.settings import ScreeningSettings
from ssa_hub.sharing.what_if import Answer, BusyError, GivenUpError, Question, WhatIf
from ssa_hub.sharing.what_if_records import WHAT_IF
from tests.api.answers import TABLE_FORMATS, from_csv, lasting_headers, records
from tests.api.manoeuvres import ASKED, BESIDE, FIRST, MEETING_MIN, NAME, SECOND, oem, omm, orbit
from tests.api.records import PUBLIC, SECRET, Row
from tests.api.rules import ALPHA, DELTA, OMEGA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS
from tests.conjunction.populations import table_of as elements_table

ORBITS = [
    orbit("of alpha", 101),
    orbit("of omega", 102, BESIDE, originator="OMEGA"),
    orbit("of hermit", 103, BESIDE, originator="HERMIT"),
    orbit("secret", 104, BESIDE, label=SECRET),
    orbit("exercise", 105, BESIDE, data_mode="EXERCISE"),
    orbit("of delta, long ago", 106, FIRST, originator="DELTA", received_s=-7_200),
    orbit("of delta, just now", 106, BESIDE, originator="DELTA", received_s=-1_800, element_set_number=9),
]


def fill(hub: ServedHub, rows: list[Row]) -> ServedHub:
    """Partners, agreements and these orbits."""
    hub.enrol(PARTNERS)
    hub.agree(ALPHA, DELTA, OMEGA)
    for row in sorted(rows, key=lambda row: int(row["received_tai_ns"])):
        hub.record([row], labels=(PUBLIC, SECRET))
    return hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    """A hub with orbits of everybody, which a module's tests only ask."""
    with served_hub(tmp_path_factory.mktemp("what-if")) as served:
        yield fill(served, ORBITS)


def ask(hub: ServedHub, partner: str | None, body: bytes, **query: Any) -> httpx.Response:
    """Post a what-if."""
    accept = query.pop("accept", None)
    headers = {} if accept is None else {"Accept": accept}
    return hub.client(partner).post("/v1/what-if", content=body, params={**ASKED, **query}, headers=headers)


def met(answer: httpx.Response) -> list[tuple[str, str]]:
    """Objects and originators that a candidate meets, sorted."""
    return sorted({(row["object_id_2"], row["parent_originator_2"]) for row in records(answer)})


def test_an_ephemeris_gets_its_conjunctions_with_what_the_agreements_release(hub: ServedHub) -> None:
    answer = ask(hub, "BETA", oem())
    assert met(answer) == [("cat-101", "ALPHA"), ("cat-102", "OMEGA"), ("cat-106", "DELTA")]
    body = answer.json()
    assert (body["candidates"], body["objects"], body["left_out"]) == (1, 3, [])
    assert (body["data_mode"], body["threshold_km"]) == ("REAL", ASKED["threshold_km"])
    assert parse_utc(body["start_utc"]) == EPOCH_TAI_NS, "the ephemeris begins long before now, and so does the window"
    (row,) = [row for row in body["items"] if row["object_id_2"] == "cat-101"]
    assert (row["object_name_1"], row["object_id_1"], row["object_name_2"]) == (NAME, None, "OBJECT 101")
    assert row["withheld"] == []
    assert "never" in row["method"] or "not advice" in row["method"]
    # By the sgp4 library alone: both positions at that instant are so far apart, and farther a second before and after.
    one, other = satellites_of(elements_table([SECOND, FIRST]))
    minutes = (row["tca_tai_ns"] - EPOCH_TAI_NS) / 60e9
    apart = [
        float(np.linalg.norm(np.subtract(one.sgp4_tsince(at)[1], other.sgp4_tsince(at)[1])))
        for at in (minutes - 1 / 60, minutes, minutes + 1 / 60)
    ]
    assert min(apart) == apart[1] == pytest.approx(row["miss_distance_m"] / 1e3, abs=1e-5)
    assert minutes == pytest.approx(MEETING_MIN, abs=1.0)


def test_an_element_set_says_the_same_as_its_ephemeris_and_every_format_says_it(hub: ServedHub) -> None:
    body = omm(orbit("planned", 9_001, SECOND, object_name=NAME))
    whole = records(ask(hub, "BETA", body))
    assert {row["object_id_1"] for row in whole} == {"cat-9001"}
    by_ephemeris = records(ask(hub, "BETA", oem()))
    for row, twin in zip(whole, by_ephemeris, strict=True):
        assert row["object_id_2"] == twin["object_id_2"]
        assert abs(row["tca_tai_ns"] - twin["tca_tai_ns"]) < 2_000_000
        assert row["miss_distance_m"] == pytest.approx(twin["miss_distance_m"], abs=0.5)
    for form in TABLE_FORMATS:
        answer = ask(hub, "BETA", body, format=form)
        found = records(answer)
        if form == "csv":
            found = [from_csv(row, like) for row, like in zip(found, whole, strict=True)]
        assert found == whole, form
        assert answer.headers["SSA-Data-Mode"] == "REAL"
        assert answer.headers["SSA-Left-Out"] == "0"
        assert answer.headers["Cache-Control"] == "no-store"
    accepted = ask(hub, "BETA", body, accept="application/x-ndjson")
    assert accepted.headers["Content-Type"] == "application/x-ndjson"


def test_what_a_candidate_stands_for_is_no_pair_with_it(hub: ServedHub) -> None:
    assert ("cat-101", "ALPHA") not in met(ask(hub, "BETA", oem(), object_id="cat-101"))
    own_number = omm(orbit("planned", 101, SECOND))
    assert ("cat-101", "ALPHA") not in met(ask(hub, "BETA", own_number))
    assert ("cat-101", "ALPHA") in met(ask(hub, "BETA", own_number, object_id="cat-102"))
    two = omm(orbit("one", 101, SECOND), orbit("two", 102, SECOND))
    pairs = {(row["candidate"], row["object_id_2"]) for row in records(ask(hub, "BETA", two))}
    assert pairs == {(1, "cat-102"), (1, "cat-106"), (2, "cat-101"), (2, "cat-106")}


def test_a_delay_answers_from_what_was_there_before_it(hub: ServedHub, tmp_path: Path) -> None:
    (late,) = [row for row in records(ask(hub, "BETA", oem())) if row["object_id_2"] == "cat-106"]
    (own,) = records(ask(hub, "DELTA", oem()))
    ids = {row["element_set_number"]: row["record_id"] for row in ORBITS if row["object_id"] == "cat-106"}
    assert late["parent_2"] == ids[292]
    assert own["parent_2"] == ids[9]


def test_orbits_of_which_part_of_the_geometry_is_withheld_take_no_part(hub: ServedHub) -> None:
    assert met(ask(hub, "GAMMA", oem())) == []
    assert ask(hub, "GAMMA", oem()).json()["objects"] == 0
    assert met(ask(hub, "NOBODY", oem())) == []


@pytest.mark.parametrize(
    "steps", ["distance_m = 0.001", "speed_m_s = 0.1", "time_s = 1", "time_s = 60, distance_m = 9"]
)
def test_orbits_whose_geometry_is_coarsened_take_no_part(tmp_path: Path, steps: str) -> None:
    """Asking with many orbits, the value that a step hides would be found where the answer changes."""
    rule = f"""
originator = "ALPHA"
[[rule]]
id = "coarse"
kinds = ["derived-conjunctions"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = ["*"]
resolution = {{ {steps} }}
"""
    with served_hub(tmp_path) as served:
        served.enrol(PARTNERS)
        served.record([orbit("of alpha", 101)], labels=(PUBLIC,))
        served.agree(rule)
        assert ask(served, "GAMMA", oem()).json()["objects"] == 0
        served.agree(rule.replace(f"resolution = {{ {steps} }}\n", ""))
        assert ask(served, "GAMMA", oem()).json()["objects"] == 1


def test_names_and_parents_are_withheld_as_in_conjunctions(tmp_path: Path) -> None:
    fields = [
        *("miss_distance_m", "relative_speed_m_s"),
        *(f"relative_position_{axis}_m" for axis in "rtn"),
        *(f"relative_velocity_{axis}_m_s" for axis in "rtn"),
    ]
    rule = f"""
originator = "ALPHA"
[[rule]]
id = "geometry"
kinds = ["derived-conjunctions"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = {fields}
"""
    with served_hub(tmp_path) as served:
        served.enrol(PARTNERS)
        served.agree(rule.replace("'", '"'))
        served.record([orbit("of alpha", 101)], labels=(PUBLIC,))
        (row,) = records(ask(served, "GAMMA", oem()))
        assert {"object_name_2", "parent_2", "at_window_edge"} <= set(row["withheld"])
        assert row["object_name_1"] == NAME
        assert all(row[name] is None for name in row["withheld"])
        assert all(row[name] is not None for name in fields)


def test_two_hubs_that_differ_in_what_he_may_not_see_answer_with_the_same_bytes(tmp_path: Path) -> None:
    hidden = [
        orbit("hidden 1", 101, BESIDE, originator="HERMIT", received_s=-100),
        orbit("hidden 2", 7, SECOND, originator="HERMIT"),
        orbit("hidden 3", 8, SECOND, label=SECRET),
        orbit("hidden 4", 9, SECOND, data_mode="EXERCISE"),
        orbit("hidden 5", 102, FIRST, originator="DELTA", received_s=-1.0),
        orbit("hidden 6", 10, (-1.0, *FIRST[1:]), originator="HERMIT"),
        orbit("hidden 7", 11, originator="GAMMA"),
    ]
    visible = [orbit("of alpha", 101), orbit("beside", 102, BESIDE), orbit("decayed", 103, (16.9, *FIRST[1:]))]
    with served_hub(tmp_path / "one") as one, served_hub(tmp_path / "two") as two:
        fill(one, visible)
        fill(two, [*hidden[:3], *visible, *hidden[3:]])
        bodies = [oem(), omm(orbit("planned", 101, SECOND)), b"no orbit", omm(orbit("planned", 7, SECOND))]
        for body in bodies:
            for query in ({}, {"format": "arrow"}, {"format": "parquet"}, {"object_id": "cat-7"}, {"hours": 0.2}):
                said = [ask(hub, "BETA", body, **query) for hub in (one, two)]
                assert said[0].content == said[1].content, query
                assert said[0].status_code == said[1].status_code
                assert lasting_headers(said[0]) == lasting_headers(said[1])
        (left_out,) = ask(one, "BETA", oem()).json()["left_out"]
        assert (left_out["object_id"], left_out["candidate"]) == ("cat-103", None)
        assert "SGP4 error" in left_out["reason"]


def held(hub: ServedHub) -> dict[str, str]:
    """Everything that a hub keeps but its ledger: rows of its databases, and bytes of its other files."""
    kept = {}
    for path in sorted(hub.hub.settings.data_dir.rglob("*")):
        if path.is_file() and ".sqlite" not in path.name:
            kept[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    with hub.state.database.snapshot() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        for name in {*names} - {"ledger_entries"}:
            kept[name] = str(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all())
    return kept


def test_nothing_of_it_is_kept_nor_said_in_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with served_hub(tmp_path) as served:
        fill(served, ORBITS)
        ask(served, "BETA", oem())  # a key is made for the first question
        before = held(served)
        assert len(records(ask(served, "BETA", oem()))) == 3
        assert ask(served, "BETA", omm(orbit("planned", 9_001, SECOND, object_name=NAME))).status_code == 200
        assert ask(served, "BETA", NAME.encode()).status_code == 422
        assert held(served) == before
        with served.state.database.snapshot() as connection:
            columns = "partner, originator, channel, kind, data_mode, pseudonymous, records, record_ids"
            entries = connection.exec_driver_sql(f"SELECT DISTINCT {columns} FROM ledger_entries").all()
        # Of the ledger counts alone: how many conjunctions were told of whose orbits.
        told = [("BETA", name, "what-if", "conjunctions", "REAL", 0, 1, b"") for name in ("ALPHA", "DELTA", "OMEGA")]
        assert sorted(tuple(entry) for entry in entries) == told
        for path in served.hub.settings.data_dir.rglob("*"):
            assert not path.is_file() or NAME.encode() not in path.read_bytes(), path
    written = capfd.readouterr()
    assert NAME not in written.out + written.err


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, kind, and the fields that are named."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    return answer.status_code, body["type"].rsplit(":", 1)[1], [error["field"] for error in body.get("errors", ())]


@pytest.mark.parametrize(
    ("body", "kind", "field", "word"),
    [
        (b"", "empty", None, ""),
        (b"something", "invalid-body", "payload", "TLE, OMM, OEM"),
        (oem().replace(b"CENTER_NAME = EARTH", b"CENTER_NAME = MARS"), "invalid-body", "orbit 1", "MARS"),
        (oem().replace(b"TIME_SYSTEM = UTC", b"TIME_SYSTEM = MOON"), "invalid-body", "TIME_SYSTEM", "MOON"),
        (omm(orbit("planned", 1, (-1.0, *FIRST[1:]))), "invalid-body", "MEAN_MOTION", "-1"),
        (omm(*(orbit("planned", number) for number in range(1, 52))), "invalid-body", "body", "1 to 50"),
    ],
)
def test_what_is_no_orbit_is_refused_with_field_and_rule(
    hub: ServedHub, body: bytes, kind: str, field: str | None, word: str
) -> None:
    answer = ask(hub, "BETA", body)
    status, told, fields = problem(answer)
    assert (status, told) == (400 if kind == "empty" else 422, kind)
    assert fields[:1] == ([field] if field else [])
    assert word in answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"hours": 169}, "hours"),
        ({"hours": 0}, "hours"),
        ({"threshold_km": 51}, "threshold_km"),
        ({"start": "yesterday"}, "start"),
        ({"object_id": ""}, "object_id"),
        ({"keep": "true"}, "keep"),
        ({"data_mode": "REALLY"}, "data_mode"),
    ],
)
def test_a_parameter_beyond_its_limits_is_refused_by_name(hub: ServedHub, query: dict[str, Any], field: str) -> None:
    status, _, fields = problem(ask(hub, "BETA", oem(), **query))
    assert status == 422
    assert fields[0].endswith(field)


def test_a_window_after_the_ephemeris_is_refused(hub: ServedHub) -> None:
    answer = hub.client("BETA").post("/v1/what-if", content=oem(), params={"start": "2024-09-18T00:00:00"})
    assert problem(answer) == (422, "invalid-body", ["start"])


def test_the_window_goes_by_what_was_sent_and_the_clock(hub: ServedHub) -> None:
    def window(body: bytes, **query: Any) -> str:
        answer = hub.client("BETA").post("/v1/what-if", content=body, params=query)
        assert answer.status_code == 200, answer.text
        return answer.headers["SSA-Window"]

    assert window(oem()) == "2024-09-17T12:00:00.000000/2024-09-17T13:00:00.000000"
    asked = window(oem(), start="2024-09-17T12:10:00", hours=0.5)
    assert asked == "2024-09-17T12:10:00.000000/2024-09-17T12:40:00.000000"
    assert window(omm(orbit("old", 5))) == "2024-09-17T12:00:00.000000/2024-09-18T12:00:00.000000"
    fresh = orbit("fresh", 5, epoch_tai_ns=hub.clock() - 10**13, epoch_utc="2031-05-01T09:13:20.000000000")
    assert window(omm(fresh)) == "2031-05-01T12:00:00.000000/2031-05-02T12:00:00.000000"


def test_an_ephemeris_that_begins_or_ends_within_the_window_is_screened_while_it_lasts(hub: ServedHub) -> None:
    answer = ask(hub, "BETA", oem(), start="2024-09-17T11:50:00", hours=2.0)
    assert met(answer) == [("cat-101", "ALPHA"), ("cat-102", "OMEGA"), ("cat-106", "DELTA")]
    assert all(row["tca_tai_ns"] >= EPOCH_TAI_NS for row in records(answer))
    left_out = answer.json()["left_out"]
    assert left_out, "that it was not screened before and after is said"
    assert all(item["candidate"] == 1 for item in left_out)


def test_too_large_a_body_and_no_key_are_refused(hub: ServedHub) -> None:
    assert problem(ask(hub, "BETA", b"x" * (32 * 2**20 + 1)))[:2] == (413, "too-large")
    assert problem(ask(hub, None, oem()))[:2] == (401, "unauthenticated")


def test_one_at_a_time_for_each_partner(hub: ServedHub) -> None:
    beta = hub.state.partners.all()[[partner.name for partner in hub.state.partners.all()].index("BETA")]
    with hub.services.what_if.turn(beta):
        answer = ask(hub, "BETA", oem())
        assert problem(answer)[:2] == (429, "busy")
        assert answer.headers["Retry-After"] == "5"
        assert ask(hub, "OMEGA", oem()).status_code == 200
        with pytest.raises(BusyError), hub.services.what_if.turn(beta):
            raise AssertionError
    assert ask(hub, "BETA", oem()).status_code == 200


def test_what_would_take_too_much_memory_is_screened_in_passing_with_the_same_answer(hub: ServedHub) -> None:
    given = (hub.state, hub.hub.queries, hub.hub.policies)
    question = Question(DataMode.REAL, hours=1.0, threshold_km=ASKED["threshold_km"])
    beta = Partner("BETA")
    answers = [
        WhatIf(*given, ScreeningSettings(resident_megabytes_max=most), hub.clock).answer(
            beta, body, question, lambda: False
        )
        for body in (oem(), omm(orbit("planned", 101, SECOND)))
        for most in (2_000.0, 0.0)
    ]
    assert answers[0].records.num_rows == 3
    for held_ready, in_passing in (answers[:2], answers[2:]):
        assert held_ready.records.equals(in_passing.records)
        assert held_ready._replace(records=None) == in_passing._replace(records=None)  # type: ignore[arg-type]


def test_an_answer_that_nobody_waits_for_is_given_up(hub: ServedHub) -> None:
    asked = hub.services.what_if
    with pytest.raises(GivenUpError):
        asked.answer(Partner("BETA"), oem(), Question(DataMode.REAL), lambda: True)


class Patient(WhatIf):
    """Computes until nobody waits any more."""

    begun: threading.Event
    ended: threading.Event

    def answer(self, partner: Partner, data: bytes, question: Question, given_up: Any) -> Answer:
        self.begun.set()
        try:
            while not given_up():
                self.ended.wait(0.01)
            raise GivenUpError
        finally:
            self.ended.set()


def test_a_client_that_goes_away_ends_it_and_may_ask_again(tmp_path: Path) -> None:
    with served_hub(tmp_path) as served:
        fill(served, [])
        patient = Patient(served.state, served.hub.queries, served.hub.policies, ScreeningSettings())
        patient.begun, patient.ended = threading.Event(), threading.Event()
        app_services = served.services._replace(what_if=patient)
        with serving(app_services) as port:
            key, body = served.new_key("BETA"), oem()
            head = (
                f"POST /v1/what-if HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(head.encode() + body)
                assert patient.begun.wait(60.0)
            assert patient.ended.wait(60.0)


@contextlib.contextmanager
def serving(services: Services) -> Iterator[int]:
    """The application over other services, in a thread; its port."""
    import uvicorn

    from ssa_hub.api.app import create_app
    from ssa_hub.services.server import listen

    bound = listen("127.0.0.1", 0)
    bound.listen()
    config = uvicorn.Config(
        create_app(services), log_config=None, log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])))
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(60.0)


def test_its_columns_are_those_of_a_conjunction_but_for_what_nobody_keeps() -> None:
    names = [field.name for field in WHAT_IF]
    assert names[0] == "candidate"
    assert not {"record_id", "originator", "received_tai_ns", "parent_1"} & set(names)
    assert {"tca_tai_ns", "miss_distance_m", "relative_position_r_m", "parent_2", "method"} <= set(names)

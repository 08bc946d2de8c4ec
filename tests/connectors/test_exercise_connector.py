"""The exercise as a source: what comes at first, what follows, and going on after a stop."""

import io
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sgp4 import omm
from sgp4.api import Satrec

from connectors.errors import ConfigurationError
from connectors.exercise.connector import ExerciseConnector
from connectors.exercise.owners import OWNER_NAMES, OWNERS, POLICY
from connectors.exercise.packaged import AGREEMENTS_FOLDER, PARTNERS_FILE, agreement_files
from connectors.exercise.scenario import generate_exercise
from connectors.payload import Payload
from connectors.sources import ExerciseSource
from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, parse_utc, utc_julian_date
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.decision import Allow, decide, decide_by_rules
from ssa_hub.release.partner import Partner, Posture, read_partners
from tests.connectors.harness import START_TAI_NS, KeptMemory, MovableClock, run_for

CONFIG = ExerciseSource(id="exercise", seed=4, objects=600, planted=8, update_every_s=60, update_fraction=0.05)


class Bench:
    """One memory and one clock; a new connector at each start."""

    def __init__(self) -> None:
        self.memory, self.clock = KeptMemory(), MovableClock(START_TAI_NS + 123_456_789)

    async def run(self, seconds: float, acknowledge: bool = True, config: ExerciseSource = CONFIG) -> list[Payload]:
        return await run_for(ExerciseConnector(config, self.memory, self.clock), self.clock, seconds, acknowledge)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def rows(payload: Payload) -> list[dict[str, str]]:
    return list(omm.parse_csv(io.StringIO(payload.data.decode("ascii"), newline="")))


def firsts(payloads: list[Payload]) -> list[Payload]:
    return [payload for payload in payloads if payload.location.endswith("T12:00:00Z")]


async def test_every_owners_catalogue_comes_first_with_its_own_label(bench: Bench) -> None:
    payloads = await bench.run(30)
    assert [payload.provenance.originator for payload in payloads] == list(OWNER_NAMES)
    for payload, owner in zip(payloads, OWNERS, strict=True):
        assert payload.provenance.source == "exercise"
        assert payload.provenance.data_mode is DataMode.EXERCISE
        assert payload.provenance.label == owner.label
        assert payload.media_type == "text/csv"
    numbers = [int(row["NORAD_CAT_ID"]) for payload in payloads for row in rows(payload)]
    assert sorted(numbers) == list(range(200_001, 200_601))
    epochs = [parse_utc(row["EPOCH"]) for payload in payloads for row in rows(payload)]
    assert max(epochs) < START_TAI_NS
    assert min(epochs) >= START_TAI_NS - NS_PER_DAY


async def test_new_element_sets_follow_every_minute_with_later_epochs(bench: Bench) -> None:
    payloads = await bench.run(305)
    updates = payloads[len(OWNERS) :]
    instants = sorted({payload.location.split("/")[-1] for payload in updates})
    assert instants == [f"2026-11-22T12:0{minute}:00Z" for minute in range(1, 6)]
    first = {row["NORAD_CAT_ID"]: row for payload in firsts(payloads) for row in rows(payload)}
    counted = [row for payload in updates for row in rows(payload)]
    assert 5 * 30 * 0.8 <= len(counted) <= 5 * 30
    for payload in updates:
        for row in rows(payload):
            epoch = parse_utc(row["EPOCH"])
            assert parse_utc(first[row["NORAD_CAT_ID"]]["EPOCH"]) < epoch <= payload.retrieved_tai_ns
            assert row["OBJECT_NAME"] == first[row["NORAD_CAT_ID"]]["OBJECT_NAME"]
            assert payload.retrieved_tai_ns - epoch <= 601 * NS_PER_SECOND


async def test_an_owner_updates_his_own_objects_only(bench: Bench) -> None:
    payloads = await bench.run(305)
    owner = {row["NORAD_CAT_ID"]: p.provenance.originator for p in firsts(payloads) for row in rows(p)}
    for payload in payloads:
        assert {owner[row["NORAD_CAT_ID"]] for row in rows(payload)} == {payload.provenance.originator}


async def test_a_second_start_goes_on_where_the_first_stopped(bench: Bench) -> None:
    before = await bench.run(125)
    after = await bench.run(120)
    assert firsts(after) == []
    assert not {p.location for p in before} & {p.location for p in after}
    uninterrupted = await Bench().run(245)
    assert [(p.location, p.data) for p in before + after] == [(p.location, p.data) for p in uninterrupted]


async def test_what_was_not_acknowledged_comes_again(bench: Bench) -> None:
    lost = await bench.run(30, acknowledge=False)
    again = await bench.run(20)
    assert [(p.location, p.data) for p in again] == [(p.location, p.data) for p in lost]
    assert await bench.run(5) == []


async def test_rounds_that_passed_while_stopped_are_left_out(bench: Bench) -> None:
    await bench.run(65)
    bench.clock.present_tai_ns = START_TAI_NS + 7_200 * NS_PER_SECOND + 5
    payloads = await bench.run(61)
    assert sorted({p.location.split("/")[-1] for p in payloads}) == ["2026-11-22T14:00:00Z", "2026-11-22T14:01:00Z"]


async def test_another_exercise_under_the_same_id_is_refused(bench: Bench) -> None:
    await bench.run(5)
    other = ExerciseSource(id="exercise", seed=5, objects=600, planted=8)
    with pytest.raises(ConfigurationError, match="seed is 5, but this exercise began with 4"):
        ExerciseConnector(other, bench.memory, bench.clock)


@pytest.mark.parametrize("hours", [1, 30, 24 * 10])
def test_an_update_continues_the_orbit_that_was_known(hours: int) -> None:
    exercise = generate_exercise(4, 600, 8, START_TAI_NS)
    known = {}
    for message in exercise.first_messages().values():
        for row in omm.parse_csv(io.StringIO(message.decode("ascii"), newline="")):
            omm.initialize(satellite := Satrec(), row)
            known[satellite.satnum] = satellite
    instant = START_TAI_NS + hours * 3_600 * NS_PER_SECOND
    messages = exercise.update_messages(instant, 0.5)
    steps_m = []
    for message in messages.values():
        for row in omm.parse_csv(io.StringIO(message.decode("ascii"), newline="")):
            omm.initialize(new := Satrec(), row)
            jd, fraction = utc_julian_date(np.array([parse_utc(row["EPOCH"])]))
            (e1, r1, _), (e2, r2, _) = (s.sgp4(jd[0], fraction[0]) for s in (known[new.satnum], new))
            assert (e1, e2) == (0, 0)
            steps_m.append(np.linalg.norm(np.subtract(r1, r2)) * 1e3)
    assert len(steps_m) > 250
    assert max(steps_m) < 100.1
    assert np.median(steps_m) < 1


def test_planted_objects_are_not_updated_while_the_truth_holds() -> None:
    exercise = generate_exercise(4, 600, 8, START_TAI_NS)
    planted = {str(n) for a in exercise.truth for n in (a.catalogue_number_1, a.catalogue_number_2)}

    def updated(seconds: int) -> set[str]:
        messages = exercise.update_messages(START_TAI_NS + seconds * NS_PER_SECOND, 1.0)
        texts = [message.decode("ascii") for message in messages.values()]
        return {row["NORAD_CAT_ID"] for text in texts for row in omm.parse_csv(io.StringIO(text, newline=""))}

    assert not updated(86_399) & planted
    assert len(updated(86_400) & planted) >= len(planted) - 1


def agreements() -> dict[str, Agreement]:
    read = (read_agreement(path.read_text(), path.name) for path in agreement_files())
    return {agreement.originator: agreement for agreement in read}


def partners() -> dict[str, Partner]:
    return {partner.name: partner for partner in read_partners(PARTNERS_FILE.read_text(), PARTNERS_FILE.name)}


def test_each_owner_has_one_agreement_and_is_a_partner() -> None:
    assert set(agreements()) == set(OWNER_NAMES)
    assert len(agreement_files()) == len(OWNER_NAMES)
    assert [path.stem for path in agreement_files()] == sorted(name.lower() for name in OWNER_NAMES)
    assert set(OWNER_NAMES) < set(partners())
    assert AGREEMENTS_FOLDER.is_dir()


def test_agreements_speak_of_partners_and_groups_that_exist() -> None:
    names, groups = set(partners()), {group for partner in partners().values() for group in partner.groups}
    for agreement in agreements().values():
        assert {example.partner for example in agreement.examples} <= names
        for rule in agreement.rules:
            assert set(rule.partners) <= names
            assert set(rule.groups) <= groups
            assert rule.data_modes == (DataMode.EXERCISE,)


def test_the_examples_of_every_agreement_hold() -> None:
    for agreement in agreements().values():
        assert agreement.examples
        for example in agreement.examples:
            for posture in Posture if example.posture is None else [example.posture]:
                decision = decide_by_rules(
                    partners()[example.partner],
                    agreement,
                    originator=agreement.originator,
                    kind=example.kind,
                    data_mode=example.data_mode,
                    posture=posture,
                    now_tai_ns=START_TAI_NS,
                )
                assert isinstance(decision, Allow) == example.sees, (agreement.file, example)
                if isinstance(decision, Allow) and example.delay_s is not None:
                    assert decision.delay_ns == example.delay_s * NS_PER_SECOND


def seen(partner: str, originator: str, kind: Kind, posture: Posture = Posture.PEACETIME) -> tuple[int, int] | None:
    """(hours of delay, number of fields) with the owner's own label, or None where nothing is seen."""
    label: Label = next(owner.label for owner in OWNERS if owner.name == originator)
    decision = decide(
        partners()[partner],
        agreements()[originator],
        originator=originator,
        label=label,
        kind=kind,
        data_mode=DataMode.EXERCISE,
        posture=posture,
        now_tai_ns=START_TAI_NS,
    )
    if not isinstance(decision, Allow):
        return None
    return decision.delay_ns // (3_600 * NS_PER_SECOND), len(decision.fields)


def test_with_the_owners_labels_the_partners_see_genuinely_different_things() -> None:
    orbits = {
        (partner, owner): seen(partner, owner, Kind.ELEMENTS)
        for partner in ("AQUILA", "CIRRUS", "MERIDIAN-SAT", "POLYTECH")
        for owner in OWNER_NAMES
        if partner != owner
    }
    every = orbits["AQUILA", "BOREAL"]
    assert every is not None
    assert every == orbits["POLYTECH", "HALCYON-NET"]
    assert orbits["CIRRUS", "BOREAL"] is not None
    assert orbits["CIRRUS", "BOREAL"][1] < every[1]
    assert orbits["AQUILA", "CIRRUS"] == (4, every[1])
    delay_h, fields = orbits["MERIDIAN-SAT", "AQUILA"] or (0, 0)
    assert (delay_h, 0 < fields < every[1]) == (6, True)
    assert [owner for owner in OWNER_NAMES if seen("POLYTECH", owner, Kind.ELEMENTS)] == ["HALCYON-NET"]
    assert {orbits[pair] for pair in orbits if pair[1] in ("MERIDIAN-SAT", "PELICAN-LINK")} == {None}
    assert seen("AQUILA", "MERIDIAN-SAT", Kind.DERIVED_CONJUNCTIONS) is not None
    assert len({orbits[pair] for pair in orbits}) >= 5


def test_a_label_can_forbid_what_a_rule_would_allow() -> None:
    assert seen("MERIDIAN-SAT", "BOREAL", Kind.DERIVED_CONJUNCTIONS) is not None
    uncleared = next(p for p in tomllib.loads(Path(PARTNERS_FILE).read_text())["partner"] if p["name"] == "HALCYON-NET")
    assert uncleared["clearances"][0]["classifications"] == ["UNCLASSIFIED"]
    assert {owner.label.policy for owner in OWNERS} == {POLICY}

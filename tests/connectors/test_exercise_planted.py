"""Planted close approaches, checked by brute force with the sgp4 library on what its own OMM reader reads."""

import io

import numpy as np
import pytest
from sgp4 import omm
from sgp4.api import Satrec

from connectors.exercise.element_sets import satellites
from connectors.exercise.orbit_fit import FitFailedError, fitted, state_at
from connectors.exercise.planted import MISS_M, WINDOW_S
from connectors.exercise.population import ExerciseError, generate_population
from connectors.exercise.scenario import Exercise, generate_exercise
from schemas.timescales import NS_PER_SECOND, parse_utc, utc_julian_date

START = parse_utc("2026-11-22T12:00:00")
COUNT, PLANTED = 3_000, 40


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    return generate_exercise(11, COUNT, PLANTED, START)


@pytest.fixture(scope="module")
def received(exercise: Exercise) -> dict[int, Satrec]:
    """What a stranger's reader makes of the owners' messages, by catalogue number."""
    read = {}
    for message in exercise.first_messages().values():
        for row in omm.parse_csv(io.StringIO(message.decode("ascii"), newline="")):
            satellite = Satrec()
            omm.initialize(satellite, row)
            read[satellite.satnum] = satellite
    return read


def distances_m(first: Satrec, second: Satrec, tai_ns: np.ndarray) -> np.ndarray:
    jd, fraction = utc_julian_date(tai_ns)
    (e1, r1, _), (e2, r2, _) = first.sgp4_array(jd, fraction), second.sgp4_array(jd, fraction)
    assert not e1.any()
    assert not e2.any()
    return np.linalg.norm(r1 - r2, axis=1) * 1e3


def test_each_planted_pair_is_nearest_where_the_truth_says(exercise: Exercise, received: dict[int, Satrec]) -> None:
    assert len(exercise.truth) == PLANTED
    for approach in exercise.truth:
        first, second = received[approach.catalogue_number_1], received[approach.catalogue_number_2]
        offsets_s = np.concatenate([np.linspace(-60, 60, 2_401), np.linspace(-0.05, 0.05, 1_001)])
        around = distances_m(first, second, approach.tca_tai_ns + np.rint(offsets_s * 1e9).astype(np.int64))
        at_tca = distances_m(first, second, np.array([approach.tca_tai_ns]))[0]
        # That reader's epoch is one double of days: half a microsecond, 4 mm in low orbit.
        assert at_tca == pytest.approx(approach.miss_distance_m, abs=0.02)
        assert around.min() > at_tca - 0.005
        # The distance grows as straight relative motion says, so the instant is right, not only the distance.
        fast = distances_m(first, second, approach.tca_tai_ns + np.array([-NS_PER_SECOND, NS_PER_SECOND]))
        straight = np.hypot(approach.miss_distance_m, approach.relative_speed_m_s)
        assert fast == pytest.approx([straight, straight], rel=2e-3)


def test_misses_instants_and_speeds_are_in_their_ranges(exercise: Exercise) -> None:
    for approach in exercise.truth:
        assert 0.99 * MISS_M[0] <= approach.miss_distance_m <= 1.01 * MISS_M[1]
        assert WINDOW_S[0] - 60 <= (approach.tca_tai_ns - START) / 1e9 <= WINDOW_S[1] + 60
    misses = sorted(approach.miss_distance_m for approach in exercise.truth)
    assert misses[0] < 50
    assert misses[-1] > 1_000


def test_every_kind_of_meeting_is_there(exercise: Exercise) -> None:
    speeds: dict[str, list[float]] = {}
    for approach in exercise.truth:
        speeds.setdefault(approach.meeting, []).append(approach.relative_speed_m_s)
    assert set(speeds) == {"leo-crossing", "geo-neighbour", "geo-crossing", "heo-leo", "meo-crossing"}
    assert min(speeds["leo-crossing"] + speeds["heo-leo"]) > 3_000
    assert max(speeds["geo-neighbour"]) < 12
    assert min(speeds["geo-crossing"]) > 40


def test_no_object_is_planted_twice_and_pairs_cross_owners(exercise: Exercise) -> None:
    numbers = [n for a in exercise.truth for n in (a.catalogue_number_1, a.catalogue_number_2)]
    assert len(set(numbers)) == 2 * PLANTED
    owner = dict(
        zip(exercise.population.element_sets.catalogue_number.tolist(), exercise.population.owners, strict=True)
    )
    pairs = {tuple(sorted((owner[a.catalogue_number_1], owner[a.catalogue_number_2]))) for a in exercise.truth}
    assert len([pair for pair in pairs if pair[0] != pair[1]]) >= 5


def test_planting_changes_the_second_objects_only_and_keeps_their_shape(exercise: Exercise) -> None:
    before = generate_population(11, COUNT, START).element_sets
    after = exercise.population.element_sets
    seconds = np.isin(after.catalogue_number, [a.catalogue_number_2 for a in exercise.truth])
    changed = after.ra_of_asc_node_deg != before.ra_of_asc_node_deg
    assert (changed == seconds).all()
    assert (after.epoch_tai_ns == before.epoch_tai_ns).all()
    assert np.abs(after.inclination_deg - before.inclination_deg)[seconds].max() < 0.6
    assert np.abs(after.mean_motion_rev_per_day / before.mean_motion_rev_per_day - 1)[seconds].max() < 0.015


def test_the_same_seed_gives_the_same_truth(exercise: Exercise) -> None:
    assert generate_exercise(11, COUNT, PLANTED, START).truth == exercise.truth


def test_a_small_exercise_takes_what_pairs_it_has() -> None:
    assert len(generate_exercise(5, 320, 40, START).truth) == 40
    assert generate_exercise(5, 100, 0, START).truth == ()


def test_more_pairs_than_objects_allow_are_refused() -> None:
    with pytest.raises(ExerciseError, match="no pair"):
        generate_exercise(5, 30, 30, START)


@pytest.mark.parametrize("regime", ["shell-53", "cloud-sso", "geo-kept", "molniya", "gto-7", "meo-stage", "tundra"])
def test_an_orbit_is_found_again_from_one_state(exercise: Exercise, regime: str) -> None:
    row = np.flatnonzero(np.array(exercise.population.regimes) == regime)[:1]
    known = exercise.population.element_sets.take(row)
    instant = START + 9 * 3_600 * NS_PER_SECOND
    position, velocity = state_at(satellites(known)[0], instant)
    found = fitted(known, instant, position, velocity)
    reached, speed = state_at(satellites(found)[0], instant)
    assert np.linalg.norm(reached - position) < 1e-6
    assert np.linalg.norm(speed - velocity) < 1e-9
    assert found.mean_motion_rev_per_day[0] == pytest.approx(known.mean_motion_rev_per_day[0], abs=1e-7)


def test_a_state_that_leaves_the_earth_is_refused(exercise: Exercise) -> None:
    template = exercise.population.element_sets.take(np.array([0]))
    with pytest.raises(FitFailedError, match="not bound"):
        fitted(template, START, np.array([7_000.0, 0, 0]), np.array([0, 12.0, 0]))

"""The generated objects: valid, plausible, the same by seed; judged by the sgp4 library and the hub's own reader."""

import csv
import io
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4 import omm
from sgp4.api import Satrec, SatrecArray

from connectors.exercise.constellation import phased
from connectors.exercise.element_sets import moved, quantised, satellites
from connectors.exercise.omm_csv import HEADER, omm_csv
from connectors.exercise.population import ExerciseError, Population, generate_population
from connectors.exercise.regimes import REGIMES
from schemas.cospar import is_cospar_id
from schemas.omm.read_csv import read_omm_csv
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, parse_utc, utc_julian_date

START = parse_utc("2026-11-22T12:00:00")
COUNT = 3_000


@pytest.fixture(scope="module")
def population() -> Population:
    return generate_population(7, COUNT, START)


def test_the_same_seed_gives_the_same_objects_and_another_seed_others(population: Population) -> None:
    def message(p: Population) -> bytes:
        return omm_csv(p.names, p.cospar_ids, p.element_sets)

    assert message(generate_population(7, COUNT, START)) == message(population)
    assert message(generate_population(8, COUNT, START)) != message(population)


def test_names_numbers_and_designators_are_well_formed_and_unique(population: Population) -> None:
    assert len(population) == COUNT
    assert population.element_sets.catalogue_number.tolist() == list(range(200_001, 200_001 + COUNT))
    assert len(set(population.names)) == COUNT
    assert len(set(population.cospar_ids)) == COUNT
    assert all(is_cospar_id(cospar_id) for cospar_id in population.cospar_ids)
    assert {regime.name for regime in REGIMES} == set(population.regimes)


@pytest.mark.parametrize("count", [len(REGIMES), 100, 1_001])
def test_any_number_of_objects_is_given_exactly(count: int) -> None:
    assert len(generate_population(1, count, START)) == count


def test_fewer_objects_than_regimes_are_refused() -> None:
    with pytest.raises(ExerciseError, match="fewer"):
        generate_population(1, len(REGIMES) - 1, START)


@pytest.mark.slow
def test_the_largest_exercise_has_well_formed_designators() -> None:
    population = generate_population(3, 69_000, START)
    assert len(set(population.cospar_ids)) == 69_000
    assert all(is_cospar_id(cospar_id) for cospar_id in population.cospar_ids)


def test_epochs_lie_within_the_day_before_the_start(population: Population) -> None:
    ages = START - population.element_sets.epoch_tai_ns
    assert ages.min() >= 600 * NS_PER_SECOND
    assert ages.max() <= NS_PER_DAY
    assert len(np.unique(ages)) > 0.99 * COUNT


def test_sgp4_reports_no_error_over_48_hours(population: Population) -> None:
    minutes = np.arange(0, 48 * 60 + 1, 10)
    jd, fraction = utc_julian_date(START + minutes * 60 * NS_PER_SECOND)
    errors, positions, _ = SatrecArray(satellites(population.element_sets)).sgp4(jd, fraction)
    assert not errors.any()
    radius = np.linalg.norm(positions, axis=2)
    assert radius.min() > 6_378.135 + 150
    assert radius.max() < 60_000


def test_objects_are_spread_over_the_regimes_of_the_real_catalogue(population: Population) -> None:
    sets = population.element_sets
    n, ecc, tilt = sets.mean_motion_rev_per_day, sets.eccentricity, sets.inclination_deg
    low, synchronous, eccentric = n > 11.25, (n > 0.95) & (n < 1.05), ecc > 0.25
    share = {
        "low": low.mean(),
        "synchronous": synchronous.mean(),
        "navigation": ((n > 1.6) & (n < 2.2) & ~eccentric & (tilt > 50)).mean(),
        "eccentric": eccentric.mean(),
        "sun-synchronous": (low & (tilt > 96) & (tilt < 102)).mean(),
        "43 degrees": (low & (abs(tilt - 43) < 0.5)).mean(),
    }
    expected = {
        "low": (0.8, 0.93),
        "synchronous": (0.03, 0.08),
        "navigation": (0.005, 0.03),
        "eccentric": (0.03, 0.08),
        "sun-synchronous": (0.2, 0.4),
        "43 degrees": (0.05, 0.12),
    }
    assert {k: v for k, v in share.items() if not expected[k][0] < v < expected[k][1]} == {}


def test_drag_slows_no_satellite_down_and_is_weak_where_there_is_no_air(population: Population) -> None:
    sets = population.element_sets
    low = sets.mean_motion_rev_per_day > 11.25
    assert (sets.mean_motion_dot_rev_per_day2[low] >= 0).all()
    assert (sets.bstar_per_earth_radius >= 0).all()
    assert sets.bstar_per_earth_radius.max() < 0.02
    assert (sets.bstar_per_earth_radius[(sets.mean_motion_rev_per_day < 1.1)] == 0).all()


def test_every_owner_has_objects(population: Population) -> None:
    owned = Counter(population.owners)
    assert len(owned) == 7
    assert min(owned.values()) >= 10


def test_the_sgp4_librarys_omm_reader_reaches_the_same_positions(population: Population) -> None:
    sets = population.element_sets
    text = omm_csv(population.names, population.cospar_ids, sets).decode("ascii")
    jd, fraction = utc_julian_date(np.array([START]))
    worst = 0.0
    for ours, row in zip(satellites(sets), omm.parse_csv(io.StringIO(text, newline="")), strict=True):
        theirs = Satrec()
        omm.initialize(theirs, row)
        assert theirs.satnum == ours.satnum
        difference = np.subtract(ours.sgp4(jd[0], fraction[0])[1], theirs.sgp4(jd[0], fraction[0])[1])
        worst = max(worst, float(np.linalg.norm(difference)))
    assert worst < 1e-5  # km: its epoch is one double of days, half a microsecond fine


def test_the_hubs_reader_reads_the_message_without_a_refusal_and_to_the_last_bit(population: Population) -> None:
    sets = population.element_sets
    reading = read_omm_csv(omm_csv(population.names, population.cospar_ids, sets), "exercise")
    assert reading.refusals == []
    columns = reading.elements.to_pydict()
    assert columns["object_name"] == list(population.names)
    assert columns["cospar_id"] == list(population.cospar_ids)
    for name in (
        "catalogue_number",
        "epoch_tai_ns",
        "mean_motion_rev_per_day",
        "eccentricity",
        "inclination_deg",
        "ra_of_asc_node_deg",
        "arg_of_pericenter_deg",
        "mean_anomaly_deg",
        "bstar_per_earth_radius",
        "mean_motion_dot_rev_per_day2",
        "element_set_number",
        "revolution_at_epoch",
    ):
        assert columns[name] == getattr(sets, name).tolist(), name


def test_the_message_has_celestraks_17_columns(population: Population) -> None:
    text = omm_csv(population.names, population.cospar_ids, population.element_sets).decode("ascii")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(HEADER) == 17
    assert ",".join(rows[0]) == (
        "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,"
        "MEAN_ANOMALY,EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,"
        "MEAN_MOTION_DOT,MEAN_MOTION_DDOT"
    )
    assert {len(row) for row in rows} == {17}


@pytest.mark.parametrize("hours", [1, 24])
def test_a_low_orbit_moved_to_another_epoch_goes_on_where_it_was(population: Population, hours: int) -> None:
    sets = population.element_sets.take(np.flatnonzero(population.element_sets.mean_motion_rev_per_day > 11.25))
    epoch = START + hours * 3_600 * NS_PER_SECOND
    later, usable = moved(sets, np.full(len(sets), epoch))
    assert usable.all()
    pairs = list(zip(satellites(sets), satellites(quantised(later)), strict=True))
    for ahead_h, most_km, middle_km in ((0, 0.002, 0.00001), (12, 2.0, 0.01)):
        jd, fraction = utc_julian_date(np.array([epoch + ahead_h * 3_600 * NS_PER_SECOND]))
        distances_km = [np.linalg.norm(np.subtract(*(s.sgp4(jd[0], fraction[0])[1] for s in pair))) for pair in pairs]
        assert max(distances_km) < most_km
        assert np.median(distances_km) < middle_km


def test_moving_to_the_same_epoch_changes_nothing(population: Population) -> None:
    sets = population.element_sets
    same = quantised(moved(sets, sets.epoch_tai_ns)[0])
    assert np.abs(same.mean_motion_rev_per_day - sets.mean_motion_rev_per_day).max() < 2e-11
    assert np.abs(same.eccentricity - sets.eccentricity).max() < 2e-6  # SGP4 knows none below 1e-6
    assert (same.mean_motion_dot_rev_per_day2 == sets.mean_motion_dot_rev_per_day2).all()


def test_an_orbit_that_has_decayed_is_not_moved() -> None:
    population = generate_population(7, 100, START)
    sets = population.element_sets
    row = np.flatnonzero(np.array(population.regimes) == "low")[:1]
    low = sets.take(row)
    low.bstar_per_earth_radius[:] = 0.05
    _, usable = moved(low, np.array([START + 400 * NS_PER_DAY]))
    assert not usable.any()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(1, 40), st.floats(1, 179))
def test_phased_satellites_never_share_a_place(count: int, planes: int, tilt: float) -> None:
    node, latitude = phased(count, planes, tilt)
    assert len({(round(a, 6), round(b, 6)) for a, b in zip(node, latitude, strict=True)}) == count


def test_a_walker_shell_keeps_its_satellites_tens_of_kilometres_apart() -> None:
    node, latitude = (np.radians(angles) for angles in phased(1_584, 72, 53.0))
    tilt, radius_km = np.radians(53.0), 6_928.0
    for turn in np.linspace(0, 2 * np.pi, 40):
        u = latitude + turn
        x = np.cos(node) * np.cos(u) - np.sin(node) * np.sin(u) * np.cos(tilt)
        y = np.sin(node) * np.cos(u) + np.cos(node) * np.sin(u) * np.cos(tilt)
        z = np.sin(u) * np.sin(tilt)
        cosines = np.stack([x, y, z]).T @ np.stack([x, y, z])
        np.fill_diagonal(cosines, -1)
        assert radius_km * np.arccos(min(1.0, cosines.max())) > 30

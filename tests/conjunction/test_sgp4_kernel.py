"""Our SGP4 states against the sgp4 library and the published verification output."""

import gzip
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sgp4.api import Satrec

from conjunction.catalogue import SGP4_XP, Catalogue
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, all_regimes, table_of

DATA = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data"))
NS_PER_MIN = 60_000_000_000


def lines_of(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line[:2] in ("1 ", "2 ")]
    return list(zip(lines[::2], lines[1::2], strict=True))


def compare_with_library(catalogue: Catalogue, satellites: list[Satrec], minutes: list[float]) -> tuple[float, float]:
    """(largest position difference, km; velocity, km/s), of states within 100,000 km; codes must be equal.

    Beyond it there are only element sets that SGP4 has carried off: their states agree to 1e-9 of the radius.
    """
    index = np.arange(len(satellites), dtype=np.int32)
    worst_km = worst_km_s = 0.0
    for minute in minutes:
        ours = catalogue.states(index, catalogue.epoch_tai_ns + round(minute * NS_PER_MIN))
        theirs = [satellite.sgp4_tsince(minute) for satellite in satellites]
        code = np.array([state[0] for state in theirs])
        assert (ours.code == code).all(), np.flatnonzero(ours.code != code)
        good = code == 0
        position, velocity = (np.array([state[k] for state in theirs])[good] for k in (1, 2))
        radius = np.linalg.norm(position, axis=1)
        apart_km = np.linalg.norm(ours.position_km[good] - position, axis=1)
        apart_km_s = np.linalg.norm(ours.velocity_km_s[good] - velocity, axis=1)
        assert (apart_km <= 1e-5 + 1e-9 * radius).all()
        worst_km = max(worst_km, apart_km[radius < 1e5].max())
        worst_km_s = max(worst_km_s, apart_km_s[radius < 1e5].max())
    return worst_km, worst_km_s


def test_states_equal_the_librarys_over_the_published_verification_set() -> None:
    text = (files("sgp4") / "SGP4-VER.TLE").read_text()
    reading = read_tle(text.encode(), "SGP4-VER.TLE")
    by_number = {int(one[2:7]): Satrec.twoline2rv(one[:69], two[:69]) for one, two in lines_of(text)}
    kept = [n for n in reading.elements.column("catalogue_number").to_pylist() if n in by_number]
    assert len(kept) >= 25
    catalogue = Catalogue.from_elements(reading.elements)
    usable = [row for row in range(catalogue.n) if row not in catalogue.unusable]
    index = np.array(usable, dtype=np.int32)
    satellites = [by_number[kept[row]] for row in usable]
    for minute in (-2880.0, -1440.0, -100.0, 0.0, 120.0, 719.0, 720.0, 721.0, 1440.0, 2880.0, 4320.0):
        ours = catalogue.states(index, catalogue.epoch_tai_ns[index] + round(minute * NS_PER_MIN))
        for k, satellite in enumerate(satellites):
            code, position, velocity = satellite.sgp4_tsince(minute)
            assert ours.code[k] == code, (kept[usable[k]], minute)
            if code == 0:
                np.testing.assert_allclose(ours.position_km[k], position, rtol=1e-10, atol=1e-5)
                np.testing.assert_allclose(ours.velocity_km_s[k], velocity, rtol=1e-10, atol=1e-8)


def test_states_equal_the_librarys_over_generated_objects_of_all_regimes() -> None:
    elements = table_of(all_regimes())
    worst = compare_with_library(
        Catalogue.from_elements(elements), satellites_of(elements), [-10_000.0, 0.0, 33.3, 5000.0, 20_000.0]
    )
    assert worst[0] < 1e-6
    assert worst[1] < 1e-9


@pytest.mark.slow
def test_states_equal_the_librarys_over_the_whole_real_catalogue() -> None:
    path = DATA / "catalogues" / "2024-09-17_26905.tle.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    data = gzip.decompress(path.read_bytes())
    catalogue = Catalogue.from_elements(read_tle(data, path.name).elements)
    satellites = [Satrec.twoline2rv(*pair) for pair in lines_of(data.decode())]
    assert catalogue.n == len(satellites) == 26905
    worst = compare_with_library(catalogue, satellites, [0.0, 1000.0, 10_000.0])
    assert worst[0] < 1e-6
    assert worst[1] < 1e-9


def test_a_resonant_orbits_state_depends_on_its_time_alone() -> None:
    elements = table_of(all_regimes())
    catalogue = Catalogue.from_elements(elements)
    deep = np.flatnonzero(catalogue.deep_space).astype(np.int32)
    minutes = np.array(
        [0.0, 700.0, 750.0, 5000.0, 5001.0, 20_000.0, 1500.0, -1.0, -730.0, -3000.0, -800.0, 1.0, 2200.0]
    )
    tai_ns = EPOCH_TAI_NS + (minutes * NS_PER_MIN).astype(np.int64)
    together = catalogue.states(np.repeat(deep, len(minutes)), np.tile(tai_ns, len(deep)))
    apart = catalogue.states(np.tile(deep, len(minutes)), np.repeat(tai_ns, len(deep)))
    shape = (len(minutes), len(deep), 3)
    assert (together.position_km == apart.position_km.reshape(shape).transpose(1, 0, 2).reshape(-1, 3)).all()
    satellites = satellites_of(elements)
    for row, position, minute in zip(
        np.repeat(deep, len(minutes)), together.position_km, np.tile(minutes, len(deep)), strict=True
    ):
        np.testing.assert_allclose(position, satellites[row].sgp4_tsince(minute)[1], rtol=0.0, atol=1e-6)


def test_rows_that_cannot_be_initialised_and_sgp4_xp_are_told_not_raised() -> None:
    rows = all_regimes()[:4]
    rows[1] = (rows[1][0], 1.5, *rows[1][2:])
    rows[2] = (0.0, *rows[2][1:])
    elements = table_of(rows)
    elements = elements.set_column(
        elements.column_names.index("ephemeris_type"), "ephemeris_type", pa.array([0, 0, 0, SGP4_XP], pa.int32())
    )
    catalogue = Catalogue.from_elements(elements)
    assert set(catalogue.unusable) == {1, 2, 3}
    assert "eccentricity" in catalogue.unusable[1]
    assert "mean motion" in catalogue.unusable[2]
    assert "SGP4-XP" in catalogue.unusable[3]
    assert catalogue.states(np.array([0], np.int32), np.array([EPOCH_TAI_NS])).code[0] == 0


def test_minutes_since_epoch_count_the_leap_second() -> None:
    before, after = parse_utc("2016-12-31T12:00:00"), parse_utc("2017-01-01T12:00:00")
    elements = table_of(all_regimes()[:1], before)
    satellite = satellites_of(elements)[0]  # near-earth: its epoch plays no part but as the origin of time
    _, position, _ = satellite.sgp4_tsince(86_401 / 60.0)
    ours = Catalogue.from_elements(elements).states(np.array([0], np.int32), np.array([after])).position_km[0]
    np.testing.assert_allclose(ours, position, rtol=0.0, atol=1e-6)

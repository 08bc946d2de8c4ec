"""The screener against brute force by the sgp4 library, and what it promises at its edges."""

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sgp4.api import Satrec

from conjunction import screening, sieve
from conjunction.catalogue import Catalogue
from conjunction.screening import ScreeningCancelled, ScreeningResult, screen
from schemas.tle.read import read_tle
from tests.conjunction.agreement import GRAZING_KM, assert_the_same
from tests.conjunction.meetings import meeting_pairs, neighbours
from tests.conjunction.orbit_oracle import Minimum, all_minima, satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, rev_per_day, table_of

DATA = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data"))
MEETING_MIN = 600.0
CIRCULAR: Elements = (15.2, 1e-3, 53.0, 10.0, 20.0, 30.0, 0.0)


def screened(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> ScreeningResult:
    return screen(
        Catalogue.from_elements(elements),
        start_tai_ns=EPOCH_TAI_NS + round(start_s * 1e9),
        duration_s=duration_s,
        threshold_km=threshold_km,
    )


def brute(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> list[Minimum]:
    satellites = satellites_of(elements)
    return all_minima(satellites, np.full(len(satellites), start_s / 60.0), duration_s, threshold_km + GRAZING_KM)


def assert_agrees_with_brute_force(
    elements: pa.Table, start_s: float, duration_s: float, threshold_km: float
) -> list[Minimum]:
    result = screened(elements, start_s, duration_s, threshold_km)
    assert result.left_out.num_rows == 0
    reference = brute(elements, start_s, duration_s, threshold_km)
    assert_the_same(result.conjunctions, reference, EPOCH_TAI_NS + round(start_s * 1e9), threshold_km)
    return reference


@pytest.mark.slow
def test_every_pair_of_200_objects_of_all_regimes_agrees_with_brute_force() -> None:
    reference = assert_agrees_with_brute_force(table_of(all_regimes()), 1234.5, 9000.0, 50.0)
    assert len(reference) > 100
    assert any(minimum.at_edge for minimum in reference)


@given(pair=meeting_pairs(MEETING_MIN), threshold_km=st.sampled_from([5.0, 30.0, 200.0]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_orbits_that_meet_at_any_angle_agree_with_brute_force(
    pair: tuple[Elements, Elements], threshold_km: float
) -> None:
    elements = table_of(pair)
    if screened(elements, 33_000.0, 6000.0, threshold_km).left_out.num_rows == 0:
        assert_agrees_with_brute_force(elements, 33_000.0, 6000.0, threshold_km)


@given(pair=neighbours(), threshold_km=st.sampled_from([1.0, 20.0, 100.0]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nearly_identical_orbits_lose_no_minimum(pair: tuple[Elements, Elements], threshold_km: float) -> None:
    elements = table_of(pair)
    if screened(elements, 100.0, 12_000.0, threshold_km).left_out.num_rows == 0:
        assert_agrees_with_brute_force(elements, 100.0, 12_000.0, threshold_km)


@given(
    pair=meeting_pairs(MEETING_MIN),
    offset_s=st.one_of(st.floats(-3.0, 3.0), st.sampled_from([-1e-3, 0.0, 1e-3])),
    ends=st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_minima_at_the_windows_edges_agree_with_brute_force(
    pair: tuple[Elements, Elements], offset_s: float, ends: bool
) -> None:
    elements = table_of(pair)
    edge_s = MEETING_MIN * 60.0 + offset_s
    start_s, duration_s = (edge_s - 900.0, 900.0) if ends else (edge_s, 900.0)
    if screened(elements, start_s, duration_s, 60.0).left_out.num_rows == 0:
        assert_agrees_with_brute_force(elements, start_s, duration_s, 60.0)


@given(pair=meeting_pairs(MEETING_MIN))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_miss_that_grazes_the_threshold_is_found_above_and_not_below(pair: tuple[Elements, Elements]) -> None:
    elements = table_of(pair)
    reference = brute(elements, 35_700.0, 600.0, 60.0)
    for minimum in reference:
        if minimum.miss_km < 0.01:
            continue
        for factor, wanted in ((1.0 + 1e-6, True), (1.0 - 1e-6, False)):
            rows = screened(elements, 35_700.0, 600.0, minimum.miss_km * factor).conjunctions.to_pylist()
            near = [r for r in rows if abs((r["tca_tai_ns"] - EPOCH_TAI_NS) / 1e9 - 35_700 - minimum.tca_s) < 0.5]
            assert bool(near) is wanted, (minimum, factor, rows)


def test_the_result_does_not_depend_on_how_the_work_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    elements = table_of(all_regimes())
    whole = screened(elements, 77.7, 9000.0, 50.0).conjunctions
    assert whole.num_rows > 50
    monkeypatch.setattr(screening, "slabs_in_chunk", lambda n: 3)
    monkeypatch.setattr(screening, "_REFINED_AT_ONCE", 7)
    with ThreadPoolExecutor(3) as executor:
        split = screen(
            Catalogue.from_elements(elements),
            start_tai_ns=EPOCH_TAI_NS + 77_700_000_000,
            duration_s=9000.0,
            threshold_km=50.0,
            executor=executor,
        ).conjunctions
    assert split.equals(whole)


@given(cut_s=st.one_of(st.floats(600.0, 8000.0), st.sampled_from([960.0, 1080.0, 4080.0])))
@settings(max_examples=6, deadline=None)
def test_two_windows_find_what_one_finds_but_for_the_edges_between_them(cut_s: float) -> None:
    elements = table_of(all_regimes()[:145])
    parts = [
        screened(elements, 0.0, 9000.0, 50.0),
        screened(elements, 0.0, cut_s, 50.0),
        screened(elements, cut_s, 9000.0 - cut_s, 50.0),
    ]

    def inner(result: ScreeningResult) -> list[tuple[int, int, int]]:
        columns = ("index_1", "index_2", "tca_tai_ns", "at_window_edge")
        rows = zip(*(result.conjunctions.column(name).to_pylist() for name in columns), strict=True)
        return [row[:3] for row in rows if not row[3]]

    whole, split = inner(parts[0]), inner(parts[1]) + inner(parts[2])
    assert [row[:2] for row in whole] == [row[:2] for row in split]
    for one, other in zip(whole, split, strict=True):
        assert abs(one[2] - other[2]) <= 1_000_000  # slow pairs move within their flatness where the cut falls


def test_two_objects_of_one_element_set_are_one_conjunction_at_the_windows_start() -> None:
    rows = screened(table_of([CIRCULAR, CIRCULAR]), 0.0, 20_000.0, 5.0).conjunctions.to_pylist()
    assert len(rows) == 1
    assert rows[0]["tca_tai_ns"] == EPOCH_TAI_NS
    assert rows[0]["miss_distance_m"] == 0.0
    assert rows[0]["at_window_edge"]


def test_an_object_that_decays_is_screened_until_then_and_told() -> None:
    falling: Elements = (16.40, 1e-3, 53.0, 10.0, 20.0, 30.0, 0.01)
    elements = table_of([falling, (*falling[:5], falling[5] + 0.01, falling[6]), CIRCULAR])
    satellite = satellites_of(elements)[0]
    minutes = np.arange(0.0, 1440.0, 0.01)
    codes = np.array([satellite.sgp4_tsince(minute)[0] for minute in minutes])
    assert codes[0] == 0
    assert codes.any()
    first_bad_s = minutes[np.flatnonzero(codes)[0]] * 60.0
    result = screened(elements, 0.0, 86_400.0, 5.0)
    left_out = {row["index"]: row for row in result.left_out.to_pylist()}
    assert set(left_out) == {0, 1}
    assert abs((left_out[0]["from_tai_ns"] - EPOCH_TAI_NS) / 1e9 - first_bad_s) <= 0.61
    assert "SGP4 error" in left_out[0]["reason"]
    end_s = (min(row["from_tai_ns"] for row in left_out.values()) - EPOCH_TAI_NS) / 1e9
    rows = [r for r in result.conjunctions.to_pylist() if (r["index_1"], r["index_2"]) == (0, 1)]
    assert rows
    reference = brute(elements.slice(0, 2), 0.0, 4.0 * (end_s // 4.0) - 8.0, 5.0)
    inner = [r for r in rows if (r["tca_tai_ns"] - EPOCH_TAI_NS) / 1e9 < 4.0 * (end_s // 4.0) - 9.0]
    assert len([m for m in reference if m.tca_s < 4.0 * (end_s // 4.0) - 9.0]) == len(inner)


def test_objects_that_fail_before_the_window_are_left_out_from_its_start() -> None:
    falling: Elements = (16.40, 1e-3, 53.0, 10.0, 20.0, 30.0, 0.01)
    result = screened(table_of([CIRCULAR, falling]), 40 * 86_400.0, 3600.0, 5.0)
    assert result.object_count == 1
    assert result.left_out.column("index").to_pylist() == [1]
    assert result.left_out.column("from_tai_ns").to_pylist() == [EPOCH_TAI_NS + 40 * 86_400 * 10**9]


def test_a_perigee_below_the_ground_between_two_slabs_ends_the_screening_there() -> None:
    # the highest perigee, by 0.2 km, whose radius dips below the earth's: a dip of seconds
    for perigee_km in np.arange(6345.0, 6330.0, -0.2):
        axis_km = 26_600.0
        plunging: Elements = (
            rev_per_day(axis_km), 1.0 - perigee_km / axis_km, 63.4, 10.0, 270.0, 330.0, 0.0,
        )  # fmt: skip
        elements = table_of([plunging, CIRCULAR])
        satellite = satellites_of(elements)[0]
        codes = [satellite.sgp4_tsince(second / 60.0)[0] for second in range(3400, 3800)]
        if 6 in codes:
            break
    assert 0 < codes.count(6) < 60
    (row,) = screened(elements, 0.0, 20_000.0, 5.0).left_out.to_pylist()
    assert row["index"] == 0
    assert abs((row["from_tai_ns"] - EPOCH_TAI_NS) / 1e9 - 3400 - codes.index(6)) <= 1.0


def test_relative_quantities_are_second_minus_first_in_rtn_of_the_first() -> None:
    elements = table_of(all_regimes())
    satellites = satellites_of(elements)
    rows = screened(elements, 0.0, 5000.0, 50.0).conjunctions.to_pylist()
    assert rows
    for row in rows:
        minutes = (row["tca_tai_ns"] - EPOCH_TAI_NS) / 60e9
        _, r1, v1 = (np.array(part) for part in satellites[row["index_1"]].sgp4_tsince(minutes))
        _, r2, v2 = (np.array(part) for part in satellites[row["index_2"]].sgp4_tsince(minutes))
        radial = r1 / np.linalg.norm(r1)
        normal = np.cross(r1, v1) / np.linalg.norm(np.cross(r1, v1))
        for axis, vector in (("r", radial), ("t", np.cross(normal, radial)), ("n", normal)):
            assert abs(row[f"relative_position_{axis}_m"] - 1e3 * vector @ (r2 - r1)) < 0.01
            assert abs(row[f"relative_velocity_{axis}_m_s"] - 1e3 * vector @ (v2 - v1)) < 1e-4
        assert abs(row["relative_speed_m_s"] - 1e3 * np.linalg.norm(v2 - v1)) < 1e-4


@pytest.mark.parametrize("how", ["groups", "function"])
def test_excluded_pairs_are_not_screened(how: str) -> None:
    elements = table_of([CIRCULAR, CIRCULAR, (*CIRCULAR[:5], CIRCULAR[5] + 0.001, 0.0)])
    excluded = np.array([7, 7, -1]) if how == "groups" else lambda first, second: (first == 0) & (second == 1)
    result = screen(
        Catalogue.from_elements(elements),
        start_tai_ns=EPOCH_TAI_NS,
        duration_s=600.0,
        pairs_excluded=excluded,
    )
    pairs = set(zip(*(result.conjunctions.column(c).to_pylist() for c in ("index_1", "index_2")), strict=True))
    assert pairs == {(0, 2), (1, 2)}


def test_progress_rises_to_one_and_cancelling_raises() -> None:
    catalogue = Catalogue.from_elements(table_of(all_regimes()))
    told: list[float] = []
    screen(catalogue, start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(ScreeningCancelled):
        screen(catalogue, start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, cancelled=lambda: len(told) > 0)


@pytest.mark.parametrize(("duration_s", "threshold_km"), [(0.0, 5.0), (np.inf, 5.0), (60.0, 0.0), (60.0, np.nan)])
def test_windows_and_thresholds_that_mean_nothing_are_refused(duration_s: float, threshold_km: float) -> None:
    with pytest.raises(ValueError, match="must be positive and finite"):
        screened(table_of([CIRCULAR]), 0.0, duration_s, threshold_km)


@pytest.mark.parametrize("count", [0, 1])
def test_a_catalogue_without_pairs_has_no_conjunctions(count: int) -> None:
    elements = table_of([CIRCULAR]).slice(0, count)
    assert screened(elements, 0.0, 600.0, 5.0).conjunctions.num_rows == 0


@pytest.mark.slow
def test_300_real_objects_of_all_regimes_over_six_hours_agree_with_brute_force() -> None:
    path = DATA / "catalogues" / "2024-09-17_26905.tle.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    data = gzip.decompress(path.read_bytes())
    elements = pa.Table.from_batches([read_tle(data, path.name).elements])
    lines = [line for line in data.decode().splitlines() if line[:2] in ("1 ", "2 ")]
    start_tai_ns = EPOCH_TAI_NS
    chosen = real_choice(elements, start_tai_ns)
    assert len(chosen) >= 300
    satellites = [Satrec.twoline2rv(lines[2 * row], lines[2 * row + 1]) for row in chosen.tolist()]
    part = elements.take(chosen)
    since_epoch_min = (start_tai_ns - part.column("epoch_tai_ns").to_numpy()) / 60e9
    reference = all_minima(satellites, since_epoch_min, 21_600.0, 50.0 + GRAZING_KM)
    assert len(reference) > 80
    result = screen(Catalogue.from_elements(part), start_tai_ns=start_tai_ns, duration_s=21_600.0, threshold_km=50.0)
    assert_the_same(result.conjunctions, reference, start_tai_ns, 50.0)


def real_choice(elements: pa.Table, start_tai_ns: int) -> np.ndarray:
    """Rows of some 300 objects that live through the day: dense shells, GEO, Molniya, transfer orbits, MEO."""
    motion, e, inclination = (
        elements.column(name).to_numpy() for name in ("mean_motion_rev_per_day", "eccentricity", "inclination_deg")
    )
    catalogue = Catalogue.from_elements(elements)
    index = np.arange(catalogue.n, dtype=np.int32)
    lives = np.ones(catalogue.n, dtype=np.bool_)
    for hour in range(25):
        lives &= catalogue.states(index, np.full(catalogue.n, start_tai_ns + hour * 3600 * 10**9)).code == 0
    lives &= motion < 15.6
    random = np.random.default_rng(1)

    def some(mask: np.ndarray, count: int) -> np.ndarray:
        rows = np.flatnonzero(mask & lives)
        return random.choice(rows, min(count, len(rows)), replace=False)

    geo = np.abs(motion - 1.0027) < 0.002
    chosen = np.unique(
        np.concatenate(
            [
                some((motion > 15.0) & (motion < 15.1) & (e < 0.002), 90),
                some((motion > 14.2) & (motion < 14.4) & (inclination > 97.0), 70),
                some(geo & (inclination < 0.1), 60),
                some(e > 0.6, 40),
                some((e > 0.2) & (e <= 0.6) & (motion > 4.0), 30),
                some((motion > 1.9) & (motion < 2.1) & (e < 0.1), 30),
            ]
        )
    )
    return np.asarray(chosen)


def test_slabs_lie_on_multiples_of_their_length_wherever_the_window_begins() -> None:
    window = sieve.Window(5 * sieve.SLAB_NS + 1, 7 * sieve.SLAB_NS)
    assert window.slabs() == range(5, 7)

"""Entry, exit and approach angle against the sgp4 library, and what refinement's parts promise."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sgp4.api import Satrec

from conjunction.catalogue import Catalogue
from conjunction.motion_kernel import APART_KM, CHECK_POINT, NODE_COUNT, NODES, describe
from conjunction.pair_motion import each_at_own_times
from conjunction.refinement import Candidates, Encounters, refine
from conjunction.refinement_kernel import spans
from conjunction.screening import screen
from conjunction.sieve import SLAB_NS, Window
from tests.conjunction.meetings import meeting_pairs, neighbours
from tests.conjunction.orbit_oracle import positions_km, satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, rev_per_day, table_of

MEETING_MIN = 600.0
STEP_S = 0.25
RANGE_NOISE_KM = 4e-8  # of two positions by the library


def range_km(satellites: tuple[Satrec, Satrec], t_s: np.ndarray) -> np.ndarray:
    """Range at seconds from epoch."""
    one, two = (positions_km(satellite, t_s / 60.0) for satellite in satellites)
    return np.asarray(np.linalg.norm(two - one, axis=1))


def leaves_s(
    satellites: tuple[Satrec, Satrec], tca_s: float, edge_s: float, threshold_km: float
) -> tuple[float, float]:
    """(when the range first exceeds the threshold on the way from tca_s to edge_s, or edge_s; tolerance, s)."""
    way = 1.0 if edge_s >= tca_s else -1.0
    inside_s = tca_s
    while True:
        ahead = inside_s + way * STEP_S * np.arange(1, 401)
        ahead = np.clip(ahead, min(tca_s, edge_s), max(tca_s, edge_s))
        beyond = np.flatnonzero(range_km(satellites, ahead) > threshold_km)
        if len(beyond):
            break
        inside_s = float(ahead[-1])
        if inside_s == edge_s:
            return edge_s, 1e-3
    outside_s = float(ahead[beyond[0]])
    inside_s = float(ahead[beyond[0] - 1]) if beyond[0] else inside_s
    for _ in range(40):
        middle_s = 0.5 * (inside_s + outside_s)
        if range_km(satellites, np.array([middle_s]))[0] > threshold_km:
            outside_s = middle_s
        else:
            inside_s = middle_s
    around = range_km(satellites, np.array([inside_s - 0.05, inside_s + 0.05]))
    return inside_s, max(1e-3, RANGE_NOISE_KM / max(abs(around[1] - around[0]) / 0.1, 1e-12))


def assert_spans_agree(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> int:
    """How many conjunctions were compared with the library, entry and exit to 1 ms or what the noise allows."""
    satellites = satellites_of(elements)
    result = screen(
        Catalogue.from_elements(elements),
        start_tai_ns=EPOCH_TAI_NS + round(start_s * 1e9),
        duration_s=duration_s,
        threshold_km=threshold_km,
    )
    if result.left_out.num_rows:
        return 0
    rows = result.conjunctions.to_pylist()
    for row in rows:
        if row["miss_distance_m"] / 1e3 > threshold_km - 1e-6:
            continue  # grazing: the noise decides
        pair = (satellites[row["index_1"]], satellites[row["index_2"]])
        tca_s, entry_s, exit_s = (
            (row[name] - EPOCH_TAI_NS) / 1e9 for name in ("tca_tai_ns", "entry_tai_ns", "exit_tai_ns")
        )
        assert entry_s <= tca_s <= exit_s
        for found_s, edge_s in ((entry_s, start_s), (exit_s, start_s + duration_s)):
            wanted_s, tolerance_s = leaves_s(pair, tca_s, edge_s, threshold_km)
            assert abs(found_s - wanted_s) <= tolerance_s, (row, found_s, wanted_s, tolerance_s)
    return len(rows)


@given(pair=meeting_pairs(MEETING_MIN), threshold_km=st.sampled_from([5.0, 30.0, 200.0]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_entry_and_exit_of_meetings_at_any_angle_are_the_librarys(
    pair: tuple[Elements, Elements], threshold_km: float
) -> None:
    assert_spans_agree(table_of(pair), 33_000.0, 6000.0, threshold_km)


@given(pair=neighbours(), threshold_km=st.sampled_from([1.0, 20.0, 100.0]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_entry_and_exit_of_slow_neighbours_are_the_librarys(
    pair: tuple[Elements, Elements], threshold_km: float
) -> None:
    assert_spans_agree(table_of(pair), 100.0, 12_000.0, threshold_km)


@pytest.mark.slow
def test_entry_and_exit_of_all_regimes_are_the_librarys() -> None:
    assert assert_spans_agree(table_of(all_regimes()), 1234.5, 9000.0, 50.0) > 100


def formation() -> pa.Table:
    """Two satellites that circle one another some km apart: two minima of the range a revolution."""
    chief: Elements = (rev_per_day(6928.0), 1e-3, 53.0, 10.0, 20.0, 30.0, 0.0)
    return table_of([chief, (chief[0], chief[1] + 3e-4, *chief[2:])])


def test_minima_inside_one_interval_share_entry_and_exit() -> None:
    rows = screen(
        Catalogue.from_elements(formation()), start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, threshold_km=8.0
    ).conjunctions.to_pylist()
    assert len(rows) >= 6
    ends = {(row["entry_tai_ns"], row["exit_tai_ns"]) for row in rows}
    assert ends == {(EPOCH_TAI_NS, EPOCH_TAI_NS + 20_000 * 10**9)}


def refined(elements: pa.Table, slabs: range, first_valid_s: list[float], last_valid_s: list[float]) -> Encounters:
    """Rows 0 and 1 in the slabs, within 8 km, each row valid from and up to seconds from epoch."""
    candidates = Candidates(
        np.zeros(len(slabs), dtype=np.int32), np.ones(len(slabs), dtype=np.int32), np.array(slabs, dtype=np.int64)
    )
    window = Window(slabs.start * SLAB_NS, slabs.stop * SLAB_NS)
    valid = (EPOCH_TAI_NS + np.rint(np.array(part) * 1e9).astype(np.int64) for part in (first_valid_s, last_valid_s))
    return refine(Catalogue.from_elements(elements), candidates, window, *valid, 8.0)


def test_a_pair_is_refined_only_where_both_are_valid_and_these_ends_are_edges() -> None:
    slab = EPOCH_TAI_NS // SLAB_NS
    whole = refined(formation(), range(slab, slab + 100), [-1e6, -1e6], [1e6, 1e6])
    tca_s = (whole.tca_tai_ns - EPOCH_TAI_NS) / 1e9
    inner = tca_s[~whole.at_window_edge]
    # from just after one minimum, where the range rises, to just before another, to which it falls
    start_s, stop_s = inner[0] + 50.0, inner[3] - 50.0
    part = refined(formation(), range(slab, slab + 100), [-1e6, start_s], [stop_s, 1e6])
    found_s = (part.tca_tai_ns - EPOCH_TAI_NS) / 1e9
    assert found_s == pytest.approx([start_s, *inner[1:3], stop_s], abs=1e-3)
    assert part.at_window_edge.tolist() == [True, False, False, True]
    assert (part.entry_tai_ns - EPOCH_TAI_NS) / 1e9 == pytest.approx(start_s, abs=1e-6)
    assert (part.exit_tai_ns - EPOCH_TAI_NS) / 1e9 == pytest.approx(stop_s, abs=1e-6)


def test_the_approach_angle_is_that_between_the_librarys_velocities() -> None:
    elements = table_of(all_regimes())
    satellites = satellites_of(elements)
    rows = screen(
        Catalogue.from_elements(elements), start_tai_ns=EPOCH_TAI_NS, duration_s=5000.0, threshold_km=50.0
    ).conjunctions.to_pylist()
    assert {row["approach_angle_deg"] < 1.0 for row in rows} == {True, False}
    for row in rows:
        minutes = (row["tca_tai_ns"] - EPOCH_TAI_NS) / 60e9
        one, two = (np.array(satellites[row[name]].sgp4_tsince(minutes)[2]) for name in ("index_1", "index_2"))
        cosine = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
        assert np.cos(np.radians(row["approach_angle_deg"])) == pytest.approx(cosine, abs=1e-12)


@given(
    coefficients=st.lists(st.floats(-1.0, 1.0), min_size=27, max_size=27),
    scale=st.sampled_from([0.0, 1e-3, 0.1, 1.0, 10.0]),
    place=st.tuples(*[st.floats(-20.0, 20.0)] * 3),
    motion=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
    speed=st.sampled_from([0.0, 1.0, 10.0, 900.0]),
)
@example(  # farthest in the middle: near at both ends
    coefficients=[-0.8 if k == 6 else 0.0 for k in range(27)],
    scale=10.0,
    place=(10.0, 0.0, 0.0),
    motion=(0.0, 1.0, 0.0),
    speed=1.0,
)
@example(coefficients=[0.0] * 27, scale=0.0, place=(0.0, 0.0, 1.5), motion=(0.0, 0.0, 0.0), speed=0.0)  # at rest
@settings(max_examples=300, deadline=None)
def test_a_piece_that_comes_within_reach_is_never_passed_over(
    coefficients: list[float],
    scale: float,
    place: tuple[float, float, float],
    motion: tuple[float, float, float],
    speed: float,
) -> None:
    wanted = np.array(coefficients).reshape(NODE_COUNT, 3) * scale
    wanted[0] += place
    wanted[1] += np.array(motion) * speed
    fine = np.linspace(-1.0, 1.0, 20_001)
    relative_km = np.polynomial.polynomial.polyval(fine, wanted)
    least_km = float(np.linalg.norm(relative_km, axis=0).min())
    coefficients_found, near = described(wanted, least_km - 0.5 * APART_KM)
    assert near
    np.testing.assert_allclose(np.polynomial.polynomial.polyval(fine, coefficients_found.T), relative_km, atol=1e-9)
    # without any motion, rounding alone says where to look from, and the bound may be nothing: safe, if not sharp
    if scale == 0.0 and least_km > 0.1 and speed * np.linalg.norm(motion) > 1e-3:
        assert not described(wanted, 0.9 * least_km)[1]


def described(coefficients: np.ndarray, reach_km: float) -> tuple[np.ndarray, bool]:
    """What `describe` makes of the polynomial with these coefficients of powers, (9, 3): the same (3, 9), and near."""
    positions = np.polynomial.polynomial.polyval(np.append(NODES, CHECK_POINT), coefficients).T[None]
    found, smooth, near = np.empty((1, 3, NODE_COUNT)), np.empty(1, dtype=np.bool_), np.empty(1, dtype=np.bool_)
    describe(np.zeros_like(positions), np.ascontiguousarray(positions), np.array([reach_km]), found, smooth, near)
    assert smooth[0]
    return found[0], bool(near[0])


def test_an_interval_that_ends_in_a_jump_ends_within_its_two_milliseconds() -> None:
    start_ns = np.array([0, 10**9, 10**9 + 2_000_000], dtype=np.int64)
    stop_ns = np.array([10**9, 10**9 + 2_000_000, 2 * 10**9], dtype=np.int64)
    coefficients = np.zeros((3, 3, NODE_COUNT))
    coefficients[:, 0, 0] = [4.0, 5.0, 6.0]
    coefficients[1, 0, 1] = 1.0
    found = np.array([[0, 0, 1]], dtype=np.int64)
    smooth, run = np.array([True, False, True]), np.zeros(3, dtype=np.int64)
    assert spans(coefficients, start_ns, stop_ns, smooth, run, found, 5.5).tolist() == [[0, 10**9 + 1_000_000]]
    assert spans(coefficients, start_ns, stop_ns, smooth, run, found, 6.5).tolist() == [[0, 2 * 10**9]]


def test_states_each_at_its_own_times_are_the_scalar_kernels_within_the_tiles_rounding() -> None:
    catalogue = Catalogue.from_elements(table_of(all_regimes()))
    random = np.random.default_rng(8)
    rows = random.integers(0, catalogue.n, 700).astype(np.int32)
    tai_ns = EPOCH_TAI_NS + random.integers(0, 20 * 86_400 * 10**9, (700, 5))
    position_km, velocity_km_s = each_at_own_times(catalogue, rows, tai_ns, with_velocity=True)
    states = catalogue.states(np.repeat(rows, 5), tai_ns.ravel())
    well = states.code.reshape(700, 5) == 0
    assert well.mean() > 0.9
    assert np.abs(position_km - states.position_km.reshape(700, 5, 3))[well].max() < 3e-8
    assert np.abs(velocity_km_s - states.velocity_km_s.reshape(700, 5, 3))[well].max() < 3e-11

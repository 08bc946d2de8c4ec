"""Screening volumes against brute force by the sgp4 library."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conjunction.catalogue import Catalogue
from conjunction.refinement import Candidates, Encounters, refine
from conjunction.sieve import Window
from conjunction.volume_kernel import SHALLOW_KM, intervals_inside
from conjunction.volumes import ScreeningVolume, Volumes
from tests.conjunction.meetings import meeting_pairs, neighbours
from tests.conjunction.orbit_oracle import all_minima, satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, rev_per_day, table_of
from tests.conjunction.volume_oracle import Owned, PairOfVolumes

MEETING_MIN = 600.0


_factor = st.one_of(st.floats(0.9, 3.0), st.sampled_from([0.999, 1.00001, 1.001, 1.1, 1.5, 10.0]))


@st.composite
def owned(draw: st.DrawFn, pair: tuple[Elements, Elements], place_s: float) -> Owned:
    """Volumes of the first, the second, or both, whose surfaces pass near where the other is place_s after epoch.

    Boxes and ellipsoids, flat (0.05 km by 100 km) and round.
    """
    oracle = PairOfVolumes(satellites_of(table_of(pair)), (None, None))
    assume(oracle.states(np.array([place_s])) is not None)
    found: list[ScreeningVolume | None] = [None, None]
    for owner in draw(st.sampled_from([(0,), (1,), (0, 1)])):
        place_km = np.abs(oracle.in_rtn_km(owner, np.array([place_s]))[0])
        sizes_km = [min(max(float(size) * draw(_factor), 0.05), 100.0) for size in place_km]
        found[owner] = ScreeningVolume(draw(st.sampled_from(["box", "ellipsoid"])), *sizes_km)
    return found[0], found[1]


def refined(pair: tuple[Elements, Elements], owns: Owned, start_s: float, duration_s: float) -> Encounters:
    """Refinement of every slab of the window, so that candidates are complete."""
    start_ns = EPOCH_TAI_NS + round(start_s * 1e9)
    window = Window(start_ns, start_ns + round(duration_s * 1e9))
    slabs = np.array(window.slabs(), dtype=np.int64)
    candidates = Candidates(np.zeros(len(slabs), dtype=np.int32), np.ones(len(slabs), dtype=np.int32), slabs)
    kinds = tuple(volume for volume in owns if volume is not None)
    of_row = np.array([-1 if volume is None else kinds.index(volume) for volume in owns], dtype=np.int32)
    first, last = np.full(2, window.start_tai_ns), np.full(2, window.stop_tai_ns)
    catalogue = Catalogue.from_elements(table_of(pair))
    return refine(catalogue, candidates, window, first, last, 5.0, Volumes(kinds, of_row))


def assert_agrees(
    pair: tuple[Elements, Elements], owns: Owned, start_s: float, duration_s: float, step_s: float
) -> tuple[int, int]:
    """How many conjunctions were found, and how many of them are no minimum of the range."""
    stop_s = start_s + duration_s
    satellites = satellites_of(table_of(pair))
    oracle = PairOfVolumes(satellites, owns)
    assume(oracle.states(np.linspace(start_s, stop_s, 1000)) is not None)
    found = refined(pair, owns, start_s, duration_s)
    tca_s, entry_s, exit_s = (
        (part - EPOCH_TAI_NS) / 1e9 for part in (found.tca_tai_ns, found.entry_tai_ns, found.exit_tai_ns)
    )
    reach_km = max(volume.reach_km for volume in owns if volume is not None)
    minima = all_minima(satellites, np.full(2, start_s / 60.0), duration_s, reach_km * 1.001)
    minima_s = np.array([start_s + minimum.tca_s for minimum in minima])
    tolerance_s = np.array([minimum.tolerance_s for minimum in minima])
    shallow = SHALLOW_KM / min(min(volume[1:]) for volume in owns if volume is not None)
    intervals = oracle.intervals(start_s, stop_s, step_s)

    # complete: every minimum inside, and every interval without one
    for minimum_s, allowed_s in zip(minima_s, tolerance_s, strict=True):
        around = oracle.depth(np.clip(minimum_s + np.array([-allowed_s, 0.0, allowed_s]), start_s, stop_s))
        if around.max() < 1.0 - shallow:
            assert np.abs(tca_s - minimum_s).min(initial=np.inf) <= allowed_s, ("missing", minimum_s, found)
    for inside in intervals:
        depth = oracle.depth(np.linspace(inside.entry_s, inside.exit_s, 65)).min()
        if depth > 1.0 - shallow or inside.exit_s - inside.entry_s < 1e-3:
            continue
        allowed_s = 1e-3 + inside.tolerance_s
        near = (np.abs(entry_s - inside.entry_s) <= allowed_s) & (np.abs(exit_s - inside.exit_s) <= allowed_s)
        assert near.any(), ("missing", inside, found)

    # nothing invented: each is inside, and a minimum or else the nearer end of an interval without one
    without = 0
    for k in range(len(tca_s)):
        assert entry_s[k] <= tca_s[k] <= exit_s[k]
        assert (oracle.depth(np.linspace(entry_s[k], exit_s[k], 1000)) <= 1.0 + 2.0 * shallow).all(), found
        for end_s, way, edge_s in ((entry_s[k], -1.0, start_s), (exit_s[k], 1.0, stop_s)):
            beyond_s = end_s + way * np.array([1e-4, 1e-3, 1e-2])
            beyond_s = beyond_s[(beyond_s >= start_s) & (beyond_s <= stop_s)]
            depth = oracle.depth(beyond_s) if len(beyond_s) else np.array([np.inf])
            assert abs(end_s - edge_s) < 1e-6 or depth.max() > 1.0 - shallow, ("not maximal", k, found)
        if (np.abs(minima_s - tca_s[k]) <= tolerance_s).any():
            continue
        without += 1
        assert not ((minima_s > entry_s[k] + tolerance_s) & (minima_s < exit_s[k] - tolerance_s)).any(), (
            "twice",
            found,
        )
        ends_km = oracle.range_km(np.array([entry_s[k], exit_s[k]]))
        wanted_s = entry_s[k] if ends_km[0] < ends_km[1] else exit_s[k]
        assert tca_s[k] == wanted_s or abs(ends_km[0] - ends_km[1]) < 1e-6, ("not the least", k, found)
    miss_km = oracle.range_km(tca_s) if len(tca_s) else np.empty(0)
    np.testing.assert_allclose(found.miss_distance_km, miss_km, atol=1e-6)
    return len(tca_s), without


@given(
    drawn=meeting_pairs(MEETING_MIN).flatmap(
        lambda pair: st.floats(-3.0, 3.0).flatmap(
            lambda offset_s: st.tuples(st.just(pair), owned(pair, MEETING_MIN * 60.0 + offset_s))
        )
    ),
    offset_s=st.sampled_from([-90.0, -60.0, -1.0, -0.01, 0.0]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_volumes_of_meetings_at_any_angle_agree_with_brute_force(
    drawn: tuple[tuple[Elements, Elements], Owned], offset_s: float
) -> None:
    assert_agrees(*drawn, MEETING_MIN * 60.0 + offset_s, 120.0, 0.004)


@given(
    drawn=neighbours().flatmap(
        lambda pair: st.floats(200.0, 9000.0).flatmap(lambda place_s: st.tuples(st.just(pair), owned(pair, place_s)))
    )
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_volumes_of_slow_neighbours_agree_with_brute_force(drawn: tuple[tuple[Elements, Elements], Owned]) -> None:
    assert_agrees(*drawn, 100.0, 9_000.0, 0.25)


@given(
    coefficients=st.lists(st.floats(-1.0, 1.0), min_size=27, max_size=27),
    scale=st.tuples(*[st.sampled_from([0.01, 1.0, 30.0, 1000.0])] * 3),
    box=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_the_intervals_inside_of_a_polynomial_are_those_of_dense_sampling(
    coefficients: list[float], scale: tuple[float, float, float], box: bool
) -> None:
    c = np.array(coefficients).reshape(3, 9) * np.array(scale)[:, None]
    length_ns = 100 * 10**9
    of_piece = (np.array([0]), np.array([length_ns]), np.array([True]), np.array([7]))
    found = intervals_inside(c[None], np.ones((1, 3)), np.array([box]), *of_piece)
    x = np.linspace(-1.0, 1.0, 100_001)
    y = np.polynomial.polynomial.polyval(x, c.T)
    depth = np.abs(y).max(axis=0) if box else np.linalg.norm(y, axis=0)
    assert (found[:, 0] == 7).all()
    at = 2.0 * found[:, 1:] / length_ns - 1.0
    sampled = np.zeros(len(x), dtype=np.bool_)
    for entry, leave in at:
        sampled |= (x >= entry) & (x <= leave)
    # the sides may differ where the surface is nearer than a nanosecond's motion, or the dip shallower than 1 cm
    speed = np.abs(np.gradient(y, x, axis=1)).sum(axis=0) / (0.5 * length_ns)
    clear = np.abs(depth - 1.0) > 2.0 * speed + SHALLOW_KM
    assert (sampled == (depth <= 1.0))[clear].all()


def test_a_pass_of_milliseconds_through_a_flat_box_is_found_wherever_it_lies() -> None:
    speed_km_s, thickness_km, length_s = 15.0, 0.02, 120.0
    size_km = np.array([[thickness_km, 44.0, 51.0]])
    for passes_s in (0.003, 17.7, 59.999, 60.0, 101.01, 119.9):
        c = np.zeros((1, 3, 9))
        c[0, 0, :2] = np.array([length_s / 2.0 - passes_s, length_s / 2.0]) * speed_km_s / thickness_km
        c[0, 1, 0] = 0.9
        of_piece = (np.array([0]), np.array([round(length_s * 1e9)]), np.array([True]), np.array([0]))
        ((_, entry_ns, exit_ns),) = intervals_inside(c, size_km, np.array([True]), *of_piece).tolist()
        assert entry_ns == pytest.approx((passes_s - thickness_km / speed_km_s) * 1e9, abs=2)
        assert exit_ns == pytest.approx((passes_s + thickness_km / speed_km_s) * 1e9, abs=2)


def test_pairs_without_a_volume_keep_the_sphere_beside_pairs_with_one() -> None:
    chief: Elements = (rev_per_day(6928.0), 1e-3, 53.0, 10.0, 20.0, 30.0, 0.0)
    rows = [chief, (*chief[:5], 30.01, 0.0), (*chief[:5], 30.02, 0.0)]  # 1.2 km and 2.4 km ahead
    window = Window(EPOCH_TAI_NS, EPOCH_TAI_NS + 600 * 10**9)
    slabs = np.array(window.slabs(), dtype=np.int64)
    pairs = np.repeat([(0, 1), (0, 2), (1, 2)], len(slabs), axis=0).astype(np.int32)
    candidates = Candidates(pairs[:, 0], pairs[:, 1], np.tile(slabs, 3))
    spans = np.full(3, window.start_tai_ns), np.full(3, window.stop_tai_ns)
    of_row = np.array([0, -1, -1], dtype=np.int32)
    long_box = ScreeningVolume("box", 0.5, 2.0, 0.5)
    catalogue = Catalogue.from_elements(table_of(rows))
    for volume, threshold_km, wanted in (
        (long_box, 1.5, {(0, 1), (1, 2)}),  # 2.4 km is outside the box, and so is no matter for the sphere
        (long_box, 1.0, {(0, 1)}),
        (long_box._replace(transverse_km=3.0), 1.0, {(0, 1), (0, 2)}),
        (long_box._replace(shape="ellipsoid", transverse_km=1.0), 1.5, {(1, 2)}),
    ):
        found = refine(catalogue, candidates, window, *spans, threshold_km, Volumes((volume,), of_row))
        assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == wanted


@pytest.mark.parametrize(
    ("volume", "of_row", "message"),
    [
        (ScreeningVolume("sphere", 1.0, 1.0, 1.0), [0, -1], "box or an ellipsoid"),  # type: ignore[arg-type]
        (ScreeningVolume("box", 0.0, 1.0, 1.0), [0, -1], "positive and finite"),
        (ScreeningVolume("box", 1.0, np.inf, 1.0), [0, -1], "positive and finite"),
        (ScreeningVolume("box", 1.0, 1.0, 1.0), [0], "shape"),
        (ScreeningVolume("box", 1.0, 1.0, 1.0), [0, 1], "within -1 and 0"),
        (ScreeningVolume("box", 1.0, 1.0, 1.0), [-2, 0], "within -1 and 0"),
    ],
)
def test_volumes_that_mean_nothing_are_refused(volume: ScreeningVolume, of_row: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Volumes((volume,), np.array(of_row, dtype=np.int32)).checked(2)


def test_a_volume_reaches_as_far_as_its_farthest_point() -> None:
    assert ScreeningVolume("box", 2.0, 3.0, 6.0).reach_km == 7.0
    assert ScreeningVolume("ellipsoid", 2.0, 3.0, 6.0).reach_km == 6.0

"""Ephemeris interpolation against exact polynomials, a two-body orbit, and truth pairs from another project."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conjunction.interpolation import FEWER_NODES, INSIDE, OUTSIDE, InterpolationError, interpolate
from schemas.ephemeris import COVARIANCE_SCHEMA, STATE_SCHEMA, EphemerisSegment, Interpolation
from schemas.timescales import NS_PER_SECOND, parse_utc

TRUTH = Path(__file__).parents[3] / "shared" / "data" / "oem" / "interpolation"
START = parse_utc("2026-03-10T00:00:00")
GM_KM3_S2 = 398600.4418


def segment_of(
    seconds: NDArray[np.float64],
    position_km: NDArray[np.float64],
    velocity_km_s: NDArray[np.float64],
    method: str | None = None,
    degree: int | None = None,
    usable_s: tuple[float, float] | None = None,
) -> EphemerisSegment:
    """A segment whose states stand at seconds after START."""
    epoch = START + np.round(seconds * NS_PER_SECOND).astype(np.int64)
    nothing = pa.nulls(len(epoch), pa.float64())
    columns = [pa.array(epoch), *map(pa.array, position_km.T), *map(pa.array, velocity_km_s.T), *[nothing] * 3]
    return EphemerisSegment(
        object_name="TEST",
        object_id="2026-001A",
        center_name="EARTH",
        ref_frame="GCRF",
        ref_frame_epoch_tai_ns=None,
        time_system="UTC",
        start_tai_ns=int(epoch[0]),
        usable_start_tai_ns=None if usable_s is None else START + round(usable_s[0] * NS_PER_SECOND),
        usable_stop_tai_ns=None if usable_s is None else START + round(usable_s[1] * NS_PER_SECOND),
        stop_tai_ns=int(epoch[-1]),
        interpolation=None if method is None else Interpolation(method, degree),
        states=pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA),
        covariances=pa.RecordBatch.from_pylist([], schema=COVARIANCE_SCHEMA),
    )


def at(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return START + np.round(np.asarray(seconds) * NS_PER_SECOND).astype(np.int64)


def circle(seconds: NDArray[np.float64], radius_km: float = 7000.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A two-body circular orbit inclined by 45 deg: its states are known in closed form."""
    rate = np.sqrt(GM_KM3_S2 / radius_km**3)
    angle = rate * np.asarray(seconds)
    tilt = np.sqrt(0.5)
    unit = np.column_stack((np.cos(angle), tilt * np.sin(angle), tilt * np.sin(angle)))
    along = np.column_stack((-np.sin(angle), tilt * np.cos(angle), tilt * np.cos(angle)))
    return radius_km * unit, radius_km * rate * along


@given(
    st.integers(1, 12),
    st.lists(st.integers(-1000, 1000), min_size=13, max_size=13),
    st.integers(0, 1200),
)
def test_lagrange_of_degree_d_reproduces_every_polynomial_of_degree_d(
    degree: int, coefficients: list[int], tenths: int
) -> None:
    # Exact rational values at the nodes and at the instant; scaled so that float64 rounding stays far below 1e-6.
    def exact(t: Fraction) -> Fraction:
        return sum((c * (t / 60 - 1) ** k for k, c in enumerate(coefficients[: degree + 1])), Fraction(0))

    nodes = np.arange(0.0, 121.0, 8.0)
    values = np.array([[float(exact(Fraction(int(t))))] * 3 for t in nodes])
    segment = segment_of(nodes, values, 2 * values, "LAGRANGE", degree)
    found = interpolate([segment], at(np.array([tenths / 10])))
    wanted = float(exact(Fraction(tenths, 10)))
    assert found.status[0] == INSIDE
    assert found.position_km[0] == pytest.approx([wanted] * 3, abs=1e-6)
    assert found.velocity_km_s[0] == pytest.approx([2 * wanted] * 3, abs=2e-6)


@given(st.integers(0, 5), st.lists(st.integers(-100, 100), min_size=12, max_size=12), st.integers(0, 1200))
def test_hermite_of_odd_degree_reproduces_polynomials_and_their_derivative(
    half: int, coefficients: list[int], tenths: int
) -> None:
    degree = 2 * half + 1

    def exact(t: Fraction) -> tuple[float, float]:
        u = t / 60 - 1
        kept = coefficients[: degree + 1]
        value = sum((c * u**k for k, c in enumerate(kept)), Fraction(0))
        rate = sum((Fraction(c * k, 60) * u ** (k - 1) for k, c in enumerate(kept) if k), Fraction(0))
        return float(value), float(rate)

    nodes = np.arange(0.0, 121.0, 8.0)
    pairs = [exact(Fraction(int(t))) for t in nodes]
    values, rates = (np.array([[pair[i]] * 3 for pair in pairs]) for i in (0, 1))
    found = interpolate([segment_of(nodes, values, rates, "Hermite", degree)], at(np.array([tenths / 10])))
    value, rate = exact(Fraction(tenths, 10))
    assert found.position_km[0] == pytest.approx([value] * 3, abs=1e-6)
    assert found.velocity_km_s[0] == pytest.approx([rate] * 3, abs=1e-6)


@pytest.mark.parametrize(("method", "degree"), [(None, None), ("LAGRANGE", 7), ("Lagrange", 8), ("HERMITE", 7)])
def test_a_two_body_orbit_with_a_state_a_minute_is_met_within_a_millimetre(
    method: str | None, degree: int | None
) -> None:
    nodes = np.arange(0.0, 6000.0, 60.0)
    segment = segment_of(nodes, *circle(nodes), method, degree)
    seconds = np.linspace(240.0, 5640.0, 5001)
    found = interpolate([segment], at(seconds))
    position, velocity = circle((at(seconds) - START) / NS_PER_SECOND)
    assert np.abs(found.position_km - position).max() < 1e-6
    assert np.abs(found.velocity_km_s - velocity).max() < 1e-7


def test_the_nodes_themselves_come_back() -> None:
    nodes = np.arange(0.0, 1200.0, 60.0)
    position, velocity = circle(nodes)
    for method in ("LAGRANGE", "HERMITE"):
        found = interpolate([segment_of(nodes, position, velocity, method, 7)], at(nodes))
        assert np.abs(found.position_km - position).max() < 1e-9
        assert np.abs(found.velocity_km_s - velocity).max() < 1e-9


def test_instants_outside_the_usable_span_have_no_state() -> None:
    nodes = np.arange(0.0, 1200.0, 60.0)
    segment = segment_of(nodes, *circle(nodes), "LAGRANGE", 7, usable_s=(120.0, 600.0))
    found = interpolate([segment], at(np.array([119.999999999, 120.0, 600.0, 600.000000001])))
    assert found.status.tolist() == [OUTSIDE, INSIDE, INSIDE, OUTSIDE]
    assert np.isnan(found.position_km[[0, 3]]).all()
    assert found.segment.tolist() == [-1, 0, 0, -1]


def test_a_usable_span_that_reaches_beyond_the_states_is_not_extrapolated() -> None:
    nodes = np.arange(60.0, 1200.0, 60.0)
    segment = segment_of(nodes, *circle(nodes), usable_s=(0.0, 5000.0))
    assert interpolate([segment], at(np.array([30.0, 60.0, 1140.0, 1140.1]))).status.tolist() == [2, 0, 0, 2]


def test_segments_are_never_interpolated_across_and_the_later_speaks_at_a_shared_instant() -> None:
    nodes = np.arange(0.0, 601.0, 60.0)
    before = segment_of(nodes, *circle(nodes))
    position, velocity = circle(nodes + 600.0)
    after = segment_of(nodes + 600.0, position + 100.0, velocity)  # as after a jump
    found = interpolate([before, after], at(np.array([599.0, 600.0, 601.0])))
    assert found.segment.tolist() == [0, 1, 1]
    truth = circle(np.array([599.0, 600.0, 601.0]))[0] + np.array([[0.0], [100.0], [100.0]])
    assert np.abs(found.position_km - truth).max() < 1e-5


def test_a_short_segment_takes_a_lower_degree_and_says_so() -> None:
    nodes = np.array([0.0, 60.0, 120.0])
    found = interpolate([segment_of(nodes, *circle(nodes), "LAGRANGE", 7)], at(np.array([30.0])))
    assert found.status.tolist() == [FEWER_NODES]
    by_hand = np.polynomial.polynomial.Polynomial.fit(nodes, circle(nodes)[0][:, 0], 2)(30.0)
    assert found.position_km[0, 0] == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize(("method", "degree"), [("SPLINE", 3), ("LAGRANGE", 0), ("LAGRANGE", 32)])
def test_an_interpolation_that_we_do_not_have_is_an_error(method: str, degree: int) -> None:
    nodes = np.arange(0.0, 1200.0, 60.0)
    with pytest.raises(InterpolationError, match=r"INTERPOLATION"):
        interpolate([segment_of(nodes, *circle(nodes), method, degree)], at(np.array([30.0])))


@pytest.mark.parametrize(
    ("coarse", "fine", "limit_m"), [("LEO_60s.oem", "LEO_10s.oem", 1e-4), ("GEO_60s.oem", "GEO_20s.oem", 1e-4)]
)
def test_the_coarse_file_gives_the_states_of_the_fine_one(coarse: str, fine: str, limit_m: float) -> None:
    if not TRUTH.is_dir():
        pytest.skip("shared/data/oem/interpolation is absent")

    def states(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        rows = [line.split() for line in (TRUTH / name).read_text().splitlines() if line[:2] == "20"]
        seconds = np.array([(parse_utc(row[0]) - START) / NS_PER_SECOND for row in rows])
        numbers = np.array([[float(text) for text in row[1:7]] for row in rows])
        return seconds, numbers[:, :3], numbers[:, 3:]

    segment = segment_of(*states(coarse), "LAGRANGE", 7)
    seconds, position, velocity = states(fine)
    found = interpolate([segment], at(seconds))
    inside = found.status == INSIDE
    assert inside.sum() > 100
    assert np.abs(found.position_km - position)[inside].max() * 1000 < limit_m
    assert np.abs(found.velocity_km_s - velocity)[inside].max() * 1000 < limit_m

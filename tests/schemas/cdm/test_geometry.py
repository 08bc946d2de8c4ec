"""The geometry against encounters that are exact by construction, and against erfa."""

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cdm.covariance import is_not_positive_semidefinite, is_zero, symmetric
from schemas.cdm.digits import last_digit, last_digit_of_second, shared_last_digit
from schemas.cdm.geometry import (
    EARTH_ROTATION_RAD_S,
    States,
    gcrf_to_eme2000,
    in_frame_of_first,
    inertial_velocity,
    relative_geometry,
    rtn_axes,
)

INERTIAL = np.array([False])
FIRST = States(np.array([[7000.0, 0.0, 0.0]]), np.array([[0.0, 7.5, 0.0]]))
SECOND = States(np.array([[7000.1, 0.14, 0.17]]), np.array([[0.0, -1.0, 7.0]]))


def _fixed(states: States) -> States:
    """The same states as an observer on the Earth sees them, by erfa's own rotation over a short time."""
    step_s = 1.0
    turned = [
        erfa.rz(sign * EARTH_ROTATION_RAD_S * step_s, np.eye(3)) @ (r + sign * step_s * v)
        for sign in (1, -1)
        for r, v in zip(states.position_km, states.velocity_km_s, strict=True)
    ]
    return States(states.position_km, (turned[0] - turned[1])[np.newaxis] / (2 * step_s))


def test_axes_and_relative_vector_of_a_hand_made_encounter() -> None:
    found = relative_geometry(FIRST, SECOND, earth_fixed=INERTIAL)
    np.testing.assert_allclose(rtn_axes(FIRST)[0], np.eye(3), atol=1e-15)
    np.testing.assert_allclose(found.position_rtn_m, [[100.0, 140.0, 170.0]], atol=1e-8)
    np.testing.assert_allclose(found.velocity_rtn_m_s, [[0.0, -8500.0, 7000.0]], atol=1e-9)
    assert found.miss_distance_m[0] == pytest.approx(58_500**0.5, abs=1e-8)
    assert found.relative_speed_m_s[0] == pytest.approx((8500**2 + 7000**2) ** 0.5, abs=1e-8)


def test_earth_fixed_states_give_the_inertial_encounter() -> None:
    # erfa turns the frame by finite differences: good to a few 1e-9 km/s
    found = relative_geometry(_fixed(FIRST), _fixed(SECOND), earth_fixed=np.array([True]))
    np.testing.assert_allclose(found.position_rtn_m, [[100.0, 140.0, 170.0]], atol=1e-3)
    np.testing.assert_allclose(found.velocity_rtn_m_s, [[0.0, -8500.0, 7000.0]], atol=1e-3)


def test_earth_fixed_velocity_without_omega_cross_r_is_off_by_half_a_kilometre_a_second() -> None:
    assert np.linalg.norm(inertial_velocity(FIRST) - FIRST.velocity_km_s) == pytest.approx(0.510448, abs=1e-6)


def test_frame_bias_is_23_milliarcseconds_and_5_m_at_geo() -> None:
    bias = gcrf_to_eme2000()
    angle_rad = np.arccos(min(1.0, (np.trace(bias) - 1) / 2))
    assert 4.0 < 42_164_000 * angle_rad < 6.0


def test_gcrf_and_eme2000_are_brought_together_and_itrf_is_not() -> None:
    frames = np.array(["EME2000", "GCRF", "ITRF", "GCRF", "ITRF"])
    others = np.array(["GCRF", "EME2000", "GCRF", "ITRF", "ITRF"])
    states = States(np.full((5, 3), 24_000.0), np.full((5, 3), 2.0))
    found = in_frame_of_first(states, frames, others)
    np.testing.assert_allclose(found.position_km[0], erfa.bp06(2451545.0, 0.0)[0] @ states.position_km[0], rtol=1e-15)
    np.testing.assert_allclose(found.position_km[1], erfa.bp06(2451545.0, 0.0)[0].T @ states.position_km[1], rtol=1e-15)
    assert np.isnan(found.position_km[2:4]).all()
    np.testing.assert_array_equal(found.position_km[4], states.position_km[4])


@given(st.lists(st.floats(-1.0, 1.0), min_size=36, max_size=36), st.integers(6, 12))
def test_a_covariance_that_is_only_rounded_is_never_called_indefinite(numbers: list[float], digits: int) -> None:
    root = np.array(numbers).reshape(6, 6)
    exact = root @ root.T
    texts = [f"{exact[row, column]:.{digits}f}" for row in range(6) for column in range(row + 1)]
    terms = np.array([[float(text) for text in texts]])
    steps = np.array([[last_digit(text) for text in texts]])
    assert not is_not_positive_semidefinite(terms, steps)[0]


@given(st.lists(st.floats(0.1, 10.0), min_size=6, max_size=6), st.integers(0, 14))
def test_a_correlation_above_one_is_indefinite(sigmas: list[float], which: int) -> None:
    matrix = np.diag(np.square(sigmas))
    row, column = np.tril_indices(6, -1)
    matrix[row[which], column[which]] = 1.01 * sigmas[row[which]] * sigmas[column[which]]
    terms = matrix[np.tril_indices(6)][np.newaxis]
    assert np.linalg.eigvalsh(symmetric(terms)[0])[0] < 0
    assert is_not_positive_semidefinite(terms, np.full((1, 21), 1e-9))[0]


def test_covariances_zero_flat_and_unknown() -> None:
    flat = np.zeros((1, 21))
    flat[0, [0, 2, 5]] = 4.0
    lonely = flat.copy()
    lonely[0, 6] = 1.0  # R with RDOT, which has no variance
    rounded = flat.copy()
    rounded[0, 6] = 0.001  # as large as a variance of 1e-6, written as 0.000000, allows
    negative = flat.copy()
    negative[0, 2] = -4.0
    both = np.concatenate([np.zeros((1, 21)), flat, lonely, negative, rounded, np.full((1, 21), np.nan)])
    assert is_zero(both).tolist() == [True, False, False, False, False, False]
    assert is_not_positive_semidefinite(both, np.full((6, 21), 1e-6)).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_last_digits_of_texts() -> None:
    assert [last_digit(text) for text in ("55", "-21.30", "1.25e+03", "5E-07", ".5")] == [
        1.0,
        0.01,
        10.0,
        5e-07 / 5,
        0.1,
    ]
    assert shared_last_digit(["-5719.153201", "-2486.1092"]) == 1e-6  # 18 SDS leaves zeros out
    assert shared_last_digit(["5.06e+03", "1.33e+01"]) == 10.0
    assert np.isnan(shared_last_digit([]))
    assert last_digit_of_second("2026-03-07T08:09:10Z") == 1.0

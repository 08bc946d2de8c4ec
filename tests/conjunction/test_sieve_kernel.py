"""The pair search against all pairs, sampled densely: nothing that comes near may be missing, nothing comes twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conjunction.sieve_kernel import pairs_in_slab
from conjunction.slab_kernel import AX, DESCRIPTION_WIDTH, PX, SWING, VX, describe_slab

STEP_S = 120.0
MU_KM3_S2 = 398600.8


def arcs(
    count: int, seed: int, radius_km: tuple[float, float], speed_factor: tuple[float, float], cone: float = np.inf
) -> np.ndarray:
    """Eight positions (count, 8, 3) km, STEP_S apart, of bodies about a point mass, by fine Runge-Kutta steps.

    At the middle each has a random direction (within some `cone` rad about an axis) and velocity: a factor of the
    circular speed, mostly across the radius.
    """
    random = np.random.default_rng(seed)
    up = random.normal(size=(count, 3))
    if np.isfinite(cone):
        up = np.array([0.6, -0.64, 0.48]) + cone * up
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    radius = random.uniform(*radius_km, size=(count, 1))
    across = np.cross(up, random.normal(size=(count, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    climb = random.uniform(-0.3, 0.3, size=(count, 1)) * random.integers(0, 2, size=(count, 1))
    speed = np.sqrt(MU_KM3_S2 / radius) * random.uniform(*speed_factor, size=(count, 1))
    direction = across + climb * up
    velocity = speed * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    stencils = np.empty((count, 8, 3))
    for sign, places in ((1.0, (4, 5, 6, 7)), (-1.0, (3, 2, 1, 0))):
        x, v = radius * up, velocity.copy()
        for k, place in enumerate(places):
            x, v = moved(x, v, sign * (60.0 if k == 0 else 120.0))
            stencils[:, place] = x
    return stencils


def moved(x: np.ndarray, v: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    def pull(at: np.ndarray) -> np.ndarray:
        return -MU_KM3_S2 * at / np.linalg.norm(at, axis=1, keepdims=True) ** 3

    h = seconds / 24
    for _ in range(24):
        a1 = pull(x)
        a2 = pull(x + 0.5 * h * v)
        a3 = pull(x + 0.5 * h * v + 0.25 * h * h * a1)
        a4 = pull(x + h * v + 0.5 * h * h * a2)
        x, v = x + h * v + h * h / 6.0 * (a1 + a2 + a3), v + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    return x, v


def described(stencils: np.ndarray, threshold_km: float) -> np.ndarray:
    rows = np.zeros((len(stencils), DESCRIPTION_WIDTH))
    regular = np.zeros(len(stencils), dtype=np.bool_)
    code = np.zeros((8, len(stencils)), dtype=np.int8)
    half_km = np.full(len(stencils), 0.5 * threshold_km)
    grid, no_slack = np.ascontiguousarray(stencils.transpose(1, 2, 0)), np.zeros(len(stencils))
    describe_slab(grid, code, 0, STEP_S, half_km, no_slack, np.inf, 0.0, rows, regular)
    assert regular.all()
    return rows


def near_pairs(rows: np.ndarray, threshold_km: float) -> set[tuple[int, int]]:
    """All pairs whose quadratic motions come within the threshold at one of 241 instants of the slab."""
    found: set[tuple[int, int]] = set()
    for tau in np.linspace(-0.5 * STEP_S, 0.5 * STEP_S, 241):
        at = rows[:, PX : PX + 3] + tau * (rows[:, VX : VX + 3] + 0.5 * tau * rows[:, AX : AX + 3])
        first, second = np.triu_indices(len(rows), 1)
        near = np.linalg.norm(at[first] - at[second], axis=1) <= threshold_km
        found.update(zip(first[near].tolist(), second[near].tolist(), strict=True))
    return found


def pairs_of(found: np.ndarray) -> set[tuple[int, int]]:
    assert (found[:, 0] < found[:, 1]).all()
    pairs = set(map(tuple, found.tolist()))
    assert len(pairs) == len(found), "a pair came twice"
    return pairs


@pytest.mark.parametrize(
    ("radius_km", "speed_factor", "cone"),
    [
        ((6900.0, 6960.0), (0.99, 1.01), np.inf),
        ((6500.0, 9000.0), (0.8, 1.4), 0.2),
        ((6500.0, 45000.0), (0.3, 1.41), 0.03),
    ],
    ids=["a shell", "low orbits, eccentric ones among them", "all radii, fast and slow"],
)
def test_no_pair_that_comes_near_is_missing_and_none_comes_twice(
    radius_km: tuple[float, float], speed_factor: tuple[float, float], cone: float
) -> None:
    threshold_km = 60.0
    rows = described(arcs(700, 1, radius_km, speed_factor, cone), threshold_km)
    everyone = np.ones(len(rows), dtype=np.bool_)
    found = pairs_of(pairs_in_slab(rows, everyone, np.full(len(rows), -1), STEP_S))
    expected = near_pairs(rows, threshold_km)
    assert len(expected) > 20
    assert found >= expected
    assert len(found) < 700 * 699 // 2 * 0.05


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.floats(0.1, 2000.0))
def test_few_objects_and_any_threshold_keep_every_near_pair(seed: int, count: int, threshold_km: float) -> None:
    rows = described(arcs(count, seed, (6500.0, 12000.0), (0.5, 1.4)), threshold_km)
    everyone = np.ones(count, dtype=np.bool_)
    found = pairs_of(pairs_in_slab(rows, everyone, np.full(count, -1), STEP_S))
    assert found >= near_pairs(rows, threshold_km)


def test_objects_that_swing_much_meet_one_another_and_all_the_others() -> None:
    threshold_km = 60.0
    stencils = arcs(600, 2, (6900.0, 6960.0), (0.99, 1.01))
    rows = described(stencils, threshold_km)
    rows[::60, SWING] *= 4.0  # a looser bound stays a bound
    everyone = np.ones(len(rows), dtype=np.bool_)
    found = pairs_of(pairs_in_slab(rows, everyone, np.full(len(rows), -1), STEP_S))
    expected = near_pairs(rows, threshold_km)
    assert found >= expected
    assert any(first % 60 == 0 or second % 60 == 0 for first, second in expected)


def test_irregular_objects_and_pairs_of_one_group_are_left_out() -> None:
    threshold_km = 100.0
    rows = described(arcs(400, 3, (6900.0, 6930.0), (0.99, 1.01)), threshold_km)
    regular = np.arange(400) % 5 != 0
    group = np.where(np.arange(400) % 2 == 0, 7, -1)
    found = pairs_of(pairs_in_slab(rows, regular, group, STEP_S))
    expected = {
        (first, second)
        for first, second in near_pairs(rows, threshold_km)
        if regular[first] and regular[second] and not (group[first] == group[second] == 7)
    }
    assert found >= expected
    assert all(regular[first] and regular[second] for first, second in found)
    assert not any(group[first] == group[second] == 7 for first, second in found)

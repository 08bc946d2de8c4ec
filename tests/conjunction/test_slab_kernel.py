"""What a slab's description claims: its bounds hold for every motion, and the kernels stay packed."""

import platform
import re

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite.binding import get_host_cpu_features

from conjunction import sieve_kernel, slab_kernel
from conjunction.slab_kernel import (
    AX,
    BEND_KM,
    DESCRIPTION_WIDTH,
    HALF_KM,
    PX,
    R_MAX_KM,
    R_MIN_KM,
    REMAINDER_KM,
    SWING,
    VX,
    describe_each,
    describe_slab,
    widen_by_check,
)

STEP_S = 120.0
NO_LIMITS_KM = (np.inf, 0.0)
MU_KM3_S2 = 398600.8


def kepler(radius_km: float, speed_factor: float, climb: float, times_s: np.ndarray) -> np.ndarray:
    """Positions (k, 3) km at times from one with this radius, factor of the circular speed and climb angle (rad).

    Universal variables, Bate, Mueller and White, 4.5: independent of the kernels.
    """
    r0 = np.array([radius_km, 0.0, 0.0])
    speed = speed_factor * np.sqrt(MU_KM3_S2 / radius_km)
    v0 = speed * np.array([np.sin(climb), 0.6 * np.cos(climb), 0.8 * np.cos(climb)])
    root_mu = np.sqrt(MU_KM3_S2)
    alpha = 2.0 / radius_km - speed**2 / MU_KM3_S2
    radial = r0 @ v0 / root_mu
    positions = []
    for t in times_s:
        chi = root_mu * t * alpha if alpha > 1e-9 else root_mu * t / radius_km
        for _ in range(60):
            z = alpha * chi * chi
            if z > 1e-8:
                c, s = (1.0 - np.cos(np.sqrt(z))) / z, (np.sqrt(z) - np.sin(np.sqrt(z))) / np.sqrt(z) ** 3
            else:
                c, s = 0.5 - z / 24.0, 1.0 / 6.0 - z / 120.0
            r = chi * chi * c + radial * chi * (1.0 - z * s) + radius_km * (1.0 - z * c)
            step = (root_mu * t - chi**3 * s - radial * chi**2 * c - radius_km * chi * (1.0 - z * s)) / r
            chi += step
            if abs(step) < 1e-11 * max(abs(chi), 1.0):
                break
        f, g = 1.0 - chi * chi / radius_km * c, t - chi**3 * s / root_mu
        positions.append(f * r0 + g * v0)
    return np.array(positions)


def described(stencil: np.ndarray, half_km: float) -> np.ndarray:
    rows, regular = np.zeros((1, DESCRIPTION_WIDTH)), np.zeros(1, dtype=np.bool_)
    grid = np.ascontiguousarray(stencil[:, :, None])
    describe_slab(
        grid, np.zeros((8, 1), dtype=np.int8), 0, STEP_S, np.array([half_km]), np.zeros(1), *NO_LIMITS_KM, rows, regular
    )
    assert regular[0]
    return rows[0]


def assert_bounds_hold(row: np.ndarray, tau_s: np.ndarray, truth_km: np.ndarray, half_s: float) -> None:
    tau = tau_s[:, None]
    at = row[PX : PX + 3] + tau * (row[VX : VX + 3] + 0.5 * tau * row[AX : AX + 3])
    assert np.linalg.norm(truth_km - at, axis=1).max() <= row[REMAINDER_KM]
    radius = np.linalg.norm(truth_km, axis=1)
    assert row[R_MIN_KM] <= radius.min()
    assert radius.max() <= row[R_MAX_KM]
    assert row[BEND_KM] == pytest.approx(0.5 * half_s**2 * np.linalg.norm(row[AX : AX + 3]))
    unit = row[PX : PX + 3] / np.linalg.norm(row[PX : PX + 3])
    turned = np.linalg.norm(truth_km / radius[:, None] - unit, axis=1).max()
    assert turned + row[HALF_KM] / row[R_MIN_KM] <= row[SWING]


MOTIONS = {
    "radius_km": st.floats(6_500.0, 45_000.0),
    "speed_factor": st.floats(0.3, 1.41),
    "climb": st.floats(-0.5, 0.5),
    "half_km": st.floats(0.5, 50.0),
}


@settings(max_examples=150, deadline=None)
@given(**MOTIONS)
def test_a_description_bounds_the_motion_anywhere_in_its_slab(
    radius_km: float, speed_factor: float, climb: float, half_km: float
) -> None:
    row = described(kepler(radius_km, speed_factor, climb, (np.arange(8) - 3.5) * STEP_S), half_km)
    tau_s = np.linspace(-0.5 * STEP_S, 0.5 * STEP_S, 97)
    assert_bounds_hold(row, tau_s, kepler(radius_km, speed_factor, climb, tau_s), 0.5 * STEP_S)


@settings(max_examples=150, deadline=None)
@given(length_s=st.floats(0.5, 120.0), **MOTIONS)
def test_a_description_whose_stencil_is_its_interval_bounds_the_motion_there(
    length_s: float, radius_km: float, speed_factor: float, climb: float, half_km: float
) -> None:
    stencil = kepler(radius_km, speed_factor, climb, (np.arange(8) - 3.5) / 7.0 * length_s)
    rows = np.zeros((1, DESCRIPTION_WIDTH))
    describe_each(stencil[None], np.array([length_s / 7.0]), np.array([half_km]), np.zeros(1), rows)
    tau_s = np.linspace(-0.5 * length_s, 0.5 * length_s, 97)
    assert_bounds_hold(rows[0], tau_s, kepler(radius_km, speed_factor, climb, tau_s), 0.5 * length_s)


@settings(max_examples=150, deadline=None)
@given(jump_km=st.floats(0.0, 5.0), at_s=st.floats(-420.0, 420.0), slack_km=st.floats(0.0, 1.0), **MOTIONS)
def test_widened_bounds_hold_for_a_motion_that_jumps(
    jump_km: float,
    at_s: float,
    slack_km: float,
    radius_km: float,
    speed_factor: float,
    climb: float,
    half_km: float,
) -> None:
    def truth(times_s: np.ndarray) -> np.ndarray:
        jump = np.where(times_s > at_s, jump_km, 0.0)[:, None] * np.array([0.6, 0.0, 0.8])
        return kepler(radius_km, speed_factor, climb, times_s) + jump

    row = described(truth((np.arange(8) - 3.5) * STEP_S), half_km)
    regular = np.ones(1, dtype=np.bool_)
    middle = truth(np.zeros(1)).T
    widen_by_check(
        middle,
        np.zeros(1, dtype=np.int8),
        np.array([slack_km]),
        np.zeros(1, dtype=np.int64),
        *NO_LIMITS_KM,
        row[None],
        regular,
    )
    tau_s = np.linspace(-0.5 * STEP_S, 0.5 * STEP_S, 96)  # not the jump's own instant, unless by chance
    assert_bounds_hold(row, tau_s, truth(tau_s), 0.5 * STEP_S)


def test_objects_of_a_slab_are_described_each_by_itself_whatever_their_number() -> None:
    stencils = np.array([kepler(6_800.0 + 40.0 * k, 1.0, 0.01 * k, (np.arange(8) - 3.5) * STEP_S) for k in range(300)])
    grid = np.ascontiguousarray(stencils.transpose(1, 2, 0))
    code = np.zeros((8, 300), dtype=np.int8)
    code[6, 7] = 1
    rows, regular = np.zeros((300, DESCRIPTION_WIDTH)), np.zeros(300, dtype=np.bool_)
    describe_slab(grid, code, 0, STEP_S, np.full(300, 2.5), np.zeros(300), *NO_LIMITS_KM, rows, regular)
    assert np.flatnonzero(~regular).tolist() == [7]
    for k in (0, 6, 127, 128, 299):
        np.testing.assert_allclose(rows[k], described(stencils[k], 2.5), rtol=1e-9)


def assembly_of(kernel: numba.core.dispatcher.Dispatcher, *arguments: object) -> str:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"this test reads x86-64 assembly, and the machine is {platform.machine()}")
    # compiled anew: numba cannot show the assembly of what it took from its cache
    anew = numba.jit(**kernel.targetoptions)(kernel.py_func)
    anew(*arguments)
    return "\n".join(anew.inspect_asm().values())


def test_describing_is_packed() -> None:
    tile = np.ones(3 * 8 * 128)
    assembly = assembly_of(slab_kernel.describe_tile, tile, STEP_S, np.zeros(DESCRIPTION_WIDTH * 128))
    assert re.search(r"\bv?sqrtpd\b", assembly)
    assert len(re.findall(r"\bv?(?:mul|fn?m(?:add|sub)\d+)pd\b", assembly)) >= 30
    if get_host_cpu_features().get("fma"):
        assert len(re.findall(r"\bvfn?m(?:add|sub)\d+pd\b[^\n]*[yz]mm", assembly)) >= 20


def test_the_pair_search_is_packed() -> None:
    rows = np.array([described(kepler(7_000.0 + k, 1.0, 0.0, (np.arange(8) - 3.5) * STEP_S), 2.5) for k in range(3)])
    everyone = np.ones(3, dtype=np.bool_)
    assembly = assembly_of(sieve_kernel.pairs_in_slab, rows, everyone, np.full(3, -1), STEP_S)
    assert re.search(r"\bv?divps\b", assembly)
    assert re.search(r"\bv?sqrtps\b", assembly)
    if get_host_cpu_features().get("fma"):
        assert len(re.findall(r"\bvfn?m(?:add|sub)\d+ps\b[^\n]*[yz]mm", assembly)) >= 8
    # a signed index would make LLVM gather
    assert "gather" not in assembly

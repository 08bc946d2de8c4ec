"""Deep-space and eccentric tiles against the sgp4 library and the scalar kernel; that they are packed."""

import gzip
import os
import platform
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite.binding import get_host_cpu_features
from sgp4.api import Satrec

from conjunction import sgp4_deep_tile_kernel as kernel
from conjunction.catalogue import Catalogue
from conjunction.sgp4_deep_tile_kernel import KIND_NEAR_EARTH, KINDS, LANES, LEFT_TO_SCALAR, STEP_LANES, tile_states
from conjunction.sgp4_deep_tiles import NOT_IN_TILES, grid_of_kinds, tile_kind
from conjunction.sgp4_kernel import DEEP_SPACE_COEFFICIENTS, DEEP_SPACE_COLUMN, NEAR_EARTH_COEFFICIENTS
from conjunction.sgp4_tiles import GridStates
from schemas.tle.read import read_tle
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, table_of
from tests.conjunction.test_sgp4_tiles import one_by_one

DATA = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data"))
NS_PER_MIN = 60_000_000_000
NS_PER_S = 1_000_000_000
DAY_MIN = 1440.0
XKE = 0.07436691613317342  # WGS-72
RADIUS_EARTH_KM = 6378.135
BOUND_PER_AXIS = 2e-12  # the theory itself leaves 1e-12 rad in Kepler's equation, and so 1e-12 of the semi-major axis
LEAST_BOUND_KM = 1e-7
BOUND_KM_S = 5e-11
MINUTES = np.array(
    [-10.0 * DAY_MIN, -1440.0, -720.0, -719.9, -0.5, 0.0, 1.0, 97.3, 719.999, 720.0, 720.001, 1440.0, 7200.5]
    + [day * DAY_MIN for day in (7.4, 14.0, 30.0, 45.03, 60.0)]
)


def classes_of_orbits(count: int, seed: int = 7) -> dict[str, list[Elements]]:
    """Deep-space orbits of every class, `count` each, and eccentric ones near the earth."""
    random = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    def power(low: float, high: float) -> float:
        return float(10.0 ** random.uniform(low, high))

    def angle() -> float:
        return between(0.0, 360.0)

    def many(make: Callable[[], Elements]) -> list[Elements]:
        return [make() for _ in range(count)]

    def with_angles(motion: float, eccentricity: float, inclination: float, bstar: float = 0.0) -> Elements:
        return motion, eccentricity, inclination, angle(), angle(), angle(), bstar

    return {
        "GEO in the equator": many(lambda: with_angles(between(0.99, 1.01), power(-6, -2), power(-4, 0))),
        "GEO at 0 to 16 deg": many(lambda: with_angles(between(0.9, 1.1), power(-5, -1.5), between(0.0, 16.0))),
        "inclined about 0.2 rad": many(lambda: with_angles(between(0.7, 6.0), power(-3, -0.3), between(11.42, 11.5))),
        "Molniya": many(lambda: with_angles(between(1.95, 2.05), between(0.5, 0.76), between(55.0, 70.0))),
        "12 h in the equator": many(lambda: with_angles(between(1.95, 2.05), between(0.5, 0.76), between(0.0, 14.0))),
        "GTO": many(lambda: with_angles(between(2.1, 2.5), between(0.68, 0.73), between(0.0, 30.0), power(-6, -3))),
        "MEO": many(lambda: with_angles(between(1.5, 6.3), between(0.0, 0.05), between(50.0, 66.0))),
        "beyond GEO": many(lambda: with_angles(between(0.1, 0.99), between(0.0, 0.3), between(0.0, 90.0))),
        "HEO": many(lambda: with_angles(between(0.1, 0.6), between(0.6, 0.93), between(0.0, 90.0))),
        "retrograde": many(lambda: with_angles(between(0.5, 5.0), between(0.0, 0.4), between(90.0, 176.0))),
        "node at the cut": many(
            lambda: (between(2.0, 6.0), power(-4, -0.5), between(0.0, 11.0), -359.99, angle(), angle(), 0.0)
        ),
        "near the earth": many(
            lambda: with_angles(between(6.5, 7.0), between(0.3, 0.42), between(0.0, 178.0), power(-6, -3))
        ),
    }


def in_tiles_alone(catalogue: Catalogue, rows: np.ndarray, tai_ns: np.ndarray) -> GridStates:
    """What the tiles give before anything is left to the scalar kernel, which all rows outside of them are."""
    shape = (len(tai_ns), 3, len(rows))
    grid = GridStates(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape[::2], LEFT_TO_SCALAR, np.int8))
    kind = tile_kind(catalogue.coefficients, rows)
    columns = np.arange(len(rows))
    grid_of_kinds(catalogue.coefficients, catalogue.epoch_tai_ns, rows, columns, kind, tai_ns, *grid)
    return grid


def bound_km(catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
    axis_km = (XKE / catalogue.coefficients[rows, 0]) ** (2.0 / 3.0) * RADIUS_EARTH_KM
    bound: np.ndarray = np.maximum(LEAST_BOUND_KM, BOUND_PER_AXIS * axis_km)
    return bound


def assert_right_where_marked(tiles: GridStates, scalar: GridStates, bounds_km: np.ndarray) -> None:
    good = tiles.code == 0
    assert set(np.unique(tiles.code)) <= {0, LEFT_TO_SCALAR}
    assert not scalar.code[good].any()
    apart_km = np.where(good, np.linalg.norm(tiles.position_km - scalar.position_km, axis=1), 0.0)
    apart_km_s = np.where(good, np.linalg.norm(tiles.velocity_km_s - scalar.velocity_km_s, axis=1), 0.0)
    assert (apart_km <= bounds_km).all()
    assert apart_km_s.max() < BOUND_KM_S


def by_the_library(satellites: list[Satrec], minutes: np.ndarray) -> GridStates:
    shape = (len(minutes), 3, len(satellites))
    grid = GridStates(np.empty(shape), np.empty(shape), np.empty(shape[::2], np.int8))
    for k, minute in enumerate(minutes):
        for column, satellite in enumerate(satellites):
            code, position, velocity = satellite.sgp4_tsince(float(minute))
            grid.code[k, column] = code
            grid.position_km[k, :, column] = position
            grid.velocity_km_s[k, :, column] = velocity
    return grid


def at(minutes: np.ndarray) -> np.ndarray:
    return EPOCH_TAI_NS + np.rint(minutes * NS_PER_MIN).astype(np.int64)


@pytest.mark.parametrize("name", classes_of_orbits(0))
def test_states_equal_the_librarys_for_each_class_from_ten_days_before_epoch_to_sixty_after(name: str) -> None:
    elements = table_of(classes_of_orbits(40)[name])
    catalogue = Catalogue.from_elements(elements)
    assert catalogue.deep_space.any() != (name == "near the earth")
    rows = np.arange(catalogue.n, dtype=np.int32)
    tiles = in_tiles_alone(catalogue, rows, at(MINUTES))
    library = by_the_library(satellites_of(elements), MINUTES)
    assert_right_where_marked(tiles, library, bound_km(catalogue, rows))
    left = (tiles.code == LEFT_TO_SCALAR)[library.code == 0]
    assert left.mean() < 0.01  # the tiles themselves do the work


def test_states_equal_the_scalar_kernels_over_a_week_of_two_hour_steps_for_all_classes_at_once() -> None:
    catalogue = Catalogue.from_elements(
        table_of([orbit for orbits in classes_of_orbits(15, 8).values() for orbit in orbits])
    )
    rows = np.random.default_rng(3).permutation(catalogue.n).astype(np.int32)
    assert set(np.unique(tile_kind(catalogue.coefficients, rows))) == set(range(KINDS))
    tai_ns = at(np.arange(0.0, 7.0 * DAY_MIN, 120.0))
    tiles, scalar = in_tiles_alone(catalogue, rows, tai_ns), one_by_one(catalogue, rows, tai_ns)
    assert_right_where_marked(tiles, scalar, bound_km(catalogue, rows))


def test_states_equal_the_librarys_over_the_published_verification_set() -> None:
    text = (files("sgp4") / "SGP4-VER.TLE").read_text()
    reading = read_tle(text.encode(), "SGP4-VER.TLE")
    lines = [line for line in text.splitlines() if line[:2] in ("1 ", "2 ")]
    by_number = {
        int(one[2:7]): Satrec.twoline2rv(one[:69], two[:69]) for one, two in zip(lines[::2], lines[1::2], strict=True)
    }
    numbers = reading.elements.column("catalogue_number").to_pylist()
    catalogue = Catalogue.from_elements(reading.elements)
    minutes = np.array([-1440.0, 0.0, 120.0, 720.0, 1440.0, 2880.0, 4320.0])
    compared = 0
    for row in np.flatnonzero(catalogue.deep_space).astype(np.int32):
        if row in catalogue.unusable or numbers[row] not in by_number:
            continue
        tai_ns = catalogue.epoch_tai_ns[row] + np.rint(minutes * NS_PER_MIN).astype(np.int64)
        one = np.array([row], dtype=np.int32)
        tiles = in_tiles_alone(catalogue, one, tai_ns)
        assert_right_where_marked(tiles, by_the_library([by_number[numbers[row]]], minutes), bound_km(catalogue, one))
        compared += int((tiles.code == 0).all())
    assert compared >= 14


def perturbed_inclination_rad(coefficients: np.ndarray, minutes: np.ndarray) -> np.ndarray:
    """The inclination that Lyddane's modification is decided by, written out from the report's dpper."""

    def deep(name: str) -> float:
        return float(coefficients[DEEP_SPACE_COLUMN + 1 + DEEP_SPACE_COEFFICIENTS.index(name)])

    total: np.ndarray = coefficients[NEAR_EARTH_COEFFICIENTS.index("inclo")] + deep("didt") * minutes - deep("pinco")
    bodies = (("zmos", 1.19459e-5, 0.01675, "si2", "si3"), ("zmol", 1.5835218e-4, 0.05490, "xi2", "xi3"))
    for start, rate, eccentricity, of_f2, of_f3 in bodies:
        zm = deep(start) + rate * minutes
        zf = zm + 2.0 * eccentricity * np.sin(zm)
        f2, f3 = 0.5 * np.sin(zf) ** 2 - 0.25, -0.5 * np.sin(zf) * np.cos(zf)
        total = total + deep(of_f2) * f2 + deep(of_f3) * f3
    return total


def test_lyddanes_modification_sets_in_at_the_same_instant_as_in_the_scalar_kernel() -> None:
    orbits = classes_of_orbits(60, 9)["inclined about 0.2 rad"]
    catalogue = Catalogue.from_elements(table_of(orbits))
    minutes = np.arange(0.0, 60.0 * DAY_MIN, 30.0)
    switched = 0
    for row in range(catalogue.n):
        over = perturbed_inclination_rad(catalogue.coefficients[row], minutes) - 0.2
        for k in np.flatnonzero(over[:-1] * over[1:] < 0.0):
            low, high = minutes[k], minutes[k + 1]
            for _ in range(60):
                middle = 0.5 * (low + high)
                inside = perturbed_inclination_rad(catalogue.coefficients[row], np.array([middle]))[0] - 0.2
                low, high = (middle, high) if inside * over[k] > 0.0 else (low, middle)
            around = at(np.array([low])) + np.array([-120, -30, 0, 30, 120]) * NS_PER_S
            one = np.array([row], dtype=np.int32)
            tiles, scalar = in_tiles_alone(catalogue, one, around), one_by_one(catalogue, one, around)
            assert tiles.code[2, 0] == LEFT_TO_SCALAR  # too near for rounding to decide
            assert not tiles.code[[0, 4], 0].any()
            assert_right_where_marked(tiles, scalar, bound_km(catalogue, one))
            switched += 1
    assert switched >= 20


def test_the_nodes_cut_and_inclinations_below_zero_are_those_of_the_scalar_kernel() -> None:
    orbits = classes_of_orbits(40, 10)
    catalogue = Catalogue.from_elements(table_of(orbits["node at the cut"] + orbits["GEO in the equator"]))
    rows = np.arange(catalogue.n, dtype=np.int32)
    minutes = np.arange(-200.0, 2000.0, 7.0)
    tiles, scalar = in_tiles_alone(catalogue, rows, at(minutes)), one_by_one(catalogue, rows, at(minutes))
    assert_right_where_marked(tiles, scalar, bound_km(catalogue, rows))
    nodes = catalogue.coefficients[:40, NEAR_EARTH_COEFFICIENTS.index("nodeo")]
    rates = catalogue.coefficients[:40, NEAR_EARTH_COEFFICIENTS.index("nodedot")]
    assert ((nodes + rates * minutes[-1] < -2.0 * np.pi) & (nodes > -2.0 * np.pi)).sum() > 20
    inclinations = np.array([perturbed_inclination_rad(row, minutes) for row in catalogue.coefficients[40:]])
    assert (inclinations < -1e-5).any()
    assert (tiles.code == 0).mean() > 0.99


def test_a_state_depends_on_its_orbit_and_its_instant_alone_bit_for_bit() -> None:
    catalogue = Catalogue.from_elements(table_of([orbit for some in classes_of_orbits(9).values() for orbit in some]))
    rows = np.arange(catalogue.n, dtype=np.int32)
    random = np.random.default_rng(2)
    minutes = np.sort(np.concatenate([MINUTES, random.uniform(-5.0 * DAY_MIN, 20.0 * DAY_MIN, 40)]))
    in_order = in_tiles_alone(catalogue, rows, at(minutes))
    assert (in_order.code == 0).mean() > 0.98
    times, some = random.permutation(len(minutes)), random.permutation(len(rows))[:50]
    shuffled = in_tiles_alone(catalogue, rows[some], at(minutes[times]))
    good = in_order.code[np.ix_(times, some)] == 0
    assert ((shuffled.code == 0) == good).all()
    for whole, part in zip(in_order[:2], shuffled[:2], strict=True):
        expected = whole[np.ix_(times, np.arange(3), some)]
        assert (np.moveaxis(expected, 1, 2)[good] == np.moveaxis(part, 1, 2)[good]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(0.01, 17.0), st.floats(0.8, 1.2), st.floats(1.9, 2.1)),
            st.one_of(st.floats(0.0, 0.99), st.floats(0.5, 0.99)),
            st.one_of(st.floats(0.0, 180.0), st.floats(0.0, 12.0), st.just(0.0)),
            *[st.floats(-360.0, 360.0)] * 3,
            st.one_of(st.floats(-1e-3, 1e-3), st.floats(-10.0, 10.0)),
        ),
        min_size=1,
        max_size=8,
    ),
    st.one_of(st.floats(-60.0 * DAY_MIN, 60.0 * DAY_MIN), st.floats(-2000.0 * DAY_MIN, 2000.0 * DAY_MIN)),
)
def test_whatever_the_elements_what_the_tiles_vouch_for_is_the_scalar_kernels(
    elements: list[Elements], minute: float
) -> None:
    catalogue = Catalogue.from_elements(table_of(elements))
    rows = np.arange(catalogue.n, dtype=np.int32)
    tai_ns = at(np.array([minute]))
    tiles, scalar = in_tiles_alone(catalogue, rows, tai_ns), one_by_one(catalogue, rows, tai_ns)
    good = tiles.code == 0
    assert not scalar.code[good].any()
    apart_km = np.linalg.norm(tiles.position_km - scalar.position_km, axis=1)
    # rounding of long angles weighs next to the perigee of extreme orbits
    assert (apart_km <= 20.0 * bound_km(catalogue, rows))[good].all()


def test_rows_that_no_tile_takes_and_times_far_from_epoch_are_left_to_the_scalar_kernel() -> None:
    orbits = all_regimes()
    geo = orbits[125]
    orbits = [geo, (geo[0], 1.5, *geo[2:]), (0.2, 0.98, *geo[2:]), orbits[-1]]
    catalogue = Catalogue.from_elements(table_of(orbits))
    rows = np.arange(4, dtype=np.int32)
    assert tile_kind(catalogue.coefficients, rows).tolist() == [3, NOT_IN_TILES, NOT_IN_TILES, KIND_NEAR_EARTH]
    tiles = in_tiles_alone(catalogue, rows, at(np.array([0.0, 401.0 * DAY_MIN, -401.0 * DAY_MIN, 1.0])))
    assert tiles.code[:, 0].tolist() == [0, LEFT_TO_SCALAR, LEFT_TO_SCALAR, 0]
    assert (tiles.code[:, 1:3] == LEFT_TO_SCALAR).all()


def test_where_two_steps_do_not_solve_keplers_equation_the_state_is_left_to_the_scalar_kernel() -> None:
    random = np.random.default_rng(5)
    orbits: list[Elements] = [
        (0.25, float(random.uniform(0.94, 0.969)), 40.0, 10.0, 20.0, float(10.0 ** random.uniform(-2.0, 1.5)), 0.0)
        for _ in range(500)
    ]
    catalogue = Catalogue.from_elements(table_of(orbits))
    rows = np.arange(catalogue.n, dtype=np.int32)
    minutes = np.arange(0.0, 400.0, 20.0)
    tiles, scalar = in_tiles_alone(catalogue, rows, at(minutes)), one_by_one(catalogue, rows, at(minutes))
    assert_right_where_marked(tiles, scalar, bound_km(catalogue, rows))
    assert 0.01 < (tiles.code == LEFT_TO_SCALAR)[scalar.code == 0].mean() < 0.6


def test_an_orbit_that_comes_to_need_lyddanes_modification_where_its_tile_has_none_is_left_to_the_scalar() -> None:
    nodes = np.linspace(0.0, 345.0, 24)
    orbits: list[Elements] = [(0.2, 0.05, 12.63, float(node), 20.0, 30.0, 0.0) for node in nodes]
    catalogue = Catalogue.from_elements(table_of(orbits))
    rows = np.arange(catalogue.n, dtype=np.int32)
    assert not (tile_kind(catalogue.coefficients, rows) % 2).any()
    minutes = np.arange(0.0, 390.0, 15.0) * DAY_MIN
    tiles, scalar = in_tiles_alone(catalogue, rows, at(minutes)), one_by_one(catalogue, rows, at(minutes))
    low = np.array([perturbed_inclination_rad(row, minutes) for row in catalogue.coefficients]).T < 0.2
    assert low.any()
    assert (tiles.code == LEFT_TO_SCALAR)[low].all()
    assert_right_where_marked(tiles, scalar, bound_km(catalogue, rows))


def test_velocities_are_left_alone_unless_asked_for_and_columns_are_the_callers() -> None:
    catalogue = Catalogue.from_elements(table_of(classes_of_orbits(2)["Molniya"]))
    rows = np.array([1, 0], dtype=np.int32)
    position_km, code = np.full((1, 3, 5), -1.0), np.full((1, 5), 9, np.int8)
    grid_of_kinds(
        catalogue.coefficients,
        catalogue.epoch_tai_ns,
        rows,
        np.array([4, 2]),
        tile_kind(catalogue.coefficients, rows),
        at(np.array([10.0])),
        position_km,
        np.empty((0, 3, 5)),
        code,
    )
    scalar = one_by_one(catalogue, rows, at(np.array([10.0])))
    np.testing.assert_allclose(position_km[:, :, [4, 2]], scalar.position_km, rtol=0.0, atol=LEAST_BOUND_KM)
    assert code.tolist() == [[9, 9, 0, 9, 0]]
    assert (position_km[:, :, [0, 1, 3]] == -1.0).all()


@nb.njit(nogil=True, error_model="numpy", fastmath={"contract"})
def step_of_a_day(tile, out):  # type: ignore[no-untyped-def]
    for lane in range(STEP_LANES):
        kernel._step(tile, lane, out[kernel._T * LANES + lane], False)


@nb.njit(nogil=True, error_model="numpy", fastmath={"contract"})
def step_of_half_a_day(tile, out):  # type: ignore[no-untyped-def]
    for lane in range(STEP_LANES):
        kernel._step(tile, lane, out[kernel._T * LANES + lane], True)


def loop_of(lane: Any, *options: bool) -> Any:
    """A kernel that is one of the loops of `tile_states`."""
    with_tile = "c" in lane.py_func.__code__.co_varnames[:1]
    option = options[0] if options else None
    if with_tile and option is None:

        def loop(tile, out):  # type: ignore[no-untyped-def]
            for j in range(LANES):
                lane(tile, j, out)
    elif with_tile:

        def loop(tile, out):  # type: ignore[no-untyped-def]
            for j in range(LANES):
                lane(tile, j, out, option)
    else:

        def loop(tile, out):  # type: ignore[no-untyped-def]
            for j in range(LANES):
                lane(j, out)

    return nb.njit(nogil=True, error_model="numpy", fastmath={"contract"})(loop)


LOOPS: dict[str, tuple[Any, int]] = {
    "secular": (loop_of(kernel._secular), 5),
    "secular near the earth": (loop_of(kernel._secular_near_earth), 30),
    "24 h resonance": (loop_of(kernel._resonant, False), 8),
    "12 h resonance": (loop_of(kernel._resonant, True), 8),
    "periodics": (loop_of(kernel._periodics), 50),
    "direct": (loop_of(kernel._perturbed, False), 10),
    "Lyddane": (loop_of(kernel._perturbed, True), 20),
    "long period": (loop_of(kernel._long_period), 25),
    "Kepler": (loop_of(kernel._in_orbit), 40),
    "short period": (loop_of(kernel._short_period), 40),
    "step of a day": (step_of_a_day, 25),
    "step of half a day": (step_of_half_a_day, 60),
}


def assembly_of(compiled: Any) -> str:
    return "\n".join(compiled.inspect_asm().values())


def without_calls(assembly: str) -> bool:
    called = r"(?:sin|cos|sincos|atan2?|pow|cbrt|fmod|floor|trunc|rint|sqrt)"
    return not re.search(rf"\$_?{called}\b|\bcallq?\s+_?{called}\b", assembly)


@pytest.mark.parametrize("name", LOOPS)
def test_each_loop_is_compiled_to_packed_arithmetic_without_calls(name: str) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"this test reads x86-64 assembly, and the machine is {platform.machine()}")
    loop, multiplications = LOOPS[name]
    numbers = nb.types.Array(nb.float64, 1, "C")
    loop.compile((numbers, numbers))
    assembly = assembly_of(loop)
    assert without_calls(assembly)
    if get_host_cpu_features().get("fma"):
        assert len(re.findall(r"\bvfn?m(?:add|sub)\d+pd\b", assembly)) >= multiplications
    else:
        assert len(re.findall(r"\bv?mulpd\b", assembly)) >= multiplications


def test_the_whole_kernel_calls_no_function_of_mathematics() -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"this test reads x86-64 assembly, and the machine is {platform.machine()}")
    # compiled anew: numba cannot show the assembly of what it took from its cache
    anew = nb.njit(nogil=True, error_model="numpy", fastmath={"contract"})(tile_states.py_func)
    numbers = nb.types.Array(nb.float64, 1, "C")
    anew.compile((numbers, nb.types.Array(nb.int64, 1, "C"), numbers, nb.int64))
    assembly = assembly_of(anew)
    assert without_calls(assembly)
    if get_host_cpu_features().get("fma"):
        assert len(re.findall(r"\bvfn?m(?:add|sub)\d+pd\b", assembly)) >= 300
        assert re.search(r"\bv(?:div|sqrt)pd\b[^\n]*[yz]mm", assembly)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2024-07-05_26389", "2024-09-17_26905", "2025-01-11_27260"])
def test_tiles_equal_the_scalar_kernel_over_the_deep_space_objects_of_a_real_catalogue(name: str) -> None:
    path = DATA / "catalogues" / f"{name}.tle.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here: /work/shared/data is absent")
    catalogue = Catalogue.from_elements(read_tle(gzip.decompress(path.read_bytes()), path.name).elements)
    eccentric = catalogue.coefficients[:, NEAR_EARTH_COEFFICIENTS.index("ecco")] > 0.3
    rows = np.flatnonzero(catalogue.deep_space | eccentric).astype(np.int32)
    assert len(rows) > 3_900
    newest_ns = int(np.quantile(catalogue.epoch_tai_ns[rows], 0.99))
    tai_ns = newest_ns + np.rint(np.linspace(-10.0, 60.0, 36) * DAY_MIN * NS_PER_MIN).astype(np.int64)
    tiles, scalar = in_tiles_alone(catalogue, rows, tai_ns), one_by_one(catalogue, rows, tai_ns)
    assert_right_where_marked(tiles, scalar, bound_km(catalogue, rows))
    assert (tiles.code == LEFT_TO_SCALAR)[scalar.code == 0].mean() < 0.001

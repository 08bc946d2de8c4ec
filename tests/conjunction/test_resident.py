"""The resident catalogue against `screen`, which finds its pairs another way, and what it promises of changes."""

import platform
import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llvmlite.binding import get_host_cpu_features

from conjunction.catalogue import Catalogue
from conjunction.resident import ResidentCatalogue
from conjunction.resident_kernel import BLOCK, CHUNK, FIRST_NODE, describe_half, lagrange_weights, near_segments
from conjunction.resident_schedule import in_chunks
from conjunction.screening import screen
from tests.conjunction.ephemerides import segment_of, sgp4_states
from tests.conjunction.meetings import meeting_pairs, neighbours
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, rev_per_day, table_of

DAY_S = 86_400.0
MEETING_MIN = 600.0
COLUMNS = ("tca_tai_ns", "miss_distance_m", "entry_tai_ns", "exit_tai_ns", "at_window_edge")
CIRCULAR: Elements = (15.2, 1e-3, 53.0, 10.0, 20.0, 30.0, 0.0)
Found = set[tuple[Any, ...]]


def catalogue_of(rows: list[Elements]) -> Catalogue:
    return Catalogue.from_elements(table_of(rows))


def falling() -> list[Elements]:
    """Orbits that decay in mid-window, graze the earth at perigee, or are no orbits at all."""
    random = np.random.default_rng(7)
    rows: list[Elements] = [
        (rev_per_day(6508.0 + 6.0 * k), 1e-3, 51.6, 10.0, 20.0, 36.0 * k, 0.02 + 0.004 * k) for k in range(8)
    ]
    rows += [
        (rev_per_day(6380.2 / (1.0 - e)), e, 30.0, 10.0 * k, 90.0, 40.0 * k, 0.0)
        for k, e in enumerate((0.02, 0.1, 0.3, 0.7))
    ]
    rows += [(rev_per_day(6500.0), 1e-3, 51.6, 10.0, 20.0, random.uniform(0.0, 360.0), 5.0) for _ in range(3)]
    return rows


def found_by_screen(catalogue: Catalogue, asked: int, start_ns: int, duration_s: float, threshold_km: float) -> Found:
    """Conjunctions of the first `asked` rows with the others, by `screen` on all."""
    table = screen(catalogue, start_tai_ns=start_ns, duration_s=duration_s, threshold_km=threshold_km).conjunctions
    return {
        (row["index_1"], row["index_2"] - asked, *(row[name] for name in COLUMNS))
        for row in table.to_pylist()
        if row["index_1"] < asked <= row["index_2"]
    }


def found_by_resident(resident: ResidentCatalogue, orbits: Catalogue) -> Found:
    rows = resident.screen(orbits).conjunctions.to_pylist()
    found = {(row["index_1"], row["index_2"], *(row[name] for name in COLUMNS)) for row in rows}
    assert len(found) == len(rows)
    return found


def split(rows: list[Elements], asked: int) -> tuple[Catalogue, Catalogue, Catalogue]:
    """(all rows, the first `asked`, the others)."""
    whole = catalogue_of(rows)
    return whole, whole.take(np.arange(asked)), whole.take(np.arange(asked, whole.n))


def assert_as_screen(rows: list[Elements], asked: int, start_ns: int, duration_s: float, threshold_km: float) -> Found:
    whole, orbits, others = split(rows, asked)
    expected = found_by_screen(whole, asked, start_ns, duration_s, threshold_km)
    resident = ResidentCatalogue.build(others, start_tai_ns=start_ns, duration_s=duration_s, threshold_km=threshold_km)
    assert found_by_resident(resident, orbits) == expected
    return expected


def shuffled(rows: list[Elements]) -> list[Elements]:
    order = np.random.default_rng(3).permutation(len(rows))
    return [rows[k] for k in order]


@pytest.mark.parametrize(("threshold_km", "offset_s"), [(5.0, 120.0), (50.0, 77.7)])
def test_orbits_of_all_regimes_meet_the_others_as_in_screen(threshold_km: float, offset_s: float) -> None:
    start_ns = EPOCH_TAI_NS + round(offset_s * 1e9)
    found = assert_as_screen(shuffled(all_regimes() + falling()), 40, start_ns, 0.5 * DAY_S, threshold_km)
    assert len(found) > (50 if threshold_km > 5.0 else 5)


@given(pair=st.one_of(meeting_pairs(MEETING_MIN), neighbours()), threshold_km=st.sampled_from([1.0, 20.0, 200.0]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_orbits_that_meet_do_so_as_in_screen(pair: tuple[Elements, Elements], threshold_km: float) -> None:
    assert_as_screen(list(pair), 1, EPOCH_TAI_NS + 33_000_000_000_000, 6000.0, threshold_km)


@given(pair=meeting_pairs(MEETING_MIN), offset_s=st.floats(-3.0, 3.0), ends=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_meetings_at_the_windows_edges_are_those_of_screen(
    pair: tuple[Elements, Elements], offset_s: float, ends: bool
) -> None:
    edge_s = MEETING_MIN * 60.0 + offset_s
    start_s = edge_s - 900.0 if ends else edge_s
    assert_as_screen(list(pair), 1, EPOCH_TAI_NS + round(start_s * 1e9), 900.0, 60.0)


@pytest.mark.parametrize("falls", ["the new orbit", "the resident one"])
def test_objects_that_decay_meet_others_up_to_the_instant_and_are_told(falls: str) -> None:
    rows = falling()
    beside = [(*row[:3], row[3] + 1e-3, *row[4:]) for row in rows]
    rows = rows + beside if falls == "the new orbit" else beside + rows
    found = assert_as_screen(rows, len(beside), EPOCH_TAI_NS, DAY_S, 20.0)
    assert any(row[-1] and row[2] > EPOCH_TAI_NS for row in found)
    whole, orbits, others = split(rows, len(beside))
    left_out = screen(whole, start_tai_ns=EPOCH_TAI_NS, duration_s=DAY_S).left_out.to_pylist()
    resident = ResidentCatalogue.build(others, start_tai_ns=EPOCH_TAI_NS, duration_s=DAY_S)
    told = resident.screen(orbits).left_out.to_pylist()
    told += [{**row, "index": row["index"] + orbits.n} for row in resident.left_out.to_pylist()]
    assert told == left_out
    assert len(left_out) > 4


def ephemerides_of(rows: list[Elements]) -> Catalogue:
    """Every 60 s: from before the window to after it, in two segments that join, with a gap, or within the window."""
    seconds = np.arange(-600.0, 11_460.0, 60.0)
    ways = ([slice(None)], [slice(0, 81), slice(80, None)], [slice(0, 60), slice(75, None)], [slice(33, 150)])
    found = []
    for number, row in enumerate(rows):
        satellite = satellites_of(table_of([row]))[0]
        times_ns = EPOCH_TAI_NS + np.round(seconds * 1e9).astype(np.int64)
        position_km, velocity_km_s = sgp4_states(satellite, EPOCH_TAI_NS, times_ns)
        way = ways[number % len(ways)]
        found.append([segment_of(times_ns[part], position_km[part], velocity_km_s[part]) for part in way])
    return Catalogue.from_ephemerides(found)


@pytest.mark.parametrize("asked", ["ephemerides", "element sets", "both"])
def test_ephemerides_meet_and_are_met_as_in_screen(asked: str) -> None:
    rows = shuffled(all_regimes())
    tracks, elements = ephemerides_of(rows[:40]), catalogue_of(rows[40:110])
    if asked == "ephemerides":
        orbits, others = tracks, elements
    elif asked == "element sets":
        orbits, others = elements, tracks
    else:
        later = ephemerides_of(rows[110:130])
        orbits, others = Catalogue.joined([elements, later]), Catalogue.joined([tracks, catalogue_of(rows[130:])])
    whole, start_ns = Catalogue.joined([orbits, others]), EPOCH_TAI_NS + 7_000_000_000
    expected = found_by_screen(whole, orbits.orbit_count, start_ns, 10_800.0, 50.0)
    resident = ResidentCatalogue.build(others, start_tai_ns=start_ns, duration_s=10_800.0, threshold_km=50.0)
    assert found_by_resident(resident, orbits) == expected
    assert len(expected) > 10
    told = {(row["index"], row["reason"], row["from_tai_ns"]) for row in resident.screen(orbits).left_out.to_pylist()}
    assert bool(told) == bool(orbits.is_ephemeris.any())


def test_a_catalogue_that_was_changed_answers_as_one_built_anew() -> None:
    rows = shuffled(all_regimes() + falling())
    _, orbits, others = split(rows, 12)
    resident = ResidentCatalogue.build(
        others.take(np.arange(100)), start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, threshold_km=50.0
    )
    resident.replace(np.arange(0, 100, 3), others.take(np.arange(100, 134)))
    added = resident.append(others.take(np.arange(134, others.n)))
    assert added.tolist() == list(range(100, 100 + others.n - 134))
    gone = np.array([1, 2, 105])
    resident.remove(gone)
    numbers = np.concatenate([np.arange(100), np.arange(134, others.n)])
    numbers[np.arange(0, 100, 3)] = np.arange(100, 134)
    kept = np.setdiff1d(np.arange(resident.n), gone)
    anew = ResidentCatalogue.build(
        others.take(numbers[kept]), start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, threshold_km=50.0
    )
    expected = {(row[0], int(kept[row[1]]), *row[2:]) for row in found_by_resident(anew, orbits)}
    assert found_by_resident(resident, orbits) == expected
    assert len(expected) > 50
    np.testing.assert_array_equal(resident.catalogue.coefficients, others.coefficients[numbers])
    resident.replace(gone, others.take(numbers[gone]))
    all_back = ResidentCatalogue.build(
        others.take(numbers), start_tai_ns=EPOCH_TAI_NS, duration_s=20_000.0, threshold_km=50.0
    )
    assert found_by_resident(resident, orbits) == found_by_resident(all_back, orbits)
    assert resident.left_out == all_back.left_out


def test_many_changes_do_not_make_it_grow() -> None:
    others = catalogue_of(falling())
    resident = ResidentCatalogue.build(others, start_tai_ns=EPOCH_TAI_NS, duration_s=7200.0, threshold_km=20.0)
    before, answer = resident.memory_bytes, found_by_resident(resident, others)
    for _ in range(40):
        resident.replace(np.arange(others.n), others)
    assert found_by_resident(resident, others) == answer
    assert resident.memory_bytes <= 2 * before


def test_an_empty_catalogue_has_no_conjunctions_and_takes_orbits() -> None:
    whole, orbits, others = split(all_regimes()[:60], 10)
    resident = ResidentCatalogue.build(
        others.take(np.arange(0)), start_tai_ns=EPOCH_TAI_NS, duration_s=DAY_S, threshold_km=50.0
    )
    assert found_by_resident(resident, orbits) == set()
    resident.append(others)
    assert found_by_resident(resident, orbits) == found_by_screen(whole, 10, EPOCH_TAI_NS, DAY_S, 50.0) != set()


def test_pairs_of_one_group_are_left_out_and_others_not() -> None:
    _, orbits, others = split([CIRCULAR, CIRCULAR, CIRCULAR], 1)
    resident = ResidentCatalogue.build(others, start_tai_ns=EPOCH_TAI_NS, duration_s=3600.0)
    result = resident.screen(orbits, group=np.array([4]), of_resident=np.array([4, -1]))
    assert result.conjunctions.column("index_2").to_pylist() == [1]
    result = resident.screen(orbits, group=np.array([-1]), of_resident=np.array([-1, -1]))
    assert result.conjunctions.column("index_2").to_pylist() == [0, 1]


def test_progress_reaches_one_and_threads_given_are_used() -> None:
    told: list[float] = []
    _, orbits, others = split(all_regimes()[:80], 5)
    with ThreadPoolExecutor(1) as executor:
        resident = ResidentCatalogue.build(
            others, start_tai_ns=EPOCH_TAI_NS, duration_s=DAY_S, executor=executor, progress=told.append
        )
        result = resident.screen(orbits, executor=executor)
    assert told[-1] == 1.0
    assert result.conjunctions == resident.screen(orbits).conjunctions


def test_what_means_nothing_is_refused() -> None:
    catalogue = catalogue_of([CIRCULAR, CIRCULAR])
    with pytest.raises(ValueError, match="duration_s"):
        ResidentCatalogue.build(catalogue, start_tai_ns=EPOCH_TAI_NS, duration_s=0.0)
    with pytest.raises(ValueError, match="threshold_km"):
        ResidentCatalogue.build(catalogue, start_tai_ns=EPOCH_TAI_NS, duration_s=60.0, threshold_km=np.inf)
    resident = ResidentCatalogue.build(catalogue, start_tai_ns=EPOCH_TAI_NS, duration_s=60.0)
    for rows in ([2], [-1], [0, 0]):
        with pytest.raises(ValueError, match="rows must be different and from 0 to 1"):
            resident.remove(np.array(rows))
    with pytest.raises(ValueError, match="1 rows cannot be replaced by 2"):
        resident.replace(np.array([0]), catalogue)
    with pytest.raises(ValueError, match="one of them is missing"):
        resident.screen(catalogue, group=np.array([0, 1]))
    with pytest.raises(ValueError, match="of_resident 1 for 2 rows"):
        resident.screen(catalogue, group=np.array([0, 1]), of_resident=np.array([0]))


def test_a_jump_anywhere_in_the_stencil_is_within_three_times_its_error_in_the_middle() -> None:
    nodes = np.arange(8) - 3.5
    points = [Fraction(k, 40) for k in range(-20, 21)]
    weights = np.array([lagrange_weights(point, 0) for point in points])
    at = np.array(points, dtype=np.float64)
    for jump_at in np.linspace(-3.49, 3.49, 350):
        steps = (nodes > jump_at).astype(np.float64)
        error = np.abs(weights @ steps - (at > jump_at))
        middle = abs(weights[20] @ steps - (jump_at < 0.0))
        assert error.max() <= 3.0 * middle + 1e-9


@given(seed=st.integers(0, 10_000), radius_km=st.sampled_from([6600.0, 42_000.0, 1e6]), reach_km=st.floats(5.0, 300.0))
@settings(max_examples=60, deadline=None)
def test_no_chord_within_reach_is_passed_over_in_single_precision(seed: int, radius_km: float, reach_km: float) -> None:
    random = np.random.default_rng(seed)
    line = np.cumsum(random.normal(0.0, 10.0 ** random.uniform(-3.0, 3.5), (2, 3, BLOCK + 1)), axis=2)
    line[1] = line[0] + random.normal(0.0, reach_km, (3, BLOCK + 1)) * 10.0 ** random.uniform(-1.0, 2.0, BLOCK + 1)
    line += radius_km / np.sqrt(3.0)
    apart = line[1] - line[0]
    step = np.diff(apart, axis=1)
    with np.errstate(invalid="ignore"):
        t = np.clip(-(apart[:, :-1] * step).sum(axis=0) / (step**2).sum(axis=0), 0.0, 1.0)
    least_km = np.linalg.norm(apart[:, :-1] + np.nan_to_num(t) * step, axis=0)
    run_km = np.linalg.norm(np.diff(line, axis=2), axis=1).max(axis=1).sum()
    reach = 1.002 * (reach_km + 2.0 * 2.0**-24 * np.linalg.norm(line, axis=1).max() + 2e-6 * run_km)
    near = np.empty(BLOCK, dtype=np.int64)
    row, query = line.astype(np.float32).reshape(2, CHUNK)
    none_of_query = np.zeros(BLOCK, dtype=np.float32)
    gap, folded = np.empty(BLOCK, np.float32), np.empty(BLOCK // 2, np.float32)
    count = near_segments(row, query, none_of_query, np.float32(reach), gap, folded, near)
    assert set(np.flatnonzero(least_km <= reach_km)) <= set(near[:count].tolist())


def test_a_node_that_is_no_number_hides_none_of_the_others() -> None:
    row, query = np.zeros((3, BLOCK + 1), np.float32), np.zeros((3, BLOCK + 1), np.float32)
    row[0] = np.nan
    row[0, 3:5] = 1.0
    reach = np.zeros(BLOCK, np.float32)
    near, gap, folded = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.float32), np.empty(BLOCK // 2, np.float32)
    count = near_segments(row.ravel(), query.ravel(), reach, np.float32(2.0), gap, folded, near)
    assert near[:count].tolist() == [3]


def test_nodes_are_read_where_they_were_put() -> None:
    """A uniform motion comes back as itself, in every segment's two slabs."""
    segments = 3 * BLOCK + 5
    time_s = 240.0 * (np.arange(segments + 7) - 3.0)
    line = np.stack([7000.0 + 0.25 * time_s / 240.0, -0.5 * time_s / 240.0, 0.0 * time_s])
    chunks = -(-(FIRST_NODE + segments + 7) // BLOCK)
    block = np.full((20, chunks, 3, BLOCK + 1), np.nan, dtype=np.float32)
    block[[17]] = in_chunks(line[None].astype(np.float32), chunks)
    motion = np.empty(12)
    for segment in range(segments):
        for half in range(2):
            describe_half(block.ravel(), 17, chunks, segment, half, 0.0, motion)
            at_s = 240.0 * segment + 60.0 + 120.0 * half
            np.testing.assert_allclose(motion[:3], [7000.0 + at_s / 960.0, -at_s / 480.0, 0.0], atol=1e-9)
            np.testing.assert_allclose(motion[3:6], [1.0 / 960.0, -1.0 / 480.0, 0.0], atol=1e-12)


def test_the_chord_kernel_is_compiled_to_packed_single_precision() -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"this test reads x86-64 assembly, and the machine is {platform.machine()}")
    # compiled anew: numba cannot show the assembly of what it took from its cache
    anew = nb.njit(nogil=True, error_model="numpy", fastmath={"contract"})(near_segments.py_func)
    numbers = nb.types.Array(nb.float32, 1, "C")
    anew.compile((numbers, numbers, numbers, nb.float32, numbers, numbers, nb.types.Array(nb.int64, 1, "C")))
    assembly = "\n".join(anew.inspect_asm().values())
    assert re.search(r"\bv?divps\b", assembly)
    assert len(re.findall(r"\bv?subps\b", assembly)) >= 6
    assert not re.search(r"\bv?divpd\b", assembly)
    if get_host_cpu_features().get("fma"):
        assert len(re.findall(r"\bvfn?m(?:add|sub)\d+ps\b[^\n]*[yz]mm", assembly)) >= 8
        assert re.search(r"\bvdivps\b[^\n]*[yz]mm", assembly)

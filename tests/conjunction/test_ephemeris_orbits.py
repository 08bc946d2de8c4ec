"""Ephemerides in the catalogue: against the sgp4 library and ERFA; spans, gaps, joins and breaks."""

import pickle
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conjunction.catalogue import STATE_REASONS, Catalogue
from conjunction.interpolation import INSIDE, interpolate
from conjunction.interpolation_kernel import OUTSIDE_SPAN
from conjunction.orbit_grid import grid_states
from conjunction.screening import screen
from schemas.ephemeris import EphemerisSegment, Interpolation
from schemas.messages import read_payload
from tests.conjunction.ephemerides import NS_PER_S, segment_of, sgp4_states, turned
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, rev_per_day, table_of

OEM = Path(__file__).parents[3] / "shared" / "data" / "oem"
LEO: Elements = (rev_per_day(6928), 0.001, 53.0, 40.0, 10.0, 80.0, 1e-4)
SUN_SYNCHRONOUS: Elements = (rev_per_day(7100), 0.002, 98.0, 200.0, 90.0, 3.0, 1e-5)
MEO: Elements = (2.0056, 0.005, 55.0, 120.0, 10.0, 30.0, 0.0)
GEO: Elements = (1.00273, 2e-4, 0.03, 10.0, 20.0, 75.0, 0.0)
POPULATION = (LEO, SUN_SYNCHRONOUS, MEO, GEO)
FRAMES = ("TEME", "GCRF", "EME2000", "ITRF")


def at(seconds: object) -> NDArray[np.int64]:
    return EPOCH_TAI_NS + np.round(np.asarray(seconds, dtype=np.float64) * NS_PER_S).astype(np.int64)


def of_elements(
    elements: Elements, seconds: NDArray[np.float64], frame: str = "TEME", **stated: object
) -> EphemerisSegment:
    satellite = satellites_of(table_of([elements]))[0]
    tai_ns = at(seconds)
    states = turned(*sgp4_states(satellite, EPOCH_TAI_NS, tai_ns), tai_ns, frame)
    return segment_of(tai_ns, *states, ref_frame=frame, **stated)  # type: ignore[arg-type]


def every(step_s: float, start_s: float, stop_s: float) -> NDArray[np.float64]:
    return np.arange(start_s, stop_s + step_s / 2, step_s)


def position_at(catalogue: Catalogue, row: int, seconds: object) -> NDArray[np.float64]:
    tai_ns = np.atleast_1d(at(seconds))
    states = catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns)
    assert not states.code.any()
    return states.position_km


@pytest.mark.parametrize("frame", FRAMES)
def test_an_ephemeris_of_the_library_in_any_frame_gives_its_states_to_millimetres(frame: str) -> None:
    nodes = every(60.0, 0.0, 7200.0)
    catalogue = Catalogue.from_ephemerides([[of_elements(one, nodes, frame)] for one in POPULATION])
    assert catalogue.n == catalogue.orbit_count == len(POPULATION)
    assert catalogue.is_ephemeris.all()
    assert not catalogue.deep_space.any()
    assert not catalogue.unusable
    tai_ns = at(np.linspace(240.0, 6960.0, 401))
    for row, satellite in enumerate(satellites_of(table_of(POPULATION))):
        found = catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns)
        position, velocity = sgp4_states(satellite, EPOCH_TAI_NS, tai_ns)
        assert not found.code.any()
        assert np.linalg.norm(found.position_km - position, axis=1).max() * 1e3 < 3e-3
        assert np.linalg.norm(found.velocity_km_s - velocity, axis=1).max() * 1e6 < 0.5


def mixed_catalogue() -> Catalogue:
    nodes = every(60.0, 0.0, 3600.0)
    of_files = [[of_elements(one, nodes, frame)] for one in POPULATION for frame in FRAMES]
    parts = [Catalogue.from_ephemerides(of_files), Catalogue.from_elements(table_of(POPULATION))]
    return Catalogue.joined(parts)


def test_a_grid_of_mixed_rows_holds_the_states_bit_for_bit() -> None:
    catalogue = mixed_catalogue()
    rows = np.random.default_rng(1).permutation(catalogue.n).astype(np.int32)
    tai_ns = at([4000.0, -60.0, 0.0, 60.0, 1234.5, 200.25, 3599.999, 3600.0, 3600.000000001])
    grid = grid_states(catalogue, rows, tai_ns, with_velocity=True)
    bare = grid_states(catalogue, rows, tai_ns)
    assert bare.velocity_km_s.shape == (0, 3, len(rows))
    assert np.array_equal(bare.position_km, grid.position_km, equal_nan=True)
    for k, instant in enumerate(tai_ns.tolist()):
        alone = catalogue.states(rows, np.full(len(rows), instant))
        of_ephemerides = catalogue.is_ephemeris[rows]
        assert np.array_equal(alone.code, grid.code[k])
        for one, many in ((alone.position_km, grid.position_km), (alone.velocity_km_s, grid.velocity_km_s)):
            assert np.array_equal(one[of_ephemerides], many[k].T[of_ephemerides], equal_nan=True)
            assert np.abs(one - many[k].T)[~of_ephemerides].max() < 1e-6
        outside = of_ephemerides & ~((at(0.0) <= instant) & (instant <= at(3600.0)))
        assert np.array_equal(grid.code[k] == OUTSIDE_SPAN, outside)
        assert np.isnan(grid.position_km[k][:, outside]).all()


def test_a_rows_span_is_the_usable_one_as_far_as_states_reach_both_ends_included() -> None:
    nodes = every(60.0, 0.0, 1800.0)
    inner = of_elements(LEO, nodes, usable_tai_ns=(int(at(100.0)), int(at(1700.0))))
    beyond = of_elements(LEO, nodes, usable_tai_ns=(int(at(-500.0)), int(at(9000.0))))
    catalogue = Catalogue.from_ephemerides([[inner], [beyond]])
    assert catalogue.valid_from_tai_ns.tolist() == at([100.0, 0.0]).tolist()
    assert catalogue.valid_until_tai_ns.tolist() == at([1700.0, 1800.0]).tolist()
    for row in (0, 1):
        ends = np.array([catalogue.valid_from_tai_ns[row], catalogue.valid_until_tai_ns[row]])
        outside = ends + np.array([-1, 1])
        index = np.full(2, row, dtype=np.int32)
        assert catalogue.states(index, ends).code.tolist() == [0, 0]
        found = catalogue.states(index, outside)
        assert found.code.tolist() == [OUTSIDE_SPAN, OUTSIDE_SPAN]
        assert np.isnan(found.position_km).all()
        assert np.isnan(found.velocity_km_s).all()
    assert OUTSIDE_SPAN in STATE_REASONS


def test_a_gap_splits_rows_of_one_orbit_and_spans_that_touch_are_one_row() -> None:
    first, second, third = (of_elements(LEO, every(60.0, a, b)) for a, b in ((0, 900), (900, 1800), (1860, 3000)))
    catalogue = Catalogue.from_ephemerides([[first], [first, second, third]])
    assert catalogue.orbit.tolist() == [0, 1, 1]
    assert catalogue.orbit_count == 2
    assert catalogue.valid_from_tai_ns.tolist() == at([0, 0, 1860]).tolist()
    assert catalogue.valid_until_tai_ns.tolist() == at([900, 1800, 3000]).tolist()
    rows, breaks = catalogue.breaks()
    assert rows.tolist() == [1]
    assert breaks.tolist() == [int(at(900.0))]


@pytest.mark.parametrize(("later_ns", "rows"), [(-1, 1), (0, 1), (1, 1), (2, 2)])
def test_spans_with_no_instant_between_them_are_one_row(later_ns: int, rows: int) -> None:
    first = of_elements(LEO, every(60.0, 0.0, 900.0))
    usable = (int(at(900.0)) + later_ns, None)
    second = of_elements(LEO, every(60.0, 840.0, 1800.0), usable_tai_ns=usable)
    catalogue = Catalogue.from_ephemerides([[first, second]])
    assert catalogue.n == rows
    assert catalogue.breaks()[1].tolist() == [usable[0]] * (2 - rows)


def test_at_a_join_the_states_jump_and_the_later_segment_speaks() -> None:
    before = of_elements(LEO, every(60.0, 0.0, 900.0))
    after = of_elements(SUN_SYNCHRONOUS, every(60.0, 900.0, 1800.0), "GCRF")
    catalogue = Catalogue.from_ephemerides([[before, after]])
    rows, breaks = catalogue.breaks()
    assert (rows.tolist(), breaks.tolist()) == ([0], [int(at(900.0))])
    leo, other = satellites_of(table_of([LEO, SUN_SYNCHRONOUS]))
    around = np.array([breaks[0] - 1, breaks[0]])
    found = catalogue.states(np.zeros(2, dtype=np.int32), around).position_km
    truth = [sgp4_states(one, EPOCH_TAI_NS, around[k : k + 1])[0][0] for k, one in enumerate((leo, other))]
    assert np.abs(found - truth).max() * 1e3 < 0.02


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"ref_frame": "TOD"}, r"segment 2 of 2: reference frame 'TOD' is not converted"),
        ({"center_name": "MARS"}, r"CENTER_NAME = 'MARS'"),
        ({"interpolation": Interpolation("PROPAGATE", None)}, r"INTERPOLATION = 'PROPAGATE'"),
        ({"interpolation": Interpolation("LAGRANGE", 40)}, r"INTERPOLATION_DEGREE = 40"),
        ({"ref_frame_epoch_tai_ns": EPOCH_TAI_NS}, r"at a REF_FRAME_EPOCH"),
        ({"usable_tai_ns": (int(at(5000.0)), int(at(6000.0)))}, r"no part of its usable time"),
        ({"ref_frame": "GCRF", "moved_s": 4e9}, r"Earth orientation asked for"),
        ({"count": 1}, r"1 state: interpolation takes 2"),
        ({"count": 0}, r"0 states: interpolation takes 2"),
        ({"nan": True}, r"not a finite number"),
        ({"backwards": True}, r"epochs of its states do not rise"),
    ],
)
def test_a_segment_that_cannot_be_used_is_an_unusable_row_with_its_reason(
    stated: dict[str, object], reason: str
) -> None:
    stated = dict(stated)
    seconds = every(60.0, 900.0, 1800.0)[: stated.pop("count", None)]  # type: ignore[misc]
    tai_ns = at(seconds) + round(stated.pop("moved_s", 0.0) * NS_PER_S)  # type: ignore[call-overload]
    position, velocity = np.full((2, len(seconds), 3), 7000.0)
    if stated.pop("nan", False):
        velocity[3, 1] = np.nan
    if stated.pop("backwards", False):
        tai_ns[4] = tai_ns[3]
    bad = segment_of(tai_ns, position, velocity, **stated)  # type: ignore[arg-type]
    catalogue = Catalogue.from_ephemerides([[of_elements(LEO, every(60.0, 0.0, 900.0)), bad]])
    assert catalogue.orbit.tolist() == [0, 0]
    assert list(catalogue.unusable) == [1]
    assert re.search(reason, catalogue.unusable[1])
    found = catalogue.states(np.array([1, 1, 0], dtype=np.int32), at([900.0, 1000.0, 450.0]))
    assert found.code.tolist() == [OUTSIDE_SPAN, OUTSIDE_SPAN, 0]
    assert len(catalogue.breaks()[0]) == 0


def test_an_ephemeris_without_a_segment_is_told() -> None:
    catalogue = Catalogue.from_ephemerides([[], [of_elements(LEO, every(60.0, 0.0, 900.0))]])
    assert catalogue.unusable == {0: "the ephemeris has no segment of states"}
    assert catalogue.orbit.tolist() == [0, 1]


def test_no_ephemerides_make_an_empty_catalogue() -> None:
    catalogue = Catalogue.from_ephemerides([])
    assert (catalogue.n, catalogue.orbit_count) == (0, 0)
    assert catalogue.joined([catalogue, mixed_catalogue()]).n == mixed_catalogue().n


def test_good_interpolation_has_no_breaks_and_linear_interpolation_one_at_every_inner_state() -> None:
    nodes = every(60.0, 0.0, 900.0)
    ways = [None, Interpolation("HERMITE", 7), Interpolation("LINEAR", 1)]
    catalogue = Catalogue.from_ephemerides([[of_elements(LEO, nodes, interpolation=way)] for way in ways])
    rows, breaks = catalogue.breaks()
    assert set(rows.tolist()) == {2}
    assert breaks.tolist() == at(nodes[1:-1]).tolist()


def test_a_segment_has_no_breaks_where_another_speaks() -> None:
    rough = of_elements(LEO, every(60.0, 0.0, 900.0), interpolation=Interpolation("LINEAR", 1))
    catalogue = Catalogue.from_ephemerides([[rough, of_elements(LEO, every(60.0, 300.0, 600.0))]])
    expected = [*at(every(60.0, 60.0, 240.0)), at(300.0), at(600.0) + 1, *at(every(60.0, 660.0, 840.0))]
    assert catalogue.breaks()[1].tolist() == [int(instant) for instant in expected]


def test_with_an_odd_number_of_nodes_the_breaks_are_halfway_where_positions_jump() -> None:
    catalogue = Catalogue.from_ephemerides(
        [[of_elements(LEO, every(300.0, 0.0, 3000.0), interpolation=Interpolation("LAGRANGE", 2))]]
    )
    rows, breaks = catalogue.breaks()
    assert breaks.tolist() == at(every(300.0, 450.0, 2550.0)).tolist()
    at_break = catalogue.states(rows, breaks).position_km
    jump_km = np.linalg.norm(at_break - catalogue.states(rows, breaks - 1).position_km, axis=1)
    assert jump_km.min() > 0.1
    # one more nanosecond is less than 1e-8 km: nothing else jumps
    step_km = np.linalg.norm(catalogue.states(rows, breaks + 1).position_km - at_break, axis=1)
    assert step_km.max() < 2e-8


segments_drawn = st.lists(
    st.tuples(
        st.integers(0, 40),  # first state, in minutes
        st.integers(1, 12),  # states
        st.integers(-2, 8),  # usable from so many minutes after the first state
        st.integers(0, 14),  # for so many
        st.sampled_from([None, ("LAGRANGE", 7), ("LAGRANGE", 4), ("HERMITE", 5), ("LINEAR", 1)]),
    ),
    max_size=5,
)


def drawn_segment(first: int, count: int, usable: int, length: int, way: tuple[str, int] | None) -> EphemerisSegment:
    seconds = 60.0 * np.arange(first, first + count)
    span = (int(at(60.0 * (first + usable))), int(at(60.0 * (first + usable + length))))
    return of_elements(LEO, seconds, interpolation=None if way is None else Interpolation(*way), usable_tai_ns=span)


@given(st.lists(segments_drawn, min_size=1, max_size=3), st.lists(st.integers(-3600, 60 * 3600), max_size=30))
def test_rows_give_what_the_rules_of_interpolation_give_whatever_the_spans(
    drawn: list[list[tuple[int, int, int, int, tuple[str, int] | None]]], fine: list[int]
) -> None:
    ephemerides = [[drawn_segment(*one) for one in segments] for segments in drawn]
    catalogue = Catalogue.from_ephemerides(ephemerides)
    borders = at(60.0 * np.arange(0, 62))
    tai_ns = np.concatenate(
        [borders - 1, borders, borders + 1, EPOCH_TAI_NS + np.array(fine, dtype=np.int64) * 10**9 // 60]
    )
    assert catalogue.orbit_count == len(ephemerides)
    for orbit, segments in enumerate(ephemerides):
        usable = [one for one in segments if one.states.num_rows >= 2]
        spans = [(max(s.usable_tai_ns()[0], s.start_tai_ns), min(s.usable_tai_ns()[1], s.stop_tai_ns)) for s in usable]
        usable = [one for one, (begin, end) in zip(usable, spans, strict=True) if begin < end]
        expected = interpolate(usable, tai_ns)
        rows = np.flatnonzero(catalogue.orbit == orbit).tolist()
        refused = [row for row in rows if row in catalogue.unusable]
        assert len(refused) == len(segments) - len(usable) + (0 if segments else 1)
        found = np.full((len(tai_ns), 6), np.nan)
        for row in rows:
            states = catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns)
            speaks = states.code == 0
            if row not in catalogue.unusable:
                within = (catalogue.valid_from_tai_ns[row] <= tai_ns) & (tai_ns <= catalogue.valid_until_tai_ns[row])
                assert np.array_equal(speaks, within)
            assert np.isnan(found[speaks]).all()
            found[speaks] = np.hstack([states.position_km, states.velocity_km_s])[speaks]
        there = expected.segment >= 0
        assert np.array_equal(np.isnan(found).any(axis=1), ~there)
        assert np.array_equal(found[there, :3], expected.position_km[there])
        assert np.array_equal(found[there, 3:], expected.velocity_km_s[there])
        good = [row for row in rows if row not in catalogue.unusable]
        for one, other in pairwise(good):
            assert catalogue.valid_until_tai_ns[one] + 1 < catalogue.valid_from_tai_ns[other]
        order = np.argsort(tai_ns)
        told = catalogue.breaks()[1][np.isin(catalogue.breaks()[0], good)]
        for before, after in pairwise(order.tolist()):
            if there[before] and there[after] and expected.segment[before] != expected.segment[after]:
                told_between = (told > tai_ns[before]) & (told <= tai_ns[after])
                gap = any(catalogue.valid_until_tai_ns[row] in range(tai_ns[before], tai_ns[after]) for row in good)
                assert told_between.any() or gap


@given(st.lists(st.integers(0, 19), max_size=12), st.lists(st.integers(0, 19), min_size=1, max_size=6))
def test_rows_taken_and_joined_keep_their_states_spans_breaks_and_reasons(left: list[int], right: list[int]) -> None:
    whole = many_kinds()
    chosen = [np.array(left, dtype=np.int32), np.array(right, dtype=np.int32)]
    parts = [whole.take(rows) for rows in chosen]
    for part, rows in zip(parts, chosen, strict=True):
        names = {old: new for new, old in enumerate(dict.fromkeys(whole.orbit[rows].tolist()))}
        assert part.orbit.tolist() == [names[old] for old in whole.orbit[rows].tolist()]
        assert part.orbit_count == len(names)
    joined = pickle.loads(pickle.dumps(Catalogue.joined(parts)))  # noqa: S301
    rows = np.concatenate(chosen)
    assert joined.orbit.tolist() == parts[0].orbit.tolist() + (parts[1].orbit + parts[0].orbit_count).tolist()
    assert joined.unusable == {k: whole.unusable[row] for k, row in enumerate(rows.tolist()) if row in whole.unusable}
    for name in ("valid_from_tai_ns", "valid_until_tai_ns", "is_ephemeris", "epoch_tai_ns", "deep_space"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name)[rows])
    for instant in at([30.0, 899.0, 900.0, 1000.0]).tolist():
        new = joined.states(np.arange(joined.n, dtype=np.int32), np.full(joined.n, instant))
        old = whole.states(rows, np.full(len(rows), instant))
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(new, old, strict=True))
    row, tai_ns = joined.breaks()
    of_whole = list(zip(*(column.tolist() for column in whole.breaks()), strict=True))
    expected = [(k, b) for k, old in enumerate(rows.tolist()) for of, b in of_whole if of == old]
    assert list(zip(row.tolist(), tai_ns.tolist(), strict=True)) == expected


def many_kinds() -> Catalogue:
    """20 rows: element sets, one unusable; ephemerides of one row, of several with joins, and unusable ones."""
    early, late, apart = every(60.0, 0.0, 900.0), every(60.0, 900.0, 1800.0), every(60.0, 2400.0, 3000.0)
    ephemerides = [
        [of_elements(LEO, early), of_elements(LEO, late, "GCRF"), of_elements(LEO, apart, "ITRF")],
        [of_elements(GEO, early, "EME2000"), of_elements(GEO, late[:1])],
        [of_elements(LEO, early, interpolation=Interpolation("LINEAR", 1)), of_elements(LEO, late)],
        [],
        [of_elements(LEO, apart), of_elements(LEO, early, interpolation=Interpolation("SPLINE", 3))],
    ]
    no_orbit: Elements = (-1.0, 0.001, 53.0, 40.0, 10.0, 80.0, 1e-4)
    elements = Catalogue.from_elements(table_of([*POPULATION, no_orbit]))
    tracks = Catalogue.from_ephemerides(ephemerides)
    whole = Catalogue.joined([elements, tracks, elements, elements.take(np.array([4, 0]))])
    assert whole.n == 20
    return whole


def test_a_part_holds_no_states_of_the_rows_left_behind() -> None:
    whole = many_kinds()
    alone = whole.take(np.array([0, 1]))
    assert len(alone.tracks.node_tai_ns) == 0
    row = int(np.flatnonzero(whole.is_ephemeris)[0])
    assert len(whole.take(np.array([row])).tracks.node_tai_ns) == 32


@pytest.mark.parametrize("files", [("LEO_60s.oem", "LEO_10s.oem"), ("GEO_60s.oem", "GEO_20s.oem")])
def test_a_file_of_another_project_is_a_row_that_gives_its_own_finer_states(files: tuple[str, str]) -> None:
    if not OEM.is_dir():
        pytest.skip(f"{OEM} is absent")
    coarse, fine = (
        read_payload((OEM / "interpolation" / file).read_bytes(), file).ephemerides[0].segments for file in files
    )
    catalogue = Catalogue.from_ephemerides([coarse, fine])
    assert not catalogue.unusable
    tai_ns = fine[0].states.column("epoch_tai_ns").to_numpy()
    tai_ns = tai_ns[(tai_ns >= catalogue.valid_from_tai_ns[0]) & (tai_ns <= catalogue.valid_until_tai_ns[0])]
    of_coarse, of_fine = (catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns) for row in (0, 1))
    assert len(tai_ns) > 100
    assert not of_coarse.code.any()
    assert np.abs(of_coarse.position_km - of_fine.position_km).max() * 1e3 < 1e-4


def test_every_segment_of_the_shared_samples_is_in_a_row_or_has_a_reason() -> None:
    if not OEM.is_dir():
        pytest.skip(f"{OEM} is absent")
    files = [*OEM.glob("v*/valid/*.oem"), *OEM.glob("starlink_meme/MEME*.txt")]
    reasons = []
    for file in files:
        for ephemeris in read_payload(file.read_bytes(), file.name).ephemerides:
            catalogue = Catalogue.from_ephemerides([ephemeris.segments])
            assert len(catalogue.unusable) + len(catalogue.tracks.frame) == len(ephemeris.segments)
            reasons += catalogue.unusable.values()
    assert any("MARS BARYCENTER" in reason for reason in reasons)


def test_interpolation_inside_is_what_the_segments_own_frame_says() -> None:
    segment = of_elements(LEO, every(60.0, 0.0, 900.0), "ITRF")
    catalogue = Catalogue.from_ephemerides([[segment]])
    tai_ns = at([333.0])
    own = interpolate([segment], tai_ns)
    assert own.status.tolist() == [INSIDE]
    state = catalogue.states(np.zeros(1, dtype=np.int32), tai_ns)
    there = turned(state.position_km, state.velocity_km_s, tai_ns, "ITRF")
    assert np.abs(there[0] - own.position_km).max() * 1e3 < 2e-3
    assert np.abs(there[1] - own.velocity_km_s).max() * 1e6 < 0.1


def test_screening_finds_the_same_whether_an_orbit_is_an_element_set_or_an_ephemeris() -> None:
    population = all_regimes()
    elements = Catalogue.from_elements(table_of(population))
    nodes = every(60.0, -600.0, 3 * 3600.0 + 600.0)
    ephemerides = []
    for number, one in enumerate(population[::2]):
        frame = FRAMES[number % len(FRAMES)]
        parts = (nodes[:101], nodes[100:]) if number % 3 == 0 else (nodes,)
        ephemerides.append([of_elements(one, part, frame) for part in parts])
    odd = np.arange(1, len(population), 2)
    mixed = Catalogue.joined([elements.take(odd), Catalogue.from_ephemerides(ephemerides)])
    names = np.concatenate([odd, np.arange(0, len(population), 2)])

    def found(catalogue: Catalogue, name_of: NDArray[np.int64]) -> list[tuple[int, int, int, float]]:
        window = {"start_tai_ns": EPOCH_TAI_NS, "duration_s": 3 * 3600.0}
        table = screen(catalogue, **window, threshold_km=20.0).conjunctions  # type: ignore[arg-type]
        pairs = np.sort(name_of[np.column_stack([table["index_1"].to_numpy(), table["index_2"].to_numpy()])], axis=1)
        times, misses = table["tca_tai_ns"].to_numpy(), table["miss_distance_m"].to_numpy()
        return sorted(zip(*pairs.T.tolist(), times.tolist(), misses.tolist(), strict=True))

    of_elements_alone, of_both = found(elements, np.arange(len(population))), found(mixed, names)
    assert len(of_elements_alone) > 50
    assert len(of_both) == len(of_elements_alone)
    for one, other in zip(of_elements_alone, of_both, strict=True):
        assert one[:2] == other[:2]
        assert abs(one[2] - other[2]) < 0.05 * NS_PER_S  # within the flatness of the slowest
        assert other[3] == pytest.approx(one[3], abs=0.01)

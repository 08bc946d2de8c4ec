"""Objects that the time grid does not describe: pieces hold the orbit, spans end quietly, nothing crosses a break."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import TOO_WILD, Failure, Pieces, follow
from conjunction.slab_kernel import AX, HALF_KM, PX, R_MAX_KM, R_MIN_KM, REMAINDER_KM, VX
from schemas.ephemeris import Interpolation
from tests.conjunction.ephemerides import NS_PER_S, segment_of, sgp4_states
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, all_regimes, rev_per_day, table_of

SLAB_NS = 120 * NS_PER_S
START_NS = (EPOCH_TAI_NS // SLAB_NS + 3) * SLAB_NS
MIDDLE_NS = START_NS + SLAB_NS // 2
LEO: Elements = (rev_per_day(6928), 0.001, 53.0, 40.0, 10.0, 80.0, 1e-4)
HIGHER: Elements = (rev_per_day(6938), 0.001, 53.0, 40.0, 10.0, 80.1, 1e-4)
DIVING: Elements = (rev_per_day(10_500), 0.4, 53.0, 40.0, 10.0, 357.0, 0.0)  # perigee 70 km below the surface
TRANSFER: Elements = (2.3, 0.728, 6.0, 10.0, 20.0, 350.0, 1e-4)  # perigee a quarter of an hour after epoch
CARRIED_OFF: Elements = (15.8, 0.0005, 98.0, 40.0, 10.0, 80.0, 0.02)  # by SGP4, within weeks, with error code 0


def half_km(rows: NDArray[np.int32]) -> NDArray[np.float64]:
    return np.full(len(rows), 2.5)


def followed(
    catalogue: Catalogue, start_ns: int = START_NS, stop_ns: int = START_NS + SLAB_NS
) -> tuple[Pieces, list[Failure]]:
    rows = np.arange(catalogue.n, dtype=np.int32)
    return follow(catalogue, rows.astype(np.int64), rows, start_ns, stop_ns, MIDDLE_NS, half_km(rows))


def assert_pieces_hold_the_orbit(catalogue: Catalogue, pieces: Pieces, middle_ns: int = MIDDLE_NS) -> None:
    """Each quadratic is within its remainder of the row's own states, and these within its bounds of the radius."""
    for description, row, start_s, stop_s in zip(*pieces, strict=True):
        tau_s = np.linspace(-0.5, 0.5, 41) * (stop_s - start_s)
        # nanoseconds inside: at a break the next branch begins
        tai_ns = middle_ns + np.round((0.5 * (start_s + stop_s) + tau_s) * NS_PER_S).astype(np.int64)
        tai_ns = np.clip(tai_ns, tai_ns[0] + 2, tai_ns[-1] - 2) if tai_ns[-1] - tai_ns[0] > 4 else tai_ns[:1]
        tau_s = tau_s[: len(tai_ns)]
        states = catalogue.states(np.full(len(tai_ns), row, dtype=np.int32), tai_ns)
        assert not states.code.any()
        p, v, a = (description[k : k + 3] for k in (PX, VX, AX))
        quadratic = p + v * tau_s[:, None] + 0.5 * a * tau_s[:, None] ** 2
        assert np.linalg.norm(quadratic - states.position_km, axis=1).max() <= description[REMAINDER_KM]
        radius = np.linalg.norm(states.position_km, axis=1)
        assert description[R_MIN_KM] <= radius.min()
        assert radius.max() <= description[R_MAX_KM]


def covered(pieces: Pieces, row: int) -> tuple[float, float]:
    """From when to when the pieces of a row reach without a gap, seconds from the middle."""
    of = pieces.column == row
    start_s, stop_s = pieces.start_s[of], pieces.stop_s[of]
    assert np.array_equal(start_s[1:], stop_s[:-1])
    return float(start_s[0]), float(stop_s[-1])


def ephemeris(parts: list[tuple[Elements, int, int]], way: Interpolation | None = None) -> Catalogue:
    """One ephemeris of segments (elements, first and last instant TAI ns), a state each 30 s and one at its end."""
    segments = []
    for elements, first_ns, last_ns in parts:
        tai_ns = np.unique(np.append(np.arange(first_ns, last_ns, 30 * NS_PER_S), last_ns))
        states = sgp4_states(satellites_of(table_of([elements]))[0], EPOCH_TAI_NS, tai_ns)
        segments.append(segment_of(tai_ns, *states, interpolation=way))
    return Catalogue.from_ephemerides([segments])


@given(st.integers(-300, 400), st.integers(1, 600))
def test_an_ephemeris_is_followed_as_far_as_its_span_reaches_and_its_end_is_no_failure(
    first_s: int, length_s: int
) -> None:
    first_ns = START_NS + first_s * NS_PER_S
    last_ns = first_ns + length_s * NS_PER_S
    catalogue = ephemeris([(LEO, first_ns, last_ns)])
    pieces, failures = followed(catalogue)
    assert failures == []
    if first_s >= 120 or first_s + length_s <= 0:
        assert len(pieces.column) == 0
        return
    assert covered(pieces, 0) == (max(first_s, 0) - 60.0, min(first_s + length_s, 120) - 60.0)
    assert_pieces_hold_the_orbit(catalogue, pieces)


@pytest.mark.parametrize("at_s", [-10.0, 0.0, 1e-9, 30.000000001, 60.0, 119.0, 120.0, 130.0])
def test_no_piece_crosses_a_join_of_segments(at_s: float) -> None:
    join_ns = START_NS + round(at_s * NS_PER_S)
    far_ns = 600 * NS_PER_S
    catalogue = ephemeris([(LEO, START_NS - far_ns, join_ns), (HIGHER, join_ns, START_NS + far_ns)])
    pieces, failures = followed(catalogue)
    assert failures == []
    assert covered(pieces, 0) == (-60.0, 60.0)
    inside = 0.0 < at_s <= 120.0
    assert len(pieces.column) == (2 if inside else 1)
    if inside:
        assert pieces.start_s[1] == pytest.approx(at_s - 60.0, abs=1e-12)
    assert_pieces_hold_the_orbit(catalogue, pieces)


def test_linear_interpolation_is_followed_from_state_to_state() -> None:
    way = Interpolation("LINEAR", 1)
    catalogue = ephemeris([(LEO, START_NS - 600 * NS_PER_S + 7, START_NS + 600 * NS_PER_S)], way)
    pieces, failures = followed(catalogue)
    assert failures == []
    assert len(pieces.column) == 5
    assert covered(pieces, 0) == (-60.0, 60.0)
    assert pieces.description[:, REMAINDER_KM].max() < 0.0011
    assert_pieces_hold_the_orbit(catalogue, pieces)


@pytest.mark.parametrize("way", [None, ("LAGRANGE", 2), ("LAGRANGE", 3), ("HERMITE", 3), ("HERMITE", 7)])
@pytest.mark.parametrize("seconds", [30, 150])
def test_pieces_hold_an_eccentric_ephemeris_however_rough_its_interpolation(
    way: tuple[str, int] | None, seconds: int
) -> None:
    # SGP4's velocity is metres a second off its position's derivative here: Hermite swings between the states
    tai_ns = START_NS + np.arange(-3600, 3600, seconds, dtype=np.int64) * NS_PER_S + 17
    states = sgp4_states(satellites_of(table_of([TRANSFER]))[0], EPOCH_TAI_NS, tai_ns)
    interpolation = None if way is None else Interpolation(*way)
    catalogue = Catalogue.from_ephemerides([[segment_of(tai_ns, *states, interpolation=interpolation)]])
    breaks = catalogue.breaks()[1]
    inside = (breaks > START_NS) & (breaks <= START_NS + SLAB_NS)
    pieces, failures = followed(catalogue)
    assert failures == []
    assert covered(pieces, 0) == (-60.0, 60.0)
    assert set((breaks[inside] - MIDDLE_NS) / NS_PER_S) <= set(pieces.start_s.tolist())
    assert inside.any() == ((way, seconds) != (None, 30))
    assert_pieces_hold_the_orbit(catalogue, pieces)


def test_an_ephemeris_below_the_surface_is_no_failure() -> None:
    tai_ns = START_NS + np.arange(-10, 12, dtype=np.int64) * 60 * NS_PER_S
    seconds = (tai_ns - START_NS)[:, None] / NS_PER_S
    position = np.array([6300.0, 0.0, 0.0]) + seconds * np.array([0.0, 0.5, 0.0])
    velocity = np.tile([0.0, 0.5, 0.0], (len(tai_ns), 1))
    catalogue = Catalogue.from_ephemerides([[segment_of(tai_ns, position, velocity)]])
    pieces, failures = followed(catalogue)
    assert failures == []
    assert covered(pieces, 0) == (-60.0, 60.0)


def first_error(elements: Elements, start_ns: int, stop_ns: int) -> int | None:
    """The first instant, to 1 ms, at which the library reports an error."""
    satellite = satellites_of(table_of([elements]))[0]
    tai_ns = np.arange(start_ns, stop_ns, 1_000_000)
    days = (tai_ns - EPOCH_TAI_NS) / 86_400e9
    code, _, _ = satellite.sgp4_array(np.full(len(days), satellite.jdsatepoch), satellite.jdsatepochF + days)
    return int(tai_ns[np.argmax(code != 0)]) if code.any() else None


def test_an_object_is_followed_to_the_instant_at_which_the_library_has_an_error() -> None:
    elements = [(*DIVING[:5], anomaly, 0.0) for anomaly in (340.0, 350.0, 352.0, 354.0, 356.0, 358.0, 2.0)]
    catalogue = Catalogue.from_elements(table_of(elements))
    pieces, failures = followed(catalogue)
    found = {failure.row: failure for failure in failures}
    inside = 0
    for row, one in enumerate(elements):
        expected = first_error(one, START_NS, START_NS + SLAB_NS)
        assert (row in found) == (expected is not None)
        if expected is None:
            assert covered(pieces, row) == (-60.0, 60.0)
            continue
        assert 0 <= expected - found[row].from_tai_ns < 1_000_000 or expected == START_NS == found[row].from_tai_ns
        assert found[row].code == 6
        if expected > START_NS:
            inside += 1
            assert covered(pieces, row) == pytest.approx((-60.0, (found[row].from_tai_ns - MIDDLE_NS) / NS_PER_S))
        else:
            assert row not in pieces.column
    assert inside >= 1
    assert len(found) < len(elements)
    assert_pieces_hold_the_orbit(catalogue, pieces)


def test_pieces_hold_the_orbits_of_all_regimes() -> None:
    catalogue = Catalogue.from_elements(table_of(all_regimes()[::4]))
    pieces, failures = followed(catalogue)
    assert failures == []
    assert np.array_equal(np.unique(pieces.column), np.arange(catalogue.n))
    assert_pieces_hold_the_orbit(catalogue, pieces)


@pytest.mark.parametrize(("drag", "days"), [(0.02, 17), (0.02, 25), (0.05, 7), (0.05, 12)])
def test_an_object_that_sgp4_carries_off_is_followed_in_pieces_or_said_to_be_too_wild(drag: float, days: int) -> None:
    catalogue = Catalogue.from_elements(table_of([(*CARRIED_OFF[:6], drag)]))
    rows, starts = in_slabs(catalogue, [days])
    pieces, failures = follow(
        catalogue, rows.astype(np.int64), rows, starts, starts + SLAB_NS, starts + SLAB_NS // 2, half_km(rows)
    )
    if failures:
        assert (days, failures) == (12, [Failure(0, int(starts[0]), TOO_WILD)])
        return
    assert len(pieces.column) > 1
    assert covered(pieces, 0) == (-60.0, 60.0)
    assert_pieces_hold_the_orbit(catalogue, pieces, int(starts[0]) + SLAB_NS // 2)


def in_slabs(catalogue: Catalogue, days: list[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    rows = np.repeat(np.arange(catalogue.n, dtype=np.int32), len(days))
    starts = np.tile(START_NS + np.array(days) * 720 * SLAB_NS, catalogue.n)
    return rows, starts


def test_many_slabs_in_one_call_give_what_one_call_a_slab_gives() -> None:
    wild = [(*CARRIED_OFF[:6], drag) for drag in (0.02, 0.05, 0.1, 0.3)]
    diving = [(*DIVING[:5], anomaly, 0.0) for anomaly in (340.0, 354.0)]
    catalogue = Catalogue.from_elements(table_of([*all_regimes()[::20], *wild, *diving]))
    rows, starts = in_slabs(catalogue, [0, 1, 7, 12, 25])
    columns = np.arange(len(rows))
    many, failures = follow(catalogue, columns, rows, starts, starts + SLAB_NS, starts + SLAB_NS // 2, half_km(rows))
    one_by_one = [
        follow(
            catalogue,
            columns[k : k + 1],
            rows[k : k + 1],
            start,
            start + SLAB_NS,
            start + SLAB_NS // 2,
            half_km(rows[:1]),
        )
        for k, start in enumerate(starts.tolist())
    ]
    assert failures == [failure for _, found in one_by_one for failure in found]
    apart = Pieces._make(np.concatenate(parts) for parts in zip(*(pieces for pieces, _ in one_by_one), strict=True))
    assert np.array_equal(many.description[:, : HALF_KM + 1], apart.description[:, : HALF_KM + 1])
    for name in ("column", "start_s", "stop_s"):
        assert np.array_equal(getattr(many, name), getattr(apart, name))
    assert any(failure.code == TOO_WILD for failure in failures)
    assert any(failure.code not in (TOO_WILD, 0) for failure in failures)

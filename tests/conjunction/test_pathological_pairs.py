"""The pairs that screeners lose, drawn by hypothesis, each against brute force by the sgp4 library alone.

SSA_HUB_EXAMPLES_TIMES multiplies the numbers of examples (a nightly run: 50).
"""

import os

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from benchmarks.reference import search
from conjunction.catalogue import Catalogue
from conjunction.screening import ScreeningResult, screen
from tests.conjunction.agreement import GRAZING_KM, assert_the_same
from tests.conjunction.meetings import neighbours
from tests.conjunction.orbit_oracle import Minimum, all_minima, satellites_of
from tests.conjunction.pathological import (
    Meeting,
    docked_neighbours,
    geo_neighbours,
    meetings_of_failing_objects,
    perigee_meetings,
)
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, table_of

TIMES = float(os.environ.get("SSA_HUB_EXAMPLES_TIMES", "1"))
EPOCH_JD = 2460571.0  # 2024-09-17T12:00:00 UTC
WINDOW_S = 1200.0


def examples(count: int) -> settings:
    return settings(max_examples=round(count * TIMES), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def screened(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> ScreeningResult:
    return screen(
        Catalogue.from_elements(elements),
        start_tai_ns=EPOCH_TAI_NS + round(start_s * 1e9),
        duration_s=duration_s,
        threshold_km=threshold_km,
    )


def brute(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> list[Minimum]:
    satellites = satellites_of(elements)
    return all_minima(satellites, np.full(len(satellites), start_s / 60.0), duration_s, threshold_km + GRAZING_KM)


def assert_agrees(elements: pa.Table, start_s: float, duration_s: float, threshold_km: float) -> list[Minimum]:
    result = screened(elements, start_s, duration_s, threshold_km)
    assert result.left_out.num_rows == 0
    reference = brute(elements, start_s, duration_s, threshold_km)
    assert_the_same(result.conjunctions, reference, EPOCH_TAI_NS + round(start_s * 1e9), threshold_km)
    return reference


def assert_found_above_and_not_below(
    elements: pa.Table, minima: list[Minimum], start_s: float, duration_s: float
) -> None:
    """Each minimum is found with a threshold one part in a million above its miss, and not with one below."""
    for minimum in minima:
        for factor, wanted in ((1.0 + 1e-6, True), (1.0 - 1e-6, False)):
            rows = screened(elements, start_s, duration_s, minimum.miss_km * factor).conjunctions.to_pylist()
            times_s = [(row["tca_tai_ns"] - EPOCH_TAI_NS) / 1e9 - start_s for row in rows]
            near = [t for t in times_s if abs(t - minimum.tca_s) < max(0.5, minimum.tolerance_s)]
            assert bool(near) is wanted, (minimum, factor, rows)


@given(
    meeting=perigee_meetings(8.0),
    threshold_km=st.sampled_from([5.0, 30.0]),
    before_s=st.floats(0.0, WINDOW_S),
)
@examples(60)
def test_perigee_passes_up_to_21_km_s_agree_with_brute_force(
    meeting: Meeting, threshold_km: float, before_s: float
) -> None:
    start_s = round(meeting.at_s - before_s, 3)
    assert_agrees(table_of(meeting[:2]), start_s, WINDOW_S, threshold_km)


@given(meeting=perigee_meetings(20.0))
@examples(15)
def test_a_perigee_pass_that_grazes_the_threshold_is_found_above_and_not_below(meeting: Meeting) -> None:
    elements, start_s = table_of(meeting[:2]), round(meeting.at_s - 300.0, 3)
    minima = [m for m in brute(elements, start_s, 600.0, 60.0) if m.miss_km > 0.01 and not m.at_edge]
    assert_found_above_and_not_below(elements, minima[:3], start_s, 600.0)


@given(pair=neighbours())
@examples(15)
def test_formation_flyers_that_graze_the_threshold_are_found_above_and_not_below(
    pair: tuple[Elements, Elements],
) -> None:
    elements = table_of(pair)
    if screened(elements, 100.0, 6000.0, 1.0).left_out.num_rows == 0:
        minima = [m for m in brute(elements, 100.0, 6000.0, 60.0) if m.miss_km > 0.01 and not m.at_edge]
        assert_found_above_and_not_below(elements, minima[:3], 100.0, 6000.0)


# 5.8 s before its end the first one's motion changes so fast that differences over a second tell TCA 1.7 ms wrong.
FALLING = Meeting(
    (16.53125, 0.00390625, 1.0, 0.0, 0.0, 0.0, 0.125),
    (16.7300171186031, 0.001581229274262628, 179.0000022429376, 179.9949361274137, 357.6688457330565,
     179.14036548417923, 0.0),
    23.0,
)  # fmt: skip


@given(meeting=meetings_of_failing_objects(8.0), threshold_km=st.sampled_from([5.0, 30.0]))
@example(meeting=FALLING, threshold_km=5.0)
@examples(40)
def test_objects_that_fail_are_screened_up_to_their_last_instant(meeting: Meeting, threshold_km: float) -> None:
    elements = table_of(meeting[:2])
    rows, ends = search.all_minima(search.Run.of(satellites_of(elements), EPOCH_JD, 752, threshold_km))
    assume(not ends.wild.any())  # drag that no orbit has: from where SGP4 has lost it, each may say for itself
    result = screened(elements, 0.0, 752 * search.STEP_S, threshold_km)
    from_s = {row["index"]: (row["from_tai_ns"] - EPOCH_TAI_NS) / 1e9 for row in result.left_out.to_pylist()}
    ended = np.flatnonzero(ends.last_good_s < 752 * search.STEP_S).tolist()
    assert from_s.keys() == set(ended)
    assert all(abs(from_s[row] - max(ends.last_good_s[row], 0.0)) < 1e-6 for row in ended)
    reference = [Minimum(one, two, m.tca_s, m.miss_km, m.at_edge, m.tolerance_s) for one, two, m in rows]
    assert_the_same(result.conjunctions, reference, EPOCH_TAI_NS, threshold_km)


@given(neighbours=geo_neighbours(), threshold_km=st.sampled_from([5.0, 20.0, 60.0]), start_h=st.integers(0, 20))
@examples(12)
def test_neighbours_in_a_geostationary_slot_agree_with_brute_force(
    neighbours: list[Elements], threshold_km: float, start_h: int
) -> None:
    assert_agrees(table_of(neighbours), start_h * 3600.0, 43_200.0, threshold_km)


@given(pair=docked_neighbours())
@examples(15)
@example(pair=((15.5, 1e-3, 51.6, 10.0, 20.0, 30.0, 0.0), (15.5, 1e-3, 51.6, 10.0, 20.0, 30.0, 0.0)))
def test_orbits_metres_apart_agree_with_brute_force(pair: tuple[Elements, Elements]) -> None:
    assert len(assert_agrees(table_of(pair), 50.0, 12_000.0, 5.0)) >= 1

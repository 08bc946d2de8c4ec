"""The geometry that is drawn, against the sgp4 library and by its own definition; and that it is drawn."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conjunction import Conjunctions, ScreeningVolume, plot_encounter, screen
from conjunction.plotting import b_plane_axes, relative_motion
from tests.conjunction.orbit_files import START, START_TAI_NS, oem_text, satellites_of_population, tle_text
from tests.conjunction.populations import all_regimes

SATELLITES = satellites_of_population(all_regimes()[:120])
_component = st.floats(-15.0, 15.0)


@pytest.fixture(scope="module")
def found() -> Conjunctions:
    return screen(tle_text(SATELLITES), start=START, days=0.5, threshold_km=20.0)


@pytest.fixture(autouse=True)
def without_a_display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_the_motion_is_that_of_the_sgp4_librarys_states(found: Conjunctions) -> None:
    event = len(found) // 2
    motion = relative_motion(found, event)
    rows = [found.result.conjunctions.column(f"index_{which}")[event].as_py() for which in (1, 2)]
    seconds = (motion.tai_ns - START_TAI_NS) / 1e9
    jd = np.full(len(seconds), 2_460_571.0)  # 2024-09-17 12:00 UTC
    (_, one, motion_of_one), (_, two, _) = (SATELLITES[row].sgp4_array(jd, seconds / 86_400.0) for row in rows)
    radial = one / np.linalg.norm(one, axis=1, keepdims=True)
    normal = np.cross(one, motion_of_one)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    axes = np.stack([radial, np.cross(normal, radial), normal], axis=1)
    # The library's time is a fraction of a day in float64: 1e-11 day, at some 8 km/s
    assert np.abs(np.einsum("mij,mj->mi", axes, two - one) - motion.position_rtn_km).max() < 1e-4


def test_it_goes_from_before_entry_to_after_exit_with_the_closest_approach_between(found: Conjunctions) -> None:
    table = found.to_arrow()
    for event in range(0, len(found), 7):
        motion = relative_motion(found, event)
        distance = np.linalg.norm(motion.position_rtn_km, axis=1)
        assert 0 < motion.entry <= motion.tca <= motion.exit < len(distance) - 1
        assert distance[motion.tca] == pytest.approx(table.column("miss_distance_km")[event].as_py(), abs=1e-6)
        components = [table.column(f"relative_position_{axis}_km")[event].as_py() for axis in "rtn"]
        assert motion.position_rtn_km[motion.tca] == pytest.approx(components, abs=1e-6)
        if not table.column("at_window_edge")[event].as_py():
            assert distance[[motion.entry, motion.exit]] == pytest.approx([20.0, 20.0], abs=0.05)
            assert distance[motion.inside].max() <= 20.05


@given(st.tuples(_component, _component, _component))
def test_the_axes_of_the_b_plane_are_right_handed_with_the_velocity(velocity: tuple[float, float, float]) -> None:
    vector = np.array(velocity)
    assume(np.linalg.norm(vector) > 1e-6)
    across, up = b_plane_axes(vector)
    along = vector / np.linalg.norm(vector)
    assert np.allclose(np.stack([across, up, along]) @ np.stack([across, up, along]).T, np.eye(3), atol=1e-12)
    assert np.allclose(np.cross(across, up), along, atol=1e-12)
    assert up[0] >= 0.0 or up[0] == pytest.approx(0.0, abs=0.021)


def test_a_radial_velocity_has_the_normal_upwards_and_none_has_no_plane() -> None:
    assert b_plane_axes(np.array([3.0, 0.0, 0.0]))[1].tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="zero"):
        b_plane_axes(np.zeros(3))


def test_an_event_is_drawn_in_three_panels(found: Conjunctions, tmp_path: Path) -> None:
    figure = plot_encounter(found, 0)
    assert [panel.get_xlabel() for panel in figure.axes] == [
        "transverse (km)",
        "transverse (km)",
        "B-plane, across (km)",
    ]
    assert "never advice to manoeuvre" in figure.get_suptitle()
    figure.savefig(tmp_path / "event.png")
    assert (tmp_path / "event.png").stat().st_size > 10_000


def test_a_volume_is_drawn_as_wide_as_it_is(found: Conjunctions) -> None:
    for shape in ("box", "ellipsoid"):
        volume = ScreeningVolume(shape, 3.0, 30.0, 20.0)  # type: ignore[arg-type]
        narrowed = screen(tle_text(SATELLITES), start=START, days=0.5, threshold_km=20.0, volumes={"*": volume})
        figure = plot_encounter(narrowed, 0)
        for panel, half in zip(figure.axes, ((30.0, 3.0), (30.0, 20.0)), strict=False):
            (outline,) = (line for line in panel.get_lines() if line.get_label() == f"{shape} of object 1")
            assert np.abs(np.array(outline.get_data())).max(axis=1) == pytest.approx(half, rel=1e-3)


def test_an_ephemeris_that_ends_is_drawn_as_far_as_it_goes() -> None:
    orbits = [tle_text(SATELLITES[1:]), oem_text(SATELLITES[0], "PLAN", "UNKNOWN", 2.0)]
    found = screen(orbits, start=START, days=0.5, threshold_km=200.0, primaries=["PLAN"])
    assert len(found) > 0
    for event in range(len(found)):
        motion = relative_motion(found, event)
        assert np.isfinite(motion.position_rtn_km).all()
        plot_encounter(found, event)


def test_an_event_that_is_not_there_is_an_error(found: Conjunctions) -> None:
    with pytest.raises(IndexError, match="from 0 on"):
        plot_encounter(found, len(found))

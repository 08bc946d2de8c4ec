"""The geometry of a conjunction in a picture. Needs matplotlib (extra ``plot``), imported only when used."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.events import Conjunctions
from conjunction.frames.local_axes import rtn_axes
from schemas.timescales import format_utc

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAMPLES = 401
_MARGIN = 0.35  # beyond entry and exit, of the time between them
_SHORTEST_MARGIN_S = 0.2
_SEEN_END_ON = 0.1  # of a panel: a path that is shorter has its entry and exit on top of each other
_PATH, _MISS, _VOLUME, _FIRST = "#1f5fa8", "#c0392b", "#8a8a8a", "#222222"


class RelativeMotion(NamedTuple):
    """Object 2 relative to object 1 in RTN of object 1 as it is at each instant: tai_ns (m,), position_rtn_km (m, 3);
    ``inside`` (m,): from entry to exit. The rows of entry, TCA and exit are ``entry``, ``tca`` and ``exit``.
    """

    tai_ns: NDArray[np.int64]
    position_rtn_km: NDArray[np.float64]
    inside: NDArray[np.bool_]
    entry: int
    tca: int
    exit: int


def relative_motion(conjunctions: Conjunctions, event: int) -> RelativeMotion:
    """The motion about a conjunction (row of the result), a little longer than from its entry to its exit.

    States are the orbits' own; instants at which one of the two has none are left out. Raises IndexError for an event
    that is not there.
    """
    if not 0 <= event < len(conjunctions):
        raise IndexError(f"event {event}: the result has {len(conjunctions)}, from 0 on")
    found = {name: column[0] for name, column in conjunctions.result.conjunctions.slice(event, 1).to_pydict().items()}
    entry, tca, leaving = (int(found[f"{name}_tai_ns"]) for name in ("entry", "tca", "exit"))
    margin_ns = max(round(_MARGIN * (leaving - entry)), round(_SHORTEST_MARGIN_S * 1e9))
    times = np.linspace(entry - margin_ns, leaving + margin_ns, _SAMPLES).astype(np.int64)
    times = np.unique(np.append(times, [entry, tca, leaving]))
    catalogue = conjunctions.orbits.catalogue
    states = []
    for name in ("index_1", "index_2"):
        rows = conjunctions.orbits.rows_of(np.array([found[name]]))
        valid = (catalogue.valid_from_tai_ns[rows] <= tca) & (tca <= catalogue.valid_until_tai_ns[rows])
        states.append(catalogue.states(np.full(len(times), rows[valid][-1], dtype=np.int32), times))
    known = (states[0].code == 0) & (states[1].code == 0)
    times, one, two = times[known], states[0].position_km[known], states[1].position_km[known]
    axes = rtn_axes(one, states[0].velocity_km_s[known])
    position = np.einsum("mij,mj->mi", axes, two - one)
    places = (int(np.searchsorted(times, instant)) for instant in (entry, tca, leaving))
    return RelativeMotion(times, position, (times >= entry) & (times <= leaving), *places)


def plot_encounter(conjunctions: Conjunctions, event: int) -> "Figure":
    """Draw a conjunction (row of the result): relative motion in RTN of object 1, and the B-plane.

    Left and middle: object 2 as seen from object 1, transverse against radial, and transverse against normal; the line
    is thick from entry to exit. Right: the B-plane, at right angles to the relative velocity at TCA, its upper axis the
    part of the radial direction in it (of the normal, where the velocity is radial). Grey is what the pair was screened
    with: the sphere of the threshold, or object 1's volume. Lengths in km, one scale on both axes of a panel.

    Raises IndexError as `relative_motion` does, ImportError where matplotlib is not installed.
    """
    from matplotlib import pyplot

    motion = relative_motion(conjunctions, event)
    found = {name: column[0] for name, column in conjunctions.to_arrow().slice(event, 1).to_pydict().items()}
    velocity = np.array([found[f"relative_velocity_{axis}_km_s"] for axis in "rtn"])
    figure, (radial_panel, normal_panel, b_panel) = pyplot.subplots(1, 3, figsize=(13.0, 5.2), layout="constrained")
    views = (
        (radial_panel, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), "transverse (km)", "radial (km)"),
        (normal_panel, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "transverse (km)", "normal (km)"),
        (b_panel, b_plane_axes(velocity), "B-plane, across (km)", "B-plane, radial part (km)"),
    )
    labelled: dict[str, Any] = {}
    for panel, axes, across, up in views:
        _draw(panel, motion, axes)
        _draw_volume(panel, conjunctions, found["index_1"], found["index_2"], axes)
        panel.set_xlabel(across)
        panel.set_ylabel(up)
        panel.set_aspect("equal", adjustable="datalim")
        panel.grid(visible=True, color="#e6e6e6", linewidth=0.6)
        panel.set_axisbelow(True)
        handles, labels = panel.get_legend_handles_labels()
        labelled |= dict(zip(labels, handles, strict=True))
    figure.legend(labelled.values(), labelled, loc="outside lower center", ncols=len(labelled), frameon=False)
    figure.suptitle(_title(conjunctions, event, found), fontsize=11)
    return figure


def b_plane_axes(relative_velocity_rtn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors in RTN (2, 3) that span the plane at right angles to a relative velocity (3,): across, and up.

    Up is the part of the radial direction in the plane, or of the normal where the velocity is within a degree or so of
    radial; across, up and velocity are right-handed. Raises ValueError for a velocity of zero, which has no such plane.
    """
    speed = float(np.linalg.norm(relative_velocity_rtn))
    if not speed > 0.0:
        raise ValueError("a relative velocity of zero has no B-plane")
    along = relative_velocity_rtn / speed
    for wanted in (np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])):
        up = wanted - along * (wanted @ along)
        length = float(np.linalg.norm(up))
        if length > 0.02:
            break
    up /= length
    return np.stack([np.cross(up, along), up])


def _draw(panel: Any, motion: RelativeMotion, axes: NDArray[np.float64]) -> None:
    x, y = axes @ motion.position_rtn_km.T
    panel.plot(x, y, color=_PATH, linewidth=0.9, alpha=0.6)
    panel.plot(x[motion.inside], y[motion.inside], color=_PATH, linewidth=2.2, label="object 2")
    tca = motion.tca
    panel.plot([0.0, x[tca]], [0.0, y[tca]], color=_MISS, linewidth=1.4, linestyle=":", zorder=3)
    inside = np.append(np.flatnonzero(motion.inside), tca)
    if max(np.ptp(x[inside]), np.ptp(y[inside])) > _SEEN_END_ON * np.abs(motion.position_rtn_km[inside]).max():
        panel.plot(x[motion.entry], y[motion.entry], "^", color=_PATH, markersize=7, label="entry", zorder=4)
        panel.plot(x[motion.exit], y[motion.exit], "s", color=_PATH, markersize=6, label="exit", zorder=4)
    panel.plot(x[tca], y[tca], "o", color=_MISS, markersize=6, label="closest approach", zorder=5)
    panel.plot(0.0, 0.0, "+", color=_FIRST, markersize=11, markeredgewidth=1.8, label="object 1", zorder=5)


def _draw_volume(panel: Any, conjunctions: Conjunctions, one: int, other: int, axes: NDArray[np.float64]) -> None:
    """The outline, as it is projected, of object 1's volume; of the threshold's sphere where neither has a volume."""
    volumes = conjunctions.volumes
    volume = None
    if volumes is not None:
        rows = [conjunctions.orbits.rows_of(np.array([orbit]))[0] for orbit in (one, other)]
        numbers = [int(volumes.of_row[row]) for row in rows]
        if numbers[0] < 0 <= numbers[1]:
            return  # object 2's volume lies in its own axes about itself
        volume = volumes.volumes[numbers[0]] if numbers[0] >= 0 else None
    angle = np.linspace(0.0, 2.0 * np.pi, 361)
    if volume is None:
        outline = conjunctions.threshold_km * np.stack([np.cos(angle), np.sin(angle)])
        label = f"{conjunctions.threshold_km:g} km"
    else:
        half = np.array([volume.radial_km, volume.transverse_km, volume.normal_km])
        directions = np.stack([np.cos(angle), np.sin(angle)]).T @ axes
        outline = _outline(volume.shape, half, directions, axes)
        label = f"{volume.shape} of object 1"
    panel.plot(*outline, color=_VOLUME, linewidth=1.0, linestyle="--", label=label)


def _outline(
    shape: str, half_km: NDArray[np.float64], directions: NDArray[np.float64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Border of a projected ellipsoid or box (2, m): of all its points, the farthest in each direction (m, 3)."""
    if shape == "ellipsoid":
        farthest = directions * half_km**2 / np.linalg.norm(directions * half_km, axis=1, keepdims=True)
    else:
        # Components that are no more than rounding must not choose a corner.
        signs = np.where(np.abs(directions) < 1e-12, 0.0, np.sign(directions))
        farthest = signs * half_km
    border: NDArray[np.float64] = axes @ farthest.T
    return border


def _title(conjunctions: Conjunctions, event: int, found: dict[str, Any]) -> str:
    tca = int(conjunctions.result.conjunctions.column("tca_tai_ns")[event].as_py())
    names = [_called(found, which) for which in ("1", "2")]
    edge = ", at the window's edge" if found["at_window_edge"] else ""
    return (
        f"{names[0]} (object 1) and {names[1]} (object 2), closest at {format_utc(tca, 3)} UTC{edge}\n"
        f"{found['miss_distance_km']:.3f} km, {found['relative_speed_km_s']:.4f} km/s, "
        f"{found['approach_angle_deg']:.1f}° between the velocities; screening, never advice to manoeuvre"
    )


def _called(found: dict[str, Any], which: str) -> str:
    for name in (f"object_name_{which}", f"object_{which}", f"object_id_{which}"):
        if found[name] is not None:
            return str(found[name])
    return f"orbit {found[f'index_{which}']}"

"""Tracks of a resident catalogue: what is kept of each row over the window, and what a query is made of.

A row is described by its nodes, float32 positions every 240 s, wherever eight of them describe it (`measure`); in all
other slabs by pieces: the sieve's own description from positions 120 s apart, or, where that does not hold either, the
orbit followed through the slab (`irregular.follow`), which also finds the instant from which it fails.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import Failure, Pieces, follow
from conjunction.kinks import BENT_PART_OF_HALF_STEP, kink_km_s
from conjunction.orbit_grid import GridStates, grid_states
from conjunction.resident_kernel import (
    MOTION_WIDTH,
    NODE_STEP_S,
    PX,
    REMAINDER_KM,
    START_S,
    STOP_S,
)
from conjunction.resident_schedule import Schedule
from conjunction.resident_track_kernel import (
    BOUNDS_WIDTH,
    CHORD_KM,
    ERROR_KM,
    R_HIGH_KM,
    R_LOW_KM,
    SAGITTA_KM,
    describe_slabs,
    measure_rows,
    track,
)
from conjunction.screened_spans import alive_at_start
from conjunction.sieve import SLAB_NS
from conjunction.slab_kernel import REMAINDER_KM as DESCRIBED_REMAINDER

_AFTER_BREAK = 100  # our own code: the orbit is not smooth between this grid time and the next
_FEW_ROWS = 16
_ROUNDING = 2.0**-24  # of a float32, half a unit in the last place
# Error of an eight-point polynomial for rounded nodes, in roundings: Lebesgue's constant is 1.49 in the middle interval
_POLYNOMIAL_ROUNDINGS = 4.0
REACH_SCALE = 1.002  # rounding where the chord is short beside the distance: docs/screening.md


class Motions(NamedTuple):
    """Motions (s, MOTION_WIDTH) of a row in slabs (s,) int64, counted from the schedule's first, ascending."""

    motion: NDArray[np.float64]
    slab: NDArray[np.int64]


class Tracks(NamedTuple):
    """What is kept of m rows: nodes (m, 3, node_count) float32 km; reach_km, error_km, r_low_km, r_high_km (m,).

    The radii are inf and 0 where nodes describe nothing. alive (m,) bool; pieces by row; failures and state count.
    """

    nodes: NDArray[np.float32]
    reach_km: NDArray[np.float32]
    error_km: NDArray[np.float32]
    r_low_km: NDArray[np.float32]
    r_high_km: NDArray[np.float32]
    alive: NDArray[np.bool_]
    pieces: list[Motions | None]
    failures: list[Failure]
    state_count: int


def tracks_of(catalogue: Catalogue, rows: NDArray[np.int32], schedule: Schedule, threshold_km: float) -> Tracks:
    """What to keep of the catalogue rows `rows` (m,), each at most once. Failures are told by their place in `rows`."""
    m = len(rows)
    grid, breaks = grid_of(catalogue, rows, schedule)
    alive, failures = alive_at_start(catalogue, rows, schedule.window)
    nodes = np.empty((m, 3, schedule.node_count), dtype=np.float32)
    described = np.empty((m, schedule.segments), dtype=np.bool_)
    bounds = np.empty((m, BOUNDS_WIDTH))
    code = _with_breaks(grid.code, breaks.grid_time, breaks.column)
    measure_rows(grid.position_km, code, grid.code != 0, nodes, described, bounds)
    pieces: list[Motions | None] = [None] * m
    for k in np.flatnonzero(alive & ~described.all(axis=1)).tolist():
        slabs = 2 * np.repeat(np.flatnonzero(~described[k]), 2)
        slabs[1::2] += 1
        row, walk = int(rows[k]), Walk(grid, breaks, k)
        by_slab = described_in(catalogue, row, walk, slabs, schedule.first_slab)
        pieces[k], failure = motions_in(catalogue, row, walk, slabs, by_slab, schedule, threshold_km)
        if failure is not None:
            failures.append(failure._replace(row=k))
    # near-earth SGP4 may bend between the instants at which errors and sagittas are measured
    bent = kink_km_s(catalogue, rows) * NODE_STEP_S
    bounds[:, ERROR_KM] += 0.5 * BENT_PART_OF_HALF_STEP * bent
    bounds[:, SAGITTA_KM] += 0.25 * bent + 0.5 * BENT_PART_OF_HALF_STEP * bent
    bounds[:, R_LOW_KM] -= bent
    bounds[:, R_HIGH_KM] += bent
    high = bounds[:, R_HIGH_KM]
    reach = bounds[:, SAGITTA_KM] + _ROUNDING * high + 2e-6 * bounds[:, CHORD_KM] + threshold_km
    return Tracks(
        nodes,
        rounded_up(REACH_SCALE * reach),
        rounded_up(bounds[:, ERROR_KM] + _POLYNOMIAL_ROUNDINGS * _ROUNDING * high),
        -rounded_up(-bounds[:, R_LOW_KM]),
        rounded_up(high),
        alive,
        pieces,
        failures,
        grid.code.size,
    )


class Walk:
    """One row of a batch's grid, as the kernels take it."""

    def __init__(self, grid: GridStates, breaks: "Breaks", column: int) -> None:
        count = len(grid.code)
        mine = breaks.column == column
        code = _with_breaks(grid.code[:, column : column + 1], breaks.grid_time[mine], breaks.column[mine] * 0)
        position_km = np.ascontiguousarray(grid.position_km[:, :, column : column + 1])
        self.x_km = np.empty((3, count))
        self.radius_km = np.empty(count)
        self.bad_until = np.empty(count, dtype=np.int64)
        track(position_km, code, 0, self.x_km, self.radius_km, self.bad_until)
        self.has_state = grid.code[:, column] == 0


class Breaks(NamedTuple):
    """Breaks (b,) of a batch: the last grid time before each, and the column in the batch."""

    grid_time: NDArray[np.int64]
    column: NDArray[np.int64]


class Described(NamedTuple):
    """Motions (s, MOTION_WIDTH) in slabs, whether they hold (s,), and bounds of the radius (s,), km."""

    motion: NDArray[np.float64]
    regular: NDArray[np.bool_]
    r_low_km: NDArray[np.float64]
    r_high_km: NDArray[np.float64]


def grid_of(catalogue: Catalogue, rows: NDArray[np.int32], schedule: Schedule) -> tuple[GridStates, Breaks]:
    """Positions of the rows on the schedule's grid, and their breaks there."""
    grid_ns = schedule.grid_ns
    row, tai_ns = catalogue.breaks()
    inside = np.isin(row, rows) & (tai_ns > grid_ns[0]) & (tai_ns <= grid_ns[-1])
    place = {row: k for k, row in enumerate(rows.tolist())}
    column = np.array([place[r] for r in row[inside].tolist()], dtype=np.int64)
    # from a break on the next branch speaks: a break on a grid time is after the grid time before
    breaks = Breaks((tai_ns[inside] - 1 - grid_ns[0]) // SLAB_NS, column)
    return _states(catalogue, rows, grid_ns), breaks


def _states(catalogue: Catalogue, rows: NDArray[np.int32], grid_ns: NDArray[np.int64]) -> GridStates:
    """As `grid_states`; a few near-earth rows one by one, as they would leave its tiles of 256 all but empty."""
    if len(rows) > _FEW_ROWS or catalogue.deep_space[rows].any():
        return grid_states(catalogue, rows, grid_ns)
    states = catalogue.states(np.tile(rows, len(grid_ns)), np.repeat(grid_ns, len(rows)))
    shape = (len(grid_ns), len(rows))
    position_km = np.ascontiguousarray(states.position_km.reshape(*shape, 3).transpose(0, 2, 1))
    return GridStates(position_km, np.empty((0, 3, len(rows))), states.code.reshape(shape))


def _with_breaks(code: NDArray[np.int8], grid_time: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int8]:
    code = np.array(code, order="C")
    code[grid_time, column] = _AFTER_BREAK
    return code


def described_in(catalogue: Catalogue, row: int, walk: Walk, slabs: NDArray[np.int64], first_slab: int) -> Described:
    """The row's motion in slabs (s,), from positions 120 s apart; of one that may jump with the orbit in the middle."""
    check_km, check_code = np.empty((0, 3)), np.empty(0, dtype=np.int8)
    if catalogue.deep_space[row] or catalogue.is_ephemeris[row]:
        middles_ns = (first_slab + slabs) * SLAB_NS + SLAB_NS // 2
        check = grid_states(catalogue, np.array([row], dtype=np.int32), middles_ns)
        check_km, check_code = np.ascontiguousarray(check.position_km[:, :, 0]), check.code[:, 0].copy()
    found = Described(
        np.empty((len(slabs), MOTION_WIDTH)),
        np.empty(len(slabs), dtype=np.bool_),
        np.full(len(slabs), np.inf),
        np.zeros(len(slabs)),
    )
    regular = describe_slabs(
        walk.x_km,
        walk.radius_km,
        walk.bad_until,
        slabs,
        check_km,
        check_code,
        found.motion,
        found.r_low_km,
        found.r_high_km,
    )
    bent_km = BENT_PART_OF_HALF_STEP * 0.5e-9 * SLAB_NS * kink_km_s(catalogue, np.array([row], dtype=np.int32))
    found.motion[:, REMAINDER_KM] += bent_km
    return found._replace(regular=regular, r_low_km=found.r_low_km - bent_km, r_high_km=found.r_high_km + bent_km)


def motions_in(
    catalogue: Catalogue,
    row: int,
    walk: Walk,
    slabs: NDArray[np.int64],
    described: Described,
    schedule: Schedule,
    threshold_km: float,
) -> tuple[Motions, Failure | None]:
    """All motions of a row in those of the slabs (s,) in which it is screened, and the first failure on the way."""
    start_ns = np.maximum((schedule.first_slab + slabs) * SLAB_NS, schedule.window.start_tai_ns)
    stop_ns = np.minimum((schedule.first_slab + slabs + 1) * SLAB_NS, schedule.window.stop_tai_ns)
    start_ns = np.maximum(start_ns, catalogue.valid_from_tai_ns[row])
    stop_ns = np.minimum(stop_ns, catalogue.valid_until_tai_ns[row])
    lives = stop_ns > start_ns
    regular, others = lives & described.regular, np.flatnonzero(lives & ~described.regular)
    middle_ns = (schedule.first_slab + slabs[others]) * SLAB_NS + SLAB_NS // 2
    pieces, failures = follow(
        catalogue,
        slabs[others],
        np.full(len(others), row, dtype=np.int32),
        start_ns[others],
        stop_ns[others],
        middle_ns,
        np.full(len(others), 0.5 * threshold_km),
    )
    failure = min(failures, key=lambda failure: failure.from_tai_ns, default=None)
    motion = np.concatenate([described.motion[regular], _motions_of(pieces)])
    slab = np.concatenate([slabs[regular], pieces.column])
    if failure is not None:
        before = (schedule.first_slab + slab) * SLAB_NS < failure.from_tai_ns
        motion, slab = motion[before], slab[before]
    order = np.argsort(slab, kind="stable")
    return Motions(motion[order], slab[order]), failure


def _motions_of(pieces: Pieces) -> NDArray[np.float64]:
    motion = np.empty((len(pieces.column), MOTION_WIDTH))
    motion[:, PX:REMAINDER_KM] = pieces.description[:, :REMAINDER_KM]  # position, velocity, acceleration in both
    motion[:, REMAINDER_KM] = pieces.description[:, DESCRIBED_REMAINDER]
    motion[:, START_S] = pieces.start_s
    motion[:, STOP_S] = pieces.stop_s
    return motion


def rounded_up(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """In single precision, rounded upwards."""
    with np.errstate(over="ignore"):
        up: NDArray[np.float32] = np.nextafter(values.astype(np.float32), np.float32(np.inf))
    return up

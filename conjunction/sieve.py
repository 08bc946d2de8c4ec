"""The sieve: which pairs may come within the threshold, in which slabs of time. A superset, and a small one.

Time is cut into slabs at multiples of SLAB_NS of TAI, wherever the window begins, so that the answer does not depend
on how a window is split. A chunk of slabs is one unit of work: a pure function of the catalogue and the slab numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import REMAINDER_LIMIT_KM, Failure, follow
from conjunction.sgp4_kernel import RADIUS_EARTH_KM
from conjunction.sgp4_tiles import grid_states
from conjunction.sieve_kernel import (
    DESCRIPTION_WIDTH,
    R_MIN_KM,
    REMAINDER_KM,
    describe_slab,
    irregular_pairs,
    pairs_in_slab,
    widen_by_check,
)

SLAB_NS = 120_000_000_000
_BEFORE, _AFTER = 3, 4  # grid times that a slab's stencil needs before its start, and after its start
_GRAZING_KM = 1.0


class Window(NamedTuple):
    """From start to stop, both included, TAI ns."""

    start_tai_ns: int
    stop_tai_ns: int

    def slabs(self) -> range:
        """Numbers of the slabs that the window touches; slab k spans k * SLAB_NS to (k + 1) * SLAB_NS."""
        return range(self.start_tai_ns // SLAB_NS, -(-self.stop_tai_ns // SLAB_NS))


class Sieved(NamedTuple):
    """Candidates as catalogue rows first < second (m,) int32 and slab (m,) int64; failures; how many states."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    slab: NDArray[np.int64]
    failures: list[Failure]
    state_count: int


def slabs_in_chunk(object_count: int) -> int:
    """How many slabs to take at a time, so that a chunk's positions stay near 50 MB (24 B a position)."""
    positions = 50_000_000 // (24 * max(object_count, 1))
    return int(min(max(positions - _BEFORE - _AFTER, 16), 64))


def sieve_chunk(
    catalogue: Catalogue,
    active: NDArray[np.int32],
    group: NDArray[np.int64],
    window: Window,
    slabs: range,
    threshold_km: float,
) -> Sieved:
    """Sieve the catalogue rows `active` (n,) against one another in the given slabs, within the window.

    group (n,) int64: pairs of one group >= 0 are left out. Holds 24 B an object and slab, and no more than
    `slabs_in_chunk` makes of it.
    """
    grid_ns = np.arange(slabs.start - _BEFORE, slabs.stop + _AFTER, dtype=np.int64) * SLAB_NS
    grid = grid_states(catalogue, active, grid_ns)
    deep = np.flatnonzero(catalogue.deep_space[active])
    middles_ns = np.arange(slabs.start, slabs.stop, dtype=np.int64) * SLAB_NS + SLAB_NS // 2
    middle = grid_states(catalogue, active[deep], middles_ns)
    step_s = SLAB_NS / 1e9
    rows = np.empty((len(active), DESCRIPTION_WIDTH))
    regular = np.empty(len(active), dtype=np.bool_)
    alive = np.ones(len(active), dtype=np.bool_)
    pairs: list[NDArray[np.int32]] = []
    slab_of: list[NDArray[np.int64]] = []
    failures: list[Failure] = []
    for k, slab in enumerate(slabs):
        describe_slab(grid.position_km, grid.code, k, step_s, threshold_km, rows, regular)
        widen_by_check(middle.position_km[k], middle.code[k], deep, rows, regular)
        with np.errstate(invalid="ignore"):
            regular &= rows[:, REMAINDER_KM] <= REMAINDER_LIMIT_KM
            regular &= rows[:, R_MIN_KM] > RADIUS_EARTH_KM + _GRAZING_KM
        found = [pairs_in_slab(rows, regular & alive, group, step_s, threshold_km)]
        columns = np.flatnonzero(~regular & alive)
        if len(columns):
            pieces, failures_here = follow(
                catalogue,
                columns,
                active[columns],
                max(slab * SLAB_NS, window.start_tai_ns),
                min((slab + 1) * SLAB_NS, window.stop_tai_ns),
                slab * SLAB_NS + SLAB_NS // 2,
                threshold_km,
            )
            failures += failures_here
            if len(pieces.column):
                found.append(irregular_pairs(*pieces, rows, regular & alive, group, threshold_km))
            alive[np.isin(active, [failure.row for failure in failures_here])] = False
        pairs += found
        slab_of += [np.full(len(part), slab, dtype=np.int64) for part in found]
    rows_of_pairs = active[np.concatenate(pairs)]
    return Sieved(
        rows_of_pairs.min(axis=1),
        rows_of_pairs.max(axis=1),
        np.concatenate(slab_of),
        failures,
        len(active) * len(grid_ns) + len(deep) * len(middles_ns),
    )

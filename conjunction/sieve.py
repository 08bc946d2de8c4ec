"""The sieve: which pairs may come within reach of each other, in which slabs of time. A superset, and a small one.

Time is cut into slabs at multiples of SLAB_NS of TAI, wherever the window begins, so that the answer does not depend
on how a window is split. A chunk of slabs is one unit of work: a pure function of the catalogue and the slab numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import FAR_KM, REMAINDER_LIMIT_KM, TOO_WILD, Failure, follow
from conjunction.kinks import BENT_PART_OF_HALF_STEP, kink_km_s
from conjunction.sgp4_kernel import RADIUS_EARTH_KM
from conjunction.sieve_grid import AFTER, BEFORE, SLAB_NS, chunk_grid
from conjunction.sieve_kernel import irregular_pairs, pairs_in_slab
from conjunction.slab_kernel import DESCRIPTION_WIDTH, describe_slab, widen_by_check

__all__ = ["SLAB_NS", "Sieved", "Window", "sieve_chunk", "slabs_in_chunk"]

# largest remainder, and least radius: an object that grazes the earth is one that SGP4 may be about to fail for
_LIMITS_KM = (REMAINDER_LIMIT_KM, RADIUS_EARTH_KM + 1.0)
_BENT_S = BENT_PART_OF_HALF_STEP * 0.5e-9 * SLAB_NS


class Window(NamedTuple):
    """From start to stop, both included, TAI ns."""

    start_tai_ns: int
    stop_tai_ns: int

    def slabs(self) -> range:
        """Numbers of the slabs that the window touches; slab k spans k * SLAB_NS to (k + 1) * SLAB_NS."""
        return range(self.start_tai_ns // SLAB_NS, -(-self.stop_tai_ns // SLAB_NS))


class Sieved(NamedTuple):
    """Candidates as catalogue rows first < second (m,) int32 and slab (m,) int64; how many states were made.

    failures (k, 3) int64: the fields of `irregular.Failure`.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    slab: NDArray[np.int64]
    failures: NDArray[np.int64]
    state_count: int


def slabs_in_chunk(object_count: int) -> int:
    """How many slabs to take at a time, so that a chunk's positions stay near 50 MB (24 B a position)."""
    positions = 50_000_000 // (24 * max(object_count, 1))
    return int(min(max(positions - BEFORE - AFTER, 16), 64))


def sieve_chunk(
    catalogue: Catalogue,
    active: NDArray[np.int32],
    group: NDArray[np.int64],
    window: Window,
    slabs: range,
    reach_km: NDArray[np.float64],
) -> Sieved:
    """Sieve the catalogue rows `active` (n,) against one another in the given slabs, within the window.

    group (n,) int64: pairs of one group >= 0 are left out. reach_km (n,): a pair is a candidate if it may come within
    the larger of its two. Holds 24 B an object and slab, and no more than `slabs_in_chunk` makes of it.
    """
    grid = chunk_grid(catalogue, active, slabs)
    step_s = SLAB_NS / 1e9
    # each object's part of a pair's threshold: two parts make the larger of the two reaches at least
    half_km = reach_km - 0.5 * reach_km.min(initial=np.inf)
    bend_km = _BENT_S * kink_km_s(catalogue, active)
    rows = np.empty((len(active), DESCRIPTION_WIDTH))
    regular = np.empty(len(active), dtype=np.bool_)
    alive = np.ones(len(active), dtype=np.bool_)
    near_earth = ~catalogue.deep_space[active] & ~catalogue.is_ephemeris[active]
    begins_ns, ends_ns = catalogue.valid_from_tai_ns[active], catalogue.valid_until_tai_ns[active]
    pairs: list[NDArray[np.int32]] = [np.empty((0, 2), dtype=np.int32)]
    slab_of: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    failures: list[Failure] = []
    for k, slab in enumerate(slabs):
        start_ns, stop_ns = max(slab * SLAB_NS, window.start_tai_ns), min((slab + 1) * SLAB_NS, window.stop_tai_ns)
        describe_slab(grid.position_km, grid.code, k, step_s, half_km, bend_km, *_LIMITS_KM, rows, regular)
        checked = (grid.middle_km[k], grid.middle_code[k], grid.slack_km[k], grid.checked)
        widen_by_check(*checked, *_LIMITS_KM, rows, regular)
        regular[grid.broken.get(slab, [])] = False
        regular &= alive
        found = [pairs_in_slab(rows, regular, group, step_s)]
        columns = np.flatnonzero(~regular & alive & (begins_ns < stop_ns) & (ends_ns > start_ns))
        away = columns[_carried_off(grid.position_km[k + BEFORE, :, columns], near_earth[columns])]
        failed = [Failure(row, start_ns, TOO_WILD) for row in active[away].tolist()]
        columns = np.setdiff1d(columns, away)
        if len(columns):
            middle_ns = slab * SLAB_NS + SLAB_NS // 2
            pieces, ended = follow(catalogue, columns, active[columns], start_ns, stop_ns, middle_ns, half_km[columns])
            failed += ended
            if len(pieces.column):
                found.append(irregular_pairs(*pieces, rows, regular, group))
        if failed:
            failures += failed
            alive[np.isin(active, [failure.row for failure in failed])] = False
        pairs += found
        slab_of += [np.full(len(part), slab, dtype=np.int64) for part in found]
    rows_of_pairs = active[np.concatenate(pairs)]
    return Sieved(
        rows_of_pairs.min(axis=1),
        rows_of_pairs.max(axis=1),
        np.concatenate(slab_of),
        np.array(failures, dtype=np.int64).reshape(-1, 3),
        grid.state_count,
    )


def _carried_off(position_km: NDArray[np.float64], near_earth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of m objects, positions (m, 3), are where no orbit with a period below 225 min goes: SGP4 has lost them."""
    with np.errstate(invalid="ignore"):
        far: NDArray[np.bool_] = near_earth & (np.einsum("mi,mi->m", position_km, position_km) > FAR_KM**2)
    return far

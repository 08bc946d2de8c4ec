"""Positions on the sieve's time grid for a chunk of slabs, with what the slabs' descriptions must know beside them."""

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.orbit_grid import GridStates, fill_grid, grid_states
from conjunction.sparse_grid import sparse_states

SLAB_NS = 120_000_000_000
BEFORE, AFTER = 3, 4  # grid times that a slab's stencil needs before its start, and after its start
# of errors in grid positions, in the remainder that a description claims: they move its quadratic by at most 3.3 times
# their size (sums of weights), and the measured ends by that and by themselves, taken 1.1 times
_AMPLIFICATION = 8.0

_rooms = threading.local()


class ChunkGrid(NamedTuple):
    """Positions (TEME) of n objects at the K grid times of S slabs and their stencils.

    position_km (K, 3, n) and code (K, n). For the objects `checked` (m,), whose motion may jump, positions at the
    slabs' middles too: middle_km (S, 3, m), middle_code (S, m); slack_km (S, m): how far a description may be off
    beyond what it measures. broken: by slab, the objects whose motion has a break in the slab's stencil. state_count:
    how many states were made.
    """

    position_km: NDArray[np.float64]
    code: NDArray[np.int8]
    checked: NDArray[np.int64]
    middle_km: NDArray[np.float64]
    middle_code: NDArray[np.int8]
    slack_km: NDArray[np.float64]
    broken: dict[int, list[int]]
    state_count: int


def chunk_grid(catalogue: Catalogue, active: NDArray[np.int32], slabs: range) -> ChunkGrid:
    """The grid for the catalogue rows `active` (n,) in the given slabs.

    Near-earth element sets are propagated to every grid time. Deep-space ones, most of which are slow, are propagated
    to as few as will do (`sparse_grid`). Ephemerides are interpolated, at the slabs' middles too. Positions and codes
    hold until the same thread asks again: their room is used once more.
    """
    first, last = slabs.start - BEFORE, slabs.stop + AFTER - 1
    grid_ns = np.arange(first, last + 1, dtype=np.int64) * SLAB_NS
    deep, tracked = catalogue.deep_space[active], catalogue.is_ephemeris[active]
    dense, sparse = np.flatnonzero(~deep), np.flatnonzero(deep)
    states = _room(len(grid_ns), len(active))
    fill_grid(catalogue, active[dense], dense, grid_ns, states)
    position_km, code = states.position_km, states.code
    checked = np.concatenate([sparse, np.flatnonzero(tracked)])
    middle_km = np.empty((len(slabs), 3, len(checked)))
    middle_code = np.empty((len(slabs), len(checked)), dtype=np.int8)
    slack_km = np.zeros((len(slabs), len(checked)))
    count = len(grid_ns) * len(dense)
    if len(sparse):
        slow = sparse_states(catalogue, active[sparse], first, last, SLAB_NS)
        position_km[:, :, sparse], code[:, sparse] = slow.position_km[::2], slow.code[::2]
        middles = slice(2 * BEFORE + 1, 2 * (BEFORE + len(slabs)), 2)
        middle_km[:, :, : len(sparse)] = slow.position_km[middles]
        middle_code[:, : len(sparse)] = slow.code[middles]
        for k in range(len(slabs)):
            stencil = slow.slack_km[2 * k : 2 * (k + BEFORE + AFTER) + 1]
            slack_km[k, : len(sparse)] = _AMPLIFICATION * stencil.max(axis=0)
        count += slow.state_count
    if tracked.any():
        middle_ns = np.arange(slabs.start, slabs.stop, dtype=np.int64) * SLAB_NS + SLAB_NS // 2
        middle = grid_states(catalogue, active[tracked], middle_ns)
        middle_km[:, :, len(sparse) :], middle_code[:, len(sparse) :] = middle.position_km, middle.code
        count += middle.code.size
    return ChunkGrid(
        position_km, code, checked, middle_km, middle_code, slack_km, _broken(catalogue, active, slabs), count
    )


def _room(times: int, objects: int) -> GridStates:
    """Room for positions and codes, this thread's own: fresh memory costs as much as filling it with states does."""
    size = times * objects
    if getattr(_rooms, "size", -1) < size:
        _rooms.positions, _rooms.codes, _rooms.size = np.empty(3 * size), np.empty(size, dtype=np.int8), size
    positions = _rooms.positions[: 3 * size].reshape(times, 3, objects)
    return GridStates(positions, np.empty((0, 3, objects)), _rooms.codes[:size].reshape(times, objects))


def _broken(catalogue: Catalogue, active: NDArray[np.int32], slabs: range) -> dict[int, list[int]]:
    """By slab, the objects (columns of `active`) whose motion has a break anywhere in the slab's stencil."""
    broken: dict[int, list[int]] = {}
    row, break_ns = catalogue.breaks()
    slab = break_ns // SLAB_NS
    here = np.flatnonzero((slab >= slabs.start - BEFORE - 1) & (slab <= slabs.stop + AFTER))
    column_of = np.full(catalogue.n, -1)
    column_of[active] = np.arange(len(active))
    for column, number in np.unique(np.column_stack([column_of[row[here]], slab[here]]), axis=0).tolist():
        near = range(max(number - AFTER, slabs.start), min(number + BEFORE + 2, slabs.stop))
        for each in near if column >= 0 else ():
            broken.setdefault(each, []).append(column)
    return broken

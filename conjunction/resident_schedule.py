"""The resident catalogue's time grid: the window in segments, rows in batches, and nodes in chunks."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.resident_kernel import BEFORE, BLOCK, FIRST_NODE
from conjunction.sieve import Window
from conjunction.sieve_grid import SLAB_NS

_MU_KM3_S2 = 398600.8  # WGS-72
_STATES_AT_ONCE = 1_300_000  # 31 MB of positions


class Schedule(NamedTuple):
    """The window in segments of two slabs each, from the even slab first_slab on."""

    window: Window
    first_slab: int
    segments: int

    @classmethod
    def of(cls, window: Window) -> "Schedule":
        """The segments that hold all slabs of the window."""
        slabs = window.slabs()
        first = slabs.start - slabs.start % 2
        return cls(window, first, -(-(slabs.stop - first) // 2))

    @property
    def padded_segments(self) -> int:
        """Segments in whole blocks of the kernel."""
        return -(-self.segments // BLOCK) * BLOCK

    @property
    def node_count(self) -> int:
        """Nodes of a row: those of all segments, and three more on each side."""
        return self.segments + 2 * BEFORE + 1

    @property
    def chunks(self) -> int:
        """Chunks of nodes that a row takes."""
        return max(-(-(FIRST_NODE + self.node_count) // BLOCK), self.padded_segments // BLOCK + 1)

    @property
    def grid_ns(self) -> NDArray[np.int64]:
        """Every slab border from 6 before the first segment to 6 after the last, TAI ns."""
        count = 2 * self.segments + 4 * BEFORE + 1
        return (self.first_slab - 2 * BEFORE + np.arange(count, dtype=np.int64)) * SLAB_NS


def in_chunks(nodes: NDArray[np.float32], chunks: int) -> NDArray[np.float32]:
    """Nodes (m, 3, node_count) as they are stored: (m, chunks, 3, BLOCK + 1), not a number where there are none."""
    line = np.full((*nodes.shape[:2], chunks * BLOCK + 1), np.nan, dtype=np.float32)
    line[:, :, FIRST_NODE : FIRST_NODE + nodes.shape[2]] = nodes
    return sliding_window_view(line, BLOCK + 1, axis=2)[:, :, ::BLOCK].transpose(0, 2, 1, 3)


def batches(rows: NDArray[np.int32], schedule: Schedule) -> list[NDArray[np.int32]]:
    """Rows in batches whose positions take some 31 MB."""
    size = max(_STATES_AT_ONCE // len(schedule.grid_ns), 8)
    return [rows[k : k + size] for k in range(0, len(rows), size)]


def by_size(catalogue: Catalogue, window: Window) -> NDArray[np.int32]:
    """All rows by the energy of their orbits at the window's start, so that those of like radius are stored together.

    It is a matter of speed alone: a query then reads in order what it reads.
    """
    at_ns = np.clip(window.start_tai_ns, catalogue.valid_from_tai_ns, catalogue.valid_until_tai_ns)
    states = catalogue.states(np.arange(catalogue.n, dtype=np.int32), at_ns)
    with np.errstate(all="ignore"):
        speed2 = np.einsum("ij,ij->i", states.velocity_km_s, states.velocity_km_s)
        energy = 0.5 * speed2 - _MU_KM3_S2 / np.linalg.norm(states.position_km, axis=1)
    return np.argsort(energy, kind="stable").astype(np.int32)  # what is not a number comes last

"""What a resident catalogue holds, so that a change of k rows costs in proportion to k: nodes, pieces, orbits.

Nodes lie in blocks that never move; pieces and orbits are added at the end, and what was superseded is dropped when it
is more than half of all.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.resident_kernel import BLOCK, BLOCK_ROWS, CHUNK, MOTION_WIDTH
from conjunction.resident_schedule import in_chunks
from conjunction.resident_tracks import Motions

_FEW = 1024


class NodeStore:
    """Nodes of rows in slots, chunk by chunk as `resident_kernel` reads them, in blocks of BLOCK_ROWS slots.

    Slots set free are used again. A block's memory is taken as its slots are first written.
    """

    def __init__(self, chunks: int) -> None:
        self.blocks: list[NDArray[np.float32]] = []
        self._chunks = chunks
        self._free: list[int] = []
        self._used = 0

    def put(self, nodes: NDArray[np.float32]) -> NDArray[np.int64]:
        """Keep nodes (m, 3, node_count); their slots (m,)."""
        slots = np.array([self._next() for _ in range(len(nodes))], dtype=np.int64)
        chunks = in_chunks(nodes, self._chunks)
        for part in by_block(slots):
            block = self.blocks[part.block].reshape(BLOCK_ROWS, self._chunks, 3, BLOCK + 1)
            block[part.places_in_block] = chunks[part.selected]
        return slots

    def free(self, slots: NDArray[np.int64]) -> None:
        """Give slots back."""
        self._free.extend(slots.tolist())

    def _next(self) -> int:
        if self._free:
            return self._free.pop()
        if self._used == len(self.blocks) * BLOCK_ROWS:
            self.blocks.append(np.empty(self._chunks * BLOCK_ROWS * CHUNK, dtype=np.float32))
        self._used += 1
        return self._used - 1


class PieceList(NamedTuple):
    """Pieces (p, MOTION_WIDTH), of which row and in which slab (p,) int64; row is -1 where they count no more."""

    motion: NDArray[np.float64]
    row: NDArray[np.int64]
    slab: NDArray[np.int64]


class PieceStore:
    """Motions of the rows that nodes do not describe everywhere."""

    def __init__(self) -> None:
        self._all = PieceList(np.empty((_FEW, MOTION_WIDTH)), np.empty(_FEW, np.int64), np.empty(_FEW, np.int64))
        self._count = 0
        self._dead = 0
        self._span: dict[int, tuple[int, int]] = {}

    @property
    def memory_bytes(self) -> int:
        """What the arrays take."""
        return sum(column.nbytes for column in self._all)

    def pieces(self) -> PieceList:
        """All pieces, as views."""
        return PieceList._make(column[: self._count] for column in self._all)

    def put(self, row: int, motions: Motions) -> None:
        """Keep a row's motions, of which it must have none here."""
        stop = self._count + len(motions.slab)
        if stop > len(self._all.row):
            self._move(np.flatnonzero(self.pieces().row >= 0), len(motions.slab))
            stop = self._count + len(motions.slab)
        here = slice(self._count, stop)
        self._all.motion[here], self._all.row[here], self._all.slab[here] = motions.motion, row, motions.slab
        self._span[row] = (here.start, stop)
        self._count = stop

    def drop(self, row: int) -> None:
        """Forget a row's motions, if there are any."""
        start, stop = self._span.pop(row, (0, 0))
        self._all.row[start:stop] = -1
        self._dead += stop - start
        if self._dead > _FEW and 2 * self._dead > self._count:
            self._move(np.flatnonzero(self.pieces().row >= 0), 0)

    def _move(self, kept: NDArray[np.int64], more: int) -> None:
        """Copy what is kept into arrays of twice the size needed."""
        old = self.pieces()
        size = max(2 * (len(kept) + more), _FEW)
        self._all = PieceList(np.empty((size, MOTION_WIDTH)), np.empty(size, np.int64), np.empty(size, np.int64))
        for column, before in zip(self._all, old, strict=True):
            column[: len(kept)] = before[kept]
        self._count, self._dead = len(kept), 0
        row = self._all.row[: self._count]
        starts = np.flatnonzero(np.diff(row, prepend=-1))  # a row's pieces follow one another, and it has one span
        stops = np.append(starts[1:], self._count)
        self._span = {int(row[a]): (a, b) for a, b in zip(starts.tolist(), stops.tolist(), strict=True)}


class OrbitStore:
    """The orbits of rows, as a few catalogues, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._parts: list[Catalogue] = []
        self._rows: list[NDArray[np.int64]] = []  # of each part's rows
        self._at = np.empty((0, 2), dtype=np.int64)  # of each row: part, and row there

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self._at)

    def put(self, rows: NDArray[np.int64], catalogue: Catalogue) -> None:
        """Keep the catalogue's rows as rows `rows` (m,), which may be new ones that follow the last."""
        new = max(int(rows.max(initial=-1)) + 1 - self.n, 0)
        if new:
            self._at = np.concatenate([self._at, np.empty((new, 2), dtype=np.int64)])
        self._append(rows, catalogue)
        while len(self._parts) > 1 and self._parts[-2].n < 2 * self._parts[-1].n:
            self._merge(len(self._parts) - 2)
        if sum(part.n for part in self._parts) > 2 * self.n + _FEW:
            self._merge(0)

    def take(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Catalogue]:
        """The rows (m,) in another order, and a catalogue of them in that order."""
        if not len(rows):
            return rows, self._parts[0].take(rows)
        order = rows[np.lexsort((rows, self._at[rows, 0]))]
        part = self._at[order, 0]
        chosen = [self._parts[k].take(self._at[order[part == k], 1]) for k in np.unique(part).tolist()]
        return order, Catalogue.joined(chosen)

    def whole(self, orbit: NDArray[np.int32]) -> Catalogue:
        """All rows in order, as one catalogue with the given orbit numbers (n,)."""
        order, catalogue = self.take(np.arange(self.n))
        return dataclasses.replace(catalogue.take(np.argsort(order)), orbit=orbit)

    def _append(self, rows: NDArray[np.int64], catalogue: Catalogue) -> None:
        self._at[rows, 0] = len(self._parts)
        self._at[rows, 1] = np.arange(len(rows))
        self._parts.append(catalogue)
        self._rows.append(rows)

    def _merge(self, first: int) -> None:
        """The parts from `first` on as one, without rows that later ones have superseded."""
        chosen: list[Catalogue] = []
        rows: list[NDArray[np.int64]] = []
        for k in range(first, len(self._parts)):
            part, place = self._at[self._rows[k]].T
            alive = np.flatnonzero((part == k) & (place == np.arange(len(place))))
            chosen.append(self._parts[k].take(alive))
            rows.append(self._rows[k][alive])
        del self._parts[first:], self._rows[first:]
        self._append(np.concatenate(rows), Catalogue.joined(chosen))


class BlockPart(NamedTuple):
    """Those of the selected rows whose nodes lie in one block: which (r,), and their slots in the block (r,)."""

    block: int
    selected: NDArray[np.int64]
    places_in_block: NDArray[np.int64]


def by_block(slots: NDArray[np.int64]) -> list[BlockPart]:
    """The selected rows' slots (m,) block by block, ascending in each."""
    if not len(slots):
        return []
    order = np.argsort(slots, kind="stable")
    cuts = np.flatnonzero(np.diff(slots[order] // BLOCK_ROWS)) + 1
    return [
        BlockPart(int(slots[group[0]]) // BLOCK_ROWS, group, slots[group] % BLOCK_ROWS)
        for group in np.split(order, cuts)
    ]

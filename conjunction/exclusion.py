"""Pairs that are not screened: one object's orbits, docked objects, one owner's own, and all but the primaries'."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PairsLeftOut:
    """Which pairs of catalogue rows to leave out: a function of two arrays of rows, for `screen`'s ``pairs_excluded``.

    A pair is left out where any of these says so (an array of None says nothing):

    same_object (n,) int64: rows of one number >= 0 are orbits of one object, alternatives and no pair.
    owner (n,) int64: rows of one number >= 0 have one owner; left out if both are ``owner_flagged`` (n,) bool, that is,
    where the owner has asked for it: he flies them together and knows where they are.
    pairs (m, 2) int32: rows of two objects each, in any order, such as docked ones.
    primary (n,) bool: only pairs with at least one primary are screened.

    Raises ValueError where arrays differ in length, or pairs name rows that are not there.
    """

    same_object: NDArray[np.int64] | None = None
    owner: NDArray[np.int64] | None = None
    owner_flagged: NDArray[np.bool_] | None = None
    pairs: NDArray[np.int32] | None = None
    primary: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if (self.owner is None) != (self.owner_flagged is None):
            raise ValueError("owner and owner_flagged go together")
        arrays = (self.same_object, self.owner, self.owner_flagged, self.primary)
        lengths = {array.shape for array in arrays if array is not None}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise ValueError(f"arrays of one length are needed, a value a row, not of shapes {sorted(lengths)}")
        if self.pairs is None:
            return
        if self.pairs.ndim != 2 or self.pairs.shape[1] != 2:
            raise ValueError(f"pairs has shape {self.pairs.shape}, not (m, 2)")
        rows = next(iter(lengths))[0] if lengths else np.iinfo(np.int32).max
        if self.pairs.size and not (int(self.pairs.min()) >= 0 and int(self.pairs.max()) < rows):
            raise ValueError(f"pairs names rows outside 0 to {rows - 1}")

    def __call__(self, index_1: NDArray[np.int32], index_2: NDArray[np.int32]) -> NDArray[np.bool_]:
        """True for each pair (index_1, index_2), shape (m,), that is left out."""
        left_out = np.zeros(len(index_1), dtype=np.bool_)
        if self.same_object is not None:
            one = self.same_object[index_1]
            left_out |= (one >= 0) & (one == self.same_object[index_2])
        if self.owner is not None and self.owner_flagged is not None:
            one = self.owner[index_1]
            both = self.owner_flagged[index_1] & self.owner_flagged[index_2]
            left_out |= (one >= 0) & (one == self.owner[index_2]) & both
        if self.pairs is not None and len(self.pairs):
            left_out |= np.isin(_keys(index_1, index_2), _keys(self.pairs[:, 0], self.pairs[:, 1]))
        if self.primary is not None:
            left_out |= ~(self.primary[index_1] | self.primary[index_2])
        return left_out


def _keys(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int64]:
    """A number for each pair, the same in both orders."""
    low, high = np.minimum(one, other).astype(np.int64), np.maximum(one, other).astype(np.int64)
    return (low << 32) | high


def every_pair(rows_of_one: Iterable[int], rows_of_other: Iterable[int]) -> NDArray[np.int32]:
    """Every row of the one with every row of the other, (m, 2) int32: an object may have several rows."""
    one, other = np.array(list(rows_of_one), dtype=np.int32), np.array(list(rows_of_other), dtype=np.int32)
    return np.column_stack([np.repeat(one, len(other)), np.tile(other, len(one))])

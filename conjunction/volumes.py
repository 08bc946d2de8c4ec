"""Screening volumes: boxes and ellipsoids in RTN of the object that has them, and when another is inside.

RTN is that of CCSDS 508.0-B-1 (radial outward, transverse in the plane of motion, normal along r x v), from the owner's
own state at each instant. Sampled over a piece of time, a place in it is a polynomial (`volume_kernel`); pieces over
which it is not, to a millimetre, are cut in two, down to two milliseconds.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.motion_kernel import NODE_COUNT
from conjunction.pair_motion import SHORTEST_NS, Intervals, each_at_own_times, halves, piece_times
from conjunction.volume_kernel import describe_in_rtn, intervals_inside, merged


class ScreeningVolume(NamedTuple):
    """Half-widths of a box, or semi-axes of an ellipsoid, km, in RTN of the object that has it."""

    shape: Literal["box", "ellipsoid"]
    radial_km: float
    transverse_km: float
    normal_km: float

    @property
    def reach_km(self) -> float:
        """Radius of the sphere about the object that holds the volume."""
        sizes = (self.radial_km, self.transverse_km, self.normal_km)
        return float(np.linalg.norm(sizes)) if self.shape == "box" else float(max(sizes))


class Volumes(NamedTuple):
    """Which catalogue row has which volume: of_row (n,) indexes volumes, -1 = none: the sphere of the threshold."""

    volumes: tuple[ScreeningVolume, ...]
    of_row: NDArray[np.int32]

    @property
    def reach_of_row_km(self) -> NDArray[np.float64]:
        """Each row's reach_km, (n,); 0 for rows without a volume."""
        reach = np.array([*(volume.reach_km for volume in self.volumes), 0.0])
        of_row: NDArray[np.float64] = reach[self.of_row]
        return of_row

    def checked(self, n: int) -> "Volumes":
        """Itself, if it can serve a catalogue of n rows.

        Raises ValueError for a volume of unknown shape, sizes that are not positive and finite, or an of_row of another
        length or with numbers that no volume has.
        """
        for volume in self.volumes:
            if volume.shape not in ("box", "ellipsoid"):
                raise ValueError(f"a screening volume is a box or an ellipsoid, not {volume.shape!r}")
            if not all(np.isfinite(size) and size > 0.0 for size in volume[1:]):
                raise ValueError(f"sizes of a screening volume must be positive and finite, not {volume[1:]}")
        if self.of_row.shape != (n,):
            raise ValueError(f"of_row has shape {self.of_row.shape}, but the catalogue has {n} rows")
        if n and not (self.of_row.min() >= -1 and self.of_row.max() < len(self.volumes)):
            raise ValueError(f"of_row must lie within -1 and {len(self.volumes) - 1}")
        return self


def reach_of_pairs_km(
    volumes: Volumes | None, first: NDArray[np.int32], second: NDArray[np.int32], threshold_km: float
) -> NDArray[np.float64]:
    """Beyond which range a pair (catalogue rows, (m,)) cannot be inside, (m,)."""
    if volumes is None:
        return np.full(len(first), threshold_km)
    reach = volumes.reach_of_row_km
    return np.where(has_volume(volumes, first, second), np.maximum(reach[first], reach[second]), threshold_km)


def has_volume(volumes: Volumes, first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which pairs have at least one volume, (m,)."""
    found: NDArray[np.bool_] = (volumes.of_row[first] >= 0) | (volumes.of_row[second] >= 0)
    return found


def times_inside(catalogue: Catalogue, pieces: Intervals, volumes: Volumes) -> NDArray[np.int64]:
    """Maximal intervals in which a pair is inside either volume, (k, 3): run, entry, exit (TAI ns), sorted.

    pieces: of pairs with at least one volume; intervals of one run that touch are one. An object without a volume does
    not count as an owner. Dips shorter than 0.1 ms or shallower than 1 cm may be lost (`volume_kernel`).
    """
    parts = []
    for owner, other in ((pieces.first, pieces.second), (pieces.second, pieces.first)):
        owns = volumes.of_row[owner] >= 0
        of_owner = pieces._replace(first=owner, second=other)
        parts.append(_of_owners(catalogue, Intervals._make(column[owns] for column in of_owner), volumes))
    found = np.concatenate(parts)
    result: NDArray[np.int64] = merged(found[np.lexsort([found[:, 1], found[:, 0]])])
    return result


def _of_owners(catalogue: Catalogue, pieces: Intervals, volumes: Volumes) -> NDArray[np.int64]:
    """Intervals, (k, 3), in which `second` is inside the volume of `first`; they end where the pieces do."""
    sizes_km = np.array([volume[1:] for volume in volumes.volumes]).reshape(-1, 3)
    boxes = np.array([volume.shape == "box" for volume in volumes.volumes], dtype=np.bool_)
    found = [np.empty((0, 3), dtype=np.int64)]
    while len(pieces.first):
        times = piece_times(pieces.start_ns, pieces.stop_ns)
        m = len(times)
        volume = volumes.of_row[pieces.first]
        size_km, box = np.ascontiguousarray(sizes_km[volume]), boxes[volume]
        coefficients, smooth = np.empty((m, 3, NODE_COUNT)), np.empty(m, dtype=np.bool_)
        owner = each_at_own_times(catalogue, pieces.first, times, with_velocity=True)
        other_km, _ = each_at_own_times(catalogue, pieces.second, times)
        describe_in_rtn(*owner, other_km, size_km, coefficients, smooth)
        whole = smooth | (pieces.stop_ns - pieces.start_ns <= SHORTEST_NS)
        of_piece = (pieces.start_ns[whole], pieces.stop_ns[whole], smooth[whole], pieces.run[whole])
        found.append(intervals_inside(coefficients[whole], size_km[whole], box[whole], *of_piece))
        pieces = halves(Intervals._make(column[~whole] for column in pieces))
    return np.concatenate(found)

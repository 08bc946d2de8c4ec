"""Which pairs may be within the threshold in which steps of a dense sampling: the search of the brute force.

Positions are sampled every `step_s`. In one step the position of a smooth orbit

    moves, in the half next to a sample, by at most  chord / 2 + a h**2 / 4          (reach), and
    departs from its chord by at most                a h**2 / 8                       (margin),

with the step h, the chord between the step's two samples, and a bound a on the acceleration: velocity in the step
differs from chord / h by a h / 2 at most, and a function with |x''| <= a departs from its chord by a h**2 / 8. Above
the earth's equatorial radius (below it SGP4 reports an error) gravity and J2 stay below 0.0102 km/s**2.

SGP4 is not the motion of a body: deep-space SGP4 jumps (Lyddane's choice, steps of the resonance integrator), and some
objects are carried off. So the second difference of every three samples is compared with point gravity's; what is left
is below 1 m or so for smooth orbits (J2 and h**4 terms), and a jump J shows as J in it. An object's largest remainder
in a slice of time is added to its reach and its margin. One above WILD_KM ends the object: SGP4 has carried it off.

If two objects are within D at an instant of a step, they are at the nearer one of its samples within
D + reach1 + reach2; and the chord of their relative position comes within D + margin1 + margin2 of zero. The first is
searched by cells at each sample, the second decides. No pair can get through either.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

ACCELERATION_KM_S2 = 0.0102
GRAVITY_KM3_S2 = 398600.8  # WGS-72, as SGP4 is run
WILD_KM = 10.0
SWIFT_REACH_KM = 30.0  # objects that move further in half a step are tested against all, not by cells

_BUCKETS = 1 << 16


def smoothness_km(
    position_km: NDArray[np.float64], alive_samples: NDArray[np.int64], step_s: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Largest remainder of the second difference (n,), km, and the last sample before it is wild (n,), or m.

    `position_km` (m, n, 3) at even samples, m >= 3: then every step lies in the stencil of at least one second
    difference. `alive_samples` (n,): how many of the samples, from the first, an object has.
    """
    worst, wild = _smoothness(position_km, alive_samples, step_s)
    return np.asarray(worst), np.asarray(wild)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _smoothness(position: Any, alive: Any, step_s: float) -> Any:
    samples, n = position.shape[0], position.shape[1]
    worst = np.zeros(n)
    wild = np.full(n, samples)
    for k in range(1, samples - 1):
        for i in range(n):
            if k + 1 >= alive[i] or wild[i] < samples:
                continue
            x, y, z = position[k, i, 0], position[k, i, 1], position[k, i, 2]
            r2 = x * x + y * y + z * z
            pull = step_s * step_s * GRAVITY_KM3_S2 / (r2 * np.sqrt(r2))
            dx = position[k + 1, i, 0] - 2.0 * x + position[k - 1, i, 0] + pull * x
            dy = position[k + 1, i, 1] - 2.0 * y + position[k - 1, i, 1] + pull * y
            dz = position[k + 1, i, 2] - 2.0 * z + position[k - 1, i, 2] + pull * z
            remainder = np.sqrt(dx * dx + dy * dy + dz * dz)
            if not remainder <= WILD_KM:
                wild[i] = k - 1
            elif remainder > worst[i]:
                worst[i] = remainder
    return worst, wild


def reaches_km(
    position_km: NDArray[np.float64], alive_samples: NDArray[np.int64], step_s: float
) -> NDArray[np.float64]:
    """How far an object may be, at most, from the nearer sample of any step, before its remainder is added (n,)."""
    longest = np.zeros(position_km.shape[1])
    for k in range(len(position_km) - 1):
        chord = np.sqrt(((position_km[k + 1] - position_km[k]) ** 2).sum(axis=1))
        np.maximum(longest, np.where(alive_samples > k + 1, chord, 0.0), out=longest)
    return longest / 2.0 + ACCELERATION_KM_S2 * step_s**2 / 4.0


def near_steps(
    position_km: NDArray[np.float64],
    alive_samples: NDArray[np.int64],
    reach_km: NDArray[np.float64],
    margin_km: NDArray[np.float64],
    threshold_km: float,
) -> NDArray[np.int64]:
    """(first, second, step) rows (k, 3), first < second: the pair may be within the threshold in that step.

    `position_km` (m, n, 3); a step counts for a pair if both objects are alive at both its samples.
    """
    swift = reach_km > SWIFT_REACH_KM
    slow_reach = reach_km[~swift]
    cell_km = threshold_km + 2.0 * float(slow_reach.max() if slow_reach.size else 1.0)
    rows = _near_steps(position_km, alive_samples, reach_km, margin_km, swift, threshold_km, cell_km)
    return np.asarray(rows)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _near_steps(
    position: Any, alive: Any, reach: Any, margin: Any, swift: Any, threshold: float, cell_km: float
) -> Any:
    samples, n = position.shape[0], position.shape[1]
    found = np.empty((4096, 3), np.int64)
    count = 0
    head = np.empty(_BUCKETS, np.int32)
    following = np.empty(n, np.int32)
    cell = np.empty((n, 3), np.int64)
    swift_rows = np.flatnonzero(swift)
    for k in range(samples):
        head[:] = -1
        for i in range(n):
            if k >= alive[i]:
                continue
            for swift_row in swift_rows:
                if swift_row != i and k < alive[swift_row] and not (swift[i] and i < swift_row):
                    found, count = _look(position, alive, reach, margin, threshold, k, i, swift_row, found, count)
            if swift[i]:
                continue
            for axis in range(3):
                cell[i, axis] = np.int64(np.floor(position[k, i, axis] / cell_km))
            for neighbour in range(27):
                cx = cell[i, 0] + neighbour // 9 - 1
                cy = cell[i, 1] + neighbour // 3 % 3 - 1
                cz = cell[i, 2] + neighbour % 3 - 1
                j = head[_bucket(cx, cy, cz)]
                while j >= 0:
                    if cell[j, 0] == cx and cell[j, 1] == cy and cell[j, 2] == cz:
                        found, count = _look(position, alive, reach, margin, threshold, k, i, j, found, count)
                    j = following[j]
            bucket = _bucket(cell[i, 0], cell[i, 1], cell[i, 2])
            following[i] = head[bucket]
            head[bucket] = i
    return found[:count].copy()


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator,unused-ignore]
def _bucket(cx: Any, cy: Any, cz: Any) -> Any:
    return (cx * 73_856_093 ^ cy * 19_349_663 ^ cz * 83_492_791) & (_BUCKETS - 1)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _look(
    position: Any, alive: Any, reach: Any, margin: Any, threshold: float, k: int, i: int, j: int, found: Any, count: int
) -> Any:
    """The pair at sample k: the steps on both sides go in if their chords come near; each step once."""
    limit2 = (threshold + reach[i] + reach[j]) ** 2
    if not _distance2(position, k, i, j) <= limit2:
        return found, count
    both_until = min(alive[i], alive[j])
    near = threshold + margin[i] + margin[j]
    first, second = min(i, j), max(i, j)
    for step in (k - 1, k):
        if step < 0 or step + 1 >= position.shape[0] or step + 1 >= both_until:
            continue
        if step == k - 1 and _distance2(position, k - 1, i, j) <= limit2:
            continue  # looked at from its first sample
        if _chord2(position, step, i, j) <= near * near:
            if count == len(found):
                larger = np.empty((2 * count, 3), np.int64)
                larger[:count] = found
                found = larger
            found[count, 0], found[count, 1], found[count, 2] = first, second, step
            count += 1
    return found, count


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _distance2(position: Any, k: int, i: int, j: int) -> Any:
    dx = position[k, j, 0] - position[k, i, 0]
    dy = position[k, j, 1] - position[k, i, 1]
    dz = position[k, j, 2] - position[k, i, 2]
    return dx * dx + dy * dy + dz * dz


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _chord2(position: Any, k: int, i: int, j: int) -> Any:
    length2, along = 0.0, 0.0
    for axis in range(3):
        start = position[k, j, axis] - position[k, i, axis]
        move = position[k + 1, j, axis] - position[k + 1, i, axis] - start
        length2 += move * move
        along -= start * move
    fraction = min(max(along / length2, 0.0), 1.0) if length2 > 0.0 else 0.0
    closest2 = 0.0
    for axis in range(3):
        start = position[k, j, axis] - position[k, i, axis]
        move = position[k + 1, j, axis] - position[k + 1, i, axis] - start
        closest2 += (start + fraction * move) ** 2
    return closest2

"""The resident catalogue's kernels of a query: one track against stored nodes, object by object.

Nodes are float32 positions, one every NODE_STEP_S; segment s lies between nodes s + 3 and s + 4 and holds two slabs.
A row's lie in chunks of BLOCK segments, x, y and z of BLOCK + 1 nodes each, chunk after chunk: rows are read in order,
and a wide orbit, which meets a row's radius in some chunks only, reads no more than these.

`screen_rows` walks through them in packed arithmetic: the chord of the relative motion, against a reach that takes in
how far both orbits leave their chords. A segment that passes is described slab by slab from its eight nodes, as in
`slab_kernel`, and tested against the query's own pieces. `screen_pieces` tests the pieces of rows that nodes
do not describe. docs/screening.md derives the bounds.

What keeps it packed: `fastmath={"contract"}` and no more, slices of a constant length, nothing but float32 in the loop
(an integer count would be 64 bits wide, and halve the lanes). tests/conjunction/test_resident.py reads the assembly.
Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

from fractions import Fraction

import numba as nb
import numpy as np
from numpy.typing import NDArray

NODE_STEP_S = 240.0
SLAB_S = 120.0
BEFORE = 3  # nodes of a segment's stencil before its start
BLOCK = 128  # segments taken at a time: fewer would pass over more of a wide orbit, but read memory in worse order
CHUNK = 3 * (BLOCK + 1)  # float32 a row and chunk: the last node of a chunk is also the first of the next
FIRST_NODE = BLOCK - BEFORE  # places before node 0, so that segment 0 begins a chunk, the second
BLOCK_ROWS = 1024  # rows an array of nodes has room for
# A motion: position, velocity and acceleration at the middle of its interval, and how far the orbit may be from that
# quadratic, km; its interval, seconds from the slab's middle.
MOTION_WIDTH = 12
PX, VX, AX, REMAINDER_KM, START_S, STOP_S = 0, 3, 6, 9, 10, 11

_FAR = np.float32(3e38)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TINY = np.float32(1e-30)


def lagrange_weights(at: Fraction, order: int) -> NDArray[np.float64]:
    """Weights of the order-th derivative at `at` of eight values one unit apart about 0, exact in rationals."""
    x = [Fraction(2 * k - 7, 2) for k in range(8)]
    weights = []
    for k in range(8):
        basis = [Fraction(1)]  # of Lagrange's basis polynomial through 1 at x[k], in powers of (point - at)
        for m in range(8):
            if m != k:
                raised = [Fraction(0), *basis]
                for power, value in enumerate(basis):
                    raised[power] += (at - x[m]) * value
                basis = [value / (x[k] - x[m]) for value in raised]
        weights.append(float(basis[order] * (2 if order == 2 else 1)))
    return np.array(weights)


_MIDDLE = lagrange_weights(Fraction(0), 0)
_P = np.stack([lagrange_weights(at, 0) for at in (Fraction(-1, 4), Fraction(1, 4))])
_V = np.stack([lagrange_weights(at, 1) for at in (Fraction(-1, 4), Fraction(1, 4))]) / NODE_STEP_S
_A = np.stack([lagrange_weights(at, 2) for at in (Fraction(-1, 4), Fraction(1, 4))]) / NODE_STEP_S**2


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _chord_gaps(x, y, z, qx, qy, qz, query_reach, reach, gap):  # type: ignore[no-untyped-def]
    """Square of the least distance of each relative chord from the origin, less the square of its reach, into gap.

    x to qz (BLOCK + 1,), query_reach and gap (BLOCK,), all float32, km. What is not a number becomes _FAR: it would
    hide its neighbours when the least gap is looked for.
    """
    for j in range(BLOCK):
        dx = x[j] - qx[j]
        dy = y[j] - qy[j]
        dz = z[j] - qz[j]
        ux = x[j + 1] - qx[j + 1] - dx
        uy = y[j + 1] - qy[j + 1] - dy
        uz = z[j + 1] - qz[j + 1] - dz
        t = -(dx * ux + dy * uy + dz * uz) / (ux * ux + uy * uy + uz * uz + _TINY)
        t = t if t > _ZERO else _ZERO
        t = t if t < _ONE else _ONE
        mx = dx + t * ux
        my = dy + t * uy
        mz = dz + t * uz
        r = reach + query_reach[j]
        beyond = mx * mx + my * my + mz * mz - r * r
        gap[j] = beyond if beyond < _FAR else _FAR


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _least(gap, folded):  # type: ignore[no-untyped-def]
    """The least of BLOCK numbers, by halves, so that it stays packed; folded (BLOCK // 2,) is overwritten."""
    for j in range(64):
        folded[j] = gap[j] if gap[j] < gap[j + 64] else gap[j + 64]
    for j in range(32):
        folded[j] = folded[j] if folded[j] < folded[j + 32] else folded[j + 32]
    for j in range(16):
        folded[j] = folded[j] if folded[j] < folded[j + 16] else folded[j + 16]
    for j in range(8):
        folded[j] = folded[j] if folded[j] < folded[j + 8] else folded[j + 8]
    least = folded[0]
    for j in range(1, 8):
        least = least if least < folded[j] else folded[j]
    return least


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def near_segments(row, query, query_reach, reach, gap, folded, near):  # type: ignore[no-untyped-def]
    """Segments of one chunk in which the chords of a row and of the query pass within reach: into near; how many.

    row and query (CHUNK,), query_reach (BLOCK,) float32; a segment whose query_reach is not a number is passed over.
    """
    n = BLOCK + 1
    _chord_gaps(
        row[:n], row[n : 2 * n], row[2 * n : 3 * n], query[:n], query[n : 2 * n], query[2 * n : 3 * n], query_reach,
        reach, gap,
    )  # fmt: skip
    count = 0
    if _least(gap, folded) <= _ZERO:
        for j in range(BLOCK):
            if gap[j] <= _ZERO:
                near[count] = j
                count += 1
    return count


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _place(slot, stored, axis, node):  # type: ignore[no-untyped-def]
    """Where a node lies in an array of nodes, of which each row has `stored` chunks."""
    at = node + FIRST_NODE
    return (slot * stored + at // BLOCK) * CHUNK + axis * (BLOCK + 1) + at % BLOCK


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_half(nodes, slot, stored, segment, half, error_km, motion):  # type: ignore[no-untyped-def]
    """The motion in one of a segment's two slabs, from its eight nodes: fills motion (MOTION_WIDTH,).

    The quadratic is that of the eight-point polynomial about the slab's middle. How far the two are apart is taken
    from the slab's ends, as in `slab_kernel`; error_km bounds how far the polynomial is from the orbit.
    """
    start2 = 0.0
    end2 = 0.0
    h = 0.5 * SLAB_S
    for axis in range(3):
        p = 0.0
        v = 0.0
        a = 0.0
        middle = 0.0
        for k in range(8):
            value = np.float64(nodes[_place(slot, stored, axis, segment + k)])
            p += _P[half, k] * value
            v += _V[half, k] * value
            a += _A[half, k] * value
            middle += _MIDDLE[k] * value
        motion[PX + axis] = p
        motion[VX + axis] = v
        motion[AX + axis] = a
        start = np.float64(nodes[_place(slot, stored, axis, segment + BEFORE)]) if half == 0 else middle
        end = middle if half == 0 else np.float64(nodes[_place(slot, stored, axis, segment + BEFORE + 1)])
        bend = 0.5 * a * h * h
        start2 += (start - (p - v * h + bend)) ** 2
        end2 += (end - (p + v * h + bend)) ** 2
    motion[REMAINDER_KM] = 1.1 * np.sqrt(max(start2, end2)) + error_km + 0.001
    motion[START_S] = -h
    motion[STOP_S] = h


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _relative(one, s, two, t, axis):  # type: ignore[no-untyped-def]
    """Relative position, velocity and acceleration, s seconds from the middle of one motion and t of the other's."""
    a1, a2 = one[AX + axis], two[AX + axis]
    v1, v2 = one[VX + axis], two[VX + axis]
    d = two[PX + axis] - one[PX + axis] + t * (v2 + 0.5 * t * a2) - s * (v1 + 0.5 * s * a1)
    return d, v2 + t * a2 - v1 - s * a1, a2 - a1


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _may_meet(one, two, threshold_km):  # type: ignore[no-untyped-def]
    """Whether two motions in one slab may come within the threshold while both hold: no false no."""
    start_s = max(one[START_S], two[START_S])
    stop_s = min(one[STOP_S], two[STOP_S])
    if start_s > stop_s:
        return False
    middle_s = 0.5 * (start_s + stop_s)
    half_s = 0.5 * (stop_s - start_s)
    s = middle_s - 0.5 * (one[START_S] + one[STOP_S])
    t = middle_s - 0.5 * (two[START_S] + two[STOP_S])
    du = 0.0
    u2 = 0.0
    g2 = 0.0
    for axis in range(3):
        d, u, g = _relative(one, s, two, t, axis)
        du += d * u
        u2 += u * u
        g2 += g * g
    tau = 0.0
    if u2 > 0.0:
        tau = min(max(-du / u2, -half_s), half_s)
    m2 = 0.0
    for axis in range(3):
        d, u, g = _relative(one, s, two, t, axis)
        m2 += (d + u * tau) ** 2
    reach = threshold_km + one[REMAINDER_KM] + two[REMAINDER_KM] + 0.5 * half_s * half_s * np.sqrt(g2)
    return m2 <= reach * reach


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _appended(found, count, row, slab):  # type: ignore[no-untyped-def]
    if count == found.shape[0]:
        grown = np.empty((2 * count, 2), dtype=np.int64)
        grown[:count] = found
        found = grown
    found[count, 0] = row
    found[count, 1] = slab
    return found


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _slab_meets(motion, pieces, begin, slab, threshold_km):  # type: ignore[no-untyped-def]
    for k in range(begin[slab], begin[slab + 1]):
        if _may_meet(motion, pieces[k], threshold_km):
            break
    else:
        return False
    return True


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _row_meets(nodes, slot, stored, segment, half, error_km, pieces, begin, threshold_km, motion):  # type: ignore[no-untyped-def]
    slab = 2 * segment + half
    if begin[slab] == begin[slab + 1]:
        return False
    describe_half(nodes, slot, stored, segment, half, error_km, motion)
    return _slab_meets(motion, pieces, begin, slab, threshold_km)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def screen_rows(  # type: ignore[no-untyped-def]
    nodes, slots, rows, query, query_reach, chunks, unchorded, pieces, begin, threshold_km
):
    """Which rows of an array of nodes may meet the query in which slab: (m, 2) int64, place in `slots` and slab from 0.

    slots (r,) int64: where in nodes each row is; rows (4, r) float32: how far it may be from its chords and from its
    eight-point polynomials, least and largest radius. query (c * CHUNK,), query_reach (b * BLOCK,) as in
    `near_segments`; chunks (2, b) float32: the query's least and largest radius in each chunk, with the threshold;
    unchorded (u,) int64: segments in which the query is described by its pieces alone. pieces (p, MOTION_WIDTH) of the
    query, those of slab k from begin[k] to begin[k + 1].
    """
    gap = np.empty(BLOCK, dtype=np.float32)
    folded = np.empty(BLOCK // 2, dtype=np.float32)
    near = np.empty(query_reach.shape[0] + unchorded.shape[0], dtype=np.int64)
    motion = np.empty(MOTION_WIDTH)
    found = np.empty((256, 2), dtype=np.int64)
    count = 0
    stored = query.shape[0] // CHUNK
    for r in range(slots.shape[0]):
        near_count = 0
        for chunk in range(chunks.shape[1]):
            if chunks[0, chunk] > rows[3, r] or chunks[1, chunk] < rows[2, r]:
                continue
            at = (slots[r] * stored + chunk + 1) * CHUNK
            more = near_segments(
                nodes[at : at + CHUNK],
                query[(chunk + 1) * CHUNK : (chunk + 2) * CHUNK],
                query_reach[chunk * BLOCK : (chunk + 1) * BLOCK],
                rows[0, r],
                gap,
                folded,
                near[near_count:],
            )
            near[near_count : near_count + more] += chunk * BLOCK
            near_count += more
        near[near_count : near_count + unchorded.shape[0]] = unchorded
        near_count += unchorded.shape[0]
        for segment in near[:near_count]:
            for half in range(2):
                if _row_meets(nodes, slots[r], stored, segment, half, rows[1, r], pieces, begin, threshold_km, motion):
                    found = _appended(found, count, r, 2 * segment + half)
                    count += 1
    return found[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def screen_pieces(sparse, row, slab, wanted, pieces, begin, threshold_km):  # type: ignore[no-untyped-def]
    """Which pieces of resident rows may meet the query: (m, 2) int64, row and slab.

    sparse (s, MOTION_WIDTH), row (s,) int64, negative for none, slab (s,) int64 from 0; wanted (n,) bool by row; the
    rest as in `screen_rows`.
    """
    found = np.empty((64, 2), dtype=np.int64)
    count = 0
    for k in range(sparse.shape[0]):
        if row[k] >= 0 and wanted[row[k]] and _slab_meets(sparse[k], pieces, begin, slab[k], threshold_km):
            found = _appended(found, count, row[k], slab[k])
            count += 1
    return found[:count]

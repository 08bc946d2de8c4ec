"""The sieve's kernels: from positions on a time grid to the pairs that may come close in a slab of time.

A slab is one step of the grid. Each object's motion in it is a quadratic about the slab's middle, with a remainder
bound worked out from the positions themselves (`describe`); two objects can only come within the threshold if their
radius intervals overlap, their directions from the earth's centre are near enough, and the straight line of their
relative motion passes near enough (`pairs_in_slab`). docs/screening.md derives the bounds. No kernel assumes a largest
speed, eccentricity or count.

Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

from fractions import Fraction

import numba as nb
import numpy as np
from numpy.typing import NDArray

STENCIL = 8  # grid positions that describe one slab: three before it, its two ends, three after it


def _derivative_weights(points: int, order: int) -> NDArray[np.float64]:
    """Weights of the order-th derivative at the middle of `points` positions one unit apart, exact in rationals."""
    x = [Fraction(2 * k - points + 1, 2) for k in range(points)]
    weights = []
    for k in range(points):
        # Lagrange's basis polynomial through 1 at x[k], coefficients from the constant term up
        basis = [Fraction(1)]
        for m in range(points):
            if m != k:
                scale = x[k] - x[m]
                raised = [Fraction(0), *basis]
                for power, value in enumerate(basis):
                    raised[power] -= x[m] * value
                basis = [value / scale for value in raised]
        weights.append(float(basis[order] * (2 if order == 2 else 1)))
    return np.array(weights)


_P8 = _derivative_weights(8, 0)
_V8 = _derivative_weights(8, 1)
_A8 = _derivative_weights(8, 2)
_P6 = np.concatenate([[0.0], _derivative_weights(6, 0), [0.0]])

# Rows of an object's description: one contiguous row an object, as the pair test reads two whole rows.
PX, PY, PZ, VX, VY, VZ, AX, AY, AZ, REMAINDER_KM, BEND_KM, R_MIN_KM, R_MAX_KM, SWING = range(14)
DESCRIPTION_WIDTH = 14

_RADIUS_KEY_KM = 5000.0  # 1 - 5000 / r: fine steps (0.14 km) where objects are many, and no largest radius
_RADIUS_KEYS = 65536
_ROUNDING_KM = 1e-6
_CELL_MIN = 0.05  # smallest cell of direction: at most 41 a side


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe(stencil, step_s, threshold_km, row):  # type: ignore[no-untyped-def]
    """Describe one object in one slab from its eight positions, stencil (8, 3) km, one step_s apart: fills row.

    Position, velocity and acceleration at the middle (eight-point Lagrange); REMAINDER_KM bounds the distance between
    the quadratic and the orbit anywhere in the slab; BEND_KM is |a| h**2 / 2; R_MIN_KM and R_MAX_KM bound the radius;
    SWING bounds how far the direction turns from the middle, as a chord, with the object's half of the threshold.
    """
    half_s = 0.5 * step_s
    interpolation2 = 0.0
    before2 = 0.0
    after2 = 0.0
    speed2 = 0.0
    acceleration2 = 0.0
    r2_mid = 0.0
    r2_start = 0.0
    r2_end = 0.0
    for axis in range(3):
        p = 0.0
        v = 0.0
        a = 0.0
        p6 = 0.0
        for k in range(8):
            x = stencil[k, axis]
            p += _P8[k] * x
            v += _V8[k] * x
            a += _A8[k] * x
            p6 += _P6[k] * x
        v /= step_s
        a /= step_s * step_s
        row[PX + axis] = p
        row[VX + axis] = v
        row[AX + axis] = a
        interpolation2 += (p - p6) ** 2
        bend = 0.5 * a * half_s * half_s
        before2 += (stencil[3, axis] - (p - v * half_s + bend)) ** 2
        after2 += (stencil[4, axis] - (p + v * half_s + bend)) ** 2
        speed2 += v * v
        acceleration2 += a * a
        r2_mid += p * p
        r2_start += stencil[3, axis] ** 2
        r2_end += stencil[4, axis] ** 2
    remainder = 1.1 * np.sqrt(max(before2, after2)) + 2.0 * np.sqrt(interpolation2) + 0.001
    bend = 0.5 * np.sqrt(acceleration2) * half_s * half_s
    set_bounds(
        row,
        remainder,
        bend,
        np.sqrt(speed2) * half_s,
        np.sqrt(r2_start),
        np.sqrt(r2_mid),
        np.sqrt(r2_end),
        threshold_km,
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def set_bounds(row, remainder, bend, run, r_start, r_mid, r_end, threshold_km):  # type: ignore[no-untyped-def]
    """Fill the bounds of a row from the remainder, the bend, half a slab's run (all km) and three radii (km)."""
    turn = abs(r_start - 2.0 * r_mid + r_end)
    margin = 0.25 * turn + remainder
    r_min = max(min(r_start, r_mid, r_end) - margin, 1.0)
    row[REMAINDER_KM] = remainder
    row[BEND_KM] = bend
    row[R_MIN_KM] = r_min
    row[R_MAX_KM] = max(r_start, r_mid, r_end) + margin
    row[SWING] = (run + bend + remainder + 0.5 * threshold_km) / r_min


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_slab(position_km, code, k, step_s, threshold_km, rows, regular):  # type: ignore[no-untyped-def]
    """Describe every object in slab k of a grid: position_km (K, 3, n), code (K, n); fills rows and regular (n,).

    The slab lies between grid times k + 3 and k + 4. Objects with an SGP4 error code other than 0
    among the eight are not regular.
    """
    stencil = np.empty((8, 3))
    for i in range(position_km.shape[2]):
        regular[i] = True
        for m in range(8):
            if code[k + m, i] != 0:
                regular[i] = False
            for axis in range(3):
                stencil[m, axis] = position_km[k + m, axis, i]
        if regular[i]:
            describe(stencil, step_s, threshold_km, rows[i])


@nb.njit(nogil=True, cache=True, error_model="numpy")
def widen_by_check(checked_km, checked_code, columns, rows, regular):  # type: ignore[no-untyped-def]
    """Widen the bounds of the objects `columns` (m,) by three times their error at the slab's middle.

    checked_km (3, m) are the orbit's own positions there, checked_code (m,) SGP4's codes. This is for orbits that may
    jump: a jump inside the slab shows here as half of it at least, one elsewhere in the stencil in full as far as it
    matters.
    """
    for k in range(columns.shape[0]):
        i = columns[k]
        if not regular[i]:
            continue
        if checked_code[k] != 0:
            regular[i] = False
            continue
        row = rows[i]
        error2 = 0.0
        for axis in range(3):
            error2 += (checked_km[axis, k] - row[PX + axis]) ** 2
        extra = 3.0 * np.sqrt(error2)
        row[REMAINDER_KM] += extra
        row[SWING] = row[SWING] * row[R_MIN_KM] / max(row[R_MIN_KM] - extra, 1.0)
        row[R_MIN_KM] = max(row[R_MIN_KM] - extra, 1.0)
        row[R_MAX_KM] += extra
        row[SWING] += extra / row[R_MIN_KM]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_each(stencils, step_s, threshold_km, rows):  # type: ignore[no-untyped-def]
    """`describe` for stencils (m, 8, 3), each with its own step_s (m,), whose eight points span the interval itself.

    The interval is seven steps long, so the bounds are taken at the outermost points.
    """
    for i in range(stencils.shape[0]):
        row = rows[i]
        describe(stencils[i], step_s[i], threshold_km, row)
        half_s = 3.5 * step_s[i]
        start2 = 0.0
        end2 = 0.0
        speed2 = 0.0
        acceleration2 = 0.0
        r2_start = 0.0
        r2_mid = 0.0
        r2_end = 0.0
        interpolation2 = 0.0
        for axis in range(3):
            p, v, a = row[PX + axis], row[VX + axis], row[AX + axis]
            p6 = 0.0
            for k in range(8):
                p6 += _P6[k] * stencils[i, k, axis]
            interpolation2 += (p - p6) ** 2
            bend = 0.5 * a * half_s * half_s
            start2 += (stencils[i, 0, axis] - (p - v * half_s + bend)) ** 2
            end2 += (stencils[i, 7, axis] - (p + v * half_s + bend)) ** 2
            speed2 += v * v
            acceleration2 += a * a
            r2_start += stencils[i, 0, axis] ** 2
            r2_mid += p * p
            r2_end += stencils[i, 7, axis] ** 2
        # the eight points reach the interval's ends, where Lagrange errs most: hence 100 instead of 2
        remainder = 1.1 * np.sqrt(max(start2, end2)) + 100.0 * np.sqrt(interpolation2) + 0.001
        bend = 0.5 * np.sqrt(acceleration2) * half_s * half_s
        run = np.sqrt(speed2) * half_s
        set_bounds(row, remainder, bend, run, np.sqrt(r2_start), np.sqrt(r2_mid), np.sqrt(r2_end), threshold_km)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _may_meet(a, i, b, j, half_s, threshold_km):  # type: ignore[no-untyped-def]
    """Whether rows a[i] and b[j] may come within the threshold within half_s of the middle: no false no."""
    dx, dy, dz = b[j, PX] - a[i, PX], b[j, PY] - a[i, PY], b[j, PZ] - a[i, PZ]
    ux, uy, uz = b[j, VX] - a[i, VX], b[j, VY] - a[i, VY], b[j, VZ] - a[i, VZ]
    u2 = ux * ux + uy * uy + uz * uz
    tau = 0.0
    if u2 > 0.0:
        tau = min(max(-(dx * ux + dy * uy + dz * uz) / u2, -half_s), half_s)
    mx, my, mz = dx + ux * tau, dy + uy * tau, dz + uz * tau
    m2 = mx * mx + my * my + mz * mz
    reach = threshold_km + a[i, REMAINDER_KM] + b[j, REMAINDER_KM]
    loose = reach + a[i, BEND_KM] + b[j, BEND_KM]
    if m2 > loose * loose:
        return False
    gx, gy, gz = b[j, AX] - a[i, AX], b[j, AY] - a[i, AY], b[j, AZ] - a[i, AZ]
    tight = reach + 0.5 * half_s * half_s * np.sqrt(gx * gx + gy * gy + gz * gz)
    return m2 <= tight * tight


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _radius_key(r_km):  # type: ignore[no-untyped-def]
    return int((_RADIUS_KEYS - 1) * (1.0 - _RADIUS_KEY_KM / max(r_km, _RADIUS_KEY_KM)))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _appended(found, count, i, j):  # type: ignore[no-untyped-def]
    """`found` (capacity, 2) with the pair (i, j) at row `count`, grown where it was full."""
    if count == found.shape[0]:
        grown = np.empty((2 * count, 2), dtype=np.int32)
        grown[:count] = found
        found = grown
    found[count, 0] = min(i, j)
    found[count, 1] = max(i, j)
    return found


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _swing_cut(rows, regular):  # type: ignore[no-untyped-def]
    """The swing that cells are made for: all but some tens of objects turn less; the others are tested against all."""
    largest = 0.0
    count = 0
    for i in range(rows.shape[0]):
        if regular[i]:
            count += 1
            largest = max(largest, rows[i, SWING])
    if count == 0:
        return 1.0
    histogram = np.zeros(512, dtype=np.int64)
    for i in range(rows.shape[0]):
        if regular[i]:
            histogram[min(int(rows[i, SWING] / largest * 512.0), 511)] += 1
    above = 0
    cut = 512
    while cut > 1 and above + histogram[cut - 1] <= 16 + count // 2000:
        cut -= 1
        above += histogram[cut]
    return largest * cut / 512.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _by_radius(rows, regular, threshold_km):  # type: ignore[no-untyped-def]
    """(order, stop): regular objects by the lower end of their radius interval, both (m,) int32.

    An object's place in `order` is its rank. All objects of a rank above s whose intervals overlap that of s have ranks
    below stop[s].
    """
    n = rows.shape[0]
    low = np.empty(n, dtype=np.int32)
    start = np.zeros(_RADIUS_KEYS + 1, dtype=np.int32)
    for i in range(n):
        if regular[i]:
            low[i] = _radius_key(rows[i, R_MIN_KM] - 0.5 * threshold_km)
            start[low[i] + 1] += 1
    for k in range(_RADIUS_KEYS):
        start[k + 1] += start[k]
    order = np.empty(start[_RADIUS_KEYS], dtype=np.int32)
    stop = np.empty(start[_RADIUS_KEYS], dtype=np.int32)
    following = start.copy()
    for i in range(n):
        if regular[i]:
            rank = following[low[i]]
            following[low[i]] += 1
            order[rank] = i
            stop[rank] = start[_radius_key(rows[i, R_MAX_KM] + 0.5 * threshold_km) + 1]
    return order, stop


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _cells(rows, order, cut, cell_size, side):  # type: ignore[no-untyped-def]
    """Cell of direction of each rank, (m,) int32; -1 where it swings more than cut. The outermost cells are empty."""
    cell = np.empty(order.shape[0], dtype=np.int32)
    for s in range(order.shape[0]):
        row = rows[order[s]]
        if row[SWING] > cut:
            cell[s] = -1
            continue
        scale = 1.0 / np.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
        cx = min(int((row[PX] * scale + 1.0) / cell_size), side - 1) + 1
        cy = min(int((row[PY] * scale + 1.0) / cell_size), side - 1) + 1
        cz = min(int((row[PZ] * scale + 1.0) / cell_size), side - 1) + 1
        cell[s] = (cx * (side + 2) + cy) * (side + 2) + cz
    return cell


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _neighbours(cell, side):  # type: ignore[no-untyped-def]
    """(begin, near): the ranks in cell c and the 26 around it, ascending, are near[begin[c]:begin[c + 1]].

    Only for cells with an object in them.
    """
    width = side + 2
    members = np.zeros(width * width * width, dtype=np.int32)
    for s in range(cell.shape[0]):
        if cell[s] >= 0:
            members[cell[s]] += 1
    begin = np.zeros(width * width * width + 1, dtype=np.int32)
    around = np.empty((width * width * width, 27), dtype=np.int32)  # the occupied cells at and around an occupied one
    around_count = np.zeros(width * width * width, dtype=np.int32)
    for c in range(width * width * width):
        begin[c + 1] = begin[c]
        if members[c] == 0:
            continue
        for k in range(27):
            other = c + ((k // 9 - 1) * width + k // 3 % 3 - 1) * width + k % 3 - 1
            if members[other] > 0:
                around[c, around_count[c]] = other
                around_count[c] += 1
                begin[c + 1] += members[other]
    near = np.empty(begin[-1], dtype=np.int32)
    following = begin.copy()
    for s in range(cell.shape[0]):
        if cell[s] >= 0:
            for k in range(around_count[cell[s]]):
                c = around[cell[s], k]
                near[following[c]] = s
                following[c] += 1
    return begin, near


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _lines(rows, order, threshold_km):  # type: ignore[no-untyped-def]
    """What `_lines_pass` looks at, by rank, (m, 8): 64 B an object, in the order in which the objects are met.

    Position (km), how far the object may be from it in the slab (km), velocity (km/s), how far from the straight line
    (km); both distances with the object's half of the threshold.
    """
    line = np.empty((order.shape[0], 8))
    for s in range(order.shape[0]):
        row = rows[order[s]]
        for axis in range(3):
            line[s, axis] = row[PX + axis]
            line[s, 4 + axis] = row[VX + axis]
        line[s, 3] = row[SWING] * row[R_MIN_KM] + _ROUNDING_KM
        line[s, 7] = row[REMAINDER_KM] + row[BEND_KM] + 0.5 * threshold_km + _ROUNDING_KM
    return line


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _lines_pass(line, s, t, half_s):  # type: ignore[no-untyped-def]
    """Whether two straight lines pass near enough within half_s of the middle: no false no."""
    dx, dy, dz = line[t, 0] - line[s, 0], line[t, 1] - line[s, 1], line[t, 2] - line[s, 2]
    reach = line[t, 3] + line[s, 3]
    if dx * dx + dy * dy + dz * dz > reach * reach:
        return False
    ux, uy, uz = line[t, 4] - line[s, 4], line[t, 5] - line[s, 5], line[t, 6] - line[s, 6]
    u2 = ux * ux + uy * uy + uz * uz
    tau = 0.0
    if u2 > 0.0:
        tau = min(max(-(dx * ux + dy * uy + dz * uz) / u2, -half_s), half_s)
    mx, my, mz = dx + ux * tau, dy + uy * tau, dz + uz * tau
    loose = line[t, 7] + line[s, 7]
    return mx * mx + my * my + mz * mz <= loose * loose


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _after(near, at, end, s):  # type: ignore[no-untyped-def]
    """The first place from `at` on, and before `end`, that holds a rank above s."""
    while at < end and near[at] <= s:
        at += 1
    return at


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _met(line, near, at, end, s, stop, half_s, met):  # type: ignore[no-untyped-def]
    """Ranks below `stop` in near[at:end] whose lines pass that of rank s, into met; how many."""
    count = 0
    while at < end and near[at] < stop:
        if _lines_pass(line, s, near[at], half_s):
            met[count] = near[at]
            count += 1
        at += 1
    return count


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _met_by_wide(line, stop, cell, s, half_s, met):  # type: ignore[no-untyped-def]
    """As `_met`, for a rank s that is in no cell: all ranks that overlap in radius; of two wide ones the later."""
    count = 0
    for t in range(stop[s]):
        if s >= stop[t] or (t <= s and cell[t] < 0):
            continue
        if _lines_pass(line, s, t, half_s):
            met[count] = t
            count += 1
    return count


@nb.njit(nogil=True, cache=True, error_model="numpy")
def pairs_in_slab(rows, regular, group, step_s, threshold_km):  # type: ignore[no-untyped-def]
    """Pairs of regular objects that may come within the threshold in a slab: (m, 2) int32 columns, first < second.

    rows (n, DESCRIPTION_WIDTH), regular (n,) bool, group (n,) int64: pairs of one group >= 0 are left out. Directions
    are sorted into cells wide enough that only neighbours can meet, and each cell has a list of all objects in it and
    around it, by radius. An object meets those that come after it in its cell's list, as far as its radius interval
    reaches: one short range. Those that swing too much for the cells meet all.
    """
    half_s = 0.5 * step_s
    cut = _swing_cut(rows, regular)
    cell_size = max(2.0 * cut, _CELL_MIN)
    side = int(2.0 / cell_size) + 1
    order, stop = _by_radius(rows, regular, threshold_km)
    cell = _cells(rows, order, cut, cell_size, side)
    begin, near = _neighbours(cell, side)
    cursor = begin.copy()
    line = _lines(rows, order, threshold_km)
    met = np.empty(order.shape[0], dtype=np.int32)
    found = np.empty((1024, 2), dtype=np.int32)
    count = 0
    for s in range(order.shape[0]):
        if cell[s] < 0:
            met_count = _met_by_wide(line, stop, cell, s, half_s, met)
        else:
            at = _after(near, cursor[cell[s]], begin[cell[s] + 1], s)
            cursor[cell[s]] = at  # lists are walked once: what is passed here is of no use to any later rank
            met_count = _met(line, near, at, begin[cell[s] + 1], s, stop[s], half_s, met)
        i = order[s]
        for k in range(met_count):
            j = order[met[k]]
            if (group[i] != group[j] or group[i] < 0) and _may_meet(rows, i, rows, j, half_s, threshold_km):
                found = _appended(found, count, i, j)
                count += 1
    return found[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _shifted(row, tau_s, out):  # type: ignore[no-untyped-def]
    """The row's quadratic about another instant, tau_s later; bounds are copied."""
    for axis in range(3):
        out[PX + axis] = row[PX + axis] + tau_s * (row[VX + axis] + 0.5 * tau_s * row[AX + axis])
        out[VX + axis] = row[VX + axis] + tau_s * row[AX + axis]
        out[AX + axis] = row[AX + axis]
    for k in range(REMAINDER_KM, DESCRIPTION_WIDTH):
        out[k] = row[k]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def irregular_pairs(  # type: ignore[no-untyped-def]
    pieces, piece_column, piece_start_s, piece_stop_s, rows, regular, group, threshold_km
):
    """Pairs with an object that the grid does not describe: each of its pieces against every object, and each other.

    pieces (m, DESCRIPTION_WIDTH) describe column piece_column[k] from piece_start_s to piece_stop_s, seconds from the
    slab's middle, about the middle of that interval; an object's pieces follow one another. Result as in
    `pairs_in_slab`.
    """
    found = np.empty((64, 2), dtype=np.int32)
    count = 0
    first = np.empty((1, DESCRIPTION_WIDTH))
    second = np.empty((1, DESCRIPTION_WIDTH))
    m = pieces.shape[0]
    begin = 0
    while begin < m:
        i = piece_column[begin]
        end = begin
        r_min = np.inf
        r_max = 0.0
        while end < m and piece_column[end] == i:
            r_min = min(r_min, pieces[end, R_MIN_KM] - threshold_km)
            r_max = max(r_max, pieces[end, R_MAX_KM] + threshold_km)
            end += 1
        for j in range(rows.shape[0]):
            if not regular[j] or rows[j, R_MIN_KM] > r_max or r_min > rows[j, R_MAX_KM]:
                continue
            if group[i] == group[j] and group[i] >= 0:
                continue
            for k in range(begin, end):
                half_s = 0.5 * (piece_stop_s[k] - piece_start_s[k])
                _shifted(rows[j], 0.5 * (piece_start_s[k] + piece_stop_s[k]), second[0])
                if _may_meet(pieces, k, second, 0, half_s, threshold_km):
                    found = _appended(found, count, i, j)
                    count += 1
                    break
        other = 0
        while other < begin:
            j = piece_column[other]
            met = group[i] == group[j] and group[i] >= 0
            while other < begin and piece_column[other] == j:
                for k in range(begin, end):
                    start_s = max(piece_start_s[k], piece_start_s[other])
                    stop_s = min(piece_stop_s[k], piece_stop_s[other])
                    if met or start_s > stop_s:
                        continue
                    middle_s = 0.5 * (start_s + stop_s)
                    _shifted(pieces[k], middle_s - 0.5 * (piece_start_s[k] + piece_stop_s[k]), first[0])
                    _shifted(pieces[other], middle_s - 0.5 * (piece_start_s[other] + piece_stop_s[other]), second[0])
                    if _may_meet(first, 0, second, 0, 0.5 * (stop_s - start_s), threshold_km):
                        found = _appended(found, count, i, j)
                        count += 1
                        met = True
                other += 1
        begin = end
    return found[:count]

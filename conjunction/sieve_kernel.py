"""The sieve's kernels: from how objects move in a slab of time (`slab_kernel`) to the pairs that may come close in it.

Two objects can only come within the threshold if their radius intervals overlap, their directions from the earth's
centre are near enough, and the quadratic of their relative motion passes near enough. docs/screening.md derives the
bounds. No kernel assumes a largest speed, eccentricity or count.

Eight objects are tested against one at a time, in single precision with room for its rounding; what passes is tested
once more in double precision. What keeps that packed: blocks of constant length, unsigned indices (a signed one may
count from the end, and then LLVM gathers), `fastmath={"contract"}`; tests/conjunction/test_sieve_kernel.py reads the
assembly. Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np

from conjunction.slab_kernel import (
    AX,
    BEND_KM,
    DESCRIPTION_WIDTH,
    HALF_KM,
    PX,
    PY,
    PZ,
    R_MAX_KM,
    R_MIN_KM,
    REMAINDER_KM,
    SWING,
    VX,
)

_RADIUS_KEY_KM = 5000.0  # 1 - 5000 / r: fine steps (0.14 km) where objects are many, and no largest radius
_RADIUS_KEYS = 65536
_CELL_MIN = 0.45  # least side of a cell of directions: quickest of 0.3 to 0.6

_BLOCK = 8
_FIELDS = 10  # of a candidate in single precision: position, velocity, acceleration, reach
_HOME = 10  # and its home: numbers of cells are small, and so exact
_ROUNDING_KM = 0.01
_ROUNDING_RELATIVE = 5e-7  # of the distance from the centre: single precision keeps it to 6e-8
_FAR_KM = np.float32(1e18)  # where the objects are that fill up a block
_ZERO, _TINY = np.float32(0.0), np.float32(1e-30)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _may_meet(a, i, b, j, half_s):  # type: ignore[no-untyped-def]
    """Whether rows a[i] and b[j] may come within the threshold within half_s of the middle: no false no."""
    dx, dy, dz = b[j, PX] - a[i, PX], b[j, PY] - a[i, PY], b[j, PZ] - a[i, PZ]
    ux, uy, uz = b[j, VX] - a[i, VX], b[j, VX + 1] - a[i, VX + 1], b[j, VX + 2] - a[i, VX + 2]
    u2 = ux * ux + uy * uy + uz * uz
    tau = 0.0
    if u2 > 0.0:
        tau = min(max(-(dx * ux + dy * uy + dz * uz) / u2, -half_s), half_s)
    mx, my, mz = dx + ux * tau, dy + uy * tau, dz + uz * tau
    m2 = mx * mx + my * my + mz * mz
    reach = a[i, HALF_KM] + b[j, HALF_KM] + a[i, REMAINDER_KM] + b[j, REMAINDER_KM]
    loose = reach + a[i, BEND_KM] + b[j, BEND_KM]
    if m2 > loose * loose:
        return False
    gx, gy, gz = b[j, AX] - a[i, AX], b[j, AX + 1] - a[i, AX + 1], b[j, AX + 2] - a[i, AX + 2]
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
    """The swing that lists are made for: all but some tens of objects turn less; the others are tested against all."""
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
    while cut > 1 and above + histogram[cut - 1] <= 4 + count // 400:
        cut -= 1
        above += histogram[cut]
    return largest * cut / 512.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _by_radius(rows, regular):  # type: ignore[no-untyped-def]
    """(order, stop): regular objects by the lower end of their radius interval, both (m,) int32.

    An object's place in `order` is its rank. All objects of a rank above s whose intervals overlap that of s have ranks
    below stop[s].
    """
    n = rows.shape[0]
    low = np.empty(n, dtype=np.int32)
    start = np.zeros(_RADIUS_KEYS + 1, dtype=np.int32)
    for i in range(n):
        if regular[i]:
            low[i] = _radius_key(rows[i, R_MIN_KM] - rows[i, HALF_KM])
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
            stop[rank] = start[_radius_key(rows[i, R_MAX_KM] + rows[i, HALF_KM]) + 1]
    return order, stop


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _placed(rows, order, cut, size, side):  # type: ignore[no-untyped-def]
    """(single, home, corner): what the blocks hold, and where directions lie, by rank.

    single (m, 16) float32: one cache line an object, its home too; the last columns are empty. home (m,) int32: the
    cell of the object's direction, -1 where it swings more than cut. corner (m, 6) int32: the cells, along each axis,
    of the two ends of the box in which a direction may lie that this object comes near to, if that one swings by no
    more than cut. The box is no wider than a cell, so these are all.
    """
    single = np.empty((order.shape[0], 16), dtype=np.float32)
    home = np.empty(order.shape[0], dtype=np.int32)
    corner = np.empty((order.shape[0], 6), dtype=np.int32)
    per_cell = 1.0 / size
    for s in range(order.shape[0]):
        row = rows[order[s]]
        for k in range(9):
            single[s, k] = row[PX + k]
        distance = np.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
        single[s, 9] = row[HALF_KM] + row[REMAINDER_KM] + _ROUNDING_KM + _ROUNDING_RELATIVE * distance
        scale = per_cell / distance
        near = (row[SWING] + cut + 1e-6) * per_cell
        cell = 0
        for axis in range(3):
            place = row[PX + axis] * scale + per_cell
            cell = cell * side + min(int(place), side - 1)
            corner[s, axis] = int(max(place - near, 0.0))
            corner[s, 3 + axis] = min(int(place + near), side - 1)
        home[s] = cell if row[SWING] <= cut else -1
        single[s, _HOME] = home[s]
    return single, home, corner


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _box_size(corner, s):  # type: ignore[no-untyped-def]
    return (corner[s, 3] - corner[s, 0] + 1) * (corner[s, 4] - corner[s, 1] + 1) * (corner[s, 5] - corner[s, 2] + 1)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _corner_steps(side):  # type: ignore[no-untyped-def]
    """(8, 8) int32: from a box's first cell to its others, for each shape of box (one or two cells an axis)."""
    steps = np.zeros((8, 8), dtype=np.int32)
    for shape in range(8):
        count = 0
        for k in range(8):
            if k & shape == k:
                steps[shape, count] = ((k >> 2) * side + ((k >> 1) & 1)) * side + (k & 1)
                count += 1
    return steps


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _lists(home, corner, side):  # type: ignore[no-untyped-def]
    """(begin, member): the ranks that objects of cell c may meet, ascending, are member[begin[c]:begin[c + 1]].

    A box that is no wider than a cell has one of eight shapes: eight cells are written for every object, and as many
    kept as there are, which is quicker than branching.
    """
    steps = _corner_steps(side)
    room = 8
    for s in range(home.shape[0]):
        room += 8 if home[s] >= 0 else _box_size(corner, s)
    cell = np.empty(room, dtype=np.int32)
    rank = np.empty(room, dtype=np.int32)
    count = 0
    for s in range(home.shape[0]):
        x, y, z = corner[s, 0], corner[s, 1], corner[s, 2]
        wide_x, wide_y, wide_z = corner[s, 3] - x, corner[s, 4] - y, corner[s, 5] - z
        if home[s] >= 0:
            shape = 4 * wide_x + 2 * wide_y + wide_z
            base = (x * side + y) * side + z
            for k in range(8):
                cell[count + k] = base + steps[shape, k]
                rank[count + k] = s
            count += (1 + wide_x) * (1 + wide_y) * (1 + wide_z)
            continue
        for kx in range(x, x + wide_x + 1):
            for ky in range(y, y + wide_y + 1):
                for kz in range(z, z + wide_z + 1):
                    cell[count] = (kx * side + ky) * side + kz
                    rank[count] = s
                    count += 1
    begin = np.zeros(side * side * side + 1, dtype=np.int32)
    for k in range(count):
        begin[cell[k] + 1] += 1
    for c in range(side * side * side):
        begin[c + 1] += begin[c]
    member = np.empty(count, dtype=np.int32)
    following = begin.copy()
    for k in range(count):
        member[following[cell[k]]] = rank[k]
        following[cell[k]] += 1
    return begin, member


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _lay_out(single, member, begin, end, cell, near, own):  # type: ignore[no-untyped-def]
    """Lay the members begin:end side by side in blocks: near[(block * _FIELDS + field) * _BLOCK + place in block].

    The last block is filled up with objects far away. Returns how many of the members look for others here, those at
    home in the cell and those without a home; own gets their places.
    """
    count = 0
    for place in range(end - begin):
        one = single[member[begin + place]]
        at = place // _BLOCK * (_FIELDS * _BLOCK) + place % _BLOCK
        for field in range(_FIELDS):
            near[at + field * _BLOCK] = one[field]
        own[count] = place
        count += 1 if (one[_HOME] == cell) | (one[_HOME] < _ZERO) else 0
    for place in range(end - begin, -(-(end - begin) // _BLOCK) * _BLOCK):
        at = place // _BLOCK * (_FIELDS * _BLOCK) + place % _BLOCK
        for field in range(_FIELDS):
            near[at + field * _BLOCK] = _FAR_KM if field == 0 else _ZERO
    return count


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _met_in_block(near, block, one, half_s, half2):  # type: ignore[no-untyped-def]
    """How many of a block of objects may meet `one` within half_s of the middle: no false no."""
    px, py, pz, vx, vy, vz, ax, ay, az, reach = one
    met = nb.int32(0)
    base = nb.uint64(block) * nb.uint64(_FIELDS * _BLOCK)
    for k in range(_BLOCK):
        j = base + nb.uint64(k)
        dx = near[j] - px
        dy = near[j + nb.uint64(_BLOCK)] - py
        dz = near[j + nb.uint64(2 * _BLOCK)] - pz
        ux = near[j + nb.uint64(3 * _BLOCK)] - vx
        uy = near[j + nb.uint64(4 * _BLOCK)] - vy
        uz = near[j + nb.uint64(5 * _BLOCK)] - vz
        gx = near[j + nb.uint64(6 * _BLOCK)] - ax
        gy = near[j + nb.uint64(7 * _BLOCK)] - ay
        gz = near[j + nb.uint64(8 * _BLOCK)] - az
        tau = -(dx * ux + dy * uy + dz * uz) / max(ux * ux + uy * uy + uz * uz, _TINY)
        tau = min(max(tau, -half_s), half_s)
        mx, my, mz = dx + ux * tau, dy + uy * tau, dz + uz * tau
        tight = near[j + nb.uint64(9 * _BLOCK)] + reach + half2 * np.sqrt(gx * gx + gy * gy + gz * gz)
        met = nb.int32(met + (nb.int32(1) if mx * mx + my * my + mz * mz <= tight * tight else nb.int32(0)))
    return met


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _first_block_met(near, single, member, begin, block, own, end, stop, half_s):  # type: ignore[no-untyped-def]
    """The first block from `block` on with a member in it that an object may meet; -1 if there is none.

    single (16,): the object. Members begin:end are laid out in near; ranks from `stop` on need not be looked at. own:
    the block that the object is in itself, where it meets itself.
    """
    # as numbers, so that the block's loop reads no other array
    one = (
        single[0], single[1], single[2], single[3], single[4],
        single[5], single[6], single[7], single[8], single[9],
    )  # fmt: skip
    half2 = np.float32(0.5 * half_s * half_s)
    while begin + block * _BLOCK < end and member[begin + block * _BLOCK] < stop:
        if _met_in_block(near, block, one, np.float32(half_s), half2) > (1 if block == own else 0):
            return block
        block += 1
    return -1


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _met_by_wide(rows, order, home, group, half_s, found, count):  # type: ignore[no-untyped-def]
    """Append what objects that swing too much for the cells may meet of one another; (found, count)."""
    wide = np.flatnonzero(home < 0)
    for one in range(wide.shape[0]):
        i = order[wide[one]]
        for two in range(one):
            j = order[wide[two]]
            if (group[i] != group[j] or group[i] < 0) and _may_meet(rows, i, rows, j, half_s):
                found = _appended(found, count, i, j)
                count += 1
    return found, count


@nb.njit(nogil=True, cache=True, error_model="numpy")
def pairs_in_slab(rows, regular, group, step_s):  # type: ignore[no-untyped-def]
    """Pairs of regular objects that may come within the threshold in a slab: (m, 2) int32 columns, first < second.

    rows (n, DESCRIPTION_WIDTH), regular (n,) bool, group (n,) int64: pairs of one group >= 0 are left out. Directions
    are sorted into cells; each cell has a list of all objects that those at home in it may meet, by radius, laid side
    by side in memory while the cell is at hand. An object meets those that come after it in its cell's list, as far as
    its radius interval reaches: one short range, block by block. An object that swings too much to have a home stands
    in all lists that it may reach, and meets in each those at home there.
    """
    half_s = 0.5 * step_s
    cut = _swing_cut(rows, regular)
    size = max(_CELL_MIN, 4.0 * cut + 1e-5)  # wider than any box
    side = int(2.0 / size) + 1
    order, stop = _by_radius(rows, regular)
    single, home, corner = _placed(rows, order, cut, size, side)
    begin, member = _lists(home, corner, side)
    longest = 0
    for c in range(side * side * side):
        longest = max(longest, begin[c + 1] - begin[c])
    near = np.empty(_FIELDS * (longest + _BLOCK), dtype=np.float32)
    own = np.empty(longest + 1, dtype=np.int32)
    found = np.empty((1024, 2), dtype=np.int32)
    found, count = _met_by_wide(rows, order, home, group, half_s, found, 0)
    for c in range(side * side * side):
        end = begin[c + 1]
        if begin[c] == end:
            continue
        looking = _lay_out(single, member, begin[c], end, np.float32(c), near, own)
        for k in range(looking):
            place = begin[c] + own[k]
            s = member[place]
            i = order[s]
            first = own[k] // _BLOCK
            block = _first_block_met(near, single[s], member, begin[c], first, first, end, stop[s], half_s)
            while block >= 0:
                at = begin[c] + block * _BLOCK
                for other in range(max(at, place + 1), min(at + _BLOCK, end)):
                    t = member[other]
                    if home[s] < 0 and home[t] != c:
                        continue
                    j = order[t]
                    if (group[i] != group[j] or group[i] < 0) and _may_meet(rows, i, rows, j, half_s):
                        found = _appended(found, count, i, j)
                        count += 1
                block = _first_block_met(near, single[s], member, begin[c], block + 1, first, end, stop[s], half_s)
    return found[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _shifted(row, tau_s, out):  # type: ignore[no-untyped-def]
    """The row's quadratic about another instant, tau_s later; bounds are copied."""
    for axis in range(3):
        out[PX + axis] = row[PX + axis] + tau_s * (row[VX + axis] + 0.5 * tau_s * row[AX + axis])
        out[VX + axis] = row[VX + axis] + tau_s * row[AX + axis]
        out[AX + axis] = row[AX + axis]
    for k in range(REMAINDER_KM, HALF_KM + 1):
        out[k] = row[k]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def irregular_pairs(  # type: ignore[no-untyped-def]
    pieces, piece_column, piece_start_s, piece_stop_s, rows, regular, group
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
            r_min = min(r_min, pieces[end, R_MIN_KM] - pieces[end, HALF_KM])
            r_max = max(r_max, pieces[end, R_MAX_KM] + pieces[end, HALF_KM])
            end += 1
        for j in range(rows.shape[0]):
            if not regular[j]:
                continue
            if rows[j, R_MIN_KM] - rows[j, HALF_KM] > r_max or r_min > rows[j, R_MAX_KM] + rows[j, HALF_KM]:
                continue
            if group[i] == group[j] and group[i] >= 0:
                continue
            for k in range(begin, end):
                half_s = 0.5 * (piece_stop_s[k] - piece_start_s[k])
                _shifted(rows[j], 0.5 * (piece_start_s[k] + piece_stop_s[k]), second[0])
                if _may_meet(pieces, k, second, 0, half_s):
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
                    if _may_meet(first, 0, second, 0, 0.5 * (stop_s - start_s)):
                        found = _appended(found, count, i, j)
                        count += 1
                        met = True
                other += 1
        begin = end
    return found[:count]

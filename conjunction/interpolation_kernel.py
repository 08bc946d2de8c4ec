"""Lagrange and Hermite interpolation among the states of many ephemerides at many instants, compiled.

States of all segments stand one behind the other: node_tai_ns (nodes,) int64 and state (nodes, 6) float64, km and km/s;
segment s has nodes segment_node[s] to segment_node[s + 1], a method and how many nodes it interpolates among. A track
is a chain of spans of time, each of which one segment speaks for (`conjunction.ephemeris_tracks`).

Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

from math import isfinite

import numba as nb
import numpy as np

NODES_MAX = 32
INSIDE, FEWER_NODES, OUTSIDE = 0, 1, 2
LAGRANGE, HERMITE = 0, 1
OUTSIDE_SPAN = -3  # codes of a state, beside those of conjunction.sgp4_kernel
NON_FINITE = -1
_TEME = 2  # conjunction.frames.names.Frame


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _node_after(node_ns, begin, end, at_ns, hint):  # type: ignore[no-untyped-def]
    """The first node of begin to end that is not before the instant, or end; hint is where to look first."""
    for guess in (hint, hint + 1, hint + 2):
        if begin < guess < end and node_ns[guess - 1] < at_ns <= node_ns[guess]:
            return guess
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if node_ns[middle] < at_ns:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _first_node(node_ns, begin, end, at_ns, count, after):  # type: ignore[no-untyped-def]
    """The first of ``count`` nodes centred on the instant, of begin to end; after is `_node_after`.

    With an even count the instant lies between the two middle nodes, with an odd one the middle node is the nearest.
    """
    if count % 2 == 1 and (after == end or (after > begin and at_ns - node_ns[after - 1] < node_ns[after] - at_ns)):
        after -= 1
    return min(max(after - count // 2, begin), end - count)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _lagrange(node_ns, state, first, count, at_ns, columns, work, out):  # type: ignore[no-untyped-def]
    """``columns`` columns of state by the polynomial through ``count`` nodes from first; work (2, NODES_MAX).

    Times are differences in ns from the first node used, so that float64 holds them exactly. A weight is one quotient
    of products: of seconds, they stay far within float64 with 32 nodes a nanosecond to a month apart.
    """
    time, before = work[0], work[1]
    at = (at_ns - node_ns[first]) * 1e-9
    product = 1.0
    for k in range(count):
        time[k] = (node_ns[first + k] - node_ns[first]) * 1e-9
        before[k] = product
        product *= at - time[k]
    for c in range(columns):
        out[c] = 0.0
    product = 1.0
    for k in range(count - 1, -1, -1):
        denominator = 1.0
        for j in range(count):
            if j != k:
                denominator *= time[k] - time[j]
        weight = before[k] * product / denominator
        product *= at - time[k]
        for c in range(columns):
            out[c] += weight * state[first + k, c]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _hermite(node_ns, state, first, count, at_ns, work, out):  # type: ignore[no-untyped-def]
    """The polynomial of degree ``2 * count - 1`` through positions and velocities, and its rate; work (4, 2 NODES_MAX).

    Newton's divided differences with every node twice (Burden and Faires, Numerical Analysis, 3.4).
    """
    twice = 2 * count
    time = work[3]
    for k in range(count):
        time[2 * k] = time[2 * k + 1] = (node_ns[first + k] - node_ns[first]) * 1e-9
    at = (at_ns - node_ns[first]) * 1e-9
    for c in range(3):
        table = work[c]
        for k in range(count):
            table[2 * k] = table[2 * k + 1] = state[first + k, c]
        for order in range(1, twice):
            for i in range(twice - 1, order - 1, -1):
                if order == 1 and i % 2 == 1:
                    table[i] = state[first + i // 2, 3 + c]
                else:
                    table[i] = (table[i] - table[i - 1]) / (time[i] - time[i - order])
        value = table[twice - 1]
        slope = 0.0
        for i in range(twice - 2, -1, -1):
            slope = slope * (at - time[i]) + value
            value = value * (at - time[i]) + table[i]
        out[c] = value
        out[3 + c] = slope


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _from_nodes(node_ns, state, first, count, method, at_ns, columns, work, out):  # type: ignore[no-untyped-def]
    if method == LAGRANGE:
        _lagrange(node_ns, state, first, count, at_ns, columns, work, out)
    else:
        _hermite(node_ns, state, first, count, at_ns, work, out)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def states_in_segment(node_ns, state, method, count, at_ns, out):  # type: ignore[no-untyped-def]
    """States of one segment, node_ns (n,) and state (n, 6), at instants at_ns (m,) inside it: fills out (m, 6)."""
    work = np.empty((4, 2 * NODES_MAX))
    end = node_ns.shape[0]
    after = 0
    for q in range(at_ns.shape[0]):
        after = _node_after(node_ns, 0, end, at_ns[q], after)
        first = _first_node(node_ns, 0, end, at_ns[q], count, after)
        _from_nodes(node_ns, state, first, count, method, at_ns[q], 6, work, out[q])


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _roughness(node_ns, state, method, first, count, k, work, one, other):  # type: ignore[no-untyped-def]
    """How far one polynomial, between node k and the next, is from one through more positions: squared, km**2.

    Lagrange errs most halfway. Hermite on velocities that are not the positions' derivatives (SGP4's) may have no
    error there: it is looked at a quarter from both nodes.
    """
    n = node_ns.shape[0]
    more = min(max(count + 2, 8), n, NODES_MAX)
    quarter_ns = (node_ns[k + 1] - node_ns[k]) // 4
    worst2 = 0.0
    for place in range(2, 3) if method == LAGRANGE else range(1, 4, 2):
        at_ns = node_ns[k] + place * quarter_ns
        _from_nodes(node_ns, state, first, count, method, at_ns, 3, work, one)
        _lagrange(node_ns, state, _first_node(node_ns, 0, n, at_ns, more, k + 1), more, at_ns, 3, work, other)
        worst2 = max(worst2, (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2)
    return worst2


@nb.njit(nogil=True, cache=True, error_model="numpy")
def rough_changes(node_ns, state, method, count, tolerance_km, found):  # type: ignore[no-untyped-def]
    """Instants at which one segment goes on to another polynomial where its interpolation is rough: how many.

    Rough is what is off by more than the tolerance, between the nodes on a side of the change, from the polynomial
    through eight positions or two more than the segment's own. Fills found (n,) int64: with an even count the node
    that both polynomials go through, with an odd one the first instant of the new.
    """
    work = np.empty((4, 2 * NODES_MAX))
    one = np.empty(6)
    other = np.empty(6)
    number = 0
    tolerance2 = tolerance_km * tolerance_km
    odd = count % 2 == 1
    after2 = -1.0
    for first in range(node_ns.shape[0] - count):
        middle = first + count // 2
        if odd:
            before2 = _roughness(node_ns, state, method, first, count, middle, work, one, other)
        elif first == 0:
            before2 = _roughness(node_ns, state, method, first, count, middle - 1, work, one, other)
        else:
            before2 = after2
        after2 = _roughness(node_ns, state, method, first + 1, count, middle, work, one, other)
        if before2 <= tolerance2 and after2 <= tolerance2:
            continue
        found[number] = node_ns[middle]
        if odd:
            found[number] += (node_ns[middle + 1] - node_ns[middle] + 1) // 2
        number += 1
    return number


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _span_at(span_from_ns, span_until_ns, begin, end, at_ns, hint):  # type: ignore[no-untyped-def]
    """The span of begin to end that holds the instant, or -1; hint is where to look first."""
    if begin <= hint < end and span_from_ns[hint] <= at_ns <= span_until_ns[hint]:
        return hint
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if span_until_ns[middle] < at_ns:
            low = middle + 1
        else:
            high = middle
    if low < end and span_from_ns[low] <= at_ns:
        return low
    return -1


@nb.njit(nogil=True, cache=True, error_model="numpy")
def track_states(  # type: ignore[no-untyped-def]
    row_span, span_from_ns, span_until_ns, span_segment, segment_node, method, node_count, frame, node_ns, state,
    index, tai_ns, out, code, frame_of,
):  # fmt: skip
    """States of tracks index (m,) at tai_ns (m,), in the frames of their segments.

    Fills out (m, 6), code (m,) int8 (0, OUTSIDE_SPAN or NON_FINITE) and frame_of (m,) int8 (-1 outside).
    """
    work = np.empty((4, 2 * NODES_MAX))
    span = after = -1
    for k in range(index.shape[0]):
        row = index[k]
        span = _span_at(span_from_ns, span_until_ns, row_span[row], row_span[row + 1], tai_ns[k], span)
        if span < 0:
            code[k] = OUTSIDE_SPAN
            frame_of[k] = -1
            out[k] = np.nan
            continue
        segment = span_segment[span]
        begin, end, count = segment_node[segment], segment_node[segment + 1], node_count[segment]
        after = _node_after(node_ns, begin, end, tai_ns[k], after)
        first = _first_node(node_ns, begin, end, tai_ns[k], count, after)
        _from_nodes(node_ns, state, first, count, method[segment], tai_ns[k], 6, work, out[k])
        frame_of[k] = frame[segment]
        code[k] = 0 if isfinite(np.sum(out[k])) else NON_FINITE


@nb.njit(nogil=True, cache=True, error_model="numpy")
def track_grid(  # type: ignore[no-untyped-def]
    row_span, span_from_ns, span_until_ns, span_segment, segment_node, method, node_count, frame, node_ns, state,
    rows, columns, tai_ns, rotation, coupling, position_km, velocity_km_s, code,
):  # fmt: skip
    """States of tracks rows (m,) at all instants tai_ns (k,), into the given columns (m,).

    rotation and coupling (4, k, 3, 3) lead from each frame to TEME: r' = R r, v' = R v + K r. position_km (k, 3, ...)
    and code (k, ...) int8 are filled at `columns`; velocity_km_s likewise, unless its first dimension is 0.
    """
    work = np.empty((4, 2 * NODES_MAX))
    out = np.empty(6)
    with_velocity = velocity_km_s.shape[0] > 0
    wanted = 6 if with_velocity else 3
    for m in range(rows.shape[0]):
        column = columns[m]
        span = after = -1
        for k in range(tai_ns.shape[0]):
            span = _span_at(span_from_ns, span_until_ns, row_span[rows[m]], row_span[rows[m] + 1], tai_ns[k], span)
            if span < 0:
                code[k, column] = OUTSIDE_SPAN
                for axis in range(3):
                    position_km[k, axis, column] = np.nan
                    if with_velocity:
                        velocity_km_s[k, axis, column] = np.nan
                continue
            segment = span_segment[span]
            begin, end, count = segment_node[segment], segment_node[segment + 1], node_count[segment]
            after = _node_after(node_ns, begin, end, tai_ns[k], after)
            first = _first_node(node_ns, begin, end, tai_ns[k], count, after)
            _from_nodes(node_ns, state, first, count, method[segment], tai_ns[k], wanted, work, out)
            total = out[0] + out[1] + out[2]
            if with_velocity:
                total += out[3] + out[4] + out[5]
            code[k, column] = 0 if isfinite(total) else NON_FINITE
            r, c = rotation[frame[segment], k], coupling[frame[segment], k]
            inertial = frame[segment] == _TEME
            for axis in range(3):
                if inertial:
                    position_km[k, axis, column] = out[axis]
                else:
                    turned = r[axis, 0] * out[0] + r[axis, 1] * out[1] + r[axis, 2] * out[2]
                    position_km[k, axis, column] = turned
                if with_velocity and inertial:
                    velocity_km_s[k, axis, column] = out[3 + axis]
                elif with_velocity:
                    moved = c[axis, 0] * out[0] + c[axis, 1] * out[1] + c[axis, 2] * out[2]
                    turned = r[axis, 0] * out[3] + r[axis, 1] * out[4] + r[axis, 2] * out[5]
                    velocity_km_s[k, axis, column] = turned + moved

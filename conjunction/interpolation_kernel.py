"""Lagrange and Hermite interpolation at many instants, compiled: one pass, no array an instant."""

import numba as nb
import numpy as np

NODES_MAX = 32
INSIDE, FEWER_NODES, OUTSIDE = 0, 1, 2


@nb.njit(nogil=True, cache=True, error_model="numpy")
def first_nodes(node_ns, query_ns, count):  # type: ignore[no-untyped-def]
    """Index of the first of ``count`` nodes centred on each instant; shapes (n,), (m,) int64 to (m,) int64.

    With an even count the instant lies between the two middle nodes, with an odd one the middle node is the nearest.
    """
    n = node_ns.shape[0]
    first = np.empty(query_ns.shape[0], np.int64)
    for q in range(query_ns.shape[0]):
        after = np.searchsorted(node_ns, query_ns[q])  # the first node that is not before the instant
        if count % 2 == 1 and 0 < after < n:
            if query_ns[q] - node_ns[after - 1] < node_ns[after] - query_ns[q]:
                after -= 1
            start = after - count // 2
        elif count % 2 == 1:
            start = min(after, n - 1) - count // 2
        else:
            start = after - count // 2
        first[q] = min(max(start, 0), n - count)
    return first


@nb.njit(nogil=True, cache=True, error_model="numpy")
def lagrange(node_ns, values, query_ns, count, out):  # type: ignore[no-untyped-def]
    """Every column of ``values`` (n, c) by the polynomial through ``count`` nodes; ``out`` (m, c) is filled.

    Times are differences in ns from the first node used, so that float64 holds them exactly.
    """
    first = first_nodes(node_ns, query_ns, count)
    time = np.empty(count, np.float64)
    for q in range(query_ns.shape[0]):
        start = first[q]
        for k in range(count):
            time[k] = (node_ns[start + k] - node_ns[start]) * 1e-9
        at = (query_ns[q] - node_ns[start]) * 1e-9
        for c in range(values.shape[1]):
            out[q, c] = 0.0
        for k in range(count):
            weight = 1.0
            for j in range(count):
                if j != k:
                    weight *= (at - time[j]) / (time[k] - time[j])
            for c in range(values.shape[1]):
                out[q, c] += weight * values[start + k, c]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def hermite(node_ns, values, rates, query_ns, count, out, out_rates):  # type: ignore[no-untyped-def]
    """The polynomial of degree ``2 * count - 1`` through values and rates (n, c) at ``count`` nodes, with its rate.

    Newton's divided differences with every node twice (Burden and Faires, Numerical Analysis, 3.4); rates are per
    second. ``out`` and ``out_rates`` (m, c) are filled.
    """
    first = first_nodes(node_ns, query_ns, count)
    twice = 2 * count
    time = np.empty(twice, np.float64)
    table = np.empty(twice, np.float64)
    for q in range(query_ns.shape[0]):
        start = first[q]
        for k in range(count):
            time[2 * k] = time[2 * k + 1] = (node_ns[start + k] - node_ns[start]) * 1e-9
        at = (query_ns[q] - node_ns[start]) * 1e-9
        for c in range(values.shape[1]):
            for k in range(count):
                table[2 * k] = table[2 * k + 1] = values[start + k, c]
            for order in range(1, twice):
                for i in range(twice - 1, order - 1, -1):
                    if order == 1 and i % 2 == 1:
                        table[i] = rates[start + i // 2, c]
                    else:
                        table[i] = (table[i] - table[i - 1]) / (time[i] - time[i - order])
            value = table[twice - 1]
            slope = 0.0
            for i in range(twice - 2, -1, -1):
                slope = slope * (at - time[i]) + value
                value = value * (at - time[i]) + table[i]
            out[q, c] = value
            out_rates[q, c] = slope

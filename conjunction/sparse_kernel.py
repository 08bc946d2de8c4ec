"""Positions between sparse times: eight-point Lagrange in a fixed interval, checked at its middle. Compiled.

Everything that this kernel calls is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True, error_model="numpy")
def check_intervals(node_km, node_code, middle_km, middle_code, weights, six, error_km, spread_km):  # type: ignore[no-untyped-def]
    """How far interpolation at the middle of each interval is off, and how far six points differ from eight.

    Interval c lies between nodes c + 3 and c + 4: node_km (C + 7, 3, m) and node_code (C + 7, m), middle_km (C, 3, m)
    and middle_code (C, m) the orbit's own there. weights (8,) and six (8,): the middle by eight and by six nodes.
    Fills error_km and spread_km (C, m): infinite where any code is not 0.
    """
    for c in range(middle_km.shape[0]):
        for i in range(middle_km.shape[2]):
            error2 = 0.0
            spread2 = 0.0
            for axis in range(3):
                eight = 0.0
                fewer = 0.0
                for k in range(8):
                    eight += weights[k] * node_km[c + k, axis, i]
                    fewer += six[k] * node_km[c + k, axis, i]
                error2 += (eight - middle_km[c, axis, i]) ** 2
                spread2 += (eight - fewer) ** 2
            bad = middle_code[c, i] != 0
            for k in range(8):
                bad |= node_code[c + k, i] != 0
            error_km[c, i] = np.inf if bad else np.sqrt(error2)
            spread_km[c, i] = np.inf if bad else np.sqrt(spread2)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def fill_between(node_km, c, weights, target_km):  # type: ignore[no-untyped-def]
    """target_km (3, m) by weights (8,) from the nodes of interval c, for every object."""
    w0, w1, w2, w3, w4, w5, w6, w7 = weights
    for axis in range(3):
        for i in range(target_km.shape[1]):
            target_km[axis, i] = (
                w0 * node_km[c, axis, i]
                + w1 * node_km[c + 1, axis, i]
                + w2 * node_km[c + 2, axis, i]
                + w3 * node_km[c + 3, axis, i]
                + w4 * node_km[c + 4, axis, i]
                + w5 * node_km[c + 5, axis, i]
                + w6 * node_km[c + 6, axis, i]
                + w7 * node_km[c + 7, axis, i]
            )

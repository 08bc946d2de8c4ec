"""The refinement's kernels: from the relative motion of two objects to the minima of their range, entry and exit.

A piece is an interval of time in which the relative position is a polynomial (`motion_kernel`); x in [-1, 1] is time in
the piece. A run is a chain of pieces of one pair without a gap. The range's derivative has the sign of d . d'; a
minimum is where it turns from negative to positive. Signs within the noise count as no sign: a range that rests within
the noise has one minimum at most.

Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np

NODE_COUNT = 9  # coefficients a component, as motion_kernel makes them
SAMPLE_COUNT = 17  # where the sign of d . d' is taken, both ends included

POSITION_NOISE_KM = 1e-8  # of an SGP4 position: rounding of its angles and of the time since epoch
JUMP_KM = 1e-6

_LAST_SAMPLE = SAMPLE_COUNT - 1
_ROOT_STEPS = 100
_ROOT_X = 1e-13  # of a piece's half: below a nanosecond for any piece


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _at(c, x):  # type: ignore[no-untyped-def]
    """(d . d, d . d', d' . d', d . d'') at x, derivatives by x, of powers' coefficients c (3, NODE_COUNT)."""
    d2 = 0.0
    dot = 0.0
    rate2 = 0.0
    bend = 0.0
    for axis in range(3):
        value = c[axis, NODE_COUNT - 1]
        rate = 0.0
        half = 0.0
        for k in range(NODE_COUNT - 2, -1, -1):
            half = half * x + rate
            rate = rate * x + value
            value = value * x + c[axis, k]
        d2 += value * value
        dot += value * rate
        rate2 += rate * rate
        bend += value * 2.0 * half
    return d2, dot, rate2, bend


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _value(c, axis, x):  # type: ignore[no-untyped-def]
    value = c[axis, NODE_COUNT - 1]
    for k in range(NODE_COUNT - 2, -1, -1):
        value = value * x + c[axis, k]
    return value


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _range2(c, x):  # type: ignore[no-untyped-def]
    return _value(c, 0, x) ** 2 + _value(c, 1, x) ** 2 + _value(c, 2, x) ** 2


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _root(c, low, high):  # type: ignore[no-untyped-def]
    """Where d . d' turns from negative at low to positive at high: Newton's steps, halving where they do not serve."""
    x = 0.5 * (low + high)
    step_before = high - low
    for _ in range(_ROOT_STEPS):
        _, dot, rate2, bend = _at(c, x)
        if dot < 0.0:
            low = x
        else:
            high = x
        slope = rate2 + bend
        step = -dot / slope if slope > 0.0 else np.inf
        if not low < x + step < high or abs(step) > 0.5 * abs(step_before):
            step = 0.5 * (low + high) - x
        step_before = step
        x += step
        if abs(step) < _ROOT_X or high - low < _ROOT_X:
            break
    return x


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _crossing(c, inside, outside, threshold2):  # type: ignore[no-untyped-def]
    """Where |d|**2 passes threshold2 between x = inside (not above) and x = outside (above), either way round.

    Starts where straight motion from `inside` would pass; then Newton's steps, halving where they do not serve.
    """
    d2, dot, rate2, _ = _at(c, inside)
    way = 1.0 if outside > inside else -1.0
    x = 0.5 * (inside + outside)
    if rate2 > 0.0:
        guess = inside + (way * np.sqrt(max(dot * dot - (d2 - threshold2) * rate2, 0.0)) - dot) / rate2
        if (guess - inside) * way > 0.0 and (outside - guess) * way > 0.0:
            x = guess
    step_before = outside - inside
    for _ in range(_ROOT_STEPS):
        d2, dot, _, _ = _at(c, x)
        if d2 <= threshold2:
            inside = x
        else:
            outside = x
        slope = 2.0 * dot
        step = (threshold2 - d2) / slope if slope * way > 0.0 else np.inf
        if not min(inside, outside) < x + step < max(inside, outside) or abs(step) > 0.5 * abs(step_before):
            step = 0.5 * (inside + outside) - x
        step_before = step
        x += step
        if abs(step) < _ROOT_X or abs(outside - inside) < _ROOT_X:
            break
    return x


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _time(start_ns, stop_ns, x):  # type: ignore[no-untyped-def]
    return start_ns + np.int64(np.rint(0.5 * (x + 1.0) * (stop_ns - start_ns)))


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _keep(found, count, time_ns, piece, edge):  # type: ignore[no-untyped-def]
    if count == found.shape[0]:
        more = np.empty((2 * count, 3), dtype=np.int64)
        more[:count] = found
        found = more
    found[count, 0] = time_ns
    found[count, 1] = piece
    found[count, 2] = edge
    return found


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _first_piece(run, piece):  # type: ignore[no-untyped-def]
    while piece > 0 and run[piece - 1] == run[piece]:
        piece -= 1
    return piece


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _sign(c, smooth, x):  # type: ignore[no-untyped-def]
    """(sign of the range's derivative at x, 0 within the noise, and d . d); over a jump, of the sides' difference."""
    d2, dot, rate2, _ = _at(c, x)
    # differentiating amplifies the noise of the nodes by up to 2 * 8**2 at the ends, by x
    if smooth and dot * dot > 2.0 * POSITION_NOISE_KM**2 * (400.0 * d2 + rate2):
        return 1 if dot > 0.0 else -1, d2  # beyond the noise without roots, as (a + b)**2 <= 2 (a**2 + b**2)
    noise = POSITION_NOISE_KM * (20.0 * np.sqrt(d2) + np.sqrt(rate2))
    if not smooth:
        dot = np.sqrt(d2) - np.sqrt(_range2(c, -1.0))
        noise = JUMP_KM
    return 1 if dot > noise else (-1 if dot < -noise else 0), d2


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def minima(coefficients, start_ns, stop_ns, smooth, run, starts_at_edge, stops_at_edge):  # type: ignore[no-untyped-def]
    """Every local minimum of the range, (k, 3) int64: time (TAI ns), its piece, and 1 at an edge or 0.

    coefficients (m, 3, NODE_COUNT), start_ns and stop_ns (m,) of pieces in order of run and time, smooth (m,) (false:
    too short to cut further, and still no polynomial: a jump), run (m,) from 0. starts_at_edge and stops_at_edge, by
    run: whether it begins or ends where the pair's window does, so that a range that rises from there, or falls to
    there, has a minimum there. Minima come in order of run and time.
    """
    found = np.empty((256, 3), dtype=np.int64)
    count = 0
    sign = 0  # the last that was not within the noise
    falling_piece = -1  # where it was last negative
    falling_x = 0.0
    least_km2 = np.inf  # of the samples within the noise since then, and of borders
    least_ns = np.int64(0)
    least_piece = 0
    for piece in range(run.shape[0]):
        opens = piece == 0 or run[piece - 1] != run[piece]
        if opens:
            sign = 0
            falling_piece = -1
            least_km2 = np.inf
        c = coefficients[piece]
        start, stop = start_ns[piece], stop_ns[piece]
        for sample in range((0 if opens else 1) if smooth[piece] else _LAST_SAMPLE, SAMPLE_COUNT):
            x = 2.0 * sample / _LAST_SAMPLE - 1.0
            now, d2 = _sign(c, smooth[piece], x)
            if now == 0:
                if d2 < least_km2:
                    least_km2 = d2
                    least_ns = _time(start, stop, x)
                    least_piece = piece
                continue
            if now < 0:
                falling_piece = piece
                falling_x = x
                least_km2 = np.inf
            elif sign < 0:
                at_ns, at_piece = start, piece
                if not smooth[piece]:
                    pass
                elif falling_piece == piece:
                    at_ns = _time(start, stop, _root(c, falling_x, x))
                elif _at(c, -1.0)[1] < 0.0:
                    at_ns = _time(start, stop, _root(c, -1.0, x))
                elif falling_piece == piece - 1 and smooth[piece - 1]:
                    # the root is the border where the polynomial of the piece before has none
                    before = coefficients[piece - 1]
                    at_ns, at_piece = stop_ns[piece - 1], piece - 1
                    if _at(before, 1.0)[1] >= 0.0:
                        at_ns = _time(start_ns[piece - 1], at_ns, _root(before, falling_x, 1.0))
                elif least_km2 < np.inf:
                    at_ns, at_piece = least_ns, least_piece
                found = _keep(found, count, at_ns, at_piece, 0)
                count += 1
            elif sign == 0 and starts_at_edge[run[piece]]:
                first = _first_piece(run, piece)
                found = _keep(found, count, start_ns[first], first, 1)
                count += 1
            sign = now
        closes = piece + 1 == run.shape[0] or run[piece + 1] != run[piece]
        if not closes:
            continue
        if sign < 0 and stops_at_edge[run[piece]]:
            found = _keep(found, count, stop, piece, 1)
            count += 1
        elif sign == 0 and starts_at_edge[run[piece]]:
            first = _first_piece(run, piece)
            found = _keep(found, count, start_ns[first], first, 1)
            count += 1
        elif sign == 0 and least_km2 < np.inf:
            found = _keep(found, count, least_ns, least_piece, 0)
            count += 1
    return found[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _leaves(coefficients, start_ns, stop_ns, smooth, run, piece, x, way, threshold2):  # type: ignore[no-untyped-def]
    """When the range passes the threshold, walking from x in a piece, where it is inside, forward (way 1) or back."""
    while True:
        c = coefficients[piece]
        if smooth[piece]:
            at = 0.5 * (x + 1.0) * _LAST_SAMPLE
            sample = int(np.floor(at)) + 1 if way > 0 else int(np.ceil(at)) - 1
            while 0 <= sample <= _LAST_SAMPLE:
                sample_x = 2.0 * sample / _LAST_SAMPLE - 1.0
                if _range2(c, sample_x) > threshold2:
                    return _time(start_ns[piece], stop_ns[piece], _crossing(c, x, sample_x, threshold2))
                x = sample_x
                sample += way
        elif _range2(c, float(way)) > threshold2:
            return (start_ns[piece] + stop_ns[piece]) // 2  # a jump, somewhere in these 2 ms
        if not 0 <= piece + way < run.shape[0] or run[piece + way] != run[piece]:
            return stop_ns[piece] if way > 0 else start_ns[piece]
        piece += way
        x = -float(way)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def spans(coefficients, start_ns, stop_ns, smooth, run, found, threshold_km):  # type: ignore[no-untyped-def]
    """Entry and exit, (k, 2) int64 TAI ns, of the maximal interval within threshold_km about each minimum found.

    Pieces and found (k, 3) as `minima` takes and gives them. A run's ends clip. The range is looked at at the samples
    and at the minima; minima of one interval share entry and exit. A minimum beyond the threshold has both at its TCA.
    """
    inside = np.empty((found.shape[0], 2), dtype=np.int64)
    threshold2 = threshold_km * threshold_km
    for k in range(found.shape[0]):
        tca, piece = found[k, 0], found[k, 1]
        if k > 0 and run[found[k - 1, 1]] == run[piece] and inside[k - 1, 0] <= tca <= inside[k - 1, 1]:
            inside[k] = inside[k - 1]
            continue
        inside[k] = tca
        x = 2.0 * (tca - start_ns[piece]) / (stop_ns[piece] - start_ns[piece]) - 1.0
        if _range2(coefficients[piece], x) > threshold2:
            continue
        entry = _leaves(coefficients, start_ns, stop_ns, smooth, run, piece, x, -1, threshold2)
        leave = _leaves(coefficients, start_ns, stop_ns, smooth, run, piece, x, 1, threshold2)
        inside[k, 0] = min(entry, tca)
        inside[k, 1] = max(leave, tca)
    return inside

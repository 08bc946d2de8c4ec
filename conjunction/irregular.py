"""Objects that the time grid does not describe in some slab.

Those that fail, graze the earth, move too wildly, or whose ephemeris begins, ends or breaks nearby. They are few. Each
is followed with its own states through the part of the slab in which it has any, and cut into pieces short enough for
the sieve's quadratic, none of which reaches across a break; the instant at which SGP4 fails is found by bisection. All
are taken together: a few calls for states, however many there are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.kinks import kink_km_s
from conjunction.sgp4_kernel import RADIUS_EARTH_KM
from conjunction.slab_kernel import DESCRIPTION_WIDTH, PX, PZ, REMAINDER_KM, STENCIL, describe_each

REMAINDER_LIMIT_KM = 10.0  # beyond this an object goes through its slab in pieces
TOO_WILD = 100  # our own code: no quadratic describes the motion, even over a 64th of a slab
TOO_WILD_REASON = "positions are those of no orbit: they change too wildly to be followed at 2 s, or SGP4 has lost it"

_SAMPLES = 33
_SEARCHES = 4
_PIECES_MAX = 64
_AIM = 0.8  # of the limit: a remainder shrinks with the cube of the length, nearly
FAR_KM = 60_000.0  # beyond the geostationary ring and its graveyard there is room: pieces may be rough
_FAR_REMAINDER = 0.1  # of the radius
_NEVER = np.iinfo(np.int64).max
_NS_PER_S = 1_000_000_000


class Failure(NamedTuple):
    """An object (catalogue row) that has no state, from which instant, and the code that says why."""

    row: int
    from_tai_ns: int
    code: int


class Pieces(NamedTuple):
    """Descriptions (m, DESCRIPTION_WIDTH), of which columns, and when, seconds from the slab's middle."""

    description: NDArray[np.float64]
    column: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]


class _Stretches(NamedTuple):
    """Stretches of time without a break, (m,) each: whose (a position in `rows`), from and to, both included, TAI ns.

    pieces (m,): in how many of equal length to describe each.
    """

    of: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    stop_ns: NDArray[np.int64]
    pieces: NDArray[np.int64]


class _Described(NamedTuple):
    """Pieces (m,): of which position in `rows`, from and to (TAI ns), and their descriptions."""

    of: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    stop_ns: NDArray[np.int64]
    description: NDArray[np.float64]


def follow(
    catalogue: Catalogue,
    columns: NDArray[np.int64],
    rows: NDArray[np.int32],
    start_tai_ns: int | NDArray[np.int64],
    stop_tai_ns: int | NDArray[np.int64],
    middle_tai_ns: int | NDArray[np.int64],
    half_km: NDArray[np.float64],
) -> tuple[Pieces, list[Failure]]:
    """Follow catalogue rows `rows` (m,), known to the sieve as `columns`, from start to stop.

    Start, stop and middle are of one slab for all, or (m,), each row's own: many slabs cost little more than one in
    one call. A row that fails in one of them is then still followed in the others. half_km (m,): each row's part of
    the threshold.

    Returns the pieces that describe them while they are valid, an object's pieces one after another, and the failures
    found. An object that is invalid at start_tai_ns has no piece, and its failure is told as of start_tai_ns. An
    ephemeris is followed as far as its span reaches into the interval: that it begins or ends there is no failure.
    """
    start_ns = np.maximum(start_tai_ns, catalogue.valid_from_tai_ns[rows])
    stop_ns = np.minimum(stop_tai_ns, catalogue.valid_until_tai_ns[rows])
    lives = np.flatnonzero((start_ns < stop_ns) & ~catalogue.is_ephemeris[rows])
    fails_ns, code = np.full(len(rows), _NEVER), np.zeros(len(rows), dtype=np.int8)
    fails_ns[lives], code[lives] = _first_failures(catalogue, rows[lives], start_ns[lives], stop_ns[lives])
    stop_ns = np.minimum(stop_ns, fails_ns - 1)
    described, wild_ns = _described(catalogue, rows, _smooth_stretches(catalogue, rows, start_ns, stop_ns), half_km)
    failures = []
    for k in np.flatnonzero((fails_ns < _NEVER) | (wild_ns < _NEVER)).tolist():
        if fails_ns[k] < _NEVER:
            failures.append(Failure(int(rows[k]), int(fails_ns[k]), int(code[k])))
        if wild_ns[k] < _NEVER:
            failures.append(Failure(int(rows[k]), int(wild_ns[k]), TOO_WILD))
    middle_ns = np.broadcast_to(middle_tai_ns, rows.shape)[described.of]
    start_s = (described.start_ns - middle_ns) / _NS_PER_S
    stop_s = (described.stop_ns - middle_ns) / _NS_PER_S
    # a piece before a break ends 1 ns before it; nothing is left open between the two
    goes_on = described.of[1:] == described.of[:-1]
    stop_s[:-1][goes_on] = start_s[1:][goes_on]
    return Pieces(described.description, columns[described.of], start_s, stop_s), failures


def _codes_and_radii(
    catalogue: Catalogue, rows: NDArray[np.int32], tai_ns: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Codes and radii (m, k) of rows (m,) at tai_ns (m, k)."""
    states = catalogue.states(np.repeat(rows, tai_ns.shape[1]), tai_ns.ravel())
    radius = np.sqrt(np.einsum("ij,ij->i", states.position_km, states.position_km))
    return states.code.reshape(tai_ns.shape), radius.reshape(tai_ns.shape)


def _first_failures(
    catalogue: Catalogue, rows: NDArray[np.int32], start_ns: NDArray[np.int64], stop_ns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The first instants (m,), to the nanosecond, from which SGP4 fails between start and stop (_NEVER), and its codes.

    Where no sample fails and the least radius is not far from the earth's, as samples differ, its neighbourhood is
    searched too: a perigee may dip below the earth's radius (error 6) between two samples.
    """
    fails_ns, why = np.full(len(rows), _NEVER), np.zeros(len(rows), dtype=np.int8)
    searched = np.arange(len(rows))
    times = _spread(start_ns, stop_ns)
    for search in range(_SEARCHES + 1):
        if not len(searched):
            break
        code, radius = _codes_and_radii(catalogue, rows[searched], times)
        failing = code.any(axis=1)
        if failing.any():
            of = searched[failing]
            fails_ns[of], why[of] = _bisected(catalogue, rows[of], times[failing], code[failing])
        searched, times, radius = searched[~failing], times[~failing], radius[~failing]
        if search == 0:
            near = radius.min(axis=1) - 2.0 * np.abs(np.diff(radius, axis=1)).max(axis=1) < RADIUS_EARTH_KM
            searched, times, radius = searched[near], times[near], radius[near]
        lowest = np.argmin(radius, axis=1)[:, None]
        before = np.take_along_axis(times, np.maximum(lowest - 1, 0), axis=1)[:, 0]
        after = np.take_along_axis(times, np.minimum(lowest + 1, _SAMPLES - 1), axis=1)[:, 0]
        times = _spread(before, after)
    return fails_ns, why


def _bisected(
    catalogue: Catalogue, rows: NDArray[np.int32], times: NDArray[np.int64], code: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """First failing instants and codes, (m,), of rows (m,) with some code not 0 at times (m, k)."""
    each = np.arange(len(rows))
    first = np.argmax(code != 0, axis=1)
    bad_ns, bad_code = times[each, first], code[each, first]
    good_ns = np.where(first > 0, times[each, np.maximum(first - 1, 0)], bad_ns)
    while (open_ := np.flatnonzero(bad_ns - good_ns > 1)).size:
        middle_ns = good_ns[open_] + (bad_ns[open_] - good_ns[open_]) // 2
        found = catalogue.states(rows[open_], middle_ns).code
        fails = found != 0
        bad_ns[open_[fails]], bad_code[open_[fails]] = middle_ns[fails], found[fails]
        good_ns[open_[~fails]] = middle_ns[~fails]
    return bad_ns, bad_code


def _spread(start_ns: NDArray[np.int64], stop_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    steps = np.arange(_SAMPLES, dtype=np.int64)
    times: NDArray[np.int64] = start_ns[:, None] + (stop_ns - start_ns)[:, None] * steps // (_SAMPLES - 1)
    return times


def _smooth_stretches(
    catalogue: Catalogue, rows: NDArray[np.int32], start_ns: NDArray[np.int64], stop_ns: NDArray[np.int64]
) -> _Stretches:
    """The time from start to stop (m,) of each row, cut at its breaks, in order of position and time."""
    of = np.flatnonzero(start_ns < stop_ns)
    starts = start_ns[of]
    if catalogue.is_ephemeris[rows[of]].any():
        at, break_ns = catalogue.tracks.breaks(rows)
        inside = (break_ns > start_ns[at]) & (break_ns <= stop_ns[at])
        of, starts = np.concatenate([of, at[inside]]), np.concatenate([starts, break_ns[inside]])
        order = np.lexsort((starts, of))
        of, starts = of[order], starts[order]
    stops = stop_ns[of]
    goes_on = of[1:] == of[:-1]
    stops[:-1][goes_on] = starts[1:][goes_on] - 1
    return _Stretches(of, starts, stops, np.ones(len(of), dtype=np.int64))


def _described(
    catalogue: Catalogue, rows: NDArray[np.int32], stretches: _Stretches, half_km: NDArray[np.float64]
) -> tuple[_Described, NDArray[np.int64]]:
    """Pieces that keep the limit, in order of position and time, and from when a row keeps none (m,), _NEVER if so.

    Each stretch is taken whole first; where that is too rough, in as many pieces, a power of two, as should do.
    """
    wild_ns = np.full(len(rows), _NEVER)
    done: list[_Described] = []
    while True:
        pieces, stretch = _in_pieces(catalogue, rows, stretches, half_km)
        remainder, limit_km = pieces.description[:, REMAINDER_KM], _limits_km(pieces.description)
        smooth = remainder <= limit_km
        # rough pieces are for orbits: the limit proper must be within reach of the shortest
        smooth &= remainder * (stretches.pieces[stretch] / _PIECES_MAX) ** 3 <= REMAINDER_LIMIT_KM
        rough = np.zeros(len(stretches.of), dtype=np.bool_)
        rough[stretch[~smooth]] = True
        given_up = rough & (stretches.pieces == _PIECES_MAX)
        for k in np.flatnonzero(given_up).tolist():
            whose = stretches.of[k]
            wild_ns[whose] = min(wild_ns[whose], pieces.start_ns[np.flatnonzero((stretch == k) & ~smooth)[0]])
        kept = ~rough[stretch] | given_up[stretch]
        done.append(_Described._make(column[kept] for column in pieces))
        again = rough & ~given_up
        if not again.any():
            break
        worst = np.zeros(len(stretches.of))
        np.maximum.at(worst, stretch, np.where(np.isfinite(remainder), remainder / limit_km, np.inf))
        factor = np.cbrt(worst[again] / _AIM)
        count = np.minimum(stretches.pieces[again] * np.exp2(np.ceil(np.log2(np.maximum(factor, 2.0)))), _PIECES_MAX)
        stretches = _Stretches._make(column[again] for column in stretches)._replace(pieces=count.astype(np.int64))
    whole = _Described._make(np.concatenate(columns) for columns in zip(*done, strict=True))
    whole = _Described._make(column[whole.start_ns < wild_ns[whole.of]] for column in whole)
    order = np.lexsort((whole.start_ns, whole.of))
    return _Described._make(column[order] for column in whole), wild_ns


def _limits_km(description: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest remainder for each piece (m,): far out, where there is room, it is in proportion to the radius."""
    radius = np.sqrt(np.einsum("ij,ij->i", description[:, PX : PZ + 1], description[:, PX : PZ + 1]))
    limits: NDArray[np.float64] = np.where(radius > FAR_KM, _FAR_REMAINDER * radius, REMAINDER_LIMIT_KM)
    return limits


def _in_pieces(
    catalogue: Catalogue, rows: NDArray[np.int32], stretches: _Stretches, half_km: NDArray[np.float64]
) -> tuple[_Described, NDArray[np.int64]]:
    """All stretches in their pieces, and which stretch each piece is of."""
    stretch = np.repeat(np.arange(len(stretches.of)), stretches.pieces)
    number = np.arange(len(stretch)) - np.repeat(np.cumsum(stretches.pieces) - stretches.pieces, stretches.pieces)
    of, begin, count = stretches.of[stretch], stretches.start_ns[stretch], stretches.pieces[stretch]
    length_ns = stretches.stop_ns[stretch] - begin
    start_ns, stop_ns = begin + length_ns * number // count, begin + length_ns * (number + 1) // count
    offsets = np.arange(STENCIL, dtype=np.int64)
    times_ns = start_ns[:, None] + (stop_ns - start_ns)[:, None] * offsets // (STENCIL - 1)
    states = catalogue.states(np.repeat(rows[of], STENCIL), times_ns.ravel())
    description = np.empty((len(of), DESCRIPTION_WIDTH))
    # a break at the very end leaves one instant to the branch that begins there: a nanosecond's piece
    step_s = np.maximum(stop_ns - start_ns, 1) / ((STENCIL - 1) * _NS_PER_S)
    # a sudden change of velocity moves what follows by no more than this, wherever in the piece it is
    bend_km = kink_km_s(catalogue, rows[of]) * 0.5 * (stop_ns - start_ns) / _NS_PER_S
    describe_each(states.position_km.reshape(-1, STENCIL, 3), step_s, half_km[of], bend_km, description)
    return _Described(of, start_ns, stop_ns, description), stretch

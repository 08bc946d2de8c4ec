"""Tear-lines: from a close approach whose other side is withheld to what its operator may be told.

A statement is made in two steps. `cell_of` quantises the approach on the originator's terms; `statement_of` writes the
statement from that cell, the operator's own side and the terms alone. So two approaches in the same cell give the same
bytes, and nothing of the hidden side but its cell can be in them.
"""

import hashlib
import hmac
import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from schemas.tear_line import TearLineStatement
from schemas.timescales import NS_PER_SECOND, format_utc, parse_utc
from ssa_hub.release.tear_line_terms import TearLineTerms

Side = Literal[1, 2]

# Windows are whole multiples of their length from here, so that those that divide a day begin at round UTC times (as
# long as no leap second is added; after one they stay whole multiples, and begin a second beside).
GRID_ORIGIN_TAI_NS = parse_utc("2017-01-01T00:00:00")
MINUTE_S = 60
# Two passes of one pair are half a revolution apart or more; the same pass, screened again, moves by seconds.
SAME_PASS_NS = 600 * NS_PER_SECOND
_CASE_DIGITS = 12
_UTC_DIGITS = 0
_HALF_TURN_DEG = 180.0
# From this distance on, in radii, the closed form with its correction bounds the exact probability; see below.
_NEAR_RADII = 1.3


class Cell(NamedTuple):
    """Where an approach falls: the number of its window, of its miss distance's interval, and of its angle's (None: not
    said). All that a statement knows of the approach.
    """

    window: int
    distance: int
    angle: int | None


class OwnSide(NamedTuple):
    """The operator's own side: the object and whose orbit of it was screened."""

    object_id: str
    catalogue_number: int
    orbit_originator: str


def own_side(row: Mapping[str, Any], hidden: Side) -> OwnSide:
    """The side of a conjunction (columns of `schemas.records.CONJUNCTION`) that is not the hidden one."""
    side = 3 - hidden
    return OwnSide(row[f"object_id_{side}"], row[f"catalogue_number_{side}"], row[f"parent_originator_{side}"])


def cell_of(row: Mapping[str, Any], terms: TearLineTerms) -> Cell | None:
    """The cell of a conjunction on the terms; None for a miss distance at or beyond the last bound: nothing is said.

    Reads ``tca_tai_ns``, ``miss_distance_m`` and ``approach_angle_deg`` (None in records that do not say it).
    """
    distance = bisect_right(terms.miss_distance_bounds_m, row["miss_distance_m"])
    if distance == len(terms.miss_distance_bounds_m):
        return None
    window = (row["tca_tai_ns"] - GRID_ORIGIN_TAI_NS) // (terms.window_s * NS_PER_SECOND)
    step, angle = terms.approach_angle_step_deg, row["approach_angle_deg"]
    return Cell(window, distance, None if step == 0 or angle is None else _angle_cell(angle, step))


def statement_of(
    cell: Cell,
    own: OwnSide,
    terms: TearLineTerms,
    *,
    data_mode: str,
    case_number: str,
    revision: int,
    issued_tai_ns: int,
) -> TearLineStatement:
    """The statement of a cell. ``issued_tai_ns`` is rounded down to the minute. Raises IndexError, OverflowError or
    ValueError for a cell that is none of the terms'.
    """
    start, end = window_of(cell.window, terms.window_s)
    bounds = (0.0, *terms.miss_distance_bounds_m)
    lower, upper = bounds[cell.distance], bounds[cell.distance + 1]
    angles = (None, None) if cell.angle is None else _angle_bounds(cell.angle, terms.approach_angle_step_deg)
    issued = window_of((issued_tai_ns - GRID_ORIGIN_TAI_NS) // (MINUTE_S * NS_PER_SECOND), MINUTE_S)[0]
    return TearLineStatement(
        case_number=case_number,
        revision=revision,
        data_mode=data_mode,
        issued_tai_ns=issued,
        issued_utc=format_utc(issued, _UTC_DIGITS),
        object_id=own.object_id,
        catalogue_number=own.catalogue_number,
        orbit_originator=own.orbit_originator,
        window_start_tai_ns=start,
        window_start_utc=format_utc(start, _UTC_DIGITS),
        window_end_tai_ns=end,
        window_end_utc=format_utc(end, _UTC_DIGITS),
        miss_distance_lower_m=lower,
        miss_distance_upper_m=upper,
        approach_angle_lower_deg=angles[0],
        approach_angle_upper_deg=angles[1],
        probability_upper=largest_probability(lower, terms.hard_body_radius_m),
        hard_body_radius_m=terms.hard_body_radius_m,
        label=msgspec.Raw(terms.label.to_json()),
    )


def window_of(number: int, window_s: int) -> tuple[int, int]:
    """Start and end, TAI ns, of a window: [start, end), ``window_s`` long, a whole multiple of it from 2017 on."""
    start = GRID_ORIGIN_TAI_NS + number * window_s * NS_PER_SECOND
    return start, start + window_s * NS_PER_SECOND


def largest_probability(miss_distance_m: float, hard_body_radius_m: float) -> float:
    """A bound of the collision probability for every size of an isotropic position uncertainty; 0 to 1.

    The miss vector in the encounter plane has a circular normal distribution about the miss distance d; the
    probability is its mass within the radius r of both bodies together. For r much smaller than d it is largest where
    the standard deviation is d / sqrt(2), and is r**2 / (e d**2) there (maximum probability: Alfano, "Relating Position
    Uncertainty to Maximum Conjunction Probability", Journal of the Astronautical Sciences 53, 2005, here for an aspect
    ratio of one; SOCRATES lists such maxima). As r nears d the exact maximum is a little greater, by less than the
    factor 1 + (r/d)**4 / 12 for d >= 1.3 r (a test compares it with a numerical maximum). For r <= d < 1.3 r the disc
    lies in a half-plane that does not hold the distribution's centre, so the bound is one half; below r it is one.
    """
    if miss_distance_m < hard_body_radius_m:
        return 1.0
    if miss_distance_m < _NEAR_RADII * hard_body_radius_m:
        return 0.5
    ratio = (hard_body_radius_m / miss_distance_m) ** 2
    return ratio / math.e * (1.0 + ratio * ratio / 12.0)


def case_number(secret: bytes, *identity: str | int) -> str:
    """Twelve hexadecimal digits that name a case: a keyed hash, so that they say nothing to who has not the secret."""
    return hmac.new(secret, msgspec.json.encode(identity), hashlib.sha256).hexdigest()[:_CASE_DIGITS]


def _angle_cell(angle_deg: float, step_deg: float) -> int:
    """The interval of an angle, so that its bounds as written hold the angle; 180 deg belongs to the last one."""
    last = math.ceil(_HALF_TURN_DEG / step_deg) - 1
    cell = min(max(int(angle_deg // step_deg), 0), last)
    if angle_deg < cell * step_deg:
        return cell - 1
    return cell + 1 if cell < last and angle_deg >= (cell + 1) * step_deg else cell


def _angle_bounds(cell: int, step_deg: float) -> tuple[float, float]:
    return cell * step_deg, min((cell + 1) * step_deg, _HALF_TURN_DEG)

"""Writes TLE and 3LE.

The TLE is a rendering and loses digits. It is rounded as Space-Track rounds its own: eccentricity cut off after seven
digits, the rest to the nearest, so that an OMM of Space-Track becomes the TLE that Space-Track has for it.
"""

import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from schemas.alpha5 import LARGEST_ALPHA5, encode_alpha5
from schemas.cospar import tle_form_of
from schemas.refusals import CannotRenderError
from schemas.rendering import Elements, object_called, rows_to_render
from schemas.timescales import format_utc_column

_UNIT_NS = 864_000  # 1e-8 day
_UNITS_PER_DAY = 100_000_000
_FIRST_YEAR, _LAST_YEAR = 1957, 2056
_NAME_LENGTH_MAX = 57  # with "0 " before it a line of 60 or more would be taken for a damaged line 1
_REVOLUTIONS = 100_000  # the five columns count on from 0
_CHECKSUM_VALUES = bytes(code - 48 if 48 <= code <= 57 else int(code == ord("-")) for code in range(256))


def write_tle(elements: Elements, with_names: bool) -> bytes:
    """Two lines an element set, ended by LF; ``with_names``: before them ``0 NAME`` (``0 UNKNOWN`` without a name).

    Columns of ``ELEMENT_FIELDS``. Letters that are not ASCII become ``?`` in names, and names end after 57 characters.
    Missing set and revolution numbers are written 0, a missing classification blank. Raises CannotRenderError, naming
    the object, for numbers above 339,999, which no TLE can say, for anything else outside the columns, and for a field
    that is not there.
    """
    rows = list(rows_to_render(elements))
    epochs = format_utc_column(np.array([row["epoch_tai_ns"] for row in rows], dtype=np.int64), 9)
    lines: list[str] = []
    for row, epoch_utc in zip(rows, epochs, strict=True):
        if with_names:
            lines.append(f"0 {_name(row)}")
        lines.append(_with_checksum(_line1(row, epoch_utc)))
        lines.append(_with_checksum(_line2(row)))
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _name(row: dict[str, Any]) -> str:
    name = row["object_name"] or "UNKNOWN"
    printable = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)
    return printable[:_NAME_LENGTH_MAX].rstrip()


def _line1(row: dict[str, Any], epoch_utc: str) -> str:
    number = _number(row)
    xp = row["mean_element_theory"] == "SGP4-XP"
    return (
        f"1 {number}{row['classification_type'] or ' '} {tle_form_of(row['cospar_id'])} {_epoch(row, epoch_utc)} "
        f"{_mean_motion_dot(row)} {_exponential(row, 'mean_motion_ddot_rev_per_day3', '-')} "
        f"{_exponential(row, 'bstar_per_earth_radius', '+')} {4 if xp else row['ephemeris_type']} "
        f"{_counter(row, 'element_set_number', 9_999):4d}"
    )


def _line2(row: dict[str, Any]) -> str:
    inclination = _in_range(row, "inclination_deg", 0.0, 180.0)
    eccentricity = Decimal(repr(_in_range(row, "eccentricity", 0.0, 1.0))).scaleb(7).to_integral_value(ROUND_DOWN)
    if eccentricity >= 10_000_000:
        raise _cannot(row, "eccentricity", "0 to less than 1")
    mean_motion = f"{row['mean_motion_rev_per_day']:11.8f}"
    if len(mean_motion) > 11 or not mean_motion.strip("0. ") or row["mean_motion_rev_per_day"] < 0.0:
        raise _cannot(row, "mean_motion_rev_per_day", "0.00000001 to 99.99999999")
    angles = [_angle(row[name]) for name in ("arg_of_pericenter_deg", "mean_anomaly_deg")]
    revolution = (row["revolution_at_epoch"] or 0) % _REVOLUTIONS
    return (
        f"2 {_number(row)} {inclination:8.4f} {_angle(row['ra_of_asc_node_deg'])} {int(eccentricity):07d} "
        f"{angles[0]} {angles[1]} {mean_motion}{revolution:5d}"
    )


def _number(row: dict[str, Any]) -> str:
    number = row["catalogue_number"]
    if not 0 < number <= LARGEST_ALPHA5:
        raise CannotRenderError(
            f"{object_called(row)}: a TLE says catalogue numbers up to {LARGEST_ALPHA5} (Alpha-5 'Z9999'), "
            f"not {number}; an OMM can"
        )
    return encode_alpha5(number)


def _epoch(row: dict[str, Any], epoch_utc: str) -> str:
    """``YYDDD.DDDDDDDD`` to the nearest unit of 1e-8 day."""
    date = datetime.date.fromisoformat(epoch_utc[:10])
    hour, minute, second, ns = (
        int(part) for part in (epoch_utc[11:13], epoch_utc[14:16], epoch_utc[17:19], epoch_utc[20:])
    )
    if second == 60:
        rule = "it lies in a leap second, which a fraction of a day cannot say"
        raise _cannot(row | {"epoch_utc": epoch_utc}, "epoch_utc", rule)
    ns_of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + ns
    days, unit = divmod((2 * ns_of_day + _UNIT_NS) // (2 * _UNIT_NS), _UNITS_PER_DAY)
    date += datetime.timedelta(days=days)
    if not _FIRST_YEAR <= date.year <= _LAST_YEAR:
        rule = f"a TLE's years are {_FIRST_YEAR} to {_LAST_YEAR}, not {date.year}"
        raise _cannot(row | {"epoch_utc": epoch_utc}, "epoch_utc", rule)
    return f"{date.year % 100:02d}{date.timetuple().tm_yday:03d}.{unit:08d}"


def _mean_motion_dot(row: dict[str, Any]) -> str:
    """Sign or blank, point, eight decimals."""
    value = Decimal(repr(row["mean_motion_dot_rev_per_day2"]))
    digits = abs(value).scaleb(8).to_integral_value(ROUND_HALF_UP)
    if digits >= 100_000_000:
        raise _cannot(row, "mean_motion_dot_rev_per_day2", "between -1 and 1")
    return f"{'-' if value < 0 and digits else ' '}.{int(digits):08d}"


def _exponential(row: dict[str, Any], field: str, zero_sign: str) -> str:
    """``±MMMMM±E``: 0.MMMMM x 10^±E, five digits as far as the exponent reaches.

    ``zero_sign`` is the sign that Space-Track gives an exponent of 0.
    """
    value = Decimal(repr(row[field]))
    exponent = max(value.adjusted() + 1, -9) if value else 0
    digits = int(abs(value).scaleb(5 - exponent).to_integral_value(ROUND_HALF_UP))
    if digits == 100_000:
        digits, exponent = 10_000, exponent + 1
    if exponent > 9:
        raise _cannot(row, field, "less than 1e9")
    if digits == 0:
        exponent = 0
    power = f"{exponent:+d}" if exponent else f"{zero_sign}0"
    return f"{'-' if value < 0 and digits else ' '}{digits:05d}{power}"


def _angle(value: float) -> str:
    text = f"{value % 360.0:8.4f}"
    return "  0.0000" if text == "360.0000" else text


def _in_range(row: dict[str, Any], field: str, low: float, high: float) -> float:
    value = float(row[field])
    if not low <= value <= high:
        raise _cannot(row, field, f"{low:g} to {high:g}")
    return value


def _counter(row: dict[str, Any], field: str, high: int) -> int:
    value = row[field] or 0
    if not 0 <= value <= high:
        raise _cannot(row, field, f"0 to {high}")
    return int(value)


def _with_checksum(line: str) -> str:
    return f"{line}{sum(line.encode('ascii').translate(_CHECKSUM_VALUES)) % 10}"


def _cannot(row: dict[str, Any], field: str, rule: str) -> CannotRenderError:
    return CannotRenderError(f"{object_called(row)}: {field} = {row.get(field)!r} has no TLE form: {rule}")

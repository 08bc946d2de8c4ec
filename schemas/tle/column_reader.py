"""The column reader: element sets from their lines, every rule checked, many at once.

Rules: Space-Track and CelesTrak documentation of the format, CCSDS 502.0-B-3 table 4-3 for ephemeris types. python-
sgp4's ``twoline2rv`` checks none of them, so nothing reaches it that has not passed here. This is the one place that
words refusals and names deviations; the fast lane leaves to it whatever is not plainly good.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.cospar import cospar_id_of_tle
from schemas.element_rows import Gathering, element_batch
from schemas.object_names import name_deviations, object_name_of
from schemas.refusals import RecordRefusedError
from schemas.timescales import utc_day_to_tai_ns
from schemas.tle.columns import LINE_LENGTH, Bytes, Columns, Floats, Integers, Mask
from schemas.tle.framing import Frame, Stray

_CHUNK_RECORDS = 32_768
_NS_PER_EPOCH_UNIT = 864_000  # 1e-8 day, the last digit of a TLE's epoch
_UNITS_PER_DAY = 100_000_000
_EARLIEST_YEAR = 1972
COSPAR_ID_NOT_STANDARD = "cospar-id-not-standard"


class _Text(NamedTuple):
    """A chunk's lines in columns, and what was noticed on the way there; masks have shape (n,)."""

    columns: Columns
    text_after: Mask


def read_frames(units: Iterator[Frame | Stray], gathering: Gathering) -> None:
    """Read element sets into ``gathering``, in their order. Raises RefusalLimitError where too many are refused."""
    while chunk := list(islice(units, _CHUNK_RECORDS)):
        _read_chunk(chunk, gathering)


def _read_chunk(chunk: list[Frame | Stray], gathering: Gathering) -> None:
    sets = [unit for unit in chunk if isinstance(unit, Frame)]
    for unit in chunk:
        if isinstance(unit, Stray):
            gathering.refuse(unit.error, unit.record, unit.line_number, unit.data)
    if not sets:
        return
    text = _text_of(sets)
    fields, deviations = _fields_of(text)
    names: list[str | None] = [None] * len(sets)
    passed = text.columns.passed()
    for row, unit in enumerate(sets):
        if unit.name is None or not passed[row]:
            continue
        try:
            names[row] = object_name_of(_without_zero(unit.name))
        except RecordRefusedError as error:
            passed[row] = False
            gathering.refuse(error, unit.record, unit.line_numbers[0], unit.data)
            continue
        deviations[row].extend(name_deviations(names[row]))
    for row in np.flatnonzero(~text.columns.passed()).tolist():
        unit, check = sets[row], text.columns.first_failed(row)
        value = bytes(text.columns.cut(check.line, check.first, check.last)[row])
        place = f"{check.field} (line {check.line}, columns {check.first}-{check.last})"
        if check.first == check.last:
            place = f"{check.field} (line {check.line}, column {check.first})"
        refused = RecordRefusedError(place, value, check.rule, check.clause)
        gathering.refuse(refused, unit.record, unit.line_numbers[check.line], unit.data)
    fields["object_name"] = names
    fields["deviations"] = deviations
    fields["payload_record"] = np.array([unit.record for unit in sets], dtype=np.int32)
    gathering.add_batch(_batch(fields, passed))


def _batch(fields: dict[str, Any], passed: Mask) -> pa.RecordBatch:
    """The batch of the records that passed."""
    rows = np.flatnonzero(passed)
    if rows.size == passed.size:
        return element_batch(fields, passed.size)
    kept: dict[str, Any] = {}
    for name, values in fields.items():
        kept[name] = values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]
    return element_batch(kept, rows.size)


def _without_zero(name: bytes) -> bytes:
    """The name of a 3LE's line 0, which may begin with ``0 ``."""
    if name == b"0":
        return b""
    return name[2:] if name.startswith(b"0 ") else name


def _text_of(sets: list[Frame]) -> _Text:
    """The lines as columns, with the checks on length and characters."""
    line1, bad_length1, after1 = _fixed_width([unit.line1 for unit in sets])
    line2, bad_length2, after2 = _fixed_width([unit.line2 for unit in sets])
    columns = Columns(line1, line2)
    for line, bad_length, array in ((1, bad_length1, line1), (2, bad_length2, line2)):
        rule = "a line has 69 characters (68 without its checksum)"
        columns.require("line", line, 1, LINE_LENGTH, rule, ~bad_length)
        rule = "printable ASCII characters, no tab"
        columns.require("line", line, 1, LINE_LENGTH, rule, np.asarray(((array >= 32) & (array <= 126)).all(axis=1)))
        columns.require(
            "line number", line, 1, 1, f"line {line} begins with {line}", columns.is_character(line, 1, str(line))
        )
    return _Text(columns, after1 | after2)


def _fixed_width(lines: list[bytes]) -> tuple[Bytes, Mask, Mask]:
    """(bytes in 69 columns, where the length is wrong, where text follows after column 69)."""
    bodies = [line.strip(b"\r\n") for line in lines]
    joined = b"".join([body[:LINE_LENGTH].ljust(LINE_LENGTH) for body in bodies])
    lengths = np.array([len(body) for body in bodies])
    bad_length, text_after = lengths < LINE_LENGTH - 1, np.zeros(len(lines), dtype=np.bool_)
    for row in np.flatnonzero(lengths > LINE_LENGTH).tolist():
        tail = bodies[row][LINE_LENGTH:]
        if tail.strip(b" "):
            # Only a line that is whole, checksum and all, may have something behind it, and that printable.
            bad_length[row] = tail[:1] != b" " or not bodies[row][LINE_LENGTH - 1 : LINE_LENGTH].isdigit()
            bad_length[row] |= not (tail.isascii() and tail.decode("ascii").isprintable())
            text_after[row] = True
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, LINE_LENGTH), bad_length, text_after


def _fields_of(text: _Text) -> tuple[dict[str, Any], list[list[str]]]:
    """(columns by name, deviations by row); the checks are left in ``text.columns``."""
    c = text.columns
    c.blanks(1, (2, 9, 18, 33, 44, 53, 62, 64))
    c.blanks(2, (2, 8, 17, 26, 34, 43, 52))
    number = c.catalogue_number(1)
    number_line2 = c.catalogue_number(2)
    c.require("classification", 1, 8, 8, "U, C, S or blank", c.is_character(1, 8, "UCS "))
    year, day_index, unit_of_day = _epoch(c)
    ndot = c.signed_fraction("mean_motion_dot", 1, 34, 43)
    nddot = c.exponential("mean_motion_ddot", 1, 45, blank=True)
    bstar = c.exponential("bstar", 1, 54)
    rule = "0, 2 or blank (SGP4), or 4 (SGP4-XP)"
    c.require("ephemeris_type", 1, 63, 63, rule, c.is_character(1, 63, "024 "), "CCSDS 502.0-B-3, table 4-3")
    set_number = c.integer("element_set_number", 1, 65, 68, blank=True)
    inclination = c.decimal("inclination", 2, 9, 12, 16)
    node = c.decimal("ra_of_asc_node", 2, 18, 21, 25)
    eccentricity = c.implied_point("eccentricity", 2, 27, 33)
    pericenter = c.decimal("arg_of_pericenter", 2, 35, 38, 42)
    anomaly = c.decimal("mean_anomaly", 2, 44, 47, 51)
    mean_motion = c.decimal("mean_motion", 2, 53, 55, 63)
    revolution = c.integer("revolution_at_epoch", 2, 64, 68, blank=True)
    cospar_ids, cospar_deviates = _cospar_ids(c)
    unsummed = c.checksum(1) | c.checksum(2)

    c.require("catalogue_number", 1, 3, 7, "1 to 339999", number >= 1)
    c.require("catalogue_number", 2, 3, 7, "the number of line 1", number == number_line2)
    _require_ranges(c, inclination, node, pericenter, anomaly, mean_motion)
    fields = {
        "catalogue_number": number,
        "cospar_id": cospar_ids,
        "epoch_tai_ns": _epoch_tai_ns(c, year, day_index, unit_of_day),
        "mean_motion_rev_per_day": mean_motion,
        "eccentricity": eccentricity,
        "inclination_deg": inclination,
        "ra_of_asc_node_deg": node % 360.0,
        "arg_of_pericenter_deg": pericenter % 360.0,
        "mean_anomaly_deg": anomaly % 360.0,
        "bstar_per_earth_radius": bstar,
        "mean_motion_dot_rev_per_day2": ndot,
        "mean_motion_ddot_rev_per_day3": nddot,
        **_identification(c, set_number, revolution),
    }
    deviations = _deviations(
        unsummed.size,
        {
            "missing-checksum": unsummed,
            "text-after-checksum": text.text_after,
            "blank-mean-motion-ddot": c.is_blank(1, 45, 52),
            "blank-ephemeris-type": c.is_blank(1, 63, 63),
            "blank-classification": c.is_blank(1, 8, 8),
            COSPAR_ID_NOT_STANDARD: cospar_deviates,
            "angle-360": (node == 360.0) | (pericenter == 360.0) | (anomaly == 360.0),
        },
    )
    return fields, deviations


def _identification(c: Columns, set_number: Integers, revolution: Integers) -> dict[str, Any]:
    """The columns beside the orbit itself."""
    xp = c.is_character(1, 63, "4")
    types = np.where(xp, 4, np.where(c.is_character(1, 63, "2"), 2, 0)).astype(np.int32)
    classes = [text.decode("ascii", "replace").replace(" ", "U") for text in c.texts(1, 8, 8)]
    rows = xp.size
    return {
        "ephemeris_type": types,
        "classification_type": classes,
        "element_set_number": _nullable(set_number, c.is_blank(1, 65, 68)),
        "revolution_at_epoch": _nullable(revolution, c.is_blank(2, 64, 68)),
        "mean_element_theory": ["SGP4-XP" if is_xp else "SGP4" for is_xp in xp.tolist()],
        "message_originator": [None] * rows,
        "creation_date_utc": [None] * rows,
    }


def _nullable(values: Integers, null: Mask) -> list[int | None]:
    return [None if is_null else value for value, is_null in zip(values.tolist(), null.tolist(), strict=True)]


def _epoch(c: Columns) -> tuple[Integers, Integers, Integers]:
    """(year, day of the year from 0, units of 1e-8 day) of the epochs, and the checks on their form and range."""
    two_digits = c.integer("epoch year", 1, 19, 20)
    c.require("epoch year", 1, 19, 20, "two digits", ~c.is_character(1, 19, " "))
    day, day_passed = c.integer("epoch day", 1, 21, 23), c.is_character(1, 24, ".")
    c.require("epoch day", 1, 21, 32, "day of the year with the decimal point in column 24", day_passed)
    fraction = c.integer("epoch day", 1, 25, 32)
    c.require("epoch day", 1, 21, 32, "eight decimals", ~c.is_character(1, 25, " "))
    year = np.where(two_digits >= 57, 1900, 2000) + two_digits
    leap = year % 4 == 0  # holds from 1957 to 2056
    c.require("epoch day", 1, 21, 32, "1 to less than 366, or 367 in a leap year", (day >= 1) & (day <= 365 + leap))
    rule = "not before 1972-01-01, when UTC became a whole number of seconds from TAI"
    c.require("epoch year", 1, 19, 20, rule, year >= _EARLIEST_YEAR, "")
    return year, day - 1, fraction


def _epoch_tai_ns(c: Columns, year: Integers, day_index: Integers, unit_of_day: Integers) -> Integers:
    """Exact epochs; rows that are refused anyway get some instant, so that they do not lose the others."""
    passed = c.passed()
    return utc_day_to_tai_ns(
        np.where(passed, year, _EARLIEST_YEAR),
        np.where(passed, day_index, 0),
        np.where(passed, unit_of_day, 0) * _NS_PER_EPOCH_UNIT,
    )


def _require_ranges(
    c: Columns, inclination: Floats, node: Floats, pericenter: Floats, anomaly: Floats, mean_motion: Floats
) -> None:
    c.require("inclination", 2, 9, 16, "0 to 180 deg", inclination <= 180.0)
    for name, first, last, angle in (
        ("ra_of_asc_node", 18, 25, node),
        ("arg_of_pericenter", 35, 42, pericenter),
        ("mean_anomaly", 44, 51, anomaly),
    ):
        c.require(name, 2, first, last, "0 to 360 deg", angle <= 360.0)
    c.require("mean_motion", 2, 53, 63, "greater than 0 rev/day", mean_motion > 0.0)


def _cospar_ids(c: Columns) -> tuple[list[str | None], Mask]:
    """(designators, where the columns hold something that is none)."""
    field = c.cut(1, 10, 17)
    is_upper = (field >= ord("A")) & (field <= ord("Z"))
    is_digit = (field >= ord("0")) & (field <= ord("9"))
    rule = "blank, or digits and capital letters"
    c.require("cospar_id", 1, 10, 17, rule, np.asarray((is_upper | is_digit | (field == ord(" "))).all(axis=1)))
    texts = [text.decode("ascii", "replace").rstrip() for text in c.texts(1, 10, 17)]
    ids = [cospar_id_of_tle(text) for text in texts]
    return ids, np.array([cospar is None and bool(text) for cospar, text in zip(ids, texts, strict=True)])


def _deviations(rows: int, masks: dict[str, Mask]) -> list[list[str]]:
    deviations: list[list[str]] = [[] for _ in range(rows)]
    for name, mask in masks.items():
        for row in np.flatnonzero(mask).tolist():
            deviations[row].append(name)
    return deviations

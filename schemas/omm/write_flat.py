"""Writes the flat forms of the OMM: JSON and CSV, in CelesTrak's 17 keys and in Space-Track's 40.

CCSDS defines neither; these are the forms in which the two have published their catalogues since 2020, and which
python-sgp4, Skyfield and the clients of Space-Track read.
"""

import csv
import io
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa

from schemas.omm.element_texts import NUMERIC_KEYWORDS, Texts, element_texts, or_else
from schemas.omm.keywords import CELESTRAK_KEYS, SPACE_TRACK_KEYS, SPACE_TRACK_LINES, VERSION_KEYWORD
from schemas.omm.tle_lines import tle_lines_of
from schemas.rendering import Elements, table_to_render

_VERSION = "3.0"
_COMMENT = "GENERATED VIA SSA HUB"
_UNKNOWN = "UNKNOWN"
# As Space-Track derives the size of an orbit: its gravitational constant, and the Earth radius of WGS-72
_MU_KM3_S2 = 398_600.4418
_EARTH_RADIUS_KM = 6_378.135
_MINUTES_PER_DAY = 1_440.0
_SECONDS_PER_DAY = 86_400.0


def write_omm_json(elements: Elements) -> bytes:
    """A JSON array with CelesTrak's 17 keys, numbers as numbers.

    Columns of ``ELEMENT_FIELDS``. Without a name stands UNKNOWN, without a COSPAR id an empty string as CelesTrak
    writes it, without set or revolution number 0; drag terms of SGP4-XP stand in the keys of SGP4. Raises
    CannotRenderError, naming the object, for a field that is not there.
    """
    texts = _celestrak_texts(elements)
    return _json(CELESTRAK_KEYS, [_members(key, texts[key]) for key in CELESTRAK_KEYS])


def _members(key: str, texts: list[str | None]) -> Sequence[str | msgspec.Raw | None]:
    """Values of a key as they stand in JSON; the text of a number is a number there as it is."""
    return [msgspec.Raw(text.encode()) for text in texts if text is not None] if key in NUMERIC_KEYWORDS else texts


def write_omm_csv(elements: Elements) -> bytes:
    """CelesTrak's 17 columns with their header, lines ended by CRLF; the rest as `write_omm_json`."""
    texts = _celestrak_texts(elements)
    return _csv(CELESTRAK_KEYS, texts, csv.QUOTE_MINIMAL)


def write_space_track_json(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """A JSON array with Space-Track's 40 keys, every value a string, null for what is not known.

    ``creation_date_utc`` and ``originator`` are written where a record has none. SEMIMAJOR_AXIS (km), PERIOD (minutes),
    APOAPSIS and PERIAPSIS (km above the radius of WGS-72) follow from the mean elements: a = (mu / n**2)**(1/3),
    a (1 + e) - R and a (1 - e) - R. TLE_LINE0 to 2 are null where no TLE can say the record. Raises as
    `write_omm_json`.
    """
    texts = _space_track_texts(elements, creation_date_utc, originator)
    return _json(SPACE_TRACK_KEYS, [[text or None for text in texts[key]] for key in SPACE_TRACK_KEYS])


def write_space_track_csv(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """Space-Track's 40 columns, data quoted, empty for what is not known; the rest as `write_space_track_json`."""
    return _csv(SPACE_TRACK_KEYS, _space_track_texts(elements, creation_date_utc, originator), csv.QUOTE_ALL)


def _celestrak_texts(elements: Elements) -> Texts:
    texts = element_texts(table_to_render(elements))
    texts["OBJECT_NAME"] = or_else(texts["OBJECT_NAME"], _UNKNOWN)
    texts["OBJECT_ID"] = or_else(texts["OBJECT_ID"], "")
    return texts


def _space_track_texts(elements: Elements, creation_date_utc: str, originator: str) -> Texts:
    table = table_to_render(elements)
    count = table.num_rows
    texts = element_texts(table)
    texts["CREATION_DATE"] = or_else(texts["CREATION_DATE"], creation_date_utc)
    texts["ORIGINATOR"] = or_else(texts["ORIGINATOR"], originator)
    texts["CLASSIFICATION_TYPE"] = [(text or "").strip() for text in texts["CLASSIFICATION_TYPE"]]
    texts[VERSION_KEYWORD] = [_VERSION] * count
    texts["COMMENT"] = [_COMMENT] * count
    texts |= _derived(table)
    texts |= dict(zip(SPACE_TRACK_LINES, tle_lines_of(table), strict=True))
    unknown: list[str | None] = [None] * count
    return {key: texts.get(key, unknown) for key in SPACE_TRACK_KEYS}


def _derived(table: pa.Table) -> Texts:
    """The size of the orbits, three decimals as Space-Track has them."""
    mean_motion_rev_per_day = table["mean_motion_rev_per_day"].to_numpy()
    eccentricity = table["eccentricity"].to_numpy()
    mean_motion_rad_s = mean_motion_rev_per_day * 2.0 * np.pi / _SECONDS_PER_DAY
    semi_major_axis_km = np.cbrt(_MU_KM3_S2 / mean_motion_rad_s**2)
    derived = {
        "SEMIMAJOR_AXIS": semi_major_axis_km,
        "PERIOD": _MINUTES_PER_DAY / mean_motion_rev_per_day,
        "APOAPSIS": semi_major_axis_km * (1.0 + eccentricity) - _EARTH_RADIUS_KM,
        "PERIAPSIS": semi_major_axis_km * (1.0 - eccentricity) - _EARTH_RADIUS_KM,
    }
    return {key: [f"{value:.3f}" for value in column.tolist()] for key, column in derived.items()}


def _json(keys: tuple[str, ...], columns: Sequence[Sequence[str | msgspec.Raw | None]]) -> bytes:
    return msgspec.json.encode([dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)])


def _csv(keys: tuple[str, ...], texts: Texts, quoting: Literal[0, 1]) -> bytes:
    text = io.StringIO()
    text.write(",".join(keys) + "\r\n")
    csv.writer(text, quoting=quoting).writerows(zip(*(texts[key] for key in keys), strict=True))
    return text.getvalue().encode("utf-8")

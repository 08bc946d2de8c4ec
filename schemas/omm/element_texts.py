"""What an OMM says of element sets: texts by keyword, column by column.

Numbers are the shortest text that reads back as the same float64. EPOCH is ``YYYY-MM-DDThh:mm:ss.ffffff`` without
``Z``, the one form that python-sgp4 and Skyfield read; an epoch with digits beyond the microsecond (none that came
from a TLE or from Space-Track) is rounded half to even, which moves an object by less than 4 mm.
"""

import pyarrow as pa

from schemas.timescales import format_utc_column

Texts = dict[str, list[str | None]]

_NUMBERS = {
    "MEAN_MOTION": "mean_motion_rev_per_day",
    "ECCENTRICITY": "eccentricity",
    "INCLINATION": "inclination_deg",
    "RA_OF_ASC_NODE": "ra_of_asc_node_deg",
    "ARG_OF_PERICENTER": "arg_of_pericenter_deg",
    "MEAN_ANOMALY": "mean_anomaly_deg",
    "BSTAR": "bstar_per_earth_radius",
    "MEAN_MOTION_DOT": "mean_motion_dot_rev_per_day2",
    "MEAN_MOTION_DDOT": "mean_motion_ddot_rev_per_day3",
}
_INTEGERS = {
    "EPHEMERIS_TYPE": "ephemeris_type",
    "NORAD_CAT_ID": "catalogue_number",
    "ELEMENT_SET_NO": "element_set_number",
    "REV_AT_EPOCH": "revolution_at_epoch",
}
_WORDS = {
    "OBJECT_NAME": "object_name",
    "OBJECT_ID": "cospar_id",
    "CENTER_NAME": "center_name",
    "REF_FRAME": "ref_frame",
    "TIME_SYSTEM": "time_system",
    "MEAN_ELEMENT_THEORY": "mean_element_theory",
    "CLASSIFICATION_TYPE": "classification_type",
    "CREATION_DATE": "creation_date_utc",
    "ORIGINATOR": "message_originator",
}
NUMERIC_KEYWORDS = frozenset(_NUMBERS) | frozenset(_INTEGERS)


def element_texts(table: pa.Table) -> Texts:
    """Texts by keyword of the columns of `schemas.rendering.table_to_render`, None where a field is null.

    Set and revolution numbers that are not known are 0, a classification that is not known is a blank: python-sgp4
    needs the keyword and something behind it, and U would say what nobody said.
    """
    texts: Texts = {
        keyword: [_shortest(value) for value in table[name].to_pylist()] for keyword, name in _NUMBERS.items()
    }
    for keyword, name in _INTEGERS.items():
        texts[keyword] = [str(value or 0) for value in table[name].to_pylist()]
    for keyword, name in _WORDS.items():
        texts[keyword] = table[name].to_pylist()
    texts["CLASSIFICATION_TYPE"] = [text or " " for text in texts["CLASSIFICATION_TYPE"]]
    texts["EPOCH"] = list(format_utc_column(table["epoch_tai_ns"].to_numpy(), 6))
    return texts


def or_else(texts: list[str | None], other: str) -> list[str | None]:
    """The texts, ``other`` for those that are None or empty."""
    return [text or other for text in texts]


def only_where(texts: list[str | None], where: list[bool]) -> list[str | None]:
    """The texts, None where the mask is False."""
    return [text if stated else None for text, stated in zip(texts, where, strict=True)]


def _shortest(value: float) -> str:
    text = repr(value)
    if "e" in text and "." not in text:  # the standard demands a decimal point with a digit on each side
        mantissa, exponent_sign, exponent = text.partition("e")
        return f"{mantissa}.0{exponent_sign}{exponent}"
    return text

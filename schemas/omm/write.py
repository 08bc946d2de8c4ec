"""Writes OMMs: KVN, XML, and CelesTrak's JSON and CSV.

Numbers are the shortest text that reads back as the same float64. EPOCH is ``YYYY-MM-DDThh:mm:ss.ffffff`` without
``Z``, the one form that python-sgp4 and Skyfield read; an epoch with digits beyond the microsecond (none that came
from a TLE or from Space-Track) is rounded half to even, which moves an object by less than 4 mm.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import numpy as np

from schemas.omm.keywords import CELESTRAK_KEYS, KEYWORDS, VERSION_KEYWORD
from schemas.rendering import Elements, rows_to_render
from schemas.timescales import format_utc_column

_Pairs = list[tuple[str, str]]
_VERSION = "3.0"
_UNKNOWN = "UNKNOWN"
_SECTIONS = ("header", "metadata", "meanElements", "tleParameters")

# Keyword -> column, for what is written as it stands
_COLUMNS = {
    "MEAN_MOTION": "mean_motion_rev_per_day",
    "ECCENTRICITY": "eccentricity",
    "INCLINATION": "inclination_deg",
    "RA_OF_ASC_NODE": "ra_of_asc_node_deg",
    "ARG_OF_PERICENTER": "arg_of_pericenter_deg",
    "MEAN_ANOMALY": "mean_anomaly_deg",
    "EPHEMERIS_TYPE": "ephemeris_type",
    "NORAD_CAT_ID": "catalogue_number",
    "BSTAR": "bstar_per_earth_radius",
    "MEAN_MOTION_DOT": "mean_motion_dot_rev_per_day2",
    "MEAN_MOTION_DDOT": "mean_motion_ddot_rev_per_day3",
}


def write_omm_kvn(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """One KVN message an element set, a blank line between them.

    Columns of ``ELEMENT_FIELDS``. ``creation_date_utc`` and ``originator`` are written where a record has none; empty
    as they are by default, they are empty as in CelesTrak's messages. Without a name or COSPAR id stands UNKNOWN,
    without set or revolution number 0. Raises CannotRenderError, naming the object, for a field that is not there.
    """
    messages = []
    for message in _messages(elements, creation_date_utc, originator):
        # A header keyword stands there even when empty; any other has a value or is left out.
        pairs = [pair for section in _SECTIONS for pair in message[section]]
        kept = [pair for pair in pairs if pair[1].strip() or KEYWORDS[pair[0]].section == "header"]
        messages.append("".join(f"{name} = {text}".rstrip() + "\n" for name, text in kept))
    return "\n".join(messages).encode("utf-8")


def write_omm_xml(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """One ``<ndm>`` with an ``<omm>`` an element set, in no namespace: with a default namespace python-sgp4 finds none.

    The rest as `write_omm_kvn`. Valid against the schema set ndmxml-4.0.0 but where CREATION_DATE is empty.
    """
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<ndm>\n']
    for message in _messages(elements, creation_date_utc, originator):
        blocks = {section: _elements(message[section]) for section in _SECTIONS}
        parts.append(
            f'<omm id="{VERSION_KEYWORD}" version="{_VERSION}">'
            f"<header>{_elements(message['header'][1:])}</header>"
            f"<body><segment><metadata>{blocks['metadata']}</metadata>"
            f"<data><meanElements>{blocks['meanElements']}</meanElements>"
            f"<tleParameters>{blocks['tleParameters']}</tleParameters></data></segment></body></omm>\n"
        )
    parts.append("</ndm>\n")
    return "".join(parts).encode("utf-8")


def write_omm_json(elements: Elements) -> bytes:
    """A JSON array with CelesTrak's 17 keys, numbers as numbers; the rest as `write_omm_kvn`.

    A missing COSPAR id is an empty string, as CelesTrak writes it.
    """
    return msgspec.json.encode(list(_flat(elements)))


def write_omm_csv(elements: Elements) -> bytes:
    """CelesTrak's 17 columns with their header, lines ended by CRLF; the rest as `write_omm_json`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CELESTRAK_KEYS)
    for row in _flat(elements):
        writer.writerow([_text(row[key]) for key in CELESTRAK_KEYS])
    return text.getvalue().encode("utf-8")


def _flat(elements: Elements) -> Iterator[dict[str, Any]]:
    for row in _rows_with_epoch(elements):
        values = _values(row)
        values["OBJECT_ID"] = row["cospar_id"] or ""
        yield {key: values[key] for key in CELESTRAK_KEYS}


def _messages(elements: Elements, creation_date_utc: str, originator: str) -> Iterator[dict[str, _Pairs]]:
    """Keywords and texts of each message by section, in the standard's order."""
    for row in _rows_with_epoch(elements):
        values = _values(row)
        values[VERSION_KEYWORD] = _VERSION
        values["CREATION_DATE"] = row["creation_date_utc"] or creation_date_utc
        values["ORIGINATOR"] = row["message_originator"] or originator
        values["CENTER_NAME"], values["REF_FRAME"] = row["center_name"], row["ref_frame"]
        values["TIME_SYSTEM"], values["MEAN_ELEMENT_THEORY"] = row["time_system"], row["mean_element_theory"]
        if row["mean_element_theory"] == "SGP4-XP":
            values["BTERM"], values["AGOM"] = values.pop("BSTAR"), values.pop("MEAN_MOTION_DDOT")
        message: dict[str, _Pairs] = {section: [] for section in _SECTIONS}
        for name, keyword in KEYWORDS.items():
            if name in values:
                message[keyword.section].append((name, _text(values[name])))
        yield message


def _rows_with_epoch(elements: Elements) -> Iterator[dict[str, Any]]:
    rows = list(rows_to_render(elements))
    epochs = format_utc_column(np.array([row["epoch_tai_ns"] for row in rows], dtype=np.int64), 6)
    for row, epoch in zip(rows, epochs, strict=True):
        yield {**row, "EPOCH": epoch}


def _values(row: dict[str, Any]) -> dict[str, Any]:
    """What a message says of a row, by keyword."""
    values = {keyword: row[column] for keyword, column in _COLUMNS.items()}
    values["EPOCH"] = row["EPOCH"]
    values["OBJECT_NAME"] = row["object_name"] or _UNKNOWN
    values["OBJECT_ID"] = row["cospar_id"] or _UNKNOWN
    # A blank, because python-sgp4 needs the element and something in it, and U would say what nobody said.
    values["CLASSIFICATION_TYPE"] = row["classification_type"] or " "
    values["ELEMENT_SET_NO"] = row["element_set_number"] or 0
    values["REV_AT_EPOCH"] = row["revolution_at_epoch"] or 0
    return values


def _elements(pairs: _Pairs) -> str:
    return "".join(f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>" for name, text in pairs)


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    mantissa, exponent_sign, exponent = repr(value).partition("e")
    # The standard demands a decimal point with a digit on each side.
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{exponent_sign}{exponent}"

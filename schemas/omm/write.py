"""Writes OMMs in KVN and XML, in the order and the blocks of the standard's table; the flat forms: `write_flat`."""

from xml.sax.saxutils import escape

from schemas.omm.element_texts import Texts, element_texts, only_where, or_else
from schemas.omm.keywords import VERSION_KEYWORD, omm
from schemas.omm.write_flat import write_omm_csv, write_omm_json, write_space_track_csv, write_space_track_json
from schemas.rendering import Elements, table_to_render

__all__ = [
    "write_omm_csv",
    "write_omm_json",
    "write_omm_kvn",
    "write_omm_xml",
    "write_space_track_csv",
    "write_space_track_json",
]

_VERSION = "3.0"
_UNKNOWN = "UNKNOWN"


def write_omm_kvn(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """One KVN message an element set, a blank line between them.

    Columns of ``ELEMENT_FIELDS``. ``creation_date_utc`` and ``originator`` are written where a record has none; empty
    as they are by default, they are empty as in CelesTrak's messages. Without a name or COSPAR id stands UNKNOWN,
    without set or revolution number 0. Raises CannotRenderError, naming the object, for a field that is not there.
    """
    texts = _message_texts(elements, creation_date_utc, originator)
    columns = [[f"{VERSION_KEYWORD} = {_VERSION}\n"] * elements.num_rows]
    for block in omm().blocks:
        # A header keyword stands there even when empty; any other has a value or is left out.
        empty = "{} =\n" if block.name == "header" else ""
        names = [keyword.keyword for keyword in block.keywords if keyword.keyword in texts]
        columns.extend([_line(name, text, empty) for text in texts[name]] for name in names)
    return "\n".join(map("".join, zip(*columns, strict=True))).encode("utf-8")


def write_omm_xml(elements: Elements, *, creation_date_utc: str = "", originator: str = "") -> bytes:
    """One ``<ndm>`` with an ``<omm>`` an element set, in no namespace: with a default namespace python-sgp4 finds none.

    The rest as `write_omm_kvn`. Valid against the schema set ndmxml-4.0.0 but where CREATION_DATE is empty.
    """
    texts = _message_texts(elements, creation_date_utc, originator)
    count = elements.num_rows
    columns = [[f'<omm id="{VERSION_KEYWORD}" version="{_VERSION}">'] * count]
    place = ""
    for block in omm().blocks:
        names = [keyword.keyword for keyword in block.keywords if keyword.keyword in texts]
        if not names:
            continue
        before = {"metadata": "<body><segment>", "data": "" if place == "data" else "<data>"}.get(block.place, "")
        place = block.place
        outer = block.name if block.name != block.place or block.place != "data" else ""
        columns.append([f"{before}<{outer}>"] * count)
        columns.extend([_element(name, text) for text in texts[name]] for name in names)
        columns.append([f"</{outer}>"] * count)
    columns.append(["</data></segment></body></omm>\n"] * count)
    messages = "".join(map("".join, zip(*columns, strict=True)))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ndm>\n{messages}</ndm>\n'.encode()


def _message_texts(elements: Elements, creation_date_utc: str, originator: str) -> Texts:
    """Texts by keyword of the standard's table, None where a message does not have the keyword."""
    texts = element_texts(table_to_render(elements))
    for keyword, other in (
        ("CREATION_DATE", creation_date_utc),
        ("ORIGINATOR", originator),
        ("OBJECT_NAME", _UNKNOWN),
        ("OBJECT_ID", _UNKNOWN),
    ):
        texts[keyword] = or_else(texts[keyword], other)
    is_xp = [theory == "SGP4-XP" for theory in texts["MEAN_ELEMENT_THEORY"]]
    is_sgp4 = [not xp for xp in is_xp]
    for sgp4, xp in (("BSTAR", "BTERM"), ("MEAN_MOTION_DDOT", "AGOM")):
        texts[xp], texts[sgp4] = only_where(texts[sgp4], is_xp), only_where(texts[sgp4], is_sgp4)
    return texts


def _line(name: str, text: str | None, empty: str) -> str:
    if text is None:
        return ""
    return f"{name} = {text.rstrip()}\n" if text.strip() else empty.format(name)


def _element(name: str, text: str | None) -> str:
    if text is None:
        return ""
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"

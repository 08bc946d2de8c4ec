"""How a listing's answers are described in the OpenAPI document: derived from the lists of fields, never by hand."""

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from schemas.omm.keywords import CELESTRAK_KEYS
from schemas.records import DataMode, Field
from ssa_hub.api.formats import MEDIA_TYPES, Format
from ssa_hub.api.problems import documented
from ssa_hub.api.sidecar import MEDIA_TYPE as SIDECAR_MEDIA_TYPE
from ssa_hub.release.masks import WITHHELD
from ssa_hub.sharing.utc import utc_names

_JSON_TYPES = {
    pa.string(): "string",
    pa.int64(): "integer",
    pa.int32(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
}
_OMM_TEXTS = frozenset({"OBJECT_NAME", "OBJECT_ID", "EPOCH", "CLASSIFICATION_TYPE"})
_TEXT = {"type": "string"}
_HEADERS = {
    "SSA-Policy-Version": {"schema": _TEXT, "description": "the rules that this answer was made under"},
    "SSA-Data-Mode": {"schema": _TEXT, "description": "the data mode of every record in it"},
    "SSA-Notices": {"schema": _TEXT, "description": "how many notices wait for you at /v1/notices; absent if none"},
    "SSA-Next-Cursor": {"schema": _TEXT, "description": "cursor of the next page; absent on the last"},
    "Link": {"schema": _TEXT, "description": 'the next page, rel="next"; absent on the last'},
}


def item_schema(fields: tuple[Field, ...], always: Collection[str]) -> dict[str, Any]:
    """JSON Schema of one record as JSON and NDJSON say it. A field that is not in ``always`` may be withheld: null."""
    properties: dict[str, Any] = {}
    utc = set(utc_names([field.name for field in fields]))
    for field in fields:
        kind: dict[str, Any] = {"description": field.meaning}
        may_be_null = field.nullable or field.name not in always
        if pa.types.is_list(field.type):
            kind |= {"type": ["array", "null"] if may_be_null else "array", "items": _TEXT}
        else:
            name = _JSON_TYPES[field.type]
            kind["type"] = [name, "null"] if may_be_null else name
        if field.name == "data_mode":
            kind["enum"] = list(DataMode)
        properties[field.name] = kind
        text = field.name.replace("_tai_ns", "_utc")
        if text in utc and text != field.name:
            meaning = field.meaning.replace("TAI ns", "UTC")
            properties[text] = {
                "type": ["string", "null"] if may_be_null else "string",
                "description": f"{meaning}, YYYY-MM-DDThh:mm:ss.ffffff",
            }
    meaning = "fields that the originator's agreement withholds from you; their values are null"
    properties[WITHHELD] = {"type": "array", "items": _TEXT, "description": meaning}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def listing_responses(
    name: str, formats: tuple[Format, ...], *, sidecar: bool = False
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` of a listing whose records have the component schema ``name``.

    ``sidecar``: it can also be had as a ZIP with its label.
    """
    page = {
        "type": "object",
        "required": ["policy_version", "data_mode", "next", "items"],
        "additionalProperties": False,
        "properties": {
            "policy_version": {"type": "string", "description": "the rules that this answer was made under"},
            "data_mode": {"enum": list(DataMode)},
            "next": {"type": ["string", "null"], "description": "cursor of the next page, null on the last"},
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}},
        },
    }
    omm = {key: {"type": "string" if key in _OMM_TEXTS else "number"} for key in CELESTRAK_KEYS}
    schemas: dict[Format, Any] = {
        Format.JSON: page,
        Format.OMM_JSON: {
            "type": "array",
            "items": {"type": "object", "properties": omm, "required": list(omm), "additionalProperties": False},
        },
        Format.ARROW: {},
        Format.PARQUET: {},
    }
    content = {media_type_of(form): {"schema": schemas.get(form, _TEXT)} for form in formats}
    if sidecar:
        content[SIDECAR_MEDIA_TYPE] = {"schema": {}}
    return {
        200: {"description": "What is released to you", "content": content, "headers": _HEADERS},
        **documented(401, 406, 422, 503),
    }


def json_of(name: str, description: str) -> dict[str, Any]:
    """An OpenAPI response whose JSON has the component schema ``name``."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"description": description, "content": content}


def media_type_of(form: Format) -> str:
    """The media type of a format without its parameters."""
    return MEDIA_TYPES[form].split(";")[0]

"""How a page becomes an HTTP response, and how a listing is described in the OpenAPI document."""

from typing import Any

from fastapi import Response

from ssa_hub.api.formats import MEDIA_TYPES, Format, next_cursor, write_page
from ssa_hub.api.problems import documented
from ssa_hub.sharing.page import Page


def page_response(page: Page, listing: str, chosen: Format, query: str) -> Response:
    """A page in its format. ``query`` is the request's query string, for the ``Link`` to the next page."""
    headers = {"SSA-Policy-Version": page.policy_version, "SSA-Data-Mode": page.data_mode, "Vary": "Accept"}
    cursor = next_cursor(page, listing)
    if cursor is not None:
        kept = [part for part in query.split("&") if part and not part.startswith("cursor=")]
        headers["Link"] = f'<?{"&".join([*kept, f"cursor={cursor}"])}>; rel="next"'
        headers["SSA-Next-Cursor"] = cursor
    return Response(write_page(page, listing, chosen), headers=headers, media_type=MEDIA_TYPES[chosen])


def listing_responses(formats: tuple[Format, ...], item: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` of a listing whose JSON items have the schema ``item``."""
    page = {
        "type": "object",
        "required": ["policy_version", "data_mode", "next", "items"],
        "properties": {
            "policy_version": {"type": "string"},
            "data_mode": {"type": "string"},
            "next": {"type": ["string", "null"]},
            "items": {"type": "array", "items": item},
        },
    }
    content: dict[str, Any] = {
        MEDIA_TYPES[form].split(";")[0]: {"schema": {"type": "string", "format": "binary"}} for form in formats
    }
    content[MEDIA_TYPES[Format.JSON]] = {"schema": page}
    headers = {
        "SSA-Policy-Version": {
            "schema": {"type": "string"},
            "description": "the rules that this answer was made under",
        },
        "SSA-Data-Mode": {"schema": {"type": "string"}},
        "SSA-Next-Cursor": {"schema": {"type": "string"}, "description": "absent on the last page"},
    }
    return {
        200: {"description": "What is released to you", "content": content, "headers": headers},
        **documented(401, 406, 422, 503),
    }

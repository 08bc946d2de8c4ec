"""How a page becomes an HTTP response."""

from urllib.parse import urlencode

from fastapi import Request, Response

from ssa_hub.api.formats import MEDIA_TYPES, Format, next_cursor, write_page
from ssa_hub.api.problems import NOT_FOR_CACHES
from ssa_hub.sharing.page import Page


def page_response(page: Page, listing: str, chosen: Format, request: Request) -> Response:
    """A page in its format, with the ``Link`` to the next page: the same question with another cursor."""
    headers = {
        "SSA-Policy-Version": page.policy_version,
        "SSA-Data-Mode": page.data_mode,
        "Vary": "Accept",
        **NOT_FOR_CACHES,
    }
    cursor = next_cursor(page, listing)
    if cursor is not None:
        # Written anew from what was understood: the question as it came may hold bytes that no header can.
        kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        headers["Link"] = f'<?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
        headers["SSA-Next-Cursor"] = cursor
    return Response(write_page(page, listing, chosen), headers=headers, media_type=MEDIA_TYPES[chosen])

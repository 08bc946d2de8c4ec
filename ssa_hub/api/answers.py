"""How a page becomes an HTTP response."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from ssa_hub.api.access import Services
from ssa_hub.api.formats import MEDIA_TYPES, Format, next_cursor, write_page
from ssa_hub.api.problems import NOT_FOR_CACHES
from ssa_hub.api.sidecar import MEDIA_TYPE as SIDECAR_MEDIA_TYPE
from ssa_hub.api.sidecar import archived
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.disclosures import Channel, Disclosure
from ssa_hub.sharing.page import Page


def page_response(
    page: Page,
    listing: str,
    chosen: Format,
    request: Request,
    used: Services,
    partner: Partner,
    *,
    sidecar: bool = False,
) -> Response:
    """A page in its format, with the ``Link`` to the next page: the same question with another cursor.

    ``SSA-Notices`` says how many notices wait for the partner, where there are any: who receives records by pages is
    told of their withdrawal so. ``sidecar``: as a ZIP with the label that is bound to it; an export to the ledger.
    """
    headers = {"SSA-Policy-Version": page.policy_version, "SSA-Data-Mode": page.data_mode}
    cursor = next_cursor(page, listing)
    if cursor is not None:
        # Written anew from what was understood: the question as it came may hold bytes that no header can.
        kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        headers["Link"] = f'<?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
        headers["SSA-Next-Cursor"] = cursor
    waiting = used.notices.untold(partner, page.data_mode)
    if waiting:
        headers["SSA-Notices"] = str(waiting)
    body, media_type, disclosures = write_page(page, listing, chosen), MEDIA_TYPES[chosen], page.disclosures
    if sidecar:
        labels, policies = used.views.labels_of(page)
        body = archived(body, listing, chosen, labels, policies, page.answered_tai_ns)
        media_type = SIDECAR_MEDIA_TYPE
        disclosures = tuple(msgspec.structs.replace(one, channel=Channel.EXPORT) for one in disclosures)
    return rendered_response(body, media_type, headers, used, disclosures)


def rendered_response(
    body: bytes,
    media_type: str,
    headers: Mapping[str, str],
    used: Services,
    disclosures: Sequence[Disclosure],
) -> Response:
    """The one place where a body of released records becomes a response: the ledger has it before anything is sent.

    Raises StateUnavailableError where it cannot be noted; then nothing is sent.
    """
    used.disclosures.record(disclosures)
    headers = {**headers, "Vary": "Accept", **NOT_FOR_CACHES}
    return Response(body, headers=headers, media_type=media_type)

"""What every listing is asked with, and how its page is answered."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.answers import page_response
from ssa_hub.api.cursors import decode_cursor
from ssa_hub.api.formats import Format, choose_format
from ssa_hub.api.parameters import Accept, Cursor, Limit, Mode, ObjectIds, instant
from ssa_hub.api.sidecar import Sidecar
from ssa_hub.sharing.page import Key, Page
from ssa_hub.sharing.views import Selection


class ListingRequest:
    """One request for a page. ``used``: what of the hub answers; ``partner``: who asks; ``limit``: rows at most."""

    def __init__(
        self,
        request: Request,
        used: Used,
        partner: Asking,
        object_id: ObjectIds = None,
        data_mode: Mode = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
        accept: Accept = None,
        sidecar: Sidecar = False,
    ) -> None:
        self.used, self.partner, self.limit = used, partner, limit
        self._request, self._object_ids, self._data_mode = request, object_id, data_mode
        self._cursor, self._accept, self._sidecar = cursor, accept, sidecar

    def form(self, wanted: Format | None, offered: tuple[Format, ...]) -> Format:
        """The format of the answer. With a sidecar the answer is a ZIP, whatever is accepted: ``wanted`` goes for
        what is in it. Raises a 406 problem.
        """
        return choose_format(wanted, None if self._sidecar else self._accept, offered)

    def selection(self, catalogue_numbers: Sequence[int] | None = None, known_at: str | None = None) -> Selection:
        """What the question is about. Raises a 422 problem that names ``known_at``."""
        numbers = None if catalogue_numbers is None else list(catalogue_numbers)
        mode = self._data_mode or self.used.data_mode
        return Selection(mode, self._object_ids, numbers, instant(known_at, "known_at"))

    def after(self, listing: str, *types: type) -> Key | None:
        """The key of the last row of the page before. Raises a 422 problem for a cursor of something else."""
        return decode_cursor(listing, self._cursor, types)

    def answer(self, page: Page, listing: str, chosen: Format) -> Response:
        """The page as a response, in the ledger before it is sent. Raises StateUnavailableError."""
        return page_response(page, listing, chosen, self._request, self.used, self.partner, sidecar=self._sidecar)


Listing = Annotated[ListingRequest, Depends()]

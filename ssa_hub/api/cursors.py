"""Cursors: the sort key of the last row that the partner was given, and nothing else.

A cursor holds only values of a row that the partner has seen, as they were shown to him, and where that row is shown in
part its place among equals in the partner's own order, which says nothing of its content. So it says nothing of rows
that he may not see, and nothing has to be looked up for it.
"""

import base64
import binascii

import msgspec

from ssa_hub.api.problems import invalid
from ssa_hub.sharing.page import Key


def encode_cursor(listing: str, key: Key) -> str:
    """An opaque text for ``key`` in ``listing``."""
    return base64.urlsafe_b64encode(msgspec.json.encode([listing, *key])).rstrip(b"=").decode()


def decode_cursor(listing: str, text: str | None, types: tuple[type, ...]) -> Key | None:
    """The key of a cursor that `encode_cursor` made for the same listing. Raises a 422 problem for anything else."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        first, *key = msgspec.json.decode(raw, type=list[str | int])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise invalid("not a cursor of this hub", "cursor") from error
    if first != listing or len(key) != len(types) or any(type(v) is not t for v, t in zip(key, types, strict=True)):
        raise invalid("not a cursor of this listing", "cursor")
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in key):
        raise invalid("not a cursor of this listing", "cursor")
    return tuple(key)

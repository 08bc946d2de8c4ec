"""Ids of notices and withdrawals as they are shown: functions of what their reader sees anyway, and of nothing else.

The hub's own numbers count what all partners do: in their gaps, and even enciphered, they would differ with what others
have been told. So an id is the first half of HMAC-SHA256 (FIPS 198-1), under a secret of the hub, of what is shown.
"""

import hashlib
import hmac

from ssa_hub.state.store import State

_SECRET, _SECRET_BYTES = "opaque-ids", 32
_LENGTH_BYTES, _ID_BYTES = 8, 16


class OpaqueIds:
    """Ids of one sort of thing (``what``). Threads may share one."""

    def __init__(self, state: State, what: str) -> None:
        self._state, self._what = state, what
        self._secret: bytes | None = None

    def of(self, *parts: str | bytes | int) -> str:
        """The 32 hexadecimal digits of what these parts tell from every other. Raises StateUnavailableError."""
        if self._secret is None:
            self._secret = self._state.secrets.get_or_make(_SECRET, _SECRET_BYTES)
        said = b""
        for part in (self._what, *parts):
            data = part if isinstance(part, bytes) else str(part).encode()
            said += len(data).to_bytes(_LENGTH_BYTES, "big") + data
        return hmac.digest(self._secret, said, hashlib.sha256)[:_ID_BYTES].hex()

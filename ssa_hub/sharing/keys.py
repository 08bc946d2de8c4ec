"""API keys: from the token of a request to the partner."""

from ssa_hub.release.partner import Partner, verify
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.store import State


class KeyRing:
    """Knows which partner a token belongs to."""

    def __init__(self, state: State, policies: Policies) -> None:
        self._state, self._policies = state, policies

    def partner_of(self, token: str) -> Partner | None:
        """The partner, or None for a token that is not, or no longer, a key of one."""
        record = verify(token, self._state.partners.key)
        return None if record is None else self._policies.rules().partners.get(record.partner)

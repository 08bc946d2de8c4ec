"""The posture: what it is, who set it, and setting it.

Every partner may know what the posture is: `/v1/explain` names it with each reason that it gives him, and his own
policy version changes with it. Who set it and when, now and before, is for stewards and for partners with the role
posture. The role alone allows setting it. A change is one row in the state and a new revision of the policy, in one
transaction: every answer, every look of an open stream and every what-if reads the revision before it decides.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.timescales import now_tai_ns
from ssa_hub.release.partner import Partner, Posture, Role
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.state.agreements import PostureEntry
from ssa_hub.state.store import State


class PostureNow(msgspec.Struct, frozen=True):
    """The posture, and the asker's policy version under it."""

    posture: Posture
    policy_version: str


class PostureChange(msgspec.Struct, frozen=True):
    """One act: from what to what, when, and by whom. The first stands on peacetime, which nobody set."""

    number: int
    before: Posture
    after: Posture
    set_utc: str
    set_by: str


class PostureHistory(msgspec.Struct, frozen=True):
    """All changes, the oldest first."""

    changes: tuple[PostureChange, ...]


class NotEntitledError(Exception):
    """The asker's roles do not allow it."""


class Changed(NamedTuple):
    """The posture after an act, and whether the act changed it."""

    now: PostureNow
    changed: bool


class PostureDesk:
    """Answers partners, and takes the word of those who may set the posture."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    def now(self, asker: Partner) -> PostureNow:
        """The posture that answers are made under now. Raises StateUnavailableError."""
        table = self._policies.released_to(asker, self._clock_tai_ns()).table
        return PostureNow(table.posture, table.policy_version)

    def history(self, asker: Partner) -> PostureHistory:
        """All changes. Raises NotEntitledError, StateUnavailableError."""
        if not may_look_back(asker):
            raise NotEntitledError
        return PostureHistory(changes_of(self._state.agreements.posture_history()))

    def change(self, asker: Partner, posture: Posture) -> Changed:
        """Set the posture; the act is recorded with whose it is. Raises NotEntitledError, StateUnavailableError."""
        if Role.POSTURE not in asker.roles:
            raise NotEntitledError
        changed = self._state.agreements.set_posture(
            posture, set_by=f"partner {asker.name}", now_tai_ns=self._clock_tai_ns()
        )
        return Changed(self.now(asker), changed)


def may_look_back(asker: Partner) -> bool:
    """Whether a partner may know who set the posture and when, and rehearse another one."""
    return not asker.roles.isdisjoint({Role.STEWARD, Role.POSTURE})


def changes_of(entries: list[PostureEntry]) -> tuple[PostureChange, ...]:
    """The acts of a history of postures, oldest first, each with what it changed from."""
    before = [Posture.PEACETIME, *(entry.posture for entry in entries)]
    instants = utc_texts([entry.set_tai_ns for entry in entries])
    return tuple(
        PostureChange(number, was, entry.posture, str(instant), entry.set_by)
        for number, (was, entry, instant) in enumerate(zip(before, entries, instants, strict=False), 1)
    )

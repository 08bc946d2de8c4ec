"""The feed's window: state gives up the bodies of records that can no longer be streamed (`ssa_hub.state.giving_up`).

A record can be streamed for the window's length after it became visible, which for an embargoed one is long after it
was recorded. So a body is given up that long after its recording and the longest delay of the agreements in force.
"""

from collections.abc import Callable

from schemas.timescales import NS_PER_SECOND
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.retention import DAY_NS
from ssa_hub.state.store import State

# Small, as the recorder waits for each transaction.
_PART = 2_000
# Newest orbits keep their bodies; that others have taken their places is seen when all is looked at anew.
_ANEW_AFTER_NS = 30 * DAY_NS
_SOURCE, _KEY = "hub", "feed window"  # in what the state remembers for connectors: no source may have this name


def longest_delay_ns(state: State) -> int:
    """The longest delay of any rule in force, ns. Raises AgreementError, StateUnavailableError."""
    rules = [rule for file, text in state.agreements.active() for rule in read_agreement(text, file).rules]
    return max((rule.delay_s for rule in rules), default=0) * NS_PER_SECOND


class FeedWindow:
    """``paced`` is called between two transactions and may raise: the next turn goes on there."""

    def __init__(self, state: State, window_ns: int, *, paced: Callable[[], None] = lambda: None) -> None:
        self._state, self._window_ns, self._paced = state, window_ns, paced

    def turn(self, now_tai_ns: int) -> int:
        """Give up what has left the window by an instant; how many bodies. Raises StateUnavailableError."""
        before = now_tai_ns - self._window_ns - longest_delay_ns(self._state)
        noted = self._state.memory.get(_SOURCE, _KEY) or {"seq": 0, "begun_tai_ns": now_tai_ns}
        seq, begun_tai_ns, given_up = int(noted["seq"]), int(noted["begun_tai_ns"]), 0
        if now_tai_ns - begun_tai_ns >= _ANEW_AFTER_NS:
            seq, begun_tai_ns = 0, now_tai_ns
        while True:
            self._paced()
            done = self._state.giving_up.before(before, after_seq=seq, limit=_PART)
            if done is None:
                return given_up
            seq, given_up = done.last_seq, given_up + done.bodies
            self._state.memory.put(_SOURCE, _KEY, {"seq": seq, "begun_tai_ns": begun_tai_ns})

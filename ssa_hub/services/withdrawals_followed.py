"""Screening follows withdrawals: which of them whole runs have still to follow, and which are followed and shown."""

from ingest.log import Log, TopicPartition
from ingest.topics import CONJUNCTIONS
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.state.store import State


class WithdrawalWatch:
    """Knows the last withdrawal of orbits of each data mode. Asks for what is new alone. For one thread at a time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._looked_up_to = 0
        self._last: dict[str, int] = {}

    def last(self, data_mode: DataMode) -> int:
        """The number of the last withdrawal of orbits of a data mode; 0 without any. Raises StateUnavailableError."""
        last = self._state.withdrawals.last()
        if last > self._looked_up_to:
            self._last |= self._state.withdrawals.last_of_orbits(self._looked_up_to)
            self._looked_up_to = last
        return self._last.get(data_mode.value, 0)


class FollowedWithdrawals:
    """What the whole runs of this process have followed, and which of it is shown: on the log, and recorded from it."""

    def __init__(self, log: Log, state: State) -> None:
        self._log, self._state = log, state
        self._run: dict[str, int] = {}
        self._to_be_recorded: dict[str, dict[TopicPartition, int]] = {}

    def last(self) -> int:
        """The last withdrawal; to be asked before the orbits of a run are read. Raises StateUnavailableError."""
        return self._state.withdrawals.last()

    def awaiting(self, data_mode: DataMode) -> bool:
        """Whether some withdrawal of this data mode is not followed by a complete run. Raises StateUnavailableError."""
        followed = self._run.get(data_mode.value, 0)
        waiting = self._state.withdrawals.unscreened()
        return any(number > followed and data_mode.value in modes for number, modes in waiting.items())

    async def followed(self, data_mode: DataMode, up_to: int) -> None:
        """A run that has taken withdrawals up to a number into account is complete: all of it is on the log.

        Raises LogUnavailableError.
        """
        self._to_be_recorded[data_mode.value] = dict(await self._log.end_offsets(CONJUNCTIONS))
        self._run[data_mode.value] = up_to

    def note_what_is_shown(self) -> None:
        """Note in state what the runs have followed, once what they found is recorded. Raises StateUnavailableError."""
        if not self._to_be_recorded:
            return
        recorded = self._state.positions.all()
        shown = {
            mode: self._run[mode]
            for mode, ends in self._to_be_recorded.items()
            if all(recorded.get(partition, 0) >= end for partition, end in ends.items())
        }
        if shown:
            # Of a withdrawal of several data modes the other runs may be shown already.
            done = {mode: number for mode, number in self._run.items() if mode not in self._to_be_recorded} | shown
            self._state.withdrawals.note_screened(done, now_tai_ns())
            for mode in shown:
                del self._to_be_recorded[mode]

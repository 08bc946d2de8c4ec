"""What can go wrong with the history."""


class HistoryError(Exception):
    """Base of everything that the history raises, but ValueError for bad arguments."""


class StalePositionError(HistoryError):
    """Another writer has already recorded from these log positions; nothing of this append is visible.

    ``stored`` is the position that the table holds for ``(topic, partition)``, ``expected`` what the caller believed.
    Read the positions again and go on from there.
    """

    def __init__(self, topic: str, partition: int, stored: int, expected: int) -> None:
        super().__init__(
            f"history stands at offset {stored} of {topic}/{partition}, the append begins at {expected}: "
            "another writer was faster, read the positions again"
        )
        self.topic, self.partition, self.stored, self.expected = topic, partition, stored, expected


class HistoryUnavailableError(HistoryError):
    """The catalogue or the files cannot be reached or written now.

    After an `append` the outcome is unknown: data and positions are both visible or both not. Read the positions
    again before the next append.
    """


class HistoryLayoutError(HistoryError):
    """The tables found are not those this version writes (another tool changed them)."""


class StaleFilesError(HistoryError):
    """Files that were to be replaced are no longer live; nothing of the replacement is visible. Plan again."""

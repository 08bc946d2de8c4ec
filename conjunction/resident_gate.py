"""Many readers, or one writer: what lets screenings run side by side, and a change only between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """A lock that any number of readers hold together, or one writer alone; a waiting writer goes first."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._readers = 0
        self._writers = 0  # waiting, or inside
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, nothing is changed."""
        with self._condition:
            self._condition.wait_for(lambda: self._writers == 0)
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Inside, nobody else reads or changes."""
        with self._condition:
            self._writers += 1
            self._condition.wait_for(lambda: self._readers == 0 and not self._writing)
            self._writing = True
        try:
            yield
        finally:
            with self._condition:
                self._writers -= 1
                self._writing = False
                self._condition.notify_all()

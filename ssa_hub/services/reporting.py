"""How services tell people what they do: sentences, and progress of long work."""

from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """One piece of long work. ``total`` may be told late, when it becomes known."""

    def update(self, done: float, total: float | None = None) -> None:
        """So much is done."""
        ...


class Reporter(Protocol):
    """Where services report to. Safe to call from any thread."""

    def say(self, text: str) -> None:
        """One line."""
        ...

    def progress(self, title: str, total: float | None, unit: str = "") -> AbstractContextManager[Progress]:
        """A progress display for the length of a ``with`` block."""
        ...

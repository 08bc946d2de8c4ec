"""How services tell people what they do: sentences, and progress of long work."""

import re
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


# What SQLAlchemy puts before a message (the driver's class of error) and after it (an address to read).
_DRIVER = re.compile(r"\((?:psycopg|sqlite3)\.[\w.]+\) ")
_BACKGROUND = re.compile(r"\(Background on this error at: \S+\)")


def in_one_line(error: BaseException) -> str:
    """An error's own words in one line, without what its library says about itself."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = _BACKGROUND.sub("", _DRIVER.sub("", str(error)))
    return " ".join(text.split()) or type(error).__name__

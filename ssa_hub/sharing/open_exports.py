"""How many exports are answered as they are read, at once: each has threads, and memory, of its own."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

A_PARTNER = 2
TOGETHER = 8


class TooManyAtOnceError(Exception):
    """``own``: the partner's own are too many; else those of all together."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("too many exports at once")
        self.own = own


class OpenExports:
    """The exports that are being answered. Threads may share one."""

    def __init__(self, a_partner: int = A_PARTNER, together: int = TOGETHER) -> None:
        self._a_partner, self._together = a_partner, together
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self, partner: str) -> Iterator[None]:
        """Count one more for the block. Raises TooManyAtOnceError."""
        with self._lock:
            if self._open[partner] >= self._a_partner:
                raise TooManyAtOnceError(own=True)
            if self._open.total() >= self._together:
                raise TooManyAtOnceError(own=False)
            self._open[partner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[partner] -= 1
                if not self._open[partner]:
                    del self._open[partner]

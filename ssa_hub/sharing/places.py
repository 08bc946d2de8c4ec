"""How much work of one kind is under way at once, of each partner and of all: each takes threads and memory."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooManyAtOnceError(Exception):
    """``own``: the partner's own are too many; else those of all together."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("too many at once")
        self.own = own


class Places:
    """Places for work of one kind; ``together`` None: as many as partners take. Threads may share one."""

    def __init__(self, a_partner: int, together: int | None = None) -> None:
        self._a_partner, self._together = a_partner, together
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self, partner: str) -> Iterator[None]:
        """Take a place for the block. Raises TooManyAtOnceError."""
        with self._lock:
            if self._taken[partner] >= self._a_partner:
                raise TooManyAtOnceError(own=True)
            if self._together is not None and self._taken.total() >= self._together:
                raise TooManyAtOnceError(own=False)
            self._taken[partner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[partner] -= 1
                if not self._taken[partner]:
                    del self._taken[partner]

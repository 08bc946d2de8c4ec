"""The file of structured logs, which never stops the hub: on a full disk lines are left out, and counted."""

import os
import threading
from pathlib import Path


class LogFile:
    """A text stream into a file. Writing raises nothing; threads may share one."""

    def __init__(self, path: Path) -> None:
        """Append to the file, made when absent. Raises OSError where it cannot be opened."""
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lock = threading.Lock()
        self._cut = False
        self._left_out = 0

    def write(self, text: str) -> int:
        """Write it at once, or leave it out where the disk does not take it; how many characters it has."""
        with self._lock:
            try:
                self._write(text)
            except OSError:
                self._left_out += text.count("\n")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def _write(self, text: str) -> None:
        if self._cut or self._left_out:
            # The file system may have taken half a line before it was full.
            self._all(("\n" if self._cut else "") + self._told())
            self._cut, self._left_out = False, 0
        self._all(text)

    def _told(self) -> str:
        if not self._left_out:
            return ""
        return f'{{"level":"error","event":"the disk took no lines of this log","left_out":{self._left_out}}}\n'

    def _all(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        while data:
            count = os.write(self._fd, data)
            data = data[count:]
            self._cut = bool(data)

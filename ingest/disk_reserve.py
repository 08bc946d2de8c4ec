"""Room that is kept free on the disks: what was accepted can still be recorded, and the machine still be helped."""

import os
from collections.abc import Sequence
from pathlib import Path

from ingest.log import LogUnavailableError

_RESERVE_BYTES_MAX = 500_000_000
_RESERVE_FRACTION = 0.01


class DiskFullError(LogUnavailableError):
    """Less than the reserve is free on a disk."""


class DiskReserve:
    """Looks at the file systems of some directories.

    ``free_bytes_min``: what must stay free on each; None: a hundredth of it, at most 500 MB.
    """

    def __init__(self, directories: Sequence[Path], free_bytes_min: int | None = None) -> None:
        self._directories = tuple(directories)
        self._free_bytes_min = free_bytes_min

    def check(self) -> None:
        """Raise DiskFullError where the reserve is reached. A directory that is not there yet is passed over.

        A look takes microseconds: whoever writes much in the background (compaction, exports) looks before each file.
        """
        for directory in self._directories:
            try:
                found = os.statvfs(directory)
            except FileNotFoundError:
                continue
            free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
            least = self._free_bytes_min
            if least is None:
                least = min(_RESERVE_BYTES_MAX, int(whole * _RESERVE_FRACTION))
            if free < least:
                raise DiskFullError(
                    f"{directory}: {free / 1e6:,.0f} MB are free, {least / 1e6:,.0f} MB are kept in reserve: make room"
                )

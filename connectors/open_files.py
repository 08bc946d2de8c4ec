"""Which files some process has open for writing, as far as Linux's /proc shows it."""

import os
from pathlib import Path

_PROC = Path("/proc")


def open_for_writing(inodes: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of ``inodes``, each (device, inode), that a process has open for writing.

    Sees the processes that this user may look into: all for root, its own otherwise; none where there is no /proc.
    It is one of three signs that a file is finished, and never the only one.
    """
    found: set[tuple[int, int]] = set()
    try:
        processes = [entry.name for entry in os.scandir(_PROC) if entry.name.isdigit()]
    except OSError:
        return found
    for process in processes:
        try:
            descriptors = os.listdir(_PROC / process / "fd")  # noqa: PTH208 -- names only, many times a second
        except OSError:
            continue  # ended since, or another user's
        for descriptor in descriptors:
            try:
                status = os.stat(f"/proc/{process}/fd/{descriptor}")  # noqa: PTH116
                inode = (status.st_dev, status.st_ino)
                if inode in inodes and _is_writable(process, descriptor):
                    found.add(inode)
            except OSError:
                continue
    return found


def _is_writable(process: str, descriptor: str) -> bool:
    """Whether the descriptor's access mode allows writing, from the ``flags`` line (octal) of its fdinfo."""
    for line in (_PROC / process / "fdinfo" / descriptor).read_text().splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False

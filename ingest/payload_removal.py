"""Removing payloads and blobs whose records are deleted, while the same bytes may just come again.

A file is set aside under another name first: who stores the same bytes from then on writes them anew. Then it is asked
whether somebody has relied on the old file meanwhile; if so it is put back, otherwise it is gone. What a crash leaves
set aside is found by its name and decided again.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.durable_names import sync_directory

_ASIDE = re.compile(r"\.([0-9a-f]{64})\.removed")


class FileRemoval:
    """Files named by their SHA-256 in a directory, as `ingest.payload_store.PayloadStore` keeps them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def remove(self, sha256s: Sequence[str], needed: Callable[[Sequence[str]], set[str]]) -> int:
        """Remove files but those that ``needed`` names once they are set aside; how many. Absent ones are passed over.

        Raises OSError.
        """
        for sha256 in sha256s:
            path = self._path(sha256)
            if path.exists():
                path.replace(_aside(path))
        return self._decide(needed)

    def _decide(self, needed: Callable[[Sequence[str]], set[str]]) -> int:
        found = {match[1] for path in self._directory.glob("*/.*.removed") if (match := _ASIDE.fullmatch(path.name))}
        kept = needed(sorted(found)) if found else set()
        for sha256 in found:
            path = self._path(sha256)
            if sha256 in kept and not path.exists():
                _aside(path).replace(path)
            else:
                _aside(path).unlink(missing_ok=True)
            sync_directory(path.parent)
        return len(found - kept)

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.removed")

"""What a long run has done so far, kept in a directory, so that a run that was killed can be taken up again.

A piece of work is stored under a key, which says what it is a piece of: `run_key` makes the part of it that stands for
the whole run out of everything that its results depend on, the code included. A piece is written whole or not at all;
one that is damaged all the same is as if it were not there, and is told.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from conjunction.fingerprint import digest

_MAGIC = b"ssa-hub screening piece 1\n"
_DIGEST_BYTES = 32
_SUFFIX = ".piece"
_PARTIAL = re.compile(r"\.[0-9a-f]{40}\.[0-9]+\.[0-9a-f]{8}\.partial")


class Checkpoint:
    """Pieces of work in a directory, which is made where there is none; for one run at a time.

    ``tell`` is told of each damaged piece in a sentence. Raises NotADirectoryError where a file stands in its place,
    OSError where it cannot be made; so does `store` where a piece cannot be written, a full disk for one: whoever asks
    for a run that can be taken up again must not believe that he has one.
    """

    def __init__(self, directory: Path, tell: Callable[[str], None] | None = None) -> None:
        if directory.exists() and not directory.is_dir():
            raise NotADirectoryError(f"{directory} is no directory")
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.loaded = 0
        self.stored = 0
        self._tell = tell or (lambda text: None)
        self._mine: set[Path] = set()

    def load(self, key: str) -> bytes | None:
        """The content stored under a key; None where there is none, or none that is whole."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        begin = len(_MAGIC) + _DIGEST_BYTES
        content = data[begin:]
        if data[:begin] != _MAGIC + _digest_of(key, content):
            self._tell(f"{path} is damaged; its piece of the work is done again")
            return None
        self._mine.add(path)
        self.loaded += 1
        return content

    def store(self, key: str, content: bytes) -> None:
        """Keep content under a key: on the disk, whole, when this returns."""
        path = self._path(key)
        partial = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}.partial")
        try:
            with partial.open("wb") as file:
                file.write(_MAGIC)
                file.write(_digest_of(key, content))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        _sync_directory(self.directory)
        self._mine.add(path)
        self.stored += 1

    def clear(self) -> None:
        """Delete the pieces of this run, and what a killed run left half written: the run is over, its result safe.

        The directory goes, too, where nothing else is in it. Pieces of other runs stay.
        """
        for path in self._mine:
            path.unlink(missing_ok=True)
        self._mine.clear()
        for path in list(self.directory.iterdir()):
            if _PARTIAL.fullmatch(path.name):
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            self.directory.rmdir()

    def _path(self, key: str) -> Path:
        return self.directory / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}{_SUFFIX}"


def run_key(
    catalogue: object, *, start_tai_ns: int, duration_s: float, threshold_km: float, volumes: object, exclusions: object
) -> str:
    """Hexadecimal SHA-256 that stands for a run: equal where every piece of it comes out the same.

    Taken in: the catalogue's contents, the window (TAI ns, s), the threshold (km), volumes, exclusions (None, an array
    of group numbers, `conjunction.exclusion.PairsLeftOut`), and the code: sources of these packages, and versions of
    the libraries that compute. Raises TypeError for what has no content that could be compared, such as a function.
    """
    return digest(
        {
            "code": code_version(),
            "catalogue": catalogue,
            "start_tai_ns": int(start_tai_ns),
            "duration_s": float(duration_s),
            "threshold_km": float(threshold_km),
            "volumes": volumes,
            "exclusions": exclusions,
        }
    )


def code_version() -> str:
    """SHA-256 over the sources of `conjunction` and `schemas`, and the versions of the libraries they compute with."""
    from importlib.metadata import version

    import schemas

    hashed = hashlib.sha256()
    for package in (Path(__file__).parent, Path(schemas.__file__).parent):
        for source in sorted(package.rglob("*.py")):
            hashed.update(digest([source.relative_to(package).as_posix(), source.read_bytes()]).encode())
    for name in ("numpy", "numba", "llvmlite", "sgp4", "pyerfa", "astropy-iers-data"):
        hashed.update(f"{name}=={version(name)};".encode())
    return hashed.hexdigest()


def _digest_of(key: str, content: bytes) -> bytes:
    return hashlib.sha256(len(key.encode()).to_bytes(8, "big") + key.encode() + content).digest()


def _sync_directory(directory: Path) -> None:
    """Make a rename last through a power failure, where the system can (POSIX: the directory is synchronised)."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

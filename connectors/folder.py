"""A folder that files are dropped into. Files stay where they are; what was brought is remembered."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from connectors.clock import SYSTEM_CLOCK, Clock
from connectors.open_files import open_for_writing
from connectors.payload import ConnectorMemory, Payload, Provenance
from connectors.sources import FolderSource
from schemas.timescales import NS_PER_SECOND

_UNFINISHED_SUFFIXES = (".part", ".tmp", ".crdownload")
_RETRY_S_MAX = 60.0

_log = structlog.get_logger(__name__)


class Fingerprint(NamedTuple):
    """What tells one state of a file from another without reading it."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Fingerprint":
        """The fingerprint that a stat call shows."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class FileInMotionError(OSError):
    """The file changed before or while it was read."""


class _Brought(NamedTuple):
    fingerprint: Fingerprint
    sha256: str


class _Listed(NamedTuple):
    fingerprint: Fingerprint
    device: int


@dataclass
class _Watched:
    """A file that is not brought yet: it may be read from ``ready_tai_ns`` on if it stays as it is."""

    fingerprint: Fingerprint
    ready_tai_ns: int
    failures: int = 0


def read_unchanged(path: Path, expected: Fingerprint) -> bytes:
    """The whole file, which had the fingerprint ``expected`` before and after.

    Raises FileInMotionError where it had not, and OSError where it cannot be read. A symbolic link is not followed:
    it could be pointed at a file that was never dropped.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
        if Fingerprint.of(os.fstat(descriptor)) != expected:
            raise FileInMotionError(f"{path} changed before it was read")
        data = file.read(expected.size + 1)
        if Fingerprint.of(os.fstat(descriptor)) != expected or len(data) != expected.size:
            raise FileInMotionError(f"{path} changed while it was read")
    return data


def printable_name(name: str) -> str:
    """The file name as text that JSON and people can take: bytes that are no UTF-8 become ``\\xNN``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class FolderConnector:
    """Brings each file once it has settled: unchanged for ``settle_s``, and open for writing in no process."""

    def __init__(self, config: FolderSource, memory: ConnectorMemory, clock: Clock = SYSTEM_CLOCK) -> None:
        self._config, self._memory, self._clock = config, memory, clock
        self._folder = Path(config.path)
        self._provenance = Provenance(
            source=config.id, originator=config.originator, data_mode=config.data_mode, label=config.label
        )
        self._watched: dict[str, _Watched] = {}
        self._brought: dict[str, _Brought] = {}  # acknowledged or under way, newest state of each file
        self._pending: set[str] = set()  # names in _brought whose payload nobody has acknowledged yet
        self._recalled: set[str] = set()
        self._complaints: dict[str, str] = {}

    @property
    def source(self) -> str:
        """The source's id in the configuration."""
        return self._config.id

    async def payloads(self) -> AsyncIterator[Payload]:
        """Files as they settle, oldest change first, without end. The folder is made where it is missing at first.

        Raises OSError where the folder is missing and cannot be made.
        """
        if not self._folder.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            _log.info("drop folder did not exist and was created", source=self.source, folder=str(self._folder))
        while True:
            for name in await self._settled():
                payload = await self._bring(name)
                if payload is not None:
                    yield payload
            await self._clock.sleep(self._config.poll_s)

    async def acknowledge(self, payload: Payload) -> None:
        """Remember the file's state, unless the file has been brought in a newer state since."""
        name = Path(payload.location).name
        brought = self._brought.get(name)
        digest = await asyncio.to_thread(_sha256, payload.data)
        if brought is not None and brought.sha256 == digest:
            fingerprint = brought.fingerprint._asdict()
            self._memory.put(self.source, f"file/{name}", {**fingerprint, "sha256": digest})
            self._pending.discard(name)

    def _listing(self) -> dict[str, _Listed]:
        """The regular files of the folder that may be brought, oldest change first."""
        listed = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED_SUFFIXES):
                    continue
                try:
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        listed[entry.name] = _Listed(Fingerprint.of(status), status.st_dev)
                except FileNotFoundError:
                    continue  # removed between the listing and the look at it
        return dict(sorted(listed.items(), key=lambda item: (item[1].fingerprint.mtime_ns, item[0])))

    async def _settled(self) -> list[str]:
        """Names of the files that are new or changed and may be read now."""
        try:
            listing = await asyncio.to_thread(self._listing)
        except OSError as error:
            self._complain("", f"the drop folder cannot be listed: {error.strerror or error}")
            return []
        self._complaints.pop("", None)
        self._forget_all_but(listing)
        now = self._clock.now_tai_ns()
        due = {name: listed for name, listed in listing.items() if self._is_due(name, listed.fingerprint, now)}
        inodes = {(listed.device, listed.fingerprint.inode) for listed in due.values()}
        writing = await asyncio.to_thread(open_for_writing, inodes) if inodes else set()
        settled = []
        for name, listed in due.items():
            if (listed.device, listed.fingerprint.inode) in writing:
                self._wait(name, listed.fingerprint, now)
            else:
                settled.append(name)
        return settled

    def _is_due(self, name: str, fingerprint: Fingerprint, now_tai_ns: int) -> bool:
        """Whether the file is to be read now; a file seen in a new state starts to be watched."""
        if name not in self._recalled:
            self._recall(name)
        brought = self._brought.get(printable_name(name))
        if brought is not None and brought.fingerprint == fingerprint:
            return False
        watched = self._watched.get(name)
        if watched is None or watched.fingerprint != fingerprint:
            watched = self._wait(name, fingerprint, now_tai_ns)
        if watched.fingerprint.size > self._config.max_file_bytes:
            self._complain(name, f"the file is larger than max_file_bytes, {self._config.max_file_bytes}: left alone")
            return False
        return now_tai_ns >= watched.ready_tai_ns

    def _wait(self, name: str, fingerprint: Fingerprint, now_tai_ns: int) -> _Watched:
        """Watch the file anew, for ``settle_s`` from now."""
        watched = _Watched(fingerprint, now_tai_ns + round(self._config.settle_s * NS_PER_SECOND))
        self._watched[name] = watched
        return watched

    async def _bring(self, name: str) -> Payload | None:
        """The file as a payload, or None where it cannot be read now or only its dates have changed."""
        watched = self._watched[name]
        path = self._folder / name
        try:
            data = await asyncio.to_thread(read_unchanged, path, watched.fingerprint)
        except (FileInMotionError, FileNotFoundError):
            self._watched.pop(name)
            return None
        except OSError as error:
            watched.failures += 1
            retry_s = min(_RETRY_S_MAX, self._config.poll_s * 2.0**watched.failures)
            watched.ready_tai_ns = self._clock.now_tai_ns() + round(retry_s * NS_PER_SECOND)
            self._complain(name, f"the file cannot be read and is tried again: {error.strerror or error}")
            return None
        self._watched.pop(name)
        self._complaints.pop(name, None)
        digest = await asyncio.to_thread(_sha256, data)
        shown = printable_name(name)
        before = self._brought.get(shown)
        self._brought[shown] = _Brought(watched.fingerprint, digest)
        if before is not None and before.sha256 == digest:
            return None
        self._pending.add(shown)
        return Payload(
            provenance=self._provenance,
            data=data,
            location=str(Path(printable_name(str(self._folder))) / shown),
            retrieved_tai_ns=self._clock.now_tai_ns(),
        )

    def _recall(self, name: str) -> None:
        """Fetch from the memory, once, which state of the file was acknowledged."""
        self._recalled.add(name)
        kept = self._memory.get(self.source, f"file/{printable_name(name)}")
        if kept is not None:
            fingerprint = Fingerprint(kept["size"], kept["mtime_ns"], kept["inode"])
            self._brought[printable_name(name)] = _Brought(fingerprint, kept["sha256"])

    def _forget_all_but(self, listing: dict[str, _Listed]) -> None:
        """Let go of files that are no longer there; one that comes back is recalled from the memory again."""
        for gone in self._recalled - listing.keys():
            self._recalled.discard(gone)
            self._watched.pop(gone, None)
            self._complaints.pop(gone, None)
            if printable_name(gone) not in self._pending:
                self._brought.pop(printable_name(gone), None)

    def _complain(self, name: str, what: str) -> None:
        """Say it once, not at every poll."""
        if self._complaints.get(name) != what:
            self._complaints[name] = what
            _log.warning(what, source=self.source, folder=str(self._folder), file=printable_name(name))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

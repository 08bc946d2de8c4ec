"""Runs: data files that were made together, sorted, and disjoint in what they are sorted by.

An append makes a run of level 0; compaction merges runs of a level into one of the next. A file's name says which run
it belongs to (``run-L<level>-<run>-<number>-<unique>.parquet``), so that planner and compaction know without opening
it. Files with other names were written by versions before there were runs: each is a run of level 0 of its own.
"""

import re
import uuid
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol, TypeVar

_NAME = re.compile(r"run-L(\d+)-([0-9a-z]+)-(\d+)-[0-9a-f]+\.parquet")


class RunName(NamedTuple):
    """What a file's name says."""

    level: int
    run: str


class FileOfRun(Protocol):
    """What is asked of a file to put it into its run."""

    @property
    def level(self) -> int:
        """Level of its run."""

    @property
    def run(self) -> str:
        """Id of its run."""


AnyFile = TypeVar("AnyFile", bound=FileOfRun)


def new_run_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex[:16]


def file_name(level: int, run: str, number: int) -> str:
    """Name of the ``number``-th file of a run, never the same twice: what replaces a file has another name.

    Raises ValueError where level, run or number cannot stand in a name.
    """
    name = f"run-L{level}-{run}-{number}-{uuid.uuid4().hex[:8]}.parquet"
    if not _NAME.fullmatch(name):
        raise ValueError(f"level {level}, run {run!r} and number {number} make no file name")
    return name


def run_of(path: str) -> RunName:
    """Level and run of the file at a path or location.

    >>> run_of("file:///history/data/run-L2-0a1b-3-5e6f7081.parquet")
    RunName(level=2, run='0a1b')
    >>> run_of("/history/data/received_month=202607/00000-0-4b5c.parquet")
    RunName(level=0, run='00000-0-4b5c')
    """
    name = PurePosixPath(path).name
    found = _NAME.fullmatch(name)
    if found is None:
        return RunName(0, name.removesuffix(".parquet"))
    return RunName(int(found[1]), found[2])


def grouped(files: Iterable[AnyFile]) -> dict[tuple[int, str], list[AnyFile]]:
    """Files by level and run, in the order in which they come."""
    runs: dict[tuple[int, str], list[AnyFile]] = {}
    for file in files:
        runs.setdefault((file.level, file.run), []).append(file)
    return runs

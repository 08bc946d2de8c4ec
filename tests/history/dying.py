"""A process that appends or merges, and is killed (SIGKILL) at a given point of it.

Run as ``python -m tests.history.dying WAREHOUSE CATALOGUE_URI POINT``.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from ssa_hub.history import merging, parquet_files, store
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.merge_journal import MergeJournal
from ssa_hub.history.store import History, PositionRange
from tests.history.examples import element_row, elements

LAST_BATCH = elements(*(element_row(f"last-{number}", f"cat-{number + 1}") for number in range(5)))
POSITIONS = {("elements", 0): PositionRange(0, 1)}


def die() -> None:
    """End as a power cut would, but for what the operating system already has."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before(real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that never begins."""

    def replaced(*_arguments: Any, **_named: Any) -> None:
        die()

    return replaced


def dies_after(real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does its work and never returns."""

    def replaced(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        die()

    return replaced


def main(warehouse: str, catalogue_uri: str, point: str) -> None:
    """Do it until the point is reached."""
    merging.FILE_ROWS = parquet_files.FILE_ROWS = 12
    merging._ROWS_AT_A_TIME, merging.BATCH_ROWS_MIN = 9, 3
    pieces = itertools.count()
    what, _, number = point.partition(" ")
    if what == "append-before-commit":
        History._committed = dies_before(History._committed)  # type: ignore[method-assign]
    if what == "append-after-commit":
        History._committed = dies_after(History._committed)  # type: ignore[method-assign]
    if what == "append-while-writing":
        store.written_files = dies_after(store.written_files)
    if what == "merge-before-commit":
        History.replace = dies_before(History.replace)  # type: ignore[method-assign]
    if what == "merge-after-commit":
        MergeJournal.clear = dies_before(MergeJournal.clear)  # type: ignore[method-assign]
    with History.open(warehouse, catalogue_uri) as history:
        if what.startswith("append"):
            history.append("elements", LAST_BATCH, positions=POSITIONS)
        else:

            def paced() -> None:
                if what == "merge-piece" and next(pieces) == int(number):
                    die()

            Compactor(history, "elements", paced, fan_in=4).merge_next()


if __name__ == "__main__":
    main(*sys.argv[1:])

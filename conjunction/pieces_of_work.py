"""Pieces of a run on an executor: a few at a time, with progress, cancelling, and a record of what is done."""

import io
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

_AHEAD = 8  # pieces of work handed to the executor at a time: bounds memory, and how long cancelling takes

Result = TypeVar("Result")


class ScreeningCancelled(Exception):
    """`screen` was asked to stop by its `cancelled` callback; there is no partial result."""


class PieceStore(Protocol):
    """Where pieces are kept by their keys; `conjunction.checkpoint.Checkpoint` is one."""

    def load(self, key: str) -> bytes | None: ...

    def store(self, key: str, content: bytes) -> None: ...


class Kept(NamedTuple):
    """The results of one kind of work that are kept: a named tuple of arrays each, under `prefix` and a number."""

    pieces: PieceStore
    prefix: str
    kind: type

    def load(self, number: int) -> Any:
        """The result of piece `number`, or None."""
        content = self.pieces.load(f"{self.prefix}/{number}")
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return self.kind(**arrays)

    def store(self, number: int, result: Any) -> None:
        """Keep the result of piece `number`."""
        content = io.BytesIO()
        np.savez(content, **result._asdict())
        self.pieces.store(f"{self.prefix}/{number}", content.getvalue())


def in_order(
    executor: Executor,
    task: Callable[..., Result],
    arguments: Iterable[tuple[Any, ...]],
    count: int,
    tell: Callable[[float], None],
    cancelled: Callable[[], bool] | None = None,
    kept: Kept | None = None,
) -> list[Result]:
    """Results of task(*arguments) in order; tell is told the fraction done, of `count` pieces.

    Pieces that are kept are not worked on again. Raises ScreeningCancelled, and what a piece raises.
    """
    waiting = iter(enumerate(arguments))
    running: dict[Future[Result], int] = {}
    results: dict[int, Result] = {}
    try:
        while True:
            if cancelled is not None and cancelled():
                raise ScreeningCancelled("the screening was cancelled")
            for number, argument in islice(waiting, _AHEAD - len(running)):
                done = kept.load(number) if kept is not None else None
                if done is None:
                    running[executor.submit(task, *argument)] = number
                else:
                    results[number] = done
            if not running and len(results) == count:
                return [results[number] for number in range(count)]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                results[number] = future.result()
                if kept is not None:
                    kept.store(number, results[number])
            tell(len(results) / count)
    finally:
        for future in running:
            future.cancel()
        wait(running)

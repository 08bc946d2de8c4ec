"""Answers that take long to send, and end where what they hold may no longer be given to who fetches it."""

import asyncio
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

from ssa_hub.api.problems import Problem, response_of

# How often is asked, while a file is sent, whether it still may be.
LOOK_EVERY_S = 1.0
# Who takes a slice of what is sent for longer than this loses his place to others.
TAKEN_WITHIN_S = 60.0
# Bytes handed to the server at once: what it holds for a client who takes nothing.
SLICE_BYTES = 256 * 1024


class BrokenOffError(Exception):
    """An answer ends before it is whole: only the broken connection tells the client, who may ask again."""


def _slices(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for begin in range(0, len(piece), SLICE_BYTES):
            yield piece[begin : begin + SLICE_BYTES]


class ExportStream(StreamingResponse):
    """What is made while it is sent: ``first``, then the pieces. They are closed, in a thread, where it is given up."""

    def __init__(self, first: bytes, pieces: Generator[bytes, None, None], **answer: Any) -> None:
        super().__init__(_slices(chain([first], pieces)), **answer)
        # Also where nobody ever calls this.
        self._close = weakref.finalize(self, pieces.close)
        self._close.atexit = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises BrokenOffError, also where the client takes nothing for long, and what making it raises."""

        async def sending(message: Message) -> None:
            try:
                async with asyncio.timeout(TAKEN_WITHIN_S):
                    await send(message)
            except TimeoutError:
                raise BrokenOffError("the client takes nothing") from None

        try:
            await super().__call__(scope, receive, sending)
        finally:
            # Not waited for: this may be cancelled, and closing takes as long as reading what is being read.
            asyncio.get_running_loop().run_in_executor(None, self._close)


class ExportFile(FileResponse):
    """A file, whole or in ranges, before each piece of which ``look`` may raise BrokenOffError, once a second.

    Starlette's answer to a range that cannot be is plain text: here it is a problem like any other.
    """

    def __init__(self, path: Path, look: Callable[[], None], **answer: Any) -> None:
        super().__init__(path, **answer)
        self._look = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises what ``look`` raises."""
        problem: Response | None = None
        looked_s = time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal problem, looked_s
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                bounds = {k.decode(): v.decode() for k, v in message["headers"] if k == b"content-range"}
                problem = _not_a_range(message["status"], bounds)
            if problem is not None:
                return
            if message["type"] == "http.response.body" and time.monotonic() - looked_s >= LOOK_EVERY_S:
                await run_in_threadpool(self._look)
                looked_s = time.monotonic()
            await send(message)

        await super().__call__(scope, receive, sending)
        if problem is not None:
            await problem(scope, receive, send)


def _not_a_range(status: int, headers: dict[str, str]) -> Response:
    title = "The file has no such range" if status == 416 else "Range is not valid"
    return response_of(Problem("urn:ssa-hub:problem:range", title, 416), headers)

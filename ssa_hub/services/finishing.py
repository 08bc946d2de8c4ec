"""Blocking work in threads, by what is to become of it when its caller is cancelled.

`asyncio.to_thread` by itself leaves a thread writing into what its owner closes next, and then has the event loop wait
for it, however long it computes.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def finished_in_thread(work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """The result of ``work`` in a thread. Who is cancelled here leaves when the thread has ended: for what writes."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # looked at, so that asyncio does not call it forgotten
        raise


async def left_in_thread(work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """The result of ``work`` in a daemon thread. Who is cancelled here leaves at once: for what only computes."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def tell(answer: Callable[[], None]) -> None:
        # Nobody may be waiting any more, neither for the answer nor on the loop.
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if result.done() else answer())

    def run() -> None:
        try:
            value = work(*arguments, **named)
        except BaseException as error:
            raised = error
            tell(lambda: result.set_exception(raised))
        else:
            tell(lambda: result.set_result(value))

    threading.Thread(target=run, name=getattr(work, "__name__", "work"), daemon=True).start()
    return await result

"""Reading a request's body, up to a limit."""

from collections.abc import Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from ssa_hub.api.problems import ProblemError


async def read_body(request: Request, most_bytes: int, take: Callable[[int], None] = lambda size: None) -> bytes:
    """The request's body. Raises a 413 problem beyond the limit, 400 where there is none.

    ``take`` is told how many bytes come, before they are kept, and may raise.
    """
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most_bytes:
                raise ProblemError(413, "too-large", "Too large", f"At most {most_bytes} bytes in one body.")
            take(len(part))
            parts.append(part)
    except ClientDisconnect:
        # Nobody is there to be answered; but half a body is no body, and no mistake of the hub's either.
        raise ProblemError(400, "cut-off", "Cut off", "The body ended before it was whole.") from None
    if not size:
        raise ProblemError(400, "empty", "Nothing to read", "The body is empty.")
    return b"".join(parts)

"""Every request: an id that goes with each line of the log, a time by route and status, and errors told once.

A plain ASGI middleware: it adds microseconds, and streams pass through it as they are.
"""

import asyncio
import re
import time
import uuid
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssa_hub.api.export_answers import BrokenOffError
from ssa_hub.api.problems import cut_off, mistake
from ssa_hub.measures import REQUEST_SECONDS

REQUEST_ID_HEADER = "SSA-Request-Id"
# What a client may choose: short, and nothing that a log or a terminal could stumble over.
_CHOSEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log_event = structlog.get_logger("api")


class Requests:
    """Around the application's routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or something else, which passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 0
        began_s = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"ssa-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, sending)
            except BrokenOffError as error:
                # Not raised: the server closes the connection of an answer that is not whole by itself.
                log_event.warning("answer broken off", route=_route(scope), reason=str(error))
            except Exception as error:
                log_event.error("request failed", method=scope["method"], route=_route(scope), exc_info=error)
                if status:
                    raise  # the answer has begun: only a broken connection tells the client that it is not whole
                await mistake()(scope, receive, sending)
            except asyncio.CancelledError:
                # The hub is being stopped, and this has waited for longer than is granted: for a log that is away.
                log_event.warning("request cut off", method=scope["method"], route=_route(scope))
                if status:
                    raise
                await cut_off()(scope, receive, sending)
            finally:
                method = scope["method"] if scope["method"] in _METHODS else "other"
                seconds = time.perf_counter() - began_s
                REQUEST_SECONDS.labels(_route(scope), method, str(status or 499)).observe(seconds)


def _request_id(scope: Scope) -> str:
    """The id that the client sent, or one of our own."""
    for name, value in scope["headers"]:
        if name == b"ssa-request-id" and _CHOSEN.fullmatch(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The route's template, so that there are as many as the API has; what matched none is one of them."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "none"))

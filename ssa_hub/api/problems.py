"""Errors of the API as RFC 9457 ``application/problem+json``: one table from error to status.

A refusal says as much as the rules allow and never more: a record that a partner may not see and a record that does
not exist get the same problem, byte for byte.
"""

import errno

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ingest.intake import IntakeClosedError
from ingest.log import LogUnavailableError
from ingest.payload_store import PayloadNotStoredError
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.measures import REFUSED_PUSHES
from ssa_hub.state.failures import StateUnavailableError

MEDIA_TYPE = "application/problem+json"

# What one partner is told is for him. Caches know that of "Authorization", and nothing of "X-API-Key".
NOT_FOR_CACHES = {"Cache-Control": "no-store"}

_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENFILE, errno.EMFILE))

log_event = structlog.get_logger("api")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 members, and ``errors`` for what was wrong with which parameter."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[dict[str, str], ...] = ()


class ProblemError(Exception):
    """Raised by an endpoint to answer with a problem. ``headers`` go with the answer."""

    def __init__(self, status: int, kind: str, title: str, detail: str = "", **headers: str) -> None:
        super().__init__(title)
        self.problem = Problem(type=f"urn:ssa-hub:problem:{kind}", title=title, status=status, detail=detail)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def unauthenticated(detail: str) -> ProblemError:
    """401: no key, or one that the hub does not know."""
    return ProblemError(401, "unauthenticated", "A valid API key is needed", detail, WWW_Authenticate="Bearer")


def not_found(detail: str = "There is no such record, or it is not released to you.") -> ProblemError:
    """404: absent or withheld; the two are never told apart."""
    return ProblemError(404, "not-found", "Not found", detail)


def invalid(detail: str, field: str) -> ProblemError:
    """422: a parameter that cannot be understood."""
    error = ProblemError(422, "invalid-parameter", "A parameter is not valid", detail)
    error.problem = msgspec.structs.replace(error.problem, errors=({"field": field, "message": detail},))
    return error


def not_acceptable(detail: str) -> ProblemError:
    """406: the records cannot be given in the form that was asked for."""
    return ProblemError(406, "not-acceptable", "Not available in this format", detail)


def unavailable(detail: str) -> ProblemError:
    """503: nothing was acknowledged; ask again after ``Retry-After`` seconds."""
    return ProblemError(503, "unavailable", "The hub cannot do this just now", detail, Retry_After="5")


def response_of(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that says a problem."""
    return Response(msgspec.json.encode(problem), problem.status, {**NOT_FOR_CACHES, **(headers or {})}, MEDIA_TYPE)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 (registered for this class only)
    return response_of(error.problem, error.headers)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = tuple(
        {"field": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])} for item in error.errors()
    )
    return response_of(Problem("urn:ssa-hub:problem:invalid-parameter", "A parameter is not valid", 422, errors=errors))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    kind = {404: "no-such-endpoint", 405: "method-not-allowed"}.get(error.status_code, "http")
    headers = dict(error.headers or {})
    route = request.scope.get("route")
    path = request.app.openapi()["paths"].get(getattr(route, "path_format", request.scope["path"]))
    if error.status_code == 405 and path:  # the error knows of one route's methods, the description of the path's
        headers["Allow"] = ", ".join(sorted(method.upper() for method in path))
    return response_of(Problem(f"urn:ssa-hub:problem:{kind}", str(error.detail), error.status_code), headers)


async def _on_bug(request: Request, error: Exception) -> Response:
    """What nobody foresaw: told to the log by the server, and to the client that it is not his doing."""
    return mistake()


def mistake() -> Response:
    """500, and nothing of what went wrong."""
    return response_of(Problem("urn:ssa-hub:problem:internal", "The hub made a mistake", 500))


def cut_off() -> Response:
    """503 to a request that the hub's end has cut off."""
    error = unavailable("The hub is being stopped. What you sent was not acknowledged; send it again.")
    return response_of(error.problem, error.headers)


async def _on_unavailable(request: Request, error: Exception) -> Response:
    log_event.warning("answered 503", path=request.url.path, error=str(error))
    problem = unavailable("A part of the hub is away. What you sent was not acknowledged; send it again.")
    return response_of(problem.problem, problem.headers)


async def _on_disk(request: Request, error: Exception) -> Response:
    """A disk that is full or broken is a part of the hub that is away; any other OSError is a mistake of the hub's."""
    if isinstance(error, OSError) and error.errno in _DISK:
        return await _on_unavailable(request, error)
    raise error


async def _on_intake_closed(request: Request, error: Exception) -> Response:
    assert isinstance(error, IntakeClosedError)  # noqa: S101 (registered for this class only)
    REFUSED_PUSHES.labels(error.reason).inc()
    log_event.warning("push refused", path=request.url.path, reason=error.reason, error=str(error))
    problem = unavailable("The hub takes nothing in just now. What you sent was not acknowledged; send it again.")
    return response_of(problem.problem, {**problem.headers, "Retry-After": str(error.retry_after_s)})


def install(app: FastAPI) -> None:
    """Answer every error of the application as problem+json."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    app.add_exception_handler(IntakeClosedError, _on_intake_closed)
    app.add_exception_handler(OSError, _on_disk)
    for error in (LogUnavailableError, StateUnavailableError, HistoryUnavailableError, PayloadNotStoredError):
        app.add_exception_handler(error, _on_unavailable)


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """OpenAPI ``responses`` for the given problem statuses, and for a request that is no HTTP request."""
    meaning = {
        401: "No valid API key",
        403: "Not for you; the detail says for whom",
        404: "No such record, or not released to you",
        406: "Not available in this format",
        409: "Not complete yet, or given up",
        410: "No longer given out: ask for it again",
        413: "Too large",
        416: "No such range",
        422: "A parameter is not valid, or what was sent cannot be used",
        429: "One at a time; see Retry-After",
        503: "Not possible just now; see Retry-After",
        504: "It took too long",
    }
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    # The server gives this one before there is a request for the hub to answer, so it is no problem document.
    unreadable: dict[str, object] = {
        "description": "No body where one must be, no HTTP, or more than 64 KiB of line and headers",
        "content": {**problem, "text/plain": {"schema": {"type": "string"}}},
    }
    told: dict[int | str, dict[str, object]] = {
        status: {"description": meaning[status], "content": problem} for status in statuses
    }
    return {400: unreadable, **told}

"""One HTTP GET with limits: a total time, a largest body, redirects on the same host only."""

import asyncio
from typing import NamedTuple

import httpx

_REDIRECTS_MAX = 3
_REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})


class Answer(NamedTuple):
    """What the server said. ``body`` is decompressed; ``headers`` are looked up without regard to case."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str


class NoAnswerError(Exception):
    """Nothing usable came back. ``reached`` says whether a request may have reached the server."""

    def __init__(self, message: str, *, reached: bool) -> None:
        super().__init__(message)
        self.reached = reached


async def get(
    client: httpx.AsyncClient, url: httpx.URL, headers: dict[str, str], timeout_s: float, max_body_bytes: int
) -> Answer:
    """Ask once, following up to three redirects on the same host (never from https to http).

    Raises NoAnswerError where the whole takes longer than ``timeout_s``, the connection fails, a redirect leads to
    another host or the body is larger than ``max_body_bytes``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            for _ in range(_REDIRECTS_MAX + 1):
                answer = await _get_one(client, url, headers, max_body_bytes)
                if answer.status not in _REDIRECT_STATUS or "location" not in answer.headers:
                    return answer
                url = _followed(url, answer.headers["location"])
    except TimeoutError as error:
        raise NoAnswerError(f"no complete answer within {timeout_s:g} s", reached=True) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NoAnswerError(f"no connection: {error or type(error).__name__}", reached=False) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswerError(f"{type(error).__name__}: {error}", reached=True) from error
    raise NoAnswerError(f"more than {_REDIRECTS_MAX} redirects", reached=True)


async def _get_one(client: httpx.AsyncClient, url: httpx.URL, headers: dict[str, str], max_body_bytes: int) -> Answer:
    async with client.stream("GET", url, headers=headers) as response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > max_body_bytes:
                raise NoAnswerError(f"the answer is larger than max_body_bytes, {max_body_bytes}", reached=True)
        return Answer(response.status_code, response.headers, bytes(body), str(url))


def _followed(url: httpx.URL, location: str) -> httpx.URL:
    """The address that a redirect names, where it may be followed."""
    target = url.join(location)
    downgraded = url.scheme == "https" and target.scheme != "https"
    if target.host != url.host or target.scheme not in ("http", "https") or downgraded:
        raise NoAnswerError(f"redirected to {target}, which is not the same host: set url to it if right", reached=True)
    return target

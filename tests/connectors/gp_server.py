"""A real HTTP server on loopback that answers like gp.php: each test says what it answers next."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    path: str
    headers: Message


class Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Responder = Callable[[Asked], Reply]


class GpServer:
    """``asked`` holds every request; replies are taken from ``replies``, the last one again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: deque[Reply | Responder] = deque()
        self.port = 0

    def address(self, path: str = "/NORAD/elements/gp.php") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def next_reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        return reply(asked) if callable(reply) else reply


@contextmanager
def running_server() -> Iterator[GpServer]:
    state = GpServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = state.next_reply(Asked(self.path, self.headers))
            self.send_response(reply.status)
            names = {name.lower() for name, _ in reply.headers}
            for name, value in reply.headers:
                self.send_header(name, value)
            if "content-length" not in names:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

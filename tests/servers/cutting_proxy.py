"""A proxy before an HTTP server that loses chosen requests or their answers, as a network does."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self
from urllib.parse import urlsplit

# What happens to the next commit: lost on its way, its answer lost, or its answer replaced by one with this status.
Fault = Literal["lost", "answer lost", "403", "500", "503"]


class CuttingProxy:
    """Passes everything on, but for one commit (a POST to a table) once ``fault`` is set."""

    def __init__(self, url: str) -> None:
        self.fault: Fault | None = None
        self.faults = 0
        self.authorizations: set[str | None] = set()
        address = urlsplit(url.removeprefix("rest+")).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _passed_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.authorizations.add(self.headers.get("Authorization"))
                fault = None
                if self.command == "POST" and "/tables/" in self.path:
                    fault, proxy.fault = proxy.fault, None
                    proxy.faults += fault is not None
                if fault == "lost":
                    self.close_connection = True
                    return
                status, kind, answer = _asked(address, self.command, self.path, dict(self.headers), body)
                if fault == "answer lost":
                    self.close_connection = True
                    return
                if fault is not None:
                    status, kind, answer = int(fault), "text/plain", b""
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = do_HEAD = _passed_on

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"rest+http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _asked(address: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, body, {**headers, "Accept-Encoding": "identity"})
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type"), response.read()
    finally:
        connection.close()

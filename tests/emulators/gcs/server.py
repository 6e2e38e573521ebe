"""The API over HTTP/1.1 on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.emulators.gcs.notify import Dispatcher, Subscriber
from tests.emulators.gcs.routes import Api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    api: Api

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        answer = self.api.answer(self.command, self.path, self.headers, self._body())
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in {204, 304}:
            self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 -- http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@dataclass(frozen=True)
class Emulator:
    """A running emulator; `api` for what only the service itself may set."""

    url: str
    api: Api
    dispatcher: Dispatcher


@contextmanager
def running(port: int = 0, *subscribers: Subscriber) -> Iterator[Emulator]:
    """Serve on a loopback port (0: a free one); every notification message goes to each subscriber, in order."""
    dispatcher = Dispatcher(list(subscribers))
    api = Api(dispatcher)
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"api": api}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Emulator(f"http://127.0.0.1:{server.server_port}", api, dispatcher)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
        dispatcher.close()

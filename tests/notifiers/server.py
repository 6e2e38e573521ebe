"""A listener on loopback that keeps what is posted and answers as told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_ANSWER = b"<ErrorResponse><Error><Code>Refused</Code><Message>as told</Message></Error></ErrorResponse>"


@dataclass
class Listener:
    """`status` is what it answers next, `silent` whether it never does; `requests` are headers and bodies."""

    url: str = ""
    status: int = 200
    silent: bool = False
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    listener: ClassVar[Listener]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.listener.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if self.listener.silent:
            self.listener.released.wait()
            return
        self.send_response(self.listener.status)
        self.send_header("Location", self.listener.url)
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener for as long as the block lasts."""
    listener = Listener()
    handler = type("Handler", (_Handler,), {"listener": listener})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        listener.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield listener
        finally:
            listener.released.set()
            server.shutdown()

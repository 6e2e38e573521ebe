"""A loopback HTTP proxy in front of an emulator, which fails as a test tells it to."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next `times` requests whose method is `method` (any, when empty).

    `edit` forwards, then replaces `headers` of the answer and `swap` in its body.
    """

    kind: str = "status"  # status | silence | reset | cut | edit
    status: int = 503
    body: bytes = b""
    times: int = 1_000
    method: str = ""
    content_type: str = "application/xml"
    headers: dict[str, str] = field(default_factory=dict)
    swap: tuple[bytes, bytes] = (b"", b"")


@dataclass
class Proxy:
    """Where clients connect, what was asked, and what fails."""

    upstream: str
    url: str = ""
    requests: list[str] = field(default_factory=list)
    fault: Fault | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def take(self, method: str) -> Fault | None:
        fault = self.fault
        if fault is None or fault.times < 1 or fault.method not in {"", method}:
            return None
        fault.times -= 1
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        body = self._body()
        self.proxy.requests.append(f"{self.command} {self.path}")
        fault = self.proxy.take(self.command)
        if fault is None or fault.kind in {"cut", "edit"}:
            self._forward(body, fault or Fault(kind="edit"))
        elif fault.kind == "silence":
            self.proxy.released.wait(10)
            self.close_connection = True
        elif fault.kind == "reset":
            self._reset()
        else:
            self._answer(fault.status, {"Content-Type": fault.content_type}, fault.body)

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

    def _forward(self, body: bytes, fault: Fault) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=30)
        try:
            # The Host header stays the proxy's own, which the client signed.
            hop = {"connection", "transfer-encoding", "expect", "content-length"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in hop}
            connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            answer = connection.getresponse()
            data = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in hop}
            kept |= {name: value for name, value in fault.headers.items() if name != "Content-Length"}
            if fault.swap[0]:
                data = data.replace(*fault.swap)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            length = fault.headers.get("Content-Length", length)
            self._answer(answer.status, kept, data, length=length, cut=fault.kind == "cut")
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: dict[str, str], data: bytes, *, length: str | None = None, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = self.close_connection or cut

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that a test broke is no news."""


@contextmanager
def before(upstream: str) -> Iterator[Proxy]:
    """A proxy in front of `upstream`, a URL, for as long as the block lasts."""
    proxy = Proxy(upstream)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)

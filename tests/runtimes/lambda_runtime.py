"""AWS Lambda without Lambda: the Runtime API (2018-06-01) around the real awslambdaric in a subprocess."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.runtimes.process import TAIL, Process, ProcessError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:customhouse"


@dataclass(frozen=True)
class Answer:
    """What an invocation came to: the handler's own answer, or `failed` and Lambda's error document."""

    payload: Any
    failed: bool = False


class _RuntimeApi(ThreadingHTTPServer):
    """`GET invocation/next`, `POST invocation/ID/response|error` and `POST init/error`, as AWS documents them."""

    daemon_threads = True

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.timeout_seconds = timeout_seconds
        self.invocations: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self.answers: dict[str, Future[Answer]] = {}
        self.init_error: Future[Any] = Future()


class _Exchange(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # with Nagle off: without both, each invocation waits 40 ms twice for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        identifier, body = invocation
        deadline = int((time.time() + self.server.timeout_seconds) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": identifier,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }
        self._answer(200, body, headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        *_, identifier, outcome = self.path.split("/")
        if identifier == "init":
            self.server.init_error.set_result(body)
        else:
            self.server.answers.pop(identifier).set_result(Answer(body, failed=outcome == "error"))
        self._answer(202, b'{"status":"OK"}', {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent: the runtime's own output is what a reader wants."""


class LambdaRuntime:
    """One Lambda execution environment serving `handler` from `folder`; invocations are served one after another."""

    def __init__(
        self,
        folder: Path,
        handler: str,
        *,
        environment: Mapping[str, str],
        timeout_seconds: float = 60.0,
        python: str = sys.executable,
    ) -> None:
        self._api = _RuntimeApi(timeout_seconds)
        threading.Thread(target=self._api.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        settings = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "customhouse",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(folder),
            "_HANDLER": handler,
        }
        command = [python, "-m", "awslambdaric", handler]
        self._process = Process(command, folder=folder, environment=settings | dict(environment))

    @property
    def output(self) -> str:
        """What the function logged so far: Powertools' JSON lines and metrics among it."""
        return self._process.output

    def invoke(self, event: object) -> Answer:
        """Send one event and wait for its answer; ProcessError when the environment cannot give one in time."""
        identifier = str(uuid.uuid4())
        answer: Future[Answer] = Future()
        self._api.answers[identifier] = answer
        self._api.invocations.put((identifier, json.dumps(event).encode()))
        self._process.wait_until(lambda: answer.done() or self._api.init_error.done(), self._api.timeout_seconds)
        if not answer.done():
            raise ProcessError(f"initialisation: {self._api.init_error.result()}\n{self.output[-TAIL:]}")
        return answer.result()

    def close(self) -> None:
        """End the function, then the API."""
        self._process.close()
        self._api.invocations.put(None)
        self._api.shutdown()
        self._api.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""Cloud Functions without Google: the real functions-framework (gunicorn) in a subprocess on a free port."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from tests.runtimes import wire
from tests.runtimes.process import Process, free_port

START_SECONDS = 30.0


class FunctionsFramework:
    """One function of `folder`/main.py; the folder is the working directory, as /workspace is on Cloud Run."""

    def __init__(
        self,
        folder: Path,
        target: str,
        signature: Literal["cloudevent", "http"],
        *,
        environment: Mapping[str, str],
        port: int = 0,
        python: str = sys.executable,
    ) -> None:
        self.port = port or free_port()
        command = [python, "-m", "functions_framework", "--target", target, "--signature-type", signature]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self._process = Process(command, folder=folder, environment=environment)
        try:
            self._process.wait_until(self._ready, START_SECONDS)
        except BaseException:
            self._process.close()
            raise

    @property
    def url(self) -> str:
        """Where the function listens."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def output(self) -> str:
        """What the function logged so far."""
        return self._process.output

    def _ready(self) -> bool:
        """Whether the framework answers: it refuses this request itself, once the function is imported."""
        try:
            wire.get(self.port, "/robots.txt")
        except OSError:
            return False
        return True

    def post(self, document: object, headers: Mapping[str, str], path: str = "/") -> wire.Reply:
        """Send one event or request, as JSON."""
        return wire.post(self.port, path, document, headers)

    def close(self) -> None:
        """End the server and its workers."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

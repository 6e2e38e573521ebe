"""A runtime as a subprocess of ours: its output is kept, and it ends with everything it started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

TAIL = 4000
POLL_SECONDS = 0.02


class ProcessError(RuntimeError):
    """A runtime did not start, or ended by itself; the message holds the end of its output."""


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Process:
    """A command in its own session, so that one signal ends its whole family."""

    def __init__(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], files: Sequence[int] = ()
    ) -> None:
        self._log, path = tempfile.mkstemp()
        Path(path).unlink()
        base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=base | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(files),
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """Everything that was printed so far."""
        return os.pread(self._log, os.fstat(self._log).st_size, 0).decode(errors="replace")

    def check(self) -> None:
        """Raise ProcessError when the process has ended."""
        if self._process.poll() is not None:
            raise ProcessError(f"ended with status {self._process.returncode}:\n{self.output[-TAIL:]}")

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Poll `ready` until it says yes; ProcessError when the process ends or the time does."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"not ready after {seconds:g} s:\n{self.output[-TAIL:]}")
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Ask the family to end, insist after three seconds."""
        for request in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, request)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
                break
        os.close(self._log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

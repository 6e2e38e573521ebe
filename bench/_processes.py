"""A process run to its end: CPU and wall seconds, peak memory, what it printed."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One process: CPU and wall seconds, peak resident megabytes, what it printed."""

    cpu: float
    wall: float
    memory: float
    said: str


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; its exit status is its own affair (leak scanners end with 1 when they find one)."""
    began, memory = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
        )
        while True:
            memory = max(memory, _peak(process.pid))
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.005)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Run(usage.ru_utime + usage.ru_stime, wall, memory, output.read())


def _peak(pid: int) -> float:
    """Megabytes by the process's own count: what rusage says includes the process that started it."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)

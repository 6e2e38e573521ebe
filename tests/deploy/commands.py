"""What a deployment script would run: the clouds' own tools replaced by a recorder in front of PATH."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_RECORDER = """#!/bin/sh
printf '%s\\0' "${{0##*/}}" "$@" >>{record}
printf '\\n\\0' >>{record}
case "$*" in
{cases}
esac
"""


def recorded(
    script: Path,
    folder: Path,
    *,
    answers: Mapping[str, str | None],
    environment: Mapping[str, str],
    cwd: Path,
    status: int = 0,
) -> list[list[str]]:
    """The commands of az, func and gcloud that `script` runs, in order.

    `answers` says by the first words of a command what it prints; None makes it fail. `status` is how the script ends.
    """
    tools, record = folder / "bin", folder / "record"
    tools.mkdir()
    record.touch()
    text = _RECORDER.format(record=shlex.quote(str(record)), cases="\n".join(map(_case, answers.items())))
    for name in ("az", "func", "gcloud"):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["bash", script],
        cwd=cwd,
        env=dict(environment) | {"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return [command.split("\0")[:-1] for command in record.read_text().split("\n\0")[:-1]]


def _case(answer: tuple[str, str | None]) -> str:
    start, text = answer
    action = "exit 1" if text is None else f"echo {shlex.quote(text)}"
    return f"{shlex.quote(start)}*) {action} ;;"


def option(command: Sequence[str], name: str) -> str:
    """The value of `--name=value`."""
    return next(word.partition("=")[2] for word in command if word.startswith(f"--{name}="))

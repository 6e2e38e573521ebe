"""What a deployment script would run: the clouds' own tools replaced by a recorder in front of PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_RECORDER = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps([os.path.basename(sys.argv[0]), *words]) + "\\n")
for start, answer in json.loads(os.environ["ANSWERS"]).items():
    if " ".join(words).startswith(start):
        if answer is None:
            sys.exit(1)
        print(answer)
        break
"""


def recorded(
    script: Path, folder: Path, *, answers: Mapping[str, str | None], environment: Mapping[str, str], cwd: Path
) -> list[list[str]]:
    """The commands of az, func and gcloud that `script` runs, in order.

    `answers` says by the first words of a command what it prints; None makes it fail.
    """
    tools = folder / "bin"
    tools.mkdir()
    for name in ("az", "func", "gcloud"):
        (tools / name).write_text(_RECORDER.format(python=sys.executable))
        (tools / name).chmod(0o755)
    record = folder / "record"
    record.touch()
    done = subprocess.run(
        ["bash", script],
        cwd=cwd,
        env=dict(environment)
        | {"PATH": f"{tools}:{os.environ['PATH']}", "RECORD": str(record), "ANSWERS": json.dumps(dict(answers))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in record.read_text().splitlines()]


def option(command: Sequence[str], name: str) -> str:
    """The value of `--name=value`."""
    return next(word.partition("=")[2] for word in command if word.startswith(f"--{name}="))

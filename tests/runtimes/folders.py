"""The deployment folders, made by the very rules of the Makefile that a deployment uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]

CloudName = Literal["aws", "gcp", "azure"]


def build(*clouds: CloudName) -> dict[CloudName, Path]:
    """Build these clouds' folders anew with this interpreter's environment, which is there already."""
    goals = [f"build/{cloud}" for cloud in clouds]
    ready = "--assume-old=.venv/.ready"
    command = ["make", "--silent", ready, f"BIN={Path(sys.executable).parent}", *goals]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return {cloud: ROOT / goal for cloud, goal in zip(clouds, goals, strict=True)}


def core_of(folder: Path) -> Path:
    """The file that a process started in `folder`, as every runtime is, imports `customhouse` from."""
    command = [sys.executable, "-c", "import customhouse; print(customhouse.__file__)"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())

"""What the tests of the three handlers share."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.runtimes.folders import ROOT

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Buckets:
    """Four fresh names below a root such as `s3://`, and the settings that point a function at them."""

    root: str
    suffix: str

    @classmethod
    def fresh(cls, root: str) -> Buckets:
        return cls(root, uuid.uuid4().hex[:8])

    def name(self, purpose: str) -> str:
        return f"{purpose}-{self.suffix}"

    @property
    def names(self) -> list[str]:
        return [self.name(purpose) for purpose in ("intake", "released", "quarantine", "records")]

    @property
    def settings(self) -> Mapping[str, str]:
        purposes = ("intake", "released", "quarantine", "records")
        return {f"CUSTOMHOUSE_{one.upper()}": f"{self.root}{self.name(one)}" for one in purposes}


def hold(environment: Mapping[str, str], key: str) -> None:
    """Claim an uploaded object for another run, whose lease lasts; its event can then only be Transient."""
    command = [sys.executable, "-m", "tests.functions.rival", key]
    subprocess.run(command, cwd=ROOT, env=dict(environment), check=True)


def until(condition: Callable[[], object], output: Callable[[], str]) -> None:
    """Wait for something that another process brings about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, output()
        time.sleep(0.05)

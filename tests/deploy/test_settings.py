"""Every CUSTOMHOUSE_ variable that a deployment sets is one that the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from customhouse import settings
from tests.deploy.tools import ROOT

DEPLOYMENTS = [
    "template.yaml",
    "deploy/gcp/deploy.sh",
    "deploy/azure/main.bicep",
    "deploy/container/cloud-run.yaml",
    "deploy/container/container-app.yaml",
    "deploy/container/fargate-task.json",
]
NEEDED = {f"CUSTOMHOUSE_{name}" for name in ("INTAKE", "RELEASED", "QUARANTINE", "RECORDS")}


def named(path: Path) -> set[str]:
    return set(re.findall(r"CUSTOMHOUSE_[A-Z_]+", path.read_text()))


def read() -> set[str]:
    """What settings.py reads by prefix, and what a handler or a notifier reads of its own."""
    prefixed = set(re.findall(r"\{PREFIX\}([A-Z_]+)", Path(settings.__file__ or "").read_text()))
    own = [named(path) for folder in ("functions", "shared/customhouse") for path in (ROOT / folder).rglob("*.py")]
    return {f"{settings.PREFIX}{name}" for name in prefixed}.union(*own)


@pytest.mark.parametrize("file", DEPLOYMENTS)
def test_every_variable_that_is_set_is_read(file: str) -> None:
    assert named(ROOT / file) <= read()


@pytest.mark.parametrize("file", DEPLOYMENTS)
def test_every_place_that_the_core_needs_is_set(file: str) -> None:
    assert named(ROOT / file) >= NEEDED

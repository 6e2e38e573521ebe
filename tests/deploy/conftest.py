"""What the tests of the deployment share: the built function, and an AWS on loopback that it is deployed to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.ministack import Ministack, started
from tests.deploy.tools import ROOT, tool
from tests.runtimes import folders


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder that `sam build` makes of build/aws; kept, so that the second run finds its wheels unpacked."""
    folders.build("aws")
    out = ROOT / "build" / "sam"
    done = tool("sam").run(
        "sam",
        "build",
        "-t",
        ROOT / "template.yaml",
        "--build-dir",
        out,
        "--cached",
        "--cache-dir",
        ROOT / "build/sam-cache",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def aws() -> Iterator[Ministack]:
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as running:
        yield running

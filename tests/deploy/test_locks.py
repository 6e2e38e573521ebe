"""The locks: pinned, hashed, third parties only, for Linux and Python 3.12, and of no one's own index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import ROOT

CLOUDS = {"aws": ("aws",), "gcp": ("gcp",), "azure": ("azure",), "container": ("aws", "gcp", "azure")}
EXTRAS = {cloud: (*extras, "vulnerabilities") for cloud, extras in CLOUDS.items()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lock(cloud: str) -> Path:
    return ROOT / "functions" / cloud / "requirements.txt"


def pinned(cloud: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", lock(cloud).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("cloud", EXTRAS)
def test_it_satisfies_the_core_and_its_extras(cloud: str) -> None:
    wanted = [*PROJECT["dependencies"]]
    for extra in EXTRAS[cloud]:
        wanted += PROJECT["optional-dependencies"][extra]
    versions = pinned(cloud)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement
    assert "customhouse" not in versions


@pytest.mark.parametrize("cloud", EXTRAS)
def test_every_pin_has_hashes(cloud: str) -> None:
    text = lock(cloud).read_text()
    requirements = re.findall(r"^[A-Za-z0-9._-]+==.*?(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(requirements) == len(pinned(cloud)) > 10
    assert all("--hash=sha256:" in one for one in requirements)


@pytest.mark.parametrize("cloud", EXTRAS)
def test_it_names_no_index_no_host_and_no_path(cloud: str) -> None:
    text = lock(cloud).read_text()
    assert "make lock" in text
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|--trusted|(?:^| )/", text, re.MULTILINE)


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_it_holds_no_other_clouds_sdk(cloud: str) -> None:
    sdks = {"aws": "boto3", "gcp": "google-cloud-storage", "azure": "azure-storage-blob"}
    assert sdks.keys() & {cloud} == {name for name, sdk in sdks.items() if sdk in pinned(cloud)}

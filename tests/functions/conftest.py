import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.runtimes.folders import CloudName, build

Install = Callable[[CloudName], str]
"""Makes an environment that holds a folder's lock and what the platform itself brings; gives its interpreter."""

PLATFORM: Mapping[CloudName, list[str]] = {
    "aws": ["awslambdaric==4.2.2", "simplejson", "snapshot-restore-py"],
    "gcp": [],
    "azure": [
        "--ignore-requires-python",
        "azure-functions-runtime==1.3.0",
        "azurefunctions-extensions-base",
    ],
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[CloudName, Path]:
    """The built folders, moved away from where another test or target would build them anew."""
    copies = tmp_path_factory.mktemp("folders")
    return {cloud: shutil.copytree(folder, copies / cloud) for cloud, folder in build("aws", "gcp", "azure").items()}


@pytest.fixture(scope="session")
def clean_python(folders: Mapping[CloudName, Path], tmp_path_factory: pytest.TempPathFactory) -> Install:
    def install(cloud: CloudName) -> str:
        environment = tmp_path_factory.mktemp(f"clean-{cloud}")
        venv.create(environment, with_pip=False)
        python = str(environment / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--no-compile"]  # a lock names everything; compiling everything takes longest
        subprocess.run([*pip, "--requirement", str(folders[cloud] / "requirements.txt")], check=True)
        if PLATFORM[cloud]:
            subprocess.run([*pip, *PLATFORM[cloud]], check=True)
        return python

    return install

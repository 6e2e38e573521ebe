import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.runtimes.folders import ROOT, CloudName

ENTRIES: Mapping[CloudName, str] = {"aws": "handler.py", "gcp": "main.py", "azure": "function_app.py"}
UNCHECKED_HASH = 0b01


@pytest.mark.parametrize(("cloud", "entry"), ENTRIES.items())
def test_folder_holds_the_entry_the_lock_the_core_and_nothing_else(
    folders: Mapping[CloudName, Path], cloud: CloudName, entry: str
) -> None:
    names = {path.name for path in folders[cloud].iterdir()} - {"__pycache__"}
    distribution = {name for name in names if name.startswith("customhouse-")}
    assert len(distribution) == 1
    extra = {"host.json"} if cloud == "azure" else set()
    assert names - distribution == {entry, "requirements.txt", "customhouse"} | extra


def test_bytecode_is_compiled_and_trusted_without_its_source(folders: Mapping[CloudName, Path]) -> None:
    for folder in folders.values():
        compiled = list(folder.rglob("*.pyc"))
        assert len(compiled) == len(list(folder.rglob("*.py")))
        assert all(int.from_bytes(path.read_bytes()[4:8], "little") == UNCHECKED_HASH for path in compiled)


@pytest.mark.parametrize(("cloud", "entry"), ENTRIES.items())
def test_handler_stays_thin(cloud: CloudName, entry: str) -> None:
    lines = (ROOT / "functions" / cloud / entry).read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 40


def test_host_gives_a_message_time_for_every_retry() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    queues = host["extensions"]["queues"]
    assert queues["messageEncoding"] == "base64"
    assert queues["maxDequeueCount"] >= 3
    assert queues["newBatchThreshold"] < queues["batchSize"]
    assert host["functionTimeout"] == "00:10:00"

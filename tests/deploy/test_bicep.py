"""main.bicep: parsed, scanned by checkov, and read for what it grants and sets (its compiler is in no registry)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from tests.deploy.tools import ROOT, tool

BICEP = ROOT / "deploy" / "azure" / "main.bicep"


@cache
def resources() -> dict[str, Any]:
    pycep = pytest.importorskip("pycep")
    parsed: dict[str, Any] = pycep.BicepParser().parse(text=BICEP.read_text())
    return dict(parsed["resources"])


def config(name: str) -> dict[str, Any]:
    found = resources()[name]["config"]
    return dict(found["config"] if "condition" in found else found)


@pytest.mark.deploy
def test_checkov_finds_nothing_that_is_not_explained() -> None:
    options = ("--config-file", BICEP.parent / "checkov.yaml", "--skip-download")
    done = tool("checkov").run("checkov", "-f", BICEP, *options)
    assert done.returncode == 0, done.stdout
    assert "Failed checks: 0" in done.stdout
    assert "Parsing errors" not in done.stdout


def test_no_account_takes_keys_or_anonymous_readers() -> None:
    for name in ("created", "host"):
        properties = config(name)["properties"]
        assert properties["allowSharedKeyAccess"] is False
        assert properties["allowBlobPublicAccess"] is False


def test_event_grid_and_the_function_meet_at_the_same_queue() -> None:
    text = BICEP.read_text()
    queue = re.search(r"var queueName = '([a-z-]+)'", text)
    assert queue is not None
    assert f'"CUSTOMHOUSE_QUEUE", "{queue[1]}"' in (ROOT / "functions/azure/function_app.py").read_text()
    delivery = config("subscription")["properties"]["deliveryWithResourceIdentity"]
    assert delivery["destination"]["endpointType"] == "StorageQueue"


def test_what_event_grid_cannot_deliver_is_kept() -> None:
    properties = config("subscription")["properties"]
    assert properties["deadLetterWithResourceIdentity"]["deadLetterDestination"]["endpointType"] == "StorageBlob"

"""On every cloud an upload is delivered again for longer than a dead run's lease lasts: else its event ends as dead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customhouse.catalog import Catalog
from customhouse.stores import open_store
from tests.deploy.commands import option, recorded
from tests.deploy.template import read
from tests.deploy.test_scripts import GCP, NOTHING_THERE, PROJECT, named
from tests.deploy.tools import ROOT

LEASE = Catalog(open_store("memory://records"), "").lease


def seconds(text: str) -> int:
    hours, minutes, rest = map(int, text.split(":"))
    return (hours * 60 + minutes) * 60 + rest


def test_aws_for_every_timeout() -> None:
    template = read()
    times = template["Resources"]["Events"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    for entry in template["Mappings"]["Visibility"].values():
        assert (times - 1) * entry["Seconds"] > LEASE


def test_azure() -> None:
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert (queues["maxDequeueCount"] - 1) * seconds(queues["visibilityTimeout"]) > LEASE


def test_the_documents_tell_the_same_numbers_and_what_to_do() -> None:
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    azure, google, aws = ((ROOT / "docs" / f"deploy-{name}.md").read_text() for name in ("azure", "gcp", "aws"))
    assert f"tried {host['maxDequeueCount']} times, a minute apart" in azure
    assert "tried 20 times in some two hours" in google
    assert "What to do with dead letters" in google  # where the alert leads to
    assert "tried five times" in aws


@pytest.fixture
def update(tmp_path: Path) -> list[str]:
    """What the script makes of Eventarc's subscription."""
    commands = recorded(GCP / "deploy.sh", tmp_path, answers=NOTHING_THERE, environment=PROJECT, cwd=ROOT)
    [found] = named(commands, "pubsub", "subscriptions", "update")
    return list(found)


def test_google_cloud(update: list[str]) -> None:
    first, most = (int(option(update, name).removesuffix("s")) for name in ("min-retry-delay", "max-retry-delay"))
    times = int(option(update, "max-delivery-attempts"))
    assert times == 20  # as the document says
    assert sum(min(first * 2**at, most) for at in range(times - 1)) > LEASE
    assert times <= 100  # what Pub/Sub takes


def test_an_event_of_google_cloud_is_acknowledged_before_it_is_delivered_anew(update: list[str]) -> None:
    assert int(option(update, "ack-deadline")) > 540  # the function's timeout

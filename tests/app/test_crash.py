"""Killed at every store call in turn and delivered again, the end is that of an undisturbed run."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Literal

import botocore.session
import pytest
from azure.storage.blob import BlobServiceClient

from customhouse.ports import Store
from customhouse.stores import open_store
from tests.app.world import EICAR, NOW, PARTS, World, memory
from tests.stores.faults import Calls, Killed

LATER = NOW + 10_000
MAX_CALLS = 60
ARTIFACTS = {"clean": b"nothing but text", "eicar": EICAR}


@pytest.fixture(params=["memory", "memory-versioned"])
def make_world(request: pytest.FixtureRequest) -> Callable[[], World]:
    return lambda: World.of(memory(versioned=request.param == "memory-versioned"))


def prefixed(stores: Mapping[str, Store]) -> Callable[[], World]:
    """Worlds that share four buckets, each under a prefix of its own."""
    return lambda: World(stores, f"{uuid.uuid4().hex}/")


@pytest.fixture(params=["unversioned", "versioned"])
def s3_world(request: pytest.FixtureRequest, s3_endpoint: str) -> Callable[[], World]:
    client = botocore.session.get_session().create_client("s3", endpoint_url=s3_endpoint)
    names = {part: f"{part}-{uuid.uuid4().hex}" for part in PARTS}
    for name in names.values():
        client.create_bucket(Bucket=name)
        if request.param == "versioned":
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return prefixed({part: open_store(f"s3://{name}", {"endpoint": s3_endpoint}) for part, name in names.items()})


@pytest.fixture
def blob_world(azure_connection_string: str) -> Callable[[], World]:
    service = BlobServiceClient.from_connection_string(azure_connection_string)
    names = {part: f"{part}-{uuid.uuid4().hex}" for part in PARTS}
    for name in names.values():
        service.create_container(name)
    options = {"azure_connection_string": azure_connection_string}
    return prefixed({part: open_store(f"az://{service.account_name}/{name}", options) for part, name in names.items()})


def undisturbed(make_world: Callable[[], World], data: bytes) -> dict[str, object]:
    world = make_world()
    world.app().process(world.upload("in/a.txt", data))
    return world.state()


def killed_at(number: int, mode: Literal["before", "after"], world: World, data: bytes) -> bool:
    """Process once, dying at a call, then again in a new process; whether it died at all."""
    event = world.upload("in/a.txt", data)
    died = False
    try:
        world.app(Calls(number, mode)).process(event)
    except Killed:
        died = True
    world.app(now=LATER).process(event)
    world.app(now=LATER + 10_000).run_schedule("reconcile", 60)
    return died


def exhaust(make_world: Callable[[], World], data: bytes, mode: Literal["before", "after"]) -> None:
    expected = undisturbed(make_world, data)
    for number in itertools.count(1):
        world = make_world()
        died = killed_at(number, mode, world, data)
        assert world.state() == expected, f"killed {mode} call {number}"
        if not died:
            break
        assert number < MAX_CALLS
    assert number > 4, "an artifact takes more calls than this: was it processed at all?"


@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("artifact", sorted(ARTIFACTS))
def test_killed_anywhere_ends_as_if_undisturbed(
    make_world: Callable[[], World], artifact: str, mode: Literal["before", "after"]
) -> None:
    exhaust(make_world, ARTIFACTS[artifact], mode)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("artifact", sorted(ARTIFACTS))
def test_killed_anywhere_on_s3_ends_as_if_undisturbed(
    s3_world: Callable[[], World], artifact: str, mode: Literal["before", "after"]
) -> None:
    exhaust(s3_world, ARTIFACTS[artifact], mode)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("artifact", sorted(ARTIFACTS))
def test_killed_anywhere_on_blob_storage_ends_as_if_undisturbed(
    blob_world: Callable[[], World], artifact: str, mode: Literal["before", "after"]
) -> None:
    exhaust(blob_world, ARTIFACTS[artifact], mode)

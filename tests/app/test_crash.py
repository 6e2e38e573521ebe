"""Killed at every store call in turn and delivered again, the end is that of an undisturbed run."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import pytest

from customhouse.stores.memory import MemoryStore
from tests.app.world import EICAR, NOW, World
from tests.stores.faults import Calls, Killed

LATER = NOW + 10_000
MAX_CALLS = 60
ARTIFACTS = {"clean": b"nothing but text", "eicar": EICAR}


def memory(*, versioned: bool) -> Callable[[], World]:
    return lambda: World.of(lambda part: MemoryStore(f"memory://{part}", versioned=versioned))


@pytest.fixture(params=["memory", "memory-versioned"])
def make_world(request: pytest.FixtureRequest) -> Callable[[], World]:
    return memory(versioned=request.param == "memory-versioned")


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

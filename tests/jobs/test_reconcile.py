from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.jobs.reconcile import Pass
from customhouse.stores import split
from tests.app.world import NOW, World, memory
from tests.stores.faults import Calls


@pytest.fixture
def world() -> World:
    return World.of(memory())


def reads(world: World, now: float = NOW) -> list[str]:
    calls = Calls()
    world.app(calls, now=now).run_schedule("reconcile", 60)
    return [name for name in calls.made if name == "read"]


@given(st.floats(0, 1e11), st.floats(0, 1e11), st.text(st.characters()))
def test_a_pass_reads_back_as_it_was_written(since: float, began: float, after: str) -> None:
    at = Pass(since, began, after)
    assert Pass.read(str(at)) == at


def test_a_pass_reads_no_record_of_what_the_pass_before_saw_finished(world: World) -> None:
    for n in range(5):
        world.upload(f"in/{n}", b"hello %d" % n)
    first, second = reads(world), reads(world)
    assert len(first) > 10
    assert len(second) == 2  # the two cursors


def test_what_was_uploaded_after_the_pass_before_is_found(world: World) -> None:
    world.app(now=1.0).run_schedule("reconcile", 60)
    world.upload("in/late", b"hello")
    assert world.app(now=1.0).run_schedule("reconcile", 60)["decided"] == 1


def test_what_could_not_be_done_is_looked_at_again(world: World) -> None:
    event = world.upload("in/a", b"hello")
    busy = world.app()
    held = busy.catalog.claim(busy.store(event.location.root).stat(event.location), NOW)
    assert held is not None  # another run is at it, and will die
    assert world.app().run_schedule("reconcile", 60)["later"] == 1
    assert world.app(now=NOW + 10_000).run_schedule("reconcile", 60)["decided"] == 1


def test_a_run_that_is_out_of_time_in_a_listing_of_finished_ones_goes_on_behind_them(world: World) -> None:
    for n in range(3):
        world.app().process(world.upload(f"in/{n}", b"hello"))
    app = world.app()
    root, _ = split(app.settings.intake[0])
    assert not app.run_schedule("reconcile", 0)["complete"]
    assert Pass.read(app.cursors.get("reconcile", root)).after == "in/0"

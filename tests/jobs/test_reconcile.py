from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Rejected
from customhouse.jobs import Expired
from customhouse.jobs.reconcile import Pass
from customhouse.jobs.reconcile import run as reconcile
from customhouse.model import Location, Stat
from customhouse.ports import Store
from customhouse.stores import open_store, split
from tests.app.test_deliveries import QUICK
from tests.app.world import EICAR, NOW, PARTS, World, memory
from tests.stores.faults import Calls, FaultyStore


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


@pytest.mark.parametrize("text", ["", " ", "a b c", "1.0", "1.0 2.0", "nan x y", "1,0 2,0 in/a"])
def test_a_cursor_that_is_none_of_ours_begins_anew(text: str) -> None:
    assert Pass.read(text) == Pass()


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


def broken(world: World) -> None:
    """The first record no longer reads."""
    stat = next(iter(world.stores["records"].list("records/")))
    world.stores["records"].put(stat.location.key, b"{")


def test_a_record_that_does_not_read_is_counted_and_costs_no_other_artifact(world: World) -> None:
    world.app().process(world.upload("in/a", b"hello"))
    broken(world)
    world.upload("in/b", b"other")
    done = world.app(now=NOW + 10_000).run_schedule("reconcile", 60)
    assert done == {"job": "reconcile", "complete": True, "unreadable": 1, "decided": 1}
    assert world.app(now=NOW + 20_000).run_schedule("reconcile", 60) == {"job": "reconcile", "complete": True}


def test_a_record_that_is_written_while_it_is_looked_for_is_a_live_run(world: World) -> None:
    world.app().process(world.upload("in/a", b"hello"))
    records = world.stores["records"]
    app = world.app(now=NOW + 10_000)
    for key, record in app.catalog.unfinished(NOW + 10_000):
        assert record is None
        records.delete(Location(records.root, key))
    world.app().process(world.upload("in/b", b"hello"))
    listed = list(records.list("records/"))
    records.put(listed[0].location.key, b"{}")  # the version that was listed is no longer there
    catalog = replace(app.catalog, store=Listed(records, listed))
    assert [record for _, record in catalog.unfinished(NOW + 10_000)] == [None]


class Listed(FaultyStore):
    """A store whose listing is older than what it holds."""

    def __init__(self, inner: Store, stats: list[Stat]) -> None:
        super().__init__(inner)
        self.stats = stats

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        del prefix, versions
        return iter([stat for stat in self.stats if stat.location.key > after])


class Full(FaultyStore):
    """A store that refuses copies for good."""

    def copy(self, source: Stat, key: str, **more: object) -> Location:  # type: ignore[override]  # refuses all
        raise Rejected(f"{key}: no room for {source.size} bytes, {len(more)} options")


def test_what_is_refused_is_counted_costs_no_other_artifact_and_is_looked_at_again(world: World) -> None:
    world.upload("in/a", EICAR)
    world.upload("in/b", b"hello")
    app = world.app()
    full = Full(world.stores["quarantine"])
    stores = {store.root: store for store in world.stores.values()}
    blocked = replace(app, open_store=lambda root: full if root == full.root else stores[root])
    done = blocked.run_schedule("reconcile", 60)
    assert done == {"job": "reconcile", "complete": True, "failed": 1, "decided": 1}
    assert world.app(now=NOW + 10_000).run_schedule("reconcile", 60)["decided"] == 1
    assert [stat.location.key for stat in world.stores["intake"].list()] == ["in/b"]


def ends_after(calls: int) -> Expired:
    """Time that is up at the given look at the clock."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 5))
def test_however_it_is_cut_off_every_artifact_is_processed_once(budgets: list[int], count: int) -> None:
    world = World.of(memory())
    for n in range(count):
        world.upload(f"in/{n}", b"hello %d" % n)
    app, decided = world.app(policy=QUICK), 0
    for budget in [*budgets, 1_000]:
        decided += cast("int", reconcile(app, ends_after(budget)).get("decided", 0))
    assert decided == count
    assert len(world.records()) == count
    assert reconcile(app, ends_after(1_000)) == {"job": "reconcile", "complete": True}


@pytest.mark.parametrize("key", ["in/a b", "in/ü\n2", "in/ ", "in/%20", "in/a/"])
def test_a_pass_goes_on_behind_any_name(world: World, key: str) -> None:
    for name in (key, key + "~", key + "~~"):
        world.upload(name, name.encode())
    runs = [reconcile(world.app(), ends_after(0)).get("decided", 0) for _ in range(4)]
    assert runs == [1, 1, 1, 0]


def test_each_intake_has_a_place_of_its_own(world: World) -> None:
    for part, name in itertools.product(("one", "two"), ("a", "b")):
        world.upload(f"{part}/{name}", part.encode() + name.encode())
    root = world.stores["intake"].root
    app = world.app()
    app = replace(app, settings=replace(app.settings, intake=(f"{root}/one", f"{root}/two")))
    counts = [reconcile(app, ends_after(0)).get("decided", 0) for _ in range(3)]
    assert sum(cast("int", count) for count in counts) >= 4
    assert reconcile(app, ends_after(100)) == {"job": "reconcile", "complete": True}


def test_an_old_file_that_is_moved_to_a_folder_is_found(tmp_path: Path) -> None:
    for part in PARTS:
        (tmp_path / part).mkdir()
    world = World.of(lambda part: open_store(f"file://{tmp_path}/{part}"))
    assert reconcile(world.app(policy=QUICK), ends_after(100))["complete"]
    (tmp_path / "old.txt").write_bytes(b"hello")
    os.utime(tmp_path / "old.txt", (1_000_000_000, 1_000_000_000))
    (tmp_path / "old.txt").rename(tmp_path / "intake" / "old.txt")
    assert reconcile(world.app(policy=QUICK), ends_after(100)).get("decided") == 1
    assert reconcile(world.app(policy=QUICK), ends_after(100)) == {"job": "reconcile", "complete": True}


def test_nothing_to_walk_is_done_at_once(world: World) -> None:
    app = world.app()
    assert reconcile(replace(app, settings=replace(app.settings, intake=())), ends_after(1))["complete"]

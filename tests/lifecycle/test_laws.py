"""From a bucket to a bucket: whatever the policy and whoever interferes, only what was planned happens."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customhouse.lifecycle import plan as planning
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import Closer, rows
from customhouse.lifecycle.inventory.version import identity
from customhouse.lifecycle.journal import FileJournal
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Item, Plan
from customhouse.lifecycle.rules import TRASH, Rule
from customhouse.lifecycle.undo import undo
from customhouse.lifecycle.using import Using
from customhouse.lifecycle.words import Action
from customhouse.model import Location, Outcome
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import FakeTarget, contents, memory
from tests.lifecycle.worlds import KEYS, TAGS, World, seeds

LATER = 4e9
NAMES = tuple(key for key in KEYS if not key.startswith(TRASH))
Version = tuple[str, str, bytes]


class Scene:
    """A random bucket and policy, and the plan of it as it is read from its file."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, "s3")
        self.store = memory(versioned=self.world.chance(0.5))
        for _ in range(self.world.random.randint(1, 3)):
            for key in self.world.random.sample(NAMES, 5):
                tags = {name: self.world.random.choice(values) for name, values in TAGS.items()}
                self.store.put(key, self.world.random.randbytes(self.world.random.choice((0, 9, 10))), tags=tags)
        self.rules = self.world.policy()
        self.in_use = frozenset(f"{self.store.root}/{key}" for key in NAMES if self.world.chance(0.2))
        there = [identity(stat.location) for stat in self.store.list(versions=True)]
        self.dates = {one: LATER + self.world.random.choice((-1, 0, 1)) for one in there if self.world.chance(0.7)}
        self.found = list(rows(self.store, LATER, Closer(tags=True, dates=self.dates), versions=True))
        self.plan = reread(planning.make(self.rules, self.found, LATER, in_use=self.in_use))

    def apply(self, plan: Plan | None = None, journal: FileJournal | None = None) -> list[Outcome]:
        bucket = Bucket(self.store, FakeTarget())
        how: dict[str, Any] = {"limits": Limits(max_share=1), "workers": 1, "journal": journal, "dates": self.dates}
        return list(apply(plan or self.plan, {self.store.root: bucket}, LATER, using=Using(self.in_use), **how))

    def versions(self) -> dict[Location, tuple[bytes, dict[str, str]]]:
        """Everything outside the trash: bytes and tags."""
        found = {}
        for stat in list(self.store.list(versions=True)):
            if not stat.location.key.startswith(TRASH):
                with self.store.read(stat.location) as body:
                    found[stat.location] = b"".join(body), self.store.tags(stat.location)
        return found


def reread(plan: Plan) -> Plan:
    file = io.BytesIO()
    planning.write(plan, file)
    head, *lines = file.getvalue().splitlines()
    return Plan(planning.parse_header(head, "plan"), lambda: planning.parse_items(lines, "plan"))


def doing(items: Sequence[Item], action: Action) -> set[Location]:
    return {item.location for item in items if item.action is action}


@given(seeds)
@settings(max_examples=150)
def test_exactly_what_is_planned_is_deleted_and_tagged_and_everything_else_is_untouched(seed: int) -> None:
    scene = Scene(seed)
    before, items = scene.versions(), list(scene.plan.items())
    assert {one.status for one in scene.apply()} <= {"done"}
    after = scene.versions()
    assert before.keys() - after.keys() == doing(items, Action.DELETE)
    details = {item.location: dict([item.detail.split("=")]) for item in items if item.action is Action.TAG}
    for location, found in after.items():
        data, tags = before[location]
        assert found == (data, tags | details.get(location, {}))


@given(seeds)
@settings(max_examples=100)
def test_what_somebody_writes_between_plan_and_apply_stays_whatever_the_plan_says(seed: int) -> None:
    scene = Scene(seed)
    written = {key: f"new {key}".encode() for key in NAMES if scene.world.chance(0.4)}
    for key, data in written.items():
        scene.store.put(key, data)
    planned = {item.location for item in scene.plan.items() if item.live}
    outcomes = scene.apply()
    assert written.items() <= contents(scene.store).items()
    superseded = {one.location for one in outcomes if one.status == "superseded"}
    assert superseded == {location for location in planned if location.key in written}


@given(seeds)
@settings(max_examples=60)
def test_a_plan_applied_again_changes_nothing_more(seed: int) -> None:
    scene = Scene(seed)
    scene.apply()
    after = scene.versions()
    assert {one.status for one in scene.apply()} <= {"done", "superseded"}
    assert scene.versions() == after


@given(seeds, st.integers(0, 30))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_applied_in_two_runs_of_any_length_does_each_item_once(tmp_path: Path, seed: int, first: int) -> None:
    scene = Scene(seed)
    items = list(scene.plan.items())
    path = tmp_path / f"{scene.store.root.rpartition('/')[2]}-{seed}-{first}"
    part = replace(scene.plan, items=lambda: iter(items[:first]))
    with FileJournal(path) as journal:
        begun = scene.apply(part, journal)
    with FileJournal(path) as journal:
        rest = scene.apply(journal=journal)
    assert [one.location for one in (*begun, *rest)] == [item.location for item in items]


@given(seeds)
@settings(max_examples=60)
def test_undo_brings_every_current_version_back_that_had_a_window(seed: int) -> None:
    scene = Scene(seed)
    before = contents(scene.store)
    scene.apply()
    windowed = {item.location.key for item in scene.plan.items() if item.undo and item.live}
    list(undo(scene.plan, {scene.store.root: Bucket(scene.store)}, workers=1))
    after = contents(scene.store)
    assert {key: after[key] for key in windowed} == {key: before[key] for key in windowed}


@given(seeds)
@settings(max_examples=100)
def test_a_shuffled_inventory_makes_the_same_plan(seed: int) -> None:
    scene = Scene(seed)
    shuffled = scene.world.random.sample(scene.found, len(scene.found))
    one, other = (planning.make(scene.rules, some, LATER, in_use=scene.in_use) for some in (scene.found, shuffled))
    assert sorted(one.items(), key=repr) == sorted(other.items(), key=repr)
    assert one.header == other.header


def plain(rule: Rule) -> bool:
    return rule.action is Action.DELETE


@given(seeds)
@settings(max_examples=100)
def test_a_policy_of_which_one_deleting_rule_is_taken_out_deletes_no_more(seed: int) -> None:
    scene = Scene(seed)
    whole = doing(list(scene.plan.items()), Action.DELETE)
    for rule in filter(plain, scene.rules):
        if rule.keep or rule.protect != type(rule.protect)():
            continue  # it spares too
        less = tuple(one for one in scene.rules if one is not rule)
        made = planning.make(less, scene.found, LATER, in_use=scene.in_use)
        assert doing(list(made.items()), Action.DELETE) <= whole


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("", {"a/1", "b", f"{TRASH}7d/x", f"{TRASH}1d/y"}),
        ("a/", {"a/1", f"{TRASH}7d/x", f"{TRASH}1d/y"}),
        ("customhouse", {f"{TRASH}7d/x", f"{TRASH}1d/y"}),
        (TRASH, {f"{TRASH}7d/x", f"{TRASH}1d/y"}),
        (f"{TRASH}7d/", {f"{TRASH}7d/x"}),
    ],
)
def test_each_object_below_a_prefix_and_in_the_trash_is_a_row_once(prefix: str, names: set[str]) -> None:
    store = memory()
    for key in ("a/1", "b", f"{TRASH}7d/x", f"{TRASH}1d/y"):
        store.put(key, b"x")
    assert sorted(one.location.key for one in rows(store, LATER, prefix=prefix)) == sorted(names)


@pytest.mark.parametrize("versions", [True, False])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a/b"]), st.booleans()), max_size=12))
@settings(max_examples=100)
def test_of_every_name_one_version_is_current_and_every_other_was_replaced_by_the_next(
    versions: bool,  # noqa: FBT001 -- a parameter of the test
    steps: list[tuple[str, bool]],
) -> None:
    store: MemoryStore = memory(versioned=True)
    for key, put in steps:
        if put:
            store.put(key, b"x")
        else:
            store.delete(Location(store.root, key))
    found = list(rows(store, LATER, versions=versions))
    assert {one.location.key for one in found if one.live} == set(contents(store))
    assert len([one for one in found if one.live]) == len(contents(store))
    assert len(found) == (sum(put for _, put in steps) if versions else len(contents(store)))
    for key in {key for key, _ in steps}:
        mine = sorted((one for one in found if one.location.key == key), key=lambda one: int(one.location.version))
        for one, newer in itertools.pairwise(mine):
            assert one.noncurrent_since == newer.created
        assert not mine or mine[-1].noncurrent_since in (None, LATER)

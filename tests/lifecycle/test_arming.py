"""Labels after a change of policy: what no rule of today would delete is deleted by no cloud."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings

from customhouse.commands.lifecycle_inputs import Surroundings
from customhouse.commands.lifecycle_native import label_anew
from customhouse.errors import Conflict, Denied, Gone, Rejected
from customhouse.lifecycle.arming import Arms, put_right
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import rows
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.gcs import NEVER
from customhouse.lifecycle.native.simulate import gcs
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.plan import is_cloud, make
from customhouse.lifecycle.rules import TRASH, Rule
from customhouse.lifecycle.schedule import Job, run
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.ports import Store
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import FakeTarget, memory
from tests.lifecycle.worlds import World, seeds
from tests.stores.faults import FaultyStore, Killed

LATER = 4e9
ROOTS = ("s3://bucket", "gs://bucket", "az://account/container")
TMP: dict[str, Any] = {"id": "tmp", "do": "delete", "undo": "none", "age": "30d", "select": {"glob": "**/*.tmp"}}
KEEP: dict[str, Any] = {"id": "keeper", "do": "keep", "select": {"prefix": "in/keep/"}}


def rules(*nodes: Mapping[str, object]) -> tuple[Rule, ...]:
    return load(list(nodes))


def label_of(root: str, *nodes: Mapping[str, object]) -> str:
    return compile_rules(rules(*nodes), Target(root)).labels["tmp"]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    "others",
    [
        [TMP | {"select": {"glob": "in/*.tmp"}}],
        [TMP | {"age": "31d"}],
        [TMP | {"exclude": {"suffix": "x.tmp"}}],
        [TMP, KEEP],
    ],
)
def test_a_rule_that_says_something_else_has_another_label(root: str, others: list[dict[str, Any]]) -> None:
    assert label_of(root, *others) != label_of(root, TMP)


@pytest.mark.parametrize("root", ROOTS)
def test_a_rule_keeps_its_label_whatever_else_the_policy_says(root: str) -> None:
    other = TMP | {"id": "first", "select": {"glob": "*.log"}}
    assert label_of(root, other, TMP) == label_of(root, TMP | {"in": [root, "s3://else"]}) == label_of(root, TMP)


@pytest.mark.parametrize("root", ["s3://bucket", "az://account/container"])
def test_the_native_rule_looks_for_the_label_of_this_policy_and_no_other_is_the_cloud_s(root: str) -> None:
    before, after = rules(TMP), rules(TMP | {"exclude": {"prefix": "in/"}})
    old, new = (compile_rules(one, Target(root)) for one in (before, after))
    assert old.labels["tmp"] not in json.dumps(new.native)
    assert new.labels["tmp"] in json.dumps(new.native)
    row = Artifact(Location(root, "out/a.tmp", etag="e"), 1, 0.0, tags={LIFECYCLE_TAG: old.labels["tmp"]})
    [item] = make(after, [row], LATER, marks=new.used).items()
    assert not item.cloud
    assert is_cloud(new.used["tmp"], {LIFECYCLE_TAG: new.labels["tmp"]})


@dataclass
class Timed(FakeTarget):
    """A bucket of Cloud Storage: labels are metadata of the objects in `store`, a Custom-Time only grows."""

    store: MemoryStore = field(default_factory=memory)
    times: dict[str, float] = field(default_factory=dict)

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        if self.error:
            raise self.error
        if self.times.get(location.key, custom_time) > custom_time:
            raise Conflict("can only grow")
        self.store.tag(location, {LIFECYCLE_TAG: label})
        self.times[location.key] = custom_time

    def labels(self) -> dict[str, str]:
        """Each object's label."""
        return {stat.location.key: self.store.tags(stat.location).get(LIFECYCLE_TAG, "") for stat in self.store.list()}


def arms(there: Timed, *nodes: Mapping[str, object], store: Store | None = None) -> Arms:
    chosen = rules(*nodes)
    return Arms(chosen, compile_rules(chosen, Target("gs://bucket")), store or there.store, there)


def listed(there: Timed) -> list[Artifact]:
    """The objects with their tags."""
    return [replace(one, tags=there.store.tags(one.location)) for one in rows(there.store, LATER)]


def armed(*names: str, by: Mapping[str, object] = TMP) -> Timed:
    """A bucket whose objects were armed as they came."""
    there = Timed()
    for name in names:
        there.store.put(name, name.encode())
    for artifact in listed(there):
        arms(there, by).set(artifact)
    return there


def test_what_the_policy_no_longer_deletes_is_disarmed_and_what_it_deletes_later_is_put_off() -> None:
    there = armed("in/a.tmp", "out/b.tmp", "c.log")
    times = dict(there.times)
    now = arms(there, TMP | {"age": "90d", "select": {"glob": "in/*.tmp"}})
    steps = {(one.step, one.status, one.location.key) for one in put_right(now, listed(there))}
    assert steps == {("arm", "done", "in/a.tmp"), ("disarm", "done", "out/b.tmp")}
    assert there.times == {"in/a.tmp": times["in/a.tmp"] + 60 * DAY, "out/b.tmp": NEVER}
    assert there.labels() == {"in/a.tmp": now.compiled.labels["tmp"], "out/b.tmp": "", "c.log": ""}
    assert list(put_right(now, listed(there))) == []


def test_what_the_policy_deletes_earlier_is_left_to_the_function_and_no_later_day_stands() -> None:
    there = armed("in/a.tmp")
    now = arms(there, TMP | {"age": "1d"})
    assert [one.step for one in put_right(now, listed(there))] == ["disarm"]
    [item] = make(now.rules, listed(there), LATER, marks=now.compiled.used).items()
    assert (there.times["in/a.tmp"], item.cloud) == (NEVER, False)


def test_where_nothing_is_armed_any_more_or_a_label_says_all_labels_are_left_alone() -> None:
    there = armed("in/a.tmp")
    exact = TMP | {"select": {"prefix": "in/"}}
    assert list(put_right(arms(there, exact), listed(there))) == []
    on_s3 = replace(arms(there, TMP | {"age": "9d"}), compiled=compile_rules(rules(TMP), Target("s3://bucket")))
    stranger = [replace(one, tags={LIFECYCLE_TAG: "stranger"}) for one in listed(there)]
    assert list(put_right(on_s3, stranger)) == []


def test_old_versions_and_the_trash_keep_their_labels() -> None:
    there = armed("in/a.tmp")
    there.store.put(f"{TRASH}7d/x", b"x", tags={LIFECYCLE_TAG: "undo"})
    now = arms(there, TMP | {"age": "90d"})
    found = [replace(one, noncurrent_since=LATER) if one.location.key == "in/a.tmp" else one for one in listed(there)]
    assert list(put_right(now, found)) == []


@pytest.mark.parametrize(
    ("error", "status"), [(Denied("no"), "failed"), (Conflict("moved"), "superseded"), (Gone("g"), "superseded")]
)
def test_what_cannot_be_labelled_is_told_and_the_rest_is_done(error: Exception, status: str) -> None:
    there = armed("in/a.tmp", "in/b.tmp")
    now = replace(arms(there, KEEP | {"select": {"prefix": "in/"}}, TMP), store=Refusing(there.store, error))
    found = list(put_right(now, listed(there), workers=1))
    assert [(one.status, one.location.key) for one in found] == [(status, "in/a.tmp"), ("done", "in/b.tmp")]


class Refusing(FaultyStore):
    """Refuses to tag one object."""

    def __init__(self, store: Store, error: Exception) -> None:
        super().__init__(store)
        self.error = error

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        if location.key == "in/a.tmp":
            raise self.error
        return super().tag(location, changes)


def test_killed_between_the_calls_it_is_put_right_by_the_next_run() -> None:
    there = armed("out/b.tmp")
    dying = arms(there, TMP | {"select": {"glob": "in/*.tmp"}}, store=FaultyStore(there.store, 1))
    with suppress(Killed):
        list(put_right(dying, listed(there), workers=1))
    assert there.labels() != {"out/b.tmp": ""}
    assert [one.step for one in put_right(replace(dying, store=there.store), listed(there))] == ["disarm"]
    assert (there.times, there.labels()) == ({"out/b.tmp": NEVER}, {"out/b.tmp": ""})


def job(there: Timed, now: Arms) -> Job:
    bucket, limits = Bucket(Tagged(there.store)), Limits(max_share=1)
    return Job(bucket, now.rules, memory(), marks=now.compiled.used, arms=now, limits=limits, workers=1)


class Tagged(FaultyStore):
    """Lists tags along, as Cloud Storage does."""

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Any:
        found = super().list(prefix, after=after, versions=versions)
        return (replace(stat, tags=self.tags(stat.location)) for stat in found)


def test_the_schedule_puts_labels_right_that_came_after_the_policy_did() -> None:
    there = armed("in/a.tmp", "out/b.tmp", "out/c.tmp")
    now = arms(there, TMP | {"age": "90000d", "select": {"glob": "in/*.tmp"}})
    done = run(job(there, now), LATER, lambda: False)
    assert done.statuses == {"arm done": 1, "disarm done": 2}
    assert {name for name, time in there.times.items() if time == NEVER} == {"out/b.tmp", "out/c.tmp"}


def test_out_of_time_the_schedule_goes_on_with_the_labels_at_its_next_plan() -> None:
    there = armed("out/a.tmp", "out/b.tmp", "out/c.tmp")
    work = job(there, arms(there, TMP | {"select": {"glob": "in/*.tmp"}}))
    ticks = itertools.count()
    assert run(work, LATER, lambda: next(ticks) >= 1).statuses == {"disarm done": 2}
    assert run(work, LATER + DAY, lambda: False).statuses == {"disarm done": 1}


def test_nothing_is_installed_where_an_object_stays_armed() -> None:
    there = armed("in/a.tmp")
    now = arms(there, TMP | {"age": "90d"}, store=Tagged(there.store))
    there.error = Denied("no permission")
    with pytest.raises(Rejected, match=r"nothing was installed: .*in/a\.tmp.* no permission"):
        label_anew(Surroundings({}, None, {}), now)
    there.error = None
    label_anew(Surroundings({}, None, {}), now)
    assert there.labels() == {"in/a.tmp": now.compiled.labels["tmp"]}


@dataclass
class Remembered:
    """An inventory whose labels and Custom-Times change, as store and target at once."""

    tags: dict[Location, dict[str, str]] = field(default_factory=dict)
    times: dict[Location, float] = field(default_factory=dict)

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        if self.times.get(location, custom_time) > custom_time:
            raise Conflict("can only grow")
        self.times[location] = custom_time
        self.tag(location, {LIFECYCLE_TAG: label})

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        merged = self.tags[location] | changes
        self.tags[location] = {name: value for name, value in merged.items() if value is not None}
        return location

    def now(self, inventory: Sequence[Artifact]) -> list[Artifact]:
        return [replace(one, tags=self.tags[one.location]) for one in inventory]


def changed(seed: int) -> tuple[set[Location], set[Location]]:
    """What the cloud deletes of a bucket that lived through three policies, and what the last one leaves to it."""
    world = World(seed, "gs", plainly=0.4)
    target, chance = world.target(), world.random.choice
    inventory = [replace(one, held=False, locked_until=None) for one in world.inventory() if one.live]
    there = Remembered({one.location: dict(one.tags) for one in inventory})
    for _ in range(3):
        select = chance(({"suffix": chance(SUFFIXES), "kind": "wheel"}, {"glob": f"**/*{chance(SUFFIXES)}"}))
        policy = rules(TMP | {"age": chance(("1d", "7d", "30d")), "select": select})
        now = Arms(policy, compile_rules(policy, target), there, there)  # type: ignore[arg-type] # as far as it is asked
        list(put_right(now, there.now(inventory), workers=1))
        for one in there.now(inventory):
            if not one.location.key.startswith(TRASH) and world.chance(0.7):
                with suppress(Conflict):  # it was disarmed once
                    now.set(one)
    rows_now = there.now(inventory)
    effects = gcs.simulate(now.compiled.native, rows_now, world.now, there.times)
    made = make(policy, rows_now, world.now, marks=now.compiled.used)
    does = {one.location for one, effect in zip(rows_now, effects, strict=True) if effect}
    return does, {item.location for item in made.items() if item.cloud}


SUFFIXES = (".log", ".whl", "z")


@given(seeds)
@settings(max_examples=100)
def test_after_any_change_of_policy_the_cloud_deletes_only_what_the_plan_leaves_to_it(seed: int) -> None:
    does, left = changed(seed)
    assert does <= left


def test_that_property_has_cases_in_which_the_cloud_deletes() -> None:
    assert sum(bool(changed(seed)[0]) for seed in range(50)) > 10

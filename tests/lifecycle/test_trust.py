"""What somebody who lets a policy delete relies on: laws, and mistakes that must spare rather than delete."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from customhouse.errors import ConfigError
from customhouse.lifecycle import plan
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.inventory import in_use, reports, table
from customhouse.lifecycle.limits import Limits, RefusedPlan
from customhouse.lifecycle.rules import Protect, Rule, Select
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Action, Artifact
from customhouse.model import Location
from tests.lifecycle.support import NOW, contents, memory, planned
from tests.lifecycle.worlds import World, seeds

DIGEST = "sha256:" + "a" * 64


def deleted(world: World, rules: tuple[Rule, ...], inventory: list[Artifact]) -> set[Location]:
    chosen = interpret(rules, inventory, world.now, world_in_use(world))
    return {item.location for item, one in zip(inventory, chosen, strict=True) if one.action is Action.DELETE}


def world_in_use(world: World) -> frozenset[str]:
    return frozenset({"sha256:1", f"{world.scheme}://bucket/app/b.whl"})


@given(seeds)
@settings(max_examples=60)
def test_the_order_of_rules_and_of_rows_changes_no_action(seed: int) -> None:
    world = World(seed)
    rules, inventory = world.policy(), world.inventory()
    assert deleted(world, rules[::-1], inventory[::-1]) == deleted(world, rules, inventory)


@given(seeds)
@settings(max_examples=60)
def test_one_more_keeping_rule_or_protection_or_exclusion_never_deletes_more(seed: int) -> None:
    world = World(seed, world_scheme(seed))
    rules, inventory = world.policy(), world.inventory()
    before = deleted(world, rules, inventory)
    keeper = Rule("keeper", Action.KEEP, select=Select(prefix=("app/",)))
    assert deleted(world, (*rules, keeper), inventory) <= before
    plain = tuple(replace(rule, keep=None) for rule in rules)  # whoever is protected leaves its place to another
    before = deleted(world, plain, inventory)
    for more in ({"protect": Protect(tag={"team": "red"}, in_use=True)}, {"exclude": (Select(suffix=(".log",)),)}):
        spared = tuple(replace(rule, **more) if free(rule) else rule for rule in plain)
        assert deleted(world, spared, inventory) <= before


def free(rule: Rule) -> bool:
    return rule.action is Action.DELETE and not rule.exclude and rule.protect == Protect()


def world_scheme(seed: int) -> str:
    return ("s3", "gs", "az")[seed % 3]


@given(seeds)
@settings(max_examples=60)
def test_a_longer_wait_never_deletes_more(seed: int) -> None:
    world = World(seed, world_scheme(seed))
    rules, inventory = tuple(rule for rule in world.policy() if rule.action is Action.DELETE), world.inventory()
    later = tuple(replace(rule, age=(rule.age or 0) + 86_400) for rule in rules)
    assert deleted(world, later, inventory) <= deleted(world, rules, inventory)


@given(seeds)
@settings(max_examples=60)
def test_nothing_held_or_locked_is_ever_planned_for_deletion(seed: int) -> None:
    world = World(seed)
    rules, inventory = world.policy(), world.inventory()
    gone = deleted(world, rules, inventory)
    guarded = {one.location for one in inventory if one.held or (one.locked_until or 0) > world.now}
    assert not gone & guarded


def test_a_locked_signature_does_not_follow_its_image_until_the_lock_has_run_out() -> None:
    rules = load([{"id": "old", "do": "delete", "age": "1d", "select": {"untagged": False}}])
    here = Location("oci://host/r", "r")
    image = Artifact(here, 1, 0.0, digest="sha256:1", image_tags=("v",))
    for until, action in ((NOW + 1, Action.NONE), (NOW, Action.DELETE)):
        signature = Artifact(
            replace(here, version="2"), 1, NOW, digest="sha256:2", subject="sha256:1", locked_until=until
        )
        assert interpret(rules, [image, signature], NOW)[1].action is action


@pytest.mark.parametrize("name", ["undo-7d", "undo-versions", "undo-mine"])
def test_a_rule_cannot_take_the_name_of_one_that_empties_the_trash_and_so_escape_window_and_limits(name: str) -> None:
    with pytest.raises(ConfigError, match="begin with undo-"):
        load([{"id": name, "do": "delete", "age": "30d"}])
    assert load([{"id": "undoing", "do": "delete", "age": "30d"}])[0].undo


def test_a_tag_that_a_plan_could_not_write_back_is_refused() -> None:
    with pytest.raises(ConfigError, match="not portable"):
        load([{"id": "t", "do": {"tag": {"a=b": "c"}}, "age": "1d"}])
    store = memory()
    store.put("o", b"x")
    made = planned(store, {"id": "t", "do": {"tag": {"a": "b=c"}}, "age": "1d"})
    assert [one.status for one in apply(made, {store.root: Bucket(store)}, NOW)] == ["done"]
    assert store.tags(Location(store.root, "o")) == {"a": "b=c"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\ufeff" + json.dumps({"items": [{"image": f"docker-pullable://x@{DIGEST}"}]}), {DIGEST}),
        (f"\ufeff{DIGEST}", {DIGEST}),
        ("s3://b/c#/a#1.whl", {"s3://b/c#/a#1.whl"}),
        ("s3://b/a.whl # the canary", {"s3://b/a.whl"}),
        ("# all of it\n", set()),
        (f"s3://b/blobs/{DIGEST}", {DIGEST, f"s3://b/blobs/{DIGEST}"}),
        (f"nginx@{DIGEST}  # web", {DIGEST}),
    ],
)
def test_what_an_in_use_list_names_is_spared_under_its_whole_name(text: str, names: set[str]) -> None:
    assert in_use.parse(text, "list") == names


@pytest.mark.parametrize(
    "text", ["see s3://b/k", "image: docker://nginx", f"{DIGEST} web", '{"items": [{"image": "x", "inUseCount": [1]}]}']
)
def test_an_in_use_list_that_is_none_stops_the_plan_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match="list"):
        in_use.parse(text, "list")


def test_deletes_written_into_a_plan_by_hand_do_not_escape_its_limits() -> None:
    store = memory()
    for at in range(4):
        store.put(f"o{at}", b"x")
    made = planned(store, {"id": "old", "do": "delete", "undo": "none", "age": "1d", "select": {"prefix": "o0"}})
    more = planned(store, {"id": "old", "do": "delete", "undo": "none", "age": "1d", "select": {"prefix": "o"}})
    edited = plan.Plan(made.header, more.items)
    with pytest.raises(RefusedPlan, match="it was edited"):
        list(apply(edited, {store.root: Bucket(store)}, NOW, workers=1))
    assert len(contents(store)) >= 3


def test_apply_twice_is_apply_once() -> None:
    store = memory()
    for at in range(4):
        store.put(f"o{at}", b"x")
    made = planned(store, {"id": "old", "do": "delete", "age": "1d", "select": {"prefix": ["o0", "o1"]}})
    for _ in range(2):
        list(apply(made, {store.root: Bucket(store)}, NOW, workers=1, limits=Limits(max_share=1)))
        assert sorted(key for key in contents(store) if key.startswith("o")) == ["o2", "o3"]


HEAD = "bucket,key,versionid,islatest,size,lastmodifieddate\n"


def loaded(folder: Path, text: str) -> list[tuple[Any, ...]]:
    path = folder / "report.csv"
    path.write_text(HEAD + text)
    with table.connect(memory="200MB") as database:
        reports.load_report(database, "s3", [path])
        return database.execute("FROM inventory SELECT root, version, noncurrent_since ORDER BY ALL").fetchall()


def test_an_old_version_counts_from_its_own_bucket_s_newer_one(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "a,k,1,false,5,1970-01-02T00:00:00Z\nb,k,1,true,5,1970-01-03T00:00:00Z\na,k,2,true,5,1970-01-11T00:00:00Z\n",
    )
    assert found == [("s3://a", "1", 10 * DAY), ("s3://a", "2", None), ("s3://b", "1", None)]


def test_an_old_version_whose_newer_one_is_not_in_the_report_is_neither_current_nor_due(tmp_path: Path) -> None:
    assert loaded(tmp_path, "a,k,1,false,5,1970-01-02T00:00:00Z\n") == [("s3://a", "1", float("inf"))]


@pytest.mark.parametrize("row", ["a,k,1,true,large,1970-01-02T00:00:00Z", "a,%E4,1,true,5,1970-01-02T00:00:00Z"])
def test_a_report_with_a_broken_value_is_refused_in_one_line_that_names_it(tmp_path: Path, row: str) -> None:
    with pytest.raises(ConfigError, match=r"report\.csv: a value does not read: [^\n]+$"):
        loaded(tmp_path, row + "\n")

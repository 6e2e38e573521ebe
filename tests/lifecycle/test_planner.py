from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from customhouse.errors import ConfigError
from customhouse.lifecycle import plan, planner
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.limits import counted
from customhouse.lifecycle.plan import Marks
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, NOTHING, Action, Artifact
from customhouse.model import LIFECYCLE_TAG, Location
from tests.lifecycle.worlds import World, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with table.connect(memory="500MB") as found:
        yield found


def fill(database: duckdb.DuckDBPyConnection, inventory: list[Artifact], folder: Path) -> None:
    path = folder / "inventory.jsonl"
    with path.open("wb") as file:
        table.export(inventory, file)
    table.load_export(database, path)


@given(seeds)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duckdb_decides_every_row_as_the_interpreter_does(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int
) -> None:
    world = World(seed)
    inventory, rules, in_use = world.inventory(), plan.ready(world.policy(), set()), world.in_use()
    fill(database, inventory, tmp_path)
    planner.decide(database, rules, world.now, in_use)
    expected = zip(inventory, interpret(rules, inventory, world.now, in_use), strict=True)
    assert planner.dispositions(database) == {item.location: one for item, one in expected if one != NOTHING}


def test_the_cases_of_that_property_decide_everything_there_is_to_decide() -> None:
    seen = set()
    for seed in range(300):
        world = World(seed)
        chosen = interpret(plan.ready(world.policy(), set()), world.inventory(), world.now, world.in_use())
        seen |= {(one.action, one.clause.split(" latest")[0]) for one in chosen}
    assert {action for action, _ in seen} == set(Action)
    clauses = {"hold", "lock", "protect tag", "protect in_use", "keep", "closure: child of a kept image"}
    assert clauses <= {clause for action, clause in seen if action is Action.KEEP}


RULES = load(
    [
        {"id": "old", "do": "delete", "age": "30d", "select": {"prefix": "a/"}, "keep": {"latest": 1, "per": "folder"}},
        {"id": "cool", "do": {"class": "cool"}, "age": "10d", "protect": {"tag": {"pinned": "true"}}},
    ]
)
INVENTORY = [
    Artifact(Location("s3://bucket", f"{name}/{at}", version=str(at), etag="e"), 1000 + at, at * DAY)
    for name in ("a", "b")
    for at in range(6)
]
NOW = 35 * DAY


@pytest.mark.parametrize("name", ["plan.jsonl", "plan.parquet"])
def test_a_plan_file_reads_back_as_the_plan_that_the_interpreter_makes(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    marks: Marks = {"cool": "exact"}
    expected = plan.make(RULES, INVENTORY, NOW, source="here", marks=marks)
    fill(database, INVENTORY, tmp_path)
    planner.make(database, RULES, NOW, tmp_path / name, source="here", marks=marks)
    found = plan.read(tmp_path / name)
    assert replace(found.header, samples=(), seal="") == replace(expected.header, samples=())
    assert set(found.header.samples) <= set(expected.items())
    by_key = sorted(found.items(), key=lambda item: item.location.key)
    assert by_key == sorted(expected.items(), key=lambda item: item.location.key)
    assert sum(total.items for total in found.header.totals) == len(by_key) > 0


@pytest.mark.parametrize("name", ["plan.jsonl", "plan.parquet"])
@given(seeds)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_either_planner_writes_the_same_plan_whose_header_counts_its_items(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, seed: int
) -> None:
    world = World(seed)
    inventory, rules, in_use = world.inventory(), world.policy(), world.in_use()
    marks: Marks = {rule.id: world.random.choice(("exact", "a.label")) for rule in rules if world.chance(0.3)}
    labels = ({LIFECYCLE_TAG: "a.label"}, {LIFECYCLE_TAG: "another"}, {})
    inventory = [replace(one, tags={**one.tags, **world.random.choice(labels)}) for one in inventory]
    fill(database, inventory, tmp_path)
    made = planner.make(database, rules, world.now, tmp_path / name, in_use=in_use, marks=marks)
    expected = plan.make(rules, inventory, world.now, in_use=in_use, marks=marks)
    assert replace(made.header, samples=(), seal="") == replace(expected.header, samples=())
    assert made.header.totals == plan.totals(made.items())
    assert sorted(counted(made.header, made.items()), key=repr) == sorted(expected.items(), key=repr)


def test_the_interpreters_plan_survives_its_file(tmp_path: Path) -> None:
    made = plan.make(RULES, INVENTORY, NOW)
    path = tmp_path / "plan.jsonl"
    with path.open("wb") as file:
        plan.write(made, file)
    assert replace(plan.read(path).header, seal="") == made.header
    assert list(plan.read(path).items()) == list(made.items())


@pytest.mark.parametrize("text", [b"", b"{}\n", b'["format"]\n', b'{"format":"customhouse-plan/0"}\n', b"\xff\n"])
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match="not a lifecycle plan"):
        plan.read(path)


def test_a_broken_item_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    with path.open("wb") as file:
        plan.write(plan.make(RULES, INVENTORY, NOW), file)
        file.write(b"{half")
    with pytest.raises(ConfigError, match=r"plan\.jsonl:[0-9]+: not an item"):
        list(plan.read(path).items())


@pytest.mark.parametrize("rules", [(), load([])])
def test_no_rules_plan_nothing_and_say_so(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, rules: tuple[Rule, ...]
) -> None:
    fill(database, INVENTORY, tmp_path)
    for made in (planner.make(database, rules, NOW, tmp_path / "plan.jsonl"), plan.make(rules, INVENTORY, NOW)):
        assert list(made.items()) == []
        assert made.header.scanned == len(INVENTORY)
        assert "no lifecycle rules" in made.header.note


def test_in_use_protection_without_a_list_stops_the_plan(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rules = load([{"id": "old", "do": "delete", "age": "1d", "protect": {"in_use": True}}])
    fill(database, INVENTORY, tmp_path)
    with pytest.raises(ConfigError, match="in-use list"):
        planner.make(database, rules, NOW, tmp_path / "plan.jsonl")
    with pytest.raises(ConfigError, match="in-use list"):
        plan.make(rules, INVENTORY, NOW)
    assert all(item.action is Action.DELETE for item in plan.make(rules, INVENTORY, NOW, in_use=set()).items())


def test_an_export_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "inventory.jsonl"
    with path.open("wb") as file:
        assert table.export(INVENTORY, file) == len(INVENTORY)
    assert list(table.load(path)) == INVENTORY
    path.write_bytes(b'{"location":1}')
    with pytest.raises(ConfigError, match=r"inventory\.jsonl:1: not a line"):
        list(table.load(path))

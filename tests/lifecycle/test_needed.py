"""Looking more closely at only what a rule could still act on: the plan is the same as if all were known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from customhouse.lifecycle import sql
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.inventory import joined, table
from customhouse.lifecycle.inventory.live import Known
from customhouse.lifecycle.needed import wanted
from customhouse.lifecycle.rules import purges
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact, Disposition
from customhouse.model import Location
from tests.lifecycle.test_planner import fill
from tests.lifecycle.worlds import World, seeds

KNOWN = ("verdict", "kind", "ecosystem", "package", "package_version", "digest")


def listed(item: Artifact) -> Artifact:
    """A row as S3 lists it: nothing of records, tags, holds and locks."""
    return replace(item, tags={}, held=False, locked_until=None, **dict.fromkeys(KNOWN, ""))


def changing(chosen: list[Disposition]) -> list[Disposition | None]:
    return [one if one.action.changes else None for one in chosen]


def objects(seed: int) -> World:
    """A world of objects: images are never listed."""
    world = World(seed)
    return world if world.scheme != "oci" else World(seed, "s3")


@given(seeds)
@settings(max_examples=300)
def test_a_plan_from_a_closer_look_at_some_rows_is_the_plan_from_a_look_at_all(seed: int) -> None:
    world = objects(seed)
    policy, inventory, in_use = world.policy(), world.inventory(), world.in_use()
    rules = (*policy, *purges(policy))
    asks = wanted(rules, world.now)
    partly = [item if asks(listed(item)) else listed(item) for item in inventory]
    expected = interpret(rules, inventory, world.now, in_use)
    assert changing(interpret(rules, partly, world.now, in_use)) == changing(expected)


def test_that_property_has_rows_that_need_no_closer_look_and_rows_that_do() -> None:
    looks = []
    for seed in range(100):
        world = objects(seed)
        looks += list(map(wanted(world.policy(), world.now), world.inventory()))
    assert 0.2 < sum(looks) / len(looks) < 0.8


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with table.connect(memory="500MB") as found:
        yield found


@given(seeds)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duckdb_wants_the_same_rows(database: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int) -> None:
    world = objects(seed)
    inventory, rules = [listed(item) for item in world.inventory()], world.policy()
    fill(database, inventory, tmp_path)
    rows = "FROM inventory SELECT *, split_part(root, ':', 1) AS scheme"
    found = database.execute(
        f"FROM ({rows}) SELECT root, key, version, etag WHERE {sql.wanted(rules, world.now)}"
    ).fetchall()
    expected = [item.location for item in inventory if wanted(rules, world.now)(item)]
    assert sorted(map(str, (Location(*row) for row in found))) == sorted(map(str, expected))


def test_a_report_asks_for_the_records_of_what_is_due_and_of_nothing_else(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rules = load([{"id": "r", "do": "delete", "age": "30d", "select": {"verdict": "held", "prefix": "in/"}}])
    rows = [Artifact(Location("s3://b", key, etag=key), 1, at) for key, at in (("in/old", 0.0), ("in/new", 40 * DAY))]
    fill(database, [*rows, Artifact(Location("s3://b", "out", etag="o"), 1, 0.0)], tmp_path)
    asked = []

    def lookup(location: Location) -> Known | None:
        asked.append(location.key)
        return Known(verdict="held")

    joined.tell_records(database, rules, 50 * DAY, lookup)
    assert asked == ["in/old"]
    told = database.execute("FROM inventory SELECT key, verdict ORDER BY key").fetchall()
    assert told == [("in/new", ""), ("in/old", "held"), ("out", "")]

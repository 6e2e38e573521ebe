"""What a policy does not ask for changes nothing: left untold it plans the same, so that it need not be looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from customhouse.lifecycle.asking import (
    UntoldError,
    asks_dates,
    asks_reads,
    asks_records,
    asks_versions,
    refuse_unread,
    sees_tags,
)
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import NOTHING, Artifact, Disposition
from customhouse.model import Location
from tests.lifecycle.worlds import World, seeds

Asks = Callable[[Sequence[Rule], frozenset[str]], bool]
UNRECORDED: dict[str, Any] = {
    "verdict": "",
    "kind": "",
    "ecosystem": "",
    "package": "",
    "package_version": "",
    "digest": "",
}
UNTOLD: dict[str, tuple[Asks, dict[str, Any]]] = {
    "records": (lambda rules, in_use: bool(asks_records(rules, in_use)), UNRECORDED),
    "tags": (lambda rules, _: sees_tags(rules), {"tags": {}}),
    "dates": (lambda rules, _: bool(asks_dates(rules)), {"expires_at": None}),
    "reads": (lambda rules, _: bool(asks_reads(rules)), {"used": None}),
}


def digested(item: Artifact) -> Artifact:
    """As a record tells it."""
    return replace(item, digest=f"sha256:{hashlib.sha256(item.location.key.encode()).hexdigest()}")


def decided(
    rules: Sequence[Rule], inventory: Sequence[Artifact], now: float, in_use: frozenset[str]
) -> dict[Location, Disposition]:
    found = zip(inventory, interpret(rules, inventory, now, in_use), strict=True)
    return {item.location: one for item, one in found if one != NOTHING}


@pytest.mark.parametrize("what", UNTOLD)
@given(seeds)
@settings(max_examples=120)
def test_what_no_rule_asks_for_may_be_left_untold(what: str, seed: int) -> None:
    world = World(seed, ("s3", "gs", "az")[seed % 3])
    rules, inventory = world.policy(), [digested(item) for item in world.inventory()]
    used = world.in_use() | {item.digest for item in inventory if world.chance(0.1)}
    in_use = frozenset(name for name in used if world.chance(0.5) or not name.startswith("sha256:"))
    asks, untold = UNTOLD[what]
    if not asks(rules, in_use):
        less = [replace(item, **untold) for item in inventory]
        assert decided(rules, less, world.now, in_use) == decided(rules, inventory, world.now, in_use)


@given(seeds)
@settings(max_examples=120)
def test_where_no_rule_is_about_old_versions_they_need_not_be_listed(seed: int) -> None:
    world = World(seed, "s3")
    rules = tuple(replace(rule, noncurrent=None) for rule in world.policy() if world.chance(0.7))
    inventory, in_use = world.inventory(), frozenset(world.in_use())
    assert not asks_versions(rules)
    current = [item for item in inventory if item.live]
    assert decided(rules, current, world.now, in_use) == decided(rules, inventory, world.now, in_use)


USED: dict[str, Any] = {"id": "r", "do": "delete", "age": "1d", "protect": {"in_use": True}}


@pytest.mark.parametrize(
    ("in_use", "asked"),
    [
        (None, ""),
        (frozenset(), ""),
        (frozenset({"s3://b/k"}), ""),
        (frozenset({"s3://b/k", "sha256:" + "a" * 64}), "r"),
    ],
)
def test_a_digest_in_use_is_only_known_from_records(in_use: frozenset[str] | None, asked: str) -> None:
    assert asks_records(load([USED]), in_use) == asked
    assert asks_records(load([USED | {"protect": {"tag": {"a": "b"}}}]), in_use) == ""


@pytest.mark.parametrize(
    ("reads", "where", "refused"),
    [
        ({"az://a/c": True}, {}, False),
        ({"az://a/c": False}, {}, True),
        ({"az://a/c": True, "s3://b": False}, {}, True),
        ({"az://a/c": True, "s3://b": False}, {"in": "az://a/c"}, False),
        ({"s3://b": False}, {"in": ["s3://b", "az://a/c"]}, True),
    ],
)
def test_a_rule_about_last_reads_is_refused_for_a_store_that_tells_none(
    reads: dict[str, bool], where: dict[str, Any], *, refused: bool
) -> None:
    rules = load([{"id": "r", "do": "delete", "idle": "1d", **where}, {"id": "other", "do": "delete", "age": "1d"}])
    if not refused:
        refuse_unread(rules, reads)
        return
    with pytest.raises(UntoldError, match="rule 'r' asks when objects were last read"):
        refuse_unread(rules, reads)

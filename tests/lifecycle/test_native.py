"""`interpreter == simulate(compile) + residual`, on random policies, buckets and clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from customhouse.lifecycle import classes
from customhouse.lifecycle.interpreter import STRENGTH, interpret
from customhouse.lifecycle.native import gcs as gcs_rules
from customhouse.lifecycle.native.compile import armed, compile_rules, due_at
from customhouse.lifecycle.native.simulate import azure, gcs, s3
from customhouse.lifecycle.native.simulate.effect import Effect
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.plan import is_cloud
from customhouse.lifecycle.rules import TRASH, Rule, purges
from customhouse.lifecycle.words import Action, Artifact, Disposition
from customhouse.model import LIFECYCLE_TAG, Location
from tests.lifecycle.worlds import TAGS, World, seeds


def labelled(
    rules: Sequence[Rule], compiled: Compiled, inventory: list[Artifact]
) -> tuple[list[Artifact], dict[Location, float]]:
    """The inventory after the function has put its labels on, and the Custom-Times it set."""
    out, times = [], {}
    for item in inventory:
        rule = armed(rules, compiled, item)
        stamp = {LIFECYCLE_TAG: compiled.labels[rule.id]} if rule else {}
        out.append(replace(item, tags={**item.tags, **stamp}))
        if rule:
            times[item.location] = gcs_rules.custom_time(due_at(rule, item))
    return out, times


def cloud_does(
    compiled: Compiled, inventory: list[Artifact], times: dict[Location, float], now: float
) -> list[Effect | None]:
    scheme = compiled.target.scheme
    if scheme == "s3":
        return s3.simulate(compiled.native, inventory, now)
    if scheme == "gs":
        return gcs.simulate(compiled.native, inventory, now, times)
    return azure.simulate(compiled.native, inventory, now)


def together(native: Effect | None, residual: Disposition | None, scheme: str) -> tuple[Action, str]:
    """The stronger of what the cloud and the function do, as both do it at once."""
    found = [(native.action, native.storage_class)] if native else []
    found += [(residual.action, residual.detail)] if residual else []
    return max(found, key=lambda one: (STRENGTH[one[0]], classes.rank(one[1], scheme)), default=(Action.NONE, ""))


def possible(inventory: list[Artifact], target: Target, rules: Sequence[Rule]) -> list[Artifact]:
    """What such a bucket can hold: versions, locks and the trash only where there are any."""
    return [
        item if target.locks else replace(item, held=False, locked_until=None)
        for item in inventory
        if (target.versioned or item.live)
        and (item.storage_class or target.scheme == "s3")
        and (purges(tuple(rules)) or not item.location.key.startswith(TRASH))
    ]


def retagged(world: World, item: Artifact) -> Artifact:
    """The artifact after its owner changed its tags, some time after it was labelled."""
    if world.chance(0.7):
        return item
    label = {name: value for name, value in item.tags.items() if name == LIFECYCLE_TAG}
    return replace(item, tags={name: world.random.choice(values) for name, values in TAGS.items()} | label)


def check(scheme: str, seed: int) -> list[Effect]:
    """One case: every version ends as the policy means; what the cloud did of it."""
    world = World(seed, scheme, plainly=0.85)
    target, policy = world.target(), world.policy()
    compiled = compile_rules(policy, target)
    rules = (*policy, *purges(policy))
    inventory, times = labelled(rules, compiled, possible(world.inventory(), target, policy))
    inventory = [retagged(world, item) for item in inventory]
    natives = cloud_does(compiled, inventory, times, world.now)
    expected = interpret(rules, inventory, world.now, world.in_use())
    for item, native, one in zip(inventory, natives, expected, strict=True):
        mine = one.action.changes and not is_cloud(compiled.used.get(one.rule, ""), item.tags)
        wanted = (one.action, one.detail) if one.action.changes else (Action.NONE, "")
        found = together(unless_empty(native, item), one if mine else None, scheme)
        assert found == wanted, (item, native, one, compiled.parts)
    return [native for native in natives if native]


def unless_empty(native: Effect | None, item: Artifact) -> Effect | None:
    """Azure may move an empty blob to another tier, which costs nothing either way."""
    empty = item.location.scheme == "az" and not item.size
    return None if native and native.action is Action.CLASS and empty else native


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@given(seeds)
@settings(max_examples=100)
def test_the_cloud_and_the_function_together_do_what_the_policy_means(scheme: str, seed: int) -> None:
    check(scheme, seed)


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@given(seeds)
@settings(max_examples=1700)
def test_the_cloud_and_the_function_together_do_what_the_policy_means_at_length(scheme: str, seed: int) -> None:
    check(scheme, seed)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_the_cases_of_that_property_have_engines_delete_and_move(scheme: str) -> None:
    effects = [effect.action for seed in range(200) for effect in check(scheme, seed)]
    assert effects.count(Action.DELETE) > 20
    assert effects.count(Action.CLASS) > 20

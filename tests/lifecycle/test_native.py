"""`interpreter == simulate(compile) + residual`, on random policies, buckets and clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from customhouse.lifecycle import classes
from customhouse.lifecycle.interpreter import STRENGTH, interpret
from customhouse.lifecycle.native import gcs as gcs_rules
from customhouse.lifecycle.native.compile import compile_rules, due_at, label
from customhouse.lifecycle.native.simulate import azure, gcs, s3
from customhouse.lifecycle.native.simulate.effect import Effect
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.plan import is_cloud
from customhouse.lifecycle.rules import Rule, purges
from customhouse.lifecycle.words import Action, Artifact, Disposition
from customhouse.model import LIFECYCLE_TAG, Location
from tests.lifecycle import strategies
from tests.lifecycle.strategies import ROOTS

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def armed(
    rules: Sequence[Rule], compiled: Compiled, inventory: list[Artifact]
) -> tuple[list[Artifact], dict[Location, float]]:
    """The inventory after the function has put its labels on, and the Custom-Times it set."""
    labelled, times = [], {}
    for item in inventory:
        rule = label(rules, compiled, item)
        labelled.append(replace(item, tags={**item.tags, LIFECYCLE_TAG: rule.id}) if rule else item)
        if rule:
            times[item.location] = gcs_rules.custom_time(due_at(rule, item))
    return labelled, times


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


@st.composite
def targets(draw: st.DrawFn, scheme: str) -> Target:
    return Target(
        ROOTS[scheme],
        versioned=draw(st.booleans()),
        soft_delete=draw(st.sampled_from((0, 7 * 86_400))),
        locks=draw(st.booleans()),
        index_tags=draw(st.booleans()),
        last_access=draw(st.booleans()),
    )


def possible(inventory: list[Artifact], target: Target, windows: bool) -> list[Artifact]:
    """What such a bucket can hold: versions, locks and the trash only where there are any."""
    scheme = target.scheme
    return [
        item if target.locks else replace(item, held=False, locked_until=None)
        for item in inventory
        if (target.versioned or item.live)
        and (item.storage_class or scheme == "s3")
        and (windows or not item.location.key.startswith("customhouse-undo/"))
    ]


def check(data: st.DataObject, scheme: str) -> None:
    target = data.draw(targets(scheme))
    policy = data.draw(strategies.policies(size=4))
    rules = (*policy, *purges(policy))
    inventory = possible(data.draw(strategies.inventories(scheme)), target, bool(purges(policy)))
    now, in_use = data.draw(strategies.clocks), data.draw(strategies.uses)
    compiled = compile_rules(policy, target)
    assume(compiled.native)
    labelled, times = armed(rules, compiled, inventory)
    expected = interpret(rules, labelled, now, in_use)
    for item, native, one in zip(labelled, cloud_does(compiled, labelled, times, now), expected, strict=True):
        mine = not is_cloud(compiled.used.get(one.rule, ""), item.tags, one.rule)
        residual = one if one.action.changes and mine else None
        wanted = (one.action, one.detail) if one.action.changes else (Action.NONE, "")
        if scheme == "az" and native and native.action is Action.CLASS and not item.size:
            native = None  # an empty blob's tier costs nothing either way
        assert together(native, residual, scheme) == wanted, (item, native, one)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@given(st.data())
@settings(QUIET, max_examples=100)
def test_the_cloud_and_the_function_together_do_what_the_policy_means(scheme: str, data: st.DataObject) -> None:
    check(data, scheme)


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@given(st.data())
@settings(QUIET, max_examples=1700)
def test_the_cloud_and_the_function_together_do_what_the_policy_means_at_length(
    scheme: str, data: st.DataObject
) -> None:
    check(data, scheme)

"""What becomes of an image's parts, signatures and SBOMs: what survives misses none, what is in use stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import Action, Artifact
from customhouse.model import Location
from tests.lifecycle.support import NOW
from tests.lifecycle.worlds import World, seeds

ROOT = "oci://host/r"
OLD: dict[str, Any] = {"id": "old", "do": "delete", "age": "1d", "select": {"untagged": False}}


def image(digest: str, **known: Any) -> Artifact:
    """A manifest; one with tags is a candidate of `OLD`, others only go along."""
    return Artifact(Location(known.pop("root", ROOT), "r", version=digest), 1, 0.0, digest=digest, **known)


def deleted(
    rules: Sequence[Rule], inventory: Sequence[Artifact], in_use: frozenset[str] = frozenset(), now: float = NOW
) -> set[str]:
    chosen = interpret(rules, inventory, now, in_use)
    return {one.digest for one, what in zip(inventory, chosen, strict=True) if what.action is Action.DELETE}


IMAGE = image("sha256:1", image_tags=("v1",))
SIGNATURE = image("sha256:2", subject="sha256:1")
STAMP = image("sha256:3", subject="sha256:2")


@pytest.mark.parametrize(
    ("protect", "known", "in_use"),
    [
        ({"in_use": True}, {}, frozenset({"sha256:2"})),
        ({"tag": {"pinned": "true"}}, {"tags": {"pinned": "true"}}, frozenset()),
        ({}, {"held": True}, frozenset()),
        ({}, {"locked_until": NOW + 1}, frozenset()),
    ],
)
def test_a_signature_that_is_protected_itself_does_not_go_with_its_image_nor_does_what_is_about_it(
    protect: dict[str, Any], known: dict[str, Any], in_use: frozenset[str]
) -> None:
    rules = load([OLD | ({"protect": protect} if protect else {})])
    assert deleted(rules, [IMAGE, SIGNATURE, STAMP]) == {"sha256:1", "sha256:2", "sha256:3"}
    assert deleted(rules, [IMAGE, replace(SIGNATURE, **known), STAMP], in_use) == {"sha256:1"}


def test_what_is_in_use_protects_only_from_rules_that_ask_for_it() -> None:
    assert deleted(load([OLD]), [IMAGE, SIGNATURE], frozenset({"sha256:2"})) == {"sha256:1", "sha256:2"}


def test_a_child_of_two_indexes_goes_only_with_both() -> None:
    untagged = OLD | {"id": "untagged", "select": {"untagged": True}}
    rules = load([OLD | {"select": {"image_tags": "v*"}}, untagged])
    one, other = (image(f"sha256:{at}", image_tags=(f"v{at}",), children=("sha256:9",)) for at in (1, 2))
    child = image("sha256:9")
    assert deleted(rules, [one, other, child]) == {"sha256:1", "sha256:2", "sha256:9"}
    assert deleted(rules, [one, replace(other, image_tags=("latest",)), child]) == {"sha256:1"}


def test_the_same_digest_in_another_repository_is_another_image() -> None:
    elsewhere = replace(SIGNATURE, location=Location("oci://host/other", "other", version="sha256:2"))
    assert deleted(load([OLD]), [IMAGE, elsewhere]) == {"sha256:1"}


def test_images_that_are_about_each_other_are_decided_and_not_followed_for_ever() -> None:
    one, other = replace(IMAGE, subject="sha256:2"), replace(SIGNATURE, children=("sha256:1",))
    assert deleted(load([OLD]), [one, other]) == {"sha256:1", "sha256:2"}
    held = replace(other, held=True)
    assert deleted(load([OLD]), [one, held]) == set()


@given(seeds)
@settings(max_examples=150)
def test_whatever_survives_keeps_every_part_and_every_referrer(seed: int) -> None:
    world = World(seed, "oci")
    inventory = world.inventory()
    gone = deleted(world.policy(), inventory, frozenset(world.in_use()), world.now)
    for one in inventory:
        if one.digest not in gone:
            assert not gone & set(one.children)
            assert not [other.digest for other in inventory if other.subject == one.digest and other.digest in gone]


@given(seeds)
@settings(max_examples=150)
def test_a_hold_on_any_image_deletes_no_image_that_would_have_stayed(seed: int) -> None:
    world = World(seed, "oci")
    rules, inventory = tuple(replace(rule, keep=None) for rule in world.policy()), world.inventory()
    in_use, at = frozenset(world.in_use()), world.random.randrange(len(inventory))
    held = [replace(one, held=one.held or place == at) for place, one in enumerate(inventory)]
    gone = deleted(rules, held, in_use, world.now)
    assert gone <= deleted(rules, inventory, in_use, world.now) - {inventory[at].digest}

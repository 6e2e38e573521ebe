"""The S3 Lifecycle engine: days from creation, rounded up to the next midnight UTC, evaluated once a day.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customhouse.lifecycle import classes
from customhouse.lifecycle.native.simulate.effect import Effect, strongest
from customhouse.lifecycle.words import DAY, Action, Artifact

FLOOR = 128 * 1024
"""Smaller objects change no class unless a rule's filter names a size."""


def simulate(rules: Sequence[Mapping[str, Any]], inventory: Sequence[Artifact], now: float) -> list[Effect | None]:
    """What S3 has done to each version by `now` (UTC epoch seconds), at its run of the last midnight."""
    midnight = math.floor(now / DAY) * DAY
    enabled = [rule for rule in rules if rule["Status"] == "Enabled"]
    newer = _newer_noncurrent(inventory)
    return [
        strongest((effect for rule in enabled for effect in _effects(rule, item, newer[at], midnight)), item)
        for at, item in enumerate(inventory)
    ]


def _newer_noncurrent(inventory: Sequence[Artifact]) -> list[int]:
    """How many noncurrent versions of the same key are newer than each."""
    times: dict[str, list[tuple[float, str]]] = {}
    for item in inventory:
        if not item.live:
            times.setdefault(item.location.key, []).append((item.created, item.location.version))
    return [
        sum(other > (item.created, item.location.version) for other in times.get(item.location.key, []))
        for item in inventory
    ]


def _effects(rule: Mapping[str, Any], item: Artifact, newer: int, midnight: float) -> Iterator[Effect]:
    if not _matches(rule.get("Filter", {}), item):
        return
    name = rule["ID"]
    if item.live:
        expiration = rule.get("Expiration", {})
        if "Days" in expiration and _reached(item.created, expiration["Days"], midnight):
            yield Effect(Action.DELETE, name)
        for transition in rule.get("Transitions", []):
            if _reached(item.created, transition["Days"], midnight):
                yield from _moved(rule, item, transition["StorageClass"])
        return
    since = item.noncurrent_since or 0.0
    if wait := rule.get("NoncurrentVersionExpiration"):
        enough = newer >= wait.get("NewerNoncurrentVersions", 0)
        locked = item.held or (item.locked_until is not None and item.locked_until > midnight)
        if enough and not locked and _reached(since, wait["NoncurrentDays"], midnight):
            yield Effect(Action.DELETE, name)
    for wait in rule.get("NoncurrentVersionTransitions", []):
        if newer >= wait.get("NewerNoncurrentVersions", 0) and _reached(since, wait["NoncurrentDays"], midnight):
            yield from _moved(rule, item, wait["StorageClass"])


def _moved(rule: Mapping[str, Any], item: Artifact, storage_class: str) -> Iterator[Effect]:
    """A transition, which only ever goes down the ladder."""
    lower = classes.rank(storage_class, "s3") > classes.rank(item.storage_class, "s3")
    if lower and (item.size >= FLOOR or _names_size(rule.get("Filter", {}))):
        yield Effect(Action.CLASS, rule["ID"], storage_class)


def _names_size(chosen: Mapping[str, Any]) -> bool:
    inside = chosen.get("And", chosen)
    return "ObjectSizeGreaterThan" in inside or "ObjectSizeLessThan" in inside


def _reached(since: float, days: int, midnight: float) -> bool:
    """Whether the midnight at or after `since` plus `days` has come."""
    return math.ceil((since + days * DAY) / DAY) * DAY <= midnight


def _matches(chosen: Mapping[str, Any], item: Artifact) -> bool:
    inside = chosen.get("And", chosen)
    tags = [*inside.get("Tags", []), *([inside["Tag"]] if "Tag" in inside else [])]
    return (
        item.location.key.startswith(inside.get("Prefix", ""))
        and all(item.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
        and item.size > inside.get("ObjectSizeGreaterThan", -1)
        and item.size < inside.get("ObjectSizeLessThan", math.inf)
    )

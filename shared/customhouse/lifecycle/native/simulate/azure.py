"""The Azure Blob lifecycle engine: whole days, strictly greater; a version is judged by its own properties only.

https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customhouse.lifecycle import classes
from customhouse.lifecycle.native.simulate.effect import Effect, strongest
from customhouse.lifecycle.words import DAY, Action, Artifact

TIERS = {"tierToCool": "Cool", "tierToCold": "Cold", "tierToArchive": "Archive"}


def simulate(rules: Sequence[Mapping[str, Any]], inventory: Sequence[Artifact], now: float) -> list[Effect | None]:
    """What Azure does to each blob and version at `now`; `prefixMatch` begins with the container's name."""
    behind = {item.location.key for item in inventory if not item.live}
    enabled = [rule for rule in rules if rule.get("enabled", True)]
    out = []
    for item in inventory:
        effects = [effect for rule in enabled for effect in _effects(rule, item, now)]
        locked = item.held or (item.locked_until is not None and item.locked_until > now)
        if locked or (item.live and item.location.key in behind):
            effects = [effect for effect in effects if effect.action is not Action.DELETE]
        out.append(strongest(effects, item))
    return out


def _effects(rule: Mapping[str, Any], item: Artifact, now: float) -> Iterator[Effect]:
    definition = rule["definition"]
    if not _matches(definition["filters"], item):
        return
    for action, wait in definition["actions"].get("baseBlob" if item.live else "version", {}).items():
        if not all(_elapsed(name, days, item, now) for name, days in wait.items()):
            continue
        if action == "delete":
            yield Effect(Action.DELETE, rule["name"])
        elif classes.rank(TIERS[action], "az") > classes.rank(item.storage_class, "az"):
            yield Effect(Action.CLASS, rule["name"], TIERS[action])


def _elapsed(name: str, days: int, item: Artifact, now: float) -> bool:
    """Whether more whole days than `days` have passed; never where the moment is not known."""
    since = item.used if name == "daysAfterLastAccessTimeGreaterThan" else item.created
    return since is not None and math.floor((now - since) / DAY) > days


def _matches(filters: Mapping[str, Any], item: Artifact) -> bool:
    container = item.location.root.rpartition("/")[2]
    prefixes = tuple(filters.get("prefixMatch", []))
    return (not prefixes or f"{container}/{item.location.key}".startswith(prefixes)) and all(
        item.tags.get(match["name"]) == match["value"] for match in filters.get("blobIndexMatch", [])
    )

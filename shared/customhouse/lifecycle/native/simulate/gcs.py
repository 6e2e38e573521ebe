"""The Cloud Storage lifecycle engine: conditions AND, lists OR, any time of day.

https://cloud.google.com/storage/docs/lifecycle
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customhouse.lifecycle.native.simulate.effect import Effect, strongest
from customhouse.lifecycle.words import DAY, Action, Artifact
from customhouse.model import Location


@dataclass(frozen=True, slots=True)
class _Seen:
    """One generation as the conditions see it."""

    item: Artifact
    newer: int
    custom_time: float | None
    now: float

    def days_since(self, moment: float | None, days: int) -> bool:
        return moment is not None and self.now - moment >= days * DAY


CONDITIONS: Mapping[str, Callable[[_Seen, Any], bool]] = {
    "age": lambda seen, days: seen.days_since(seen.item.created, days),
    "daysSinceCustomTime": lambda seen, days: seen.days_since(seen.custom_time, days),
    "daysSinceNoncurrentTime": lambda seen, days: seen.days_since(seen.item.noncurrent_since, days),
    "isLive": lambda seen, live: seen.item.live is live,
    "matchesPrefix": lambda seen, prefixes: seen.item.location.key.startswith(tuple(prefixes)),
    "matchesSuffix": lambda seen, suffixes: seen.item.location.key.endswith(tuple(suffixes)),
    "matchesStorageClass": lambda seen, names: (seen.item.storage_class or "STANDARD") in names,
    "numNewerVersions": lambda seen, count: seen.newer >= count,
    "sizeAboveBytes": lambda seen, size: seen.item.size > size,
    "sizeBelowBytes": lambda seen, size: seen.item.size < size,
}


def simulate(
    rules: Sequence[Mapping[str, Any]],
    inventory: Sequence[Artifact],
    now: float,
    custom_times: Mapping[Location, float] | None = None,
) -> list[Effect | None]:
    """What Cloud Storage does to each generation at `now` (UTC epoch seconds)."""
    newer = _newer(inventory)
    times = custom_times or {}
    return [
        strongest(_effects(rules, _Seen(item, newer[at], times.get(item.location), now)), item)
        for at, item in enumerate(inventory)
    ]


def _newer(inventory: Sequence[Artifact]) -> list[int]:
    """How many generations of the same name are newer, the live one included."""
    order: defaultdict[str, list[tuple[bool, float, str]]] = defaultdict(list)
    for item in inventory:
        order[item.location.key].append((item.live, item.created, item.location.version))
    return [
        sum(other > (item.live, item.created, item.location.version) for other in order[item.location.key])
        for item in inventory
    ]


def _effects(rules: Sequence[Mapping[str, Any]], seen: _Seen) -> Iterator[Effect]:
    for at, rule in enumerate(rules):
        action, name = rule["action"], f"rule {at + 1}"
        if not all(CONDITIONS[key](seen, value) for key, value in rule["condition"].items()):
            continue
        locked = seen.item.locked_until is not None and seen.item.locked_until > seen.now
        if action["type"] == "Delete" and not seen.item.held and not locked:
            yield Effect(Action.DELETE, name)
        if action["type"] == "SetStorageClass":
            yield Effect(Action.CLASS, name, action["storageClass"])

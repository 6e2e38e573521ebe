"""A small bucket, its plan, and the fakes that lifecycle's tests share."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customhouse.lifecycle import plan
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location, Stat
from customhouse.ports import Features, Store
from customhouse.stores.memory import MemoryStore

NOW = 20_000 * DAY
_NAMES = itertools.count()


def memory(*, versioned: bool = False) -> MemoryStore:
    """A fresh bucket."""
    return MemoryStore(f"memory://lifecycle-{next(_NAMES)}", versioned=versioned)


def artifact(stat: Stat, **known: Any) -> Artifact:
    """What an inventory would say of an object, 100 days old."""
    return Artifact(stat.location, stat.size, NOW - 100 * DAY, storage_class=stat.storage_class, **known)


def listed(store: Store) -> list[Artifact]:
    """The live objects of a store."""
    return [artifact(stat) for stat in store.list()]


def planned(store: Store, *nodes: Mapping[str, object], now: float = NOW) -> Plan:
    """A plan over what is there now."""
    return plan.make(load(list(nodes)), listed(store), now)


def written(made: Plan, path: Path) -> Plan:
    """The plan, gone through its file."""
    with path.open("wb") as file:
        plan.write(made, file)
    return plan.read(path)


def contents(store: Store) -> dict[str, bytes]:
    """Every live object's bytes by name."""
    found = {}
    for stat in list(store.list()):
        with store.read(stat.location) as body:
            found[stat.location.key] = b"".join(body)
    return found


@dataclass
class FakeTarget:
    """A `ports.LifecycleTarget` that remembers."""

    document: Mapping[str, object] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    armed: list[tuple[str, str, float]] = field(default_factory=list)
    has: Features = field(default_factory=Features)
    error: Exception | None = None
    lossy: bool = False

    def features(self) -> Features:
        return self.has

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        if self.error:
            raise self.error
        self.armed.append((location.key, label, custom_time))

    def native_rules(self) -> Mapping[str, object]:
        return self.document

    def install_native_rules(self, document: Mapping[str, object]) -> None:
        if not self.lossy:
            self.document = document

    def change_class(self, location: Location, storage_class: str) -> None:
        if self.error:
            raise self.error
        self.classes[location.key] = storage_class

    def hold(self, location: Location) -> None:
        self.held.append(location.key)

"""What a native engine does to one object version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from customhouse.lifecycle import classes
from customhouse.lifecycle.words import Action, Artifact


@dataclass(frozen=True, slots=True)
class Effect:
    """The action, the native rule that had it done, and the class for a class change."""

    action: Action
    rule: str
    storage_class: str = ""


def strongest(effects: Iterable[Effect], item: Artifact) -> Effect | None:
    """Every engine's way out of a conflict: delete before any class change, then the cheapest class."""
    scheme = item.location.scheme
    found = list(effects)
    return max(
        found,
        key=lambda one: (one.action is Action.DELETE, classes.rank(one.storage_class, scheme)),
        default=None,
    )

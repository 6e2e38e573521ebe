"""At upload: label what a native rule will delete, and enforce keep-latest for the package that just grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customhouse.lifecycle.native.compile import due_at, label
from customhouse.lifecycle.native.gcs import custom_time
from customhouse.lifecycle.native.words import Compiled
from customhouse.lifecycle.plan import Item, make
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.words import Artifact


@dataclass(frozen=True, slots=True)
class Arming:
    """The label that one uploaded version gets, and the Custom-Time where its cloud has one (UTC epoch seconds)."""

    artifact: Artifact
    label: str
    custom_time: float


def arm(rules: Sequence[Rule], compiled: Compiled, artifact: Artifact) -> Arming | None:
    """What to stamp on an artifact so that the cloud deletes it by itself; None where no armed rule selects it."""
    rule = label(rules, compiled, artifact)
    return Arming(artifact, rule.id, custom_time(due_at(rule, artifact))) if rule else None


def enforce(rules: Sequence[Rule], artifact: Artifact, siblings: Sequence[Artifact], now: float) -> list[Item]:
    """What an upload pushes out of the latest N of its package: the items to apply at once.

    `siblings` are all artifacts of the same store and package, the new one included. Only rules that keep the latest
    per package are asked, but all that keep anything are heard. Without a known package nothing is enforced, nor
    where a rule protects what is in use, which the upload path does not know.
    """
    if not artifact.package or any(rule.protect.in_use for rule in rules):
        return []
    pushing = {rule.id for rule in rules if rule.keep and rule.keep.per == "package"}
    group = [one for one in siblings if (one.ecosystem, one.package) == (artifact.ecosystem, artifact.package)]
    return [item for item in make(rules, group, now).items() if item.rule in pushing]

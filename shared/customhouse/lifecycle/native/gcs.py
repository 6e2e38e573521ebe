"""Cloud Storage Object Lifecycle Management: the JSON API's `lifecycle.rule` list.

https://cloud.google.com/storage/docs/lifecycle
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from customhouse.lifecycle import classes
from customhouse.lifecycle.native.analyse import Abilities, Findings, analyse, days, versions_kept
from customhouse.lifecycle.native.words import Mark, Native, Part, Target
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.words import DAY, Action

MAX_RULES = 100
ABLE = Abilities(frozenset({"prefix", "suffix", "over", "under"}), least_days=0)
ERA = 36_500
"""Days between an armed object's Custom-Time and the moment it is due: a century, so that no Custom-Time that a user
set means anything to the one rule that deletes armed objects."""
ARMED: Native = {"action": {"type": "Delete"}, "condition": {"daysSinceCustomTime": ERA, "isLive": True}}


NEVER = 32_503_680_000.0
"""A Custom-Time (the year 3000) that stops another: it cannot be taken off, only put off."""


def custom_time(due: float) -> float:
    """The Custom-Time (UTC epoch seconds) of an object that is due at `due`."""
    return due - ERA * DAY


def part(rule: Rule, rules: Sequence[Rule], target: Target) -> Part:
    """One rule compiled."""
    found = analyse(rule, rules, target, ABLE)
    labels = [*found.labels, *(["the date is the object's own"] if rule.expires else [])]
    blocks = list(found.blocks)
    if labels:
        # the Custom-Time is any moment, so an armed rule need not wait for whole days
        blocks = [block for block in blocks if block != "age is not whole days"]
    blocks += _blocks(rule, Findings((), tuple(labels)))
    if blocks:
        return Part(rule.id, Mark.RESIDUAL, "; ".join(blocks))
    if labels:
        return Part(rule.id, Mark.ARMED, "; ".join(labels), (ARMED,))
    native = ({"action": _action(rule), "condition": _condition(rule)},)
    if versions_kept(rule):
        return Part(rule.id, Mark.APPROXIMATED, "Cloud Storage counts held versions among the newest", native)
    return Part(rule.id, Mark.EXACT, "", native)


def _blocks(rule: Rule, found: Findings) -> Iterator[str]:
    if rule.idle is not None:
        yield "Cloud Storage does not know when an object was last read"
    if rule.action is Action.CLASS and not classes.native(rule.storage_class, "gs"):
        yield f"Cloud Storage has no class {rule.storage_class}"
    if found.labels and rule.action is Action.CLASS:
        yield "Custom-Time is taken by deletes, so a class change cannot be armed: " + "; ".join(found.labels)
    if found.labels and rule.noncurrent is not None:
        yield "a noncurrent version cannot be armed: " + "; ".join(found.labels)
    if rule.keep and rule.keep.matching:
        yield "Cloud Storage counts every version of a key"


def _action(rule: Rule) -> dict[str, str]:
    if rule.action is Action.DELETE:
        return {"type": "Delete"}
    return {"type": "SetStorageClass", "storageClass": classes.native(rule.storage_class, "gs")}


def _condition(rule: Rule) -> dict[str, object]:
    select = rule.select
    condition: dict[str, object] = {}
    if rule.noncurrent is not None:
        condition |= {"daysSinceNoncurrentTime": days(rule.noncurrent), "isLive": False}
        condition |= {"age": days(rule.age)} if rule.age is not None else {}
        condition |= {"numNewerVersions": versions_kept(rule)} if versions_kept(rule) else {}
    else:
        condition |= {"age": days(rule.age), "isLive": True}
    condition |= {"matchesPrefix": list(select.prefix)} if select.prefix else {}
    condition |= {"matchesSuffix": list(select.suffix)} if select.suffix else {}
    over = select.over if select.over is not None or rule.action is Action.DELETE else 0
    condition |= {"sizeAboveBytes": over} if over is not None else {}
    condition |= {"sizeBelowBytes": select.under} if select.under is not None else {}
    if rule.action is Action.CLASS:
        ladder = classes.LADDERS["gs"]
        condition["matchesStorageClass"] = list(ladder[: ladder.index(classes.native(rule.storage_class, "gs"))])
    return condition

"""Azure Blob lifecycle management: the account's management policy, its rules for one container.

https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from customhouse.lifecycle import classes
from customhouse.lifecycle.native.analyse import Abilities, analyse, days, label, versions_kept
from customhouse.lifecycle.native.words import Mark, Native, Part, Target
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.words import Action
from customhouse.model import LIFECYCLE_TAG

MAX_RULES = 100
MAX_PREFIXES = 10
MAX_TAGS = 10
TIERS = {"Cool": "tierToCool", "Cold": "tierToCold", "Archive": "tierToArchive"}


def part(rule: Rule, rules: Sequence[Rule], target: Target) -> Part:
    """One rule compiled; our days are `>=`, Azure's are whole days and `>`, so one less is written."""
    able = Abilities(frozenset({"prefix", "tag"}) if target.index_tags else frozenset({"prefix"}), least_days=1)
    found = analyse(rule, rules, target, able)
    labels = found.labels
    blocks = [*found.blocks, *_blocks(rule, target)]
    if len(rule.select.tag) + bool(labels) > MAX_TAGS:
        blocks.append(f"Azure's filter takes {MAX_TAGS} tags at most, our label included")
    if labels and not target.index_tags:
        blocks += ["the account has no index tags to arm with", *labels]
    if blocks:
        return Part(rule.id, Mark.RESIDUAL, "; ".join(blocks))
    native = tuple(_rules(rule, target, label(rule, rules) if labels else ""))
    if differences := list(_differences(rule, target)):
        return Part(rule.id, Mark.APPROXIMATED, "; ".join(differences), native)
    if labels:
        return Part(rule.id, Mark.ARMED, "; ".join(labels), native)
    return Part(rule.id, Mark.EXACT, "", native)


def _blocks(rule: Rule, target: Target) -> Iterator[str]:
    if rule.expires:
        yield "Azure has no date per blob"
    if rule.idle is not None and not target.last_access:
        yield "the account does not track when a blob was last read"
    waits = [wait for wait in (rule.age, rule.idle, rule.noncurrent) if wait is not None]
    if len(waits) != 1 or not days(waits[0]):
        yield "Azure waits for exactly one of age, idle and noncurrent, of 1 day or more"
    if rule.action is Action.CLASS and classes.native(rule.storage_class, "az") not in TIERS:
        yield f"Azure has no tier {rule.storage_class} to move to"
    if versions_kept(rule):
        yield "Azure looks at one version at a time and keeps no latest"


def _differences(rule: Rule, target: Target) -> Iterator[str]:
    if rule.noncurrent is not None:
        yield "Azure counts a version's age from when it was written, not from when it was replaced"
    elif rule.action is Action.DELETE and target.versioned:
        yield "Azure deletes a blob only after all its older versions are gone"


def _rules(rule: Rule, target: Target, armed: str) -> Iterator[Native]:
    container = target.root.rpartition("/")[2]
    prefixes = [f"{container}/{prefix}" for prefix in ("",) if armed or not rule.select.prefix]
    prefixes = prefixes or [f"{container}/{prefix}" for prefix in rule.select.prefix]
    for at, start in enumerate(range(0, len(prefixes), MAX_PREFIXES)):
        batch = prefixes[start : start + MAX_PREFIXES]
        yield {
            "name": f"{target.prefix}{rule.id}" + (f"--{at}" if at else ""),
            "enabled": True,
            "type": "Lifecycle",
            "definition": {"filters": _filters(rule, batch, armed), "actions": _actions(rule)},
        }


def _filters(rule: Rule, prefixes: list[str], armed: str) -> dict[str, object]:
    tags = {**rule.select.tag, **({LIFECYCLE_TAG: armed} if armed else {})}
    match = [{"name": key, "op": "==", "value": value} for key, value in tags.items()]
    filters: dict[str, object] = {"blobTypes": ["blockBlob"], "prefixMatch": prefixes}
    return filters | ({"blobIndexMatch": match} if match else {})


def _actions(rule: Rule) -> dict[str, object]:
    action = "delete" if rule.action is Action.DELETE else TIERS[classes.native(rule.storage_class, "az")]
    if rule.noncurrent is not None:
        return {"version": {action: {"daysAfterCreationGreaterThan": days(rule.noncurrent) - 1}}}
    if rule.idle is not None:
        return {"baseBlob": {action: {"daysAfterLastAccessTimeGreaterThan": days(rule.idle) - 1}}}
    return {"baseBlob": {action: {"daysAfterModificationGreaterThan": days(rule.age) - 1}}}

"""S3 Lifecycle: a bucket-wide document, PutBucketLifecycleConfiguration's own JSON form.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from customhouse.lifecycle import classes
from customhouse.lifecycle.native.analyse import Abilities, analyse, days, label, versions_kept
from customhouse.lifecycle.native.words import PREFIX, Mark, Native, Part, Target
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.words import Action
from customhouse.model import LIFECYCLE_TAG

MAX_RULES = 1000
ABLE = Abilities(frozenset({"prefix", "tag", "over", "under"}), least_days=1)
INFREQUENT = {"STANDARD_IA", "ONEZONE_IA"}
INFREQUENT_DAYS = 30
MAX_NEWER = 100


def part(rule: Rule, rules: Sequence[Rule], target: Target) -> Part:
    """One rule compiled."""
    found = analyse(rule, rules, target, ABLE)
    blocks = [*found.blocks, *_blocks(rule)]
    if blocks:
        return Part(rule.id, Mark.RESIDUAL, "; ".join(blocks))
    differences = list(_differences(rule, target))
    native = tuple(_rules(rule, label(rule, rules) if found.labels else ""))
    if differences:
        return Part(rule.id, Mark.APPROXIMATED, "; ".join(differences), native)
    if found.labels:
        return Part(rule.id, Mark.ARMED, "; ".join(found.labels), native)
    return Part(rule.id, Mark.EXACT, "", native)


def _blocks(rule: Rule) -> Iterator[str]:
    if rule.idle is not None:
        yield "S3 does not know when an object was last read"
    if rule.expires:
        yield "S3 has no date per object"
    if rule.noncurrent is not None and rule.age is not None:
        yield "S3 cannot ask for age and noncurrent age at once"
    if rule.action is Action.CLASS:
        name = classes.native(rule.storage_class, "s3")
        if not name:
            yield f"S3 has no class {rule.storage_class}"
        waits = rule.age if rule.noncurrent is None else rule.noncurrent
        if name in INFREQUENT and days(waits) < INFREQUENT_DAYS:
            yield f"S3 moves to {name} after {INFREQUENT_DAYS} days at the earliest"
        if rule.noncurrent is not None and not days(rule.noncurrent):
            yield "S3 acts on a noncurrent version after 1 day at the earliest"
    if versions_kept(rule) > MAX_NEWER + 1:
        yield f"S3 keeps {MAX_NEWER} noncurrent versions at most"


def _differences(rule: Rule, target: Target) -> Iterator[str]:
    if versions_kept(rule):
        yield "S3 counts noncurrent versions only: one fewer is kept of a deleted key, and held ones are counted"
    if rule.action is Action.DELETE and rule.noncurrent is None and target.locks and target.versioned:
        yield "S3 hides a held object behind a delete marker, though its version stays"


def _rules(rule: Rule, armed: str) -> Iterator[Native]:
    """One native rule per prefix; an armed one needs none, since only what was selected carries the label."""
    prefixes = ("",) if armed else rule.select.prefix or ("",)
    for at, prefix in enumerate(prefixes):
        name = f"{PREFIX}{rule.id}" + (f"--{at}" if at else "")
        yield {"ID": name, "Status": "Enabled", "Filter": _filter(rule, prefix, armed), **_act(rule)}


def _filter(rule: Rule, prefix: str, armed: str) -> dict[str, object]:
    tags = {**rule.select.tag, **({LIFECYCLE_TAG: armed} if armed else {})}
    sizes = {"ObjectSizeGreaterThan": rule.select.over, "ObjectSizeLessThan": rule.select.under}
    if rule.action is Action.CLASS and rule.select.over is None:
        sizes["ObjectSizeGreaterThan"] = 0  # an explicit size lifts the floor of 128 KB
    parts: dict[str, object] = {"Prefix": prefix} if prefix else {}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    parts |= {name: size for name, size in sizes.items() if size is not None}
    if not pairs and len(parts) <= 1:
        return parts or {"Prefix": ""}
    if len(pairs) == 1 and not parts:
        return {"Tag": pairs[0]}
    return {"And": parts | ({"Tags": pairs} if pairs else {})}


def _act(rule: Rule) -> dict[str, object]:
    if rule.noncurrent is not None:
        newer = versions_kept(rule) - 1
        wait: dict[str, object] = {"NoncurrentDays": days(rule.noncurrent)}
        wait |= {"NewerNoncurrentVersions": newer} if newer > 0 else {}
        if rule.action is Action.DELETE:
            return {"NoncurrentVersionExpiration": wait}
        return {"NoncurrentVersionTransitions": [wait | {"StorageClass": classes.native(rule.storage_class, "s3")}]}
    if rule.action is Action.DELETE:
        return {"Expiration": {"Days": days(rule.age)}}
    return {"Transitions": [{"Days": days(rule.age), "StorageClass": classes.native(rule.storage_class, "s3")}]}

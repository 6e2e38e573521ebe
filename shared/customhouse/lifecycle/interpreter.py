"""The reference meaning of a policy: `(rules, inventory, now) -> dispositions`, pure and unhurried.

The order is fixed and published: candidates, protected, excluded, group, rank, keep, conditions (AND), then over
all rules KEEP beats DELETE, then the closure over images. The planner in DuckDB must equal this row for row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from customhouse.lifecycle import classes
from customhouse.lifecycle.closure import Protects, close
from customhouse.lifecycle.order import version_ranks
from customhouse.lifecycle.patterns import compiled, glob
from customhouse.lifecycle.rules import Keep, Rule
from customhouse.lifecycle.selection import carries, excludes, selects
from customhouse.lifecycle.words import NOTHING, Action, Artifact, Disposition

STRENGTH = {Action.KEEP: 1, Action.TAG: 2, Action.CLASS: 3, Action.DELETE: 4, Action.HOLD: 5}
"""Which action wins where several rules have one: the most lasting, as in every native engine."""

Voice = tuple[int, Disposition]
"""What one rule says about one artifact, with the artifact's index in the inventory."""


def interpret(
    rules: Sequence[Rule], inventory: Sequence[Artifact], now: float, in_use: AbstractSet[str] = frozenset()
) -> list[Disposition]:
    """What becomes of each artifact, in the inventory's order.

    `now` is UTC epoch seconds; `in_use` holds image digests and addresses that something runs.
    """
    voices: defaultdict[int, list[Disposition]] = defaultdict(list)
    for rule in rules:
        for at, voice in evaluate(rule, inventory, now, in_use):
            voices[at].append(voice)
    chosen = [resolve(voices[at], item) if at in voices else NOTHING for at, item in enumerate(inventory)]
    return close(inventory, chosen, protects(rules, now, in_use))


def resolve(voices: Iterable[Disposition], item: Artifact) -> Disposition:
    """One disposition out of what the rules say: KEEP and HOLD silence DELETE, then the strongest, then the first."""
    voices = list(voices)
    if any(voice.action in {Action.KEEP, Action.HOLD} for voice in voices):
        voices = [voice for voice in voices if voice.action is not Action.DELETE]
    scheme = item.location.scheme
    return max(voices, key=lambda voice: (STRENGTH[voice.action], classes.rank(voice.detail, scheme)))


def evaluate(
    rule: Rule, inventory: Sequence[Artifact], now: float, in_use: AbstractSet[str] = frozenset()
) -> Iterator[Voice]:
    """What one rule says, before other rules are heard: KEEP, or its own action; nothing where it is silent."""
    candidate, excluded = selects(rule), excludes(rule)
    ranked: list[int] = []
    left_out: set[int] = set()
    for at, item in enumerate(inventory):
        if not candidate(item):
            continue
        if reason := protection(rule, item, now, in_use):
            yield from _spared(rule, at, reason)
            continue
        if excluded(item):
            left_out.add(at)
        ranked.append(at)
    if not (rule.keep and rule.keep.count_excluded):
        ranked = [at for at in ranked if at not in left_out]
    kept, grouped = _latest(rule.keep, inventory, ranked)
    for at in ranked:
        if at in left_out or at not in grouped:
            continue
        if at in kept and rule.keep:
            yield from _spared(rule, at, f"keep latest {rule.keep.latest} per {rule.keep.per}")
        elif due(rule, inventory[at], now):
            yield at, Disposition(rule.action, rule.id, rule.grounds, native_detail(rule, inventory[at]))


def _spared(rule: Rule, at: int, clause: str) -> Iterator[Voice]:
    if rule.spares:
        yield at, Disposition(Action.KEEP, rule.id, clause)


def protection(rule: Rule, item: Artifact, now: float, in_use: AbstractSet[str]) -> str:
    """The clause that protects a candidate from a rule, empty where none does."""
    if rule.action is Action.DELETE and item.held:
        return "hold"
    if rule.action is Action.DELETE and item.locked(now):
        return "lock"
    if rule.protect.tag and carries(item.tags, rule.protect.tag, every=False):
        return "protect tag"
    if rule.protect.in_use and ((item.digest and item.digest in in_use) or item.address in in_use):
        return "protect in_use"
    return ""


def protects(rules: Iterable[Rule], now: float, in_use: AbstractSet[str]) -> Protects:
    """What protects an artifact from a rule that does not select it: a referrer from going with its image."""
    by_id = {rule.id: rule for rule in rules}
    return lambda rule, item: bool(protection(by_id[rule], item, now, in_use))


def _latest(keep: Keep | None, inventory: Sequence[Artifact], ranked: list[int]) -> tuple[set[int], set[int]]:
    """The indexes that `keep` keeps, and those whose group is known at all."""
    if keep is None:
        return set(), set(ranked)
    groups: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    grouped = set()
    for at in ranked:
        if group := group_of(keep, inventory[at]):
            grouped.add(at)
            if matching(keep, inventory[at]):
                groups[group].append(at)
    versions = version_ranks(inventory) if keep.order == "version" else {}
    kept: set[int] = set()
    for members in groups.values():
        members.sort(key=lambda at: newness(keep, inventory[at], versions), reverse=True)
        kept.update(members[: keep.latest])
    return kept, grouped


def newness(keep: Keep, item: Artifact, versions: dict[tuple[str, str], int]) -> tuple[float, float, str, str]:
    """What ranks an artifact within its group, higher for newer; name and version break ties for good."""
    first = {
        "created": item.created,
        "used": item.created if item.used is None else item.used,
        "version": float(versions.get((item.ecosystem, item.package_version), -1)),
    }[keep.order]
    return first, item.created, item.location.key, item.location.version


def group_of(keep: Keep, item: Artifact) -> tuple[str, ...]:
    """The group an artifact is ranked in; empty where it is not known."""
    root, key = item.location.root, item.location.key
    if keep.per == "package":
        return (root, item.ecosystem, item.package) if item.package else ()
    if keep.per == "key":
        return (root, key)
    return (root, key.rpartition("/")[0]) if keep.per == "folder" else (root,)


def matching(keep: Keep, item: Artifact) -> bool:
    """Whether an artifact's name, or one of its image tags, is among those that are counted and kept."""
    if not keep.matching:
        return True
    pattern = compiled(glob(keep.matching))
    return any(pattern.search(name) for name in (item.image_tags or (item.location.key,)))


def due(rule: Rule, item: Artifact, now: float) -> bool:
    """Whether every condition of the rule holds and its action would change anything."""
    return elapsed(rule, item, now) and changes(rule, item)


def elapsed(rule: Rule, item: Artifact, now: float) -> bool:
    """Whether every wait of the rule is over; never where the moment it counts from is not known."""
    waits = ((rule.age, item.created), (rule.idle, item.used), (rule.noncurrent, item.noncurrent_since))
    for wait, since in waits:
        if wait is not None and (since is None or now < since + wait):
            return False
    return not rule.expires or (item.expires_at is not None and now >= item.expires_at)


def changes(rule: Rule, item: Artifact) -> bool:
    """Whether an action is not already true of the artifact; an empty object's class has no price to lower."""
    if rule.action is Action.CLASS:
        scheme = item.location.scheme
        target = native_detail(rule, item)
        lower = classes.rank(target, scheme) > classes.rank(item.storage_class, scheme)
        return bool(target) and item.size > 0 and lower
    if rule.action is Action.TAG:
        return not carries(item.tags, rule.set_tags, every=True)
    return not (rule.action is Action.HOLD and item.held)


def native_detail(rule: Rule, item: Artifact) -> str:
    """The rule's detail in the words of the artifact's own cloud."""
    return classes.native(rule.storage_class, item.location.scheme) if rule.storage_class else rule.detail

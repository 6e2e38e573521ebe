"""What stands between a rule and a native engine: questions that are the same on every cloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.rules import TRASH, Keep, Protect, Rule, Select, digest
from customhouse.lifecycle.units import show_duration
from customhouse.lifecycle.words import DAY, Action


@dataclass(frozen=True, slots=True)
class Abilities:
    """Select terms that a cloud's filter can say, and the least days it can wait before deleting."""

    terms: frozenset[str]
    least_days: int


@dataclass(frozen=True, slots=True)
class Findings:
    """Why a rule cannot be native (`blocks`), or only by a label of ours (`labels`)."""

    blocks: tuple[str, ...]
    labels: tuple[str, ...]


def analyse(rule: Rule, rules: Sequence[Rule], target: Target, able: Abilities) -> Findings:
    """All reasons, in the order of the vocabulary."""
    blocks = [*_action(rule, rules, target), *_conditions(rule, able), *_neighbours(rule, rules, target)]
    blocks += _passing(rule, able)
    labels = [f"{term} is no filter of the cloud's" for term in sorted(terms(rule.select) - able.terms)]
    labels += ["the cloud has no exclusion"] if rule.exclude else []
    labels += [f"rule {other.id!r} keeps some of it" for other in static_keepers(rule, rules)]
    return Findings(tuple(blocks), tuple(labels))


def terms(select: Select) -> set[str]:
    """The select terms that are used."""
    empty = Select()
    names = ("prefix", "glob", "suffix", "regex", "tag", "verdict", "kind", "ecosystem", "over", "under")
    used = {name for name in names if getattr(select, name) != getattr(empty, name)}
    return used | ({"image tags"} if select.image_tags or select.untagged is not None else set())


def _action(rule: Rule, rules: Sequence[Rule], target: Target) -> Iterator[str]:
    if rule.action not in {Action.DELETE, Action.CLASS}:
        yield f"no cloud has a rule that does {rule.action.value}"
    if rule.keep and (rule.keep.per != "key" or rule.keep.order != "created"):
        yield f"no cloud keeps the latest of each {rule.keep.per}" if rule.keep.per != "key" else "unknown order"
    if rule.protect != Protect():
        yield "protection is looked at when it is due, not when the rule was written"
    window = _window(rule, rules, target)
    if rule.action is Action.DELETE and rule.undo > window:
        can = f"undoes a delete for {show_duration(window)} only" if window else "cannot undo a delete"
        yield f"the bucket itself {can}: write undo: none to allow it"


def _window(rule: Rule, rules: Sequence[Rule], target: Target) -> int:
    """How long the bucket itself can bring back what the rule deletes (seconds).

    A current version stays behind its delete marker until a rule about noncurrent ones takes it.
    """
    marker = target.versioned and rule.noncurrent is None
    cleared = [
        other.noncurrent
        for other in rules
        if other.noncurrent is not None and other.action is Action.DELETE and overlap(rule, other, target)
    ]
    return max(target.soft_delete, min([rule.undo, *cleared]) if marker else 0)


def _passing(rule: Rule, able: Abilities) -> Iterator[str]:
    """A label says what was true when it was put on, and tags come and go: those must be the cloud's to look at."""
    if "tag" in terms(rule.select) - able.terms or any("tag" in terms(select) for select in rule.exclude):
        yield "tags may change after an object was labelled, and the cloud does not look at them"


def _conditions(rule: Rule, able: Abilities) -> Iterator[str]:
    for name, wait in (("age", rule.age), ("idle", rule.idle), ("noncurrent", rule.noncurrent)):
        if wait is not None and wait % DAY:
            yield f"{name} is not whole days"
    first = rule.noncurrent if rule.noncurrent is not None else rule.age
    if rule.action is Action.DELETE and (first or 0) < able.least_days * DAY and rule.idle is None and not rule.expires:
        yield f"the cloud deletes after {able.least_days} days at the earliest"


def _neighbours(rule: Rule, rules: Sequence[Rule], target: Target) -> Iterator[str]:
    """Other rules that may keep what this one would delete, and the trash that it must not reach into."""
    if rule.action is Action.DELETE and not rule.trash:
        for other in rules:
            if other is not rule and _may_keep(other) and not is_static_keeper(other) and overlap(rule, other, target):
                yield f"rule {other.id!r} may keep what it deletes"
    window = max((other.undo for other in rules if other.action is Action.DELETE), default=0)
    early = (rule.age or 0) < window if rule.noncurrent is None else rule.noncurrent < DAY
    if not rule.trash and window and _reaches_trash(rule) and early:
        yield f"without a prefix it would reach the trash before {show_duration(window)}, the undo window, have passed"


def _may_keep(rule: Rule) -> bool:
    return rule.action in {Action.KEEP, Action.HOLD} or (
        rule.action is Action.DELETE and (rule.keep is not None or rule.protect != Protect())
    )


def is_static_keeper(rule: Rule) -> bool:
    """Whether a rule keeps by what never changes about an object, so that arming can leave that out."""
    bare = replace(rule, id="", root=(), select=Select(), exclude=())
    tagged = any("tag" in terms(select) for select in (rule.select, *rule.exclude))
    return bare == Rule(id="", action=Action.KEEP) and not tagged


def static_keepers(rule: Rule, rules: Sequence[Rule]) -> list[Rule]:
    """The rules that keep some of what a rule deletes by what never changes."""
    if rule.action is not Action.DELETE or rule.trash:
        return []
    return [other for other in rules if is_static_keeper(other) and _prefixes_meet(rule, other)]


def label(rule: Rule, rules: Sequence[Rule]) -> str:
    """What the artifacts carry that a native rule deletes for an armed rule: its id, and a digest of what it says.

    A rule that says something else has another label, so that those of an earlier policy mean nothing any more.
    """
    said = [replace(one, root=()) for one in (rule, *static_keepers(rule, rules))]
    return f"{rule.id}.{digest(tuple(said))[7:15]}"


def overlap(one: Rule, other: Rule, target: Target) -> bool:
    """Whether two rules can select the same object of the bucket; only prefixes and verdicts can tell."""
    here = all(not rule.root or target.root in rule.root for rule in (one, other))
    verdicts = (set(one.select.verdict), set(other.select.verdict))
    apart = all(verdicts) and not verdicts[0] & verdicts[1]
    return here and not apart and not other.trash and _prefixes_meet(one, other)


def _prefixes_meet(one: Rule, other: Rule) -> bool:
    pairs = [(a, b) for a in one.select.prefix or ("",) for b in other.select.prefix or ("",)]
    return any(a.startswith(b) or b.startswith(a) for a, b in pairs)


def _reaches_trash(rule: Rule) -> bool:
    return any(TRASH.startswith(prefix) or prefix.startswith(TRASH) for prefix in rule.select.prefix or ("",))


def days(seconds: int | None) -> int:
    """Whole days."""
    return int((seconds or 0) // DAY)


def versions_kept(rule: Rule) -> int:
    """How many versions of a key a rule keeps, the live one included; 0 for none."""
    return rule.keep.latest if isinstance(rule.keep, Keep) else 0

"""Compile a policy for one bucket: what its own engine does for free, exactly; the rest is the function's."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from customhouse.lifecycle.native import analyse, azure, gcs, s3
from customhouse.lifecycle.native.analyse import static_keepers
from customhouse.lifecycle.native.words import Compiled, Mark, Native, Part, Target
from customhouse.lifecycle.plan import EXACT
from customhouse.lifecycle.rules import Rule, purges
from customhouse.lifecycle.selection import excludes, selects
from customhouse.lifecycle.words import Artifact

CLOUDS: dict[str, ModuleType] = {"s3": s3, "gs": gcs, "az": azure}


def compile_rules(rules: Sequence[Rule], target: Target, *, allow_approximated: bool = False) -> Compiled:
    """Each rule as native rules or not, within the cloud's limit on their number.

    The rules that empty the trash are compiled too. Where the limit is reached, later rules become residual.
    """
    cloud = CLOUDS[target.scheme]
    here = [rule for rule in (*rules, *purges(tuple(rules))) if not rule.root or target.root in rule.root]
    parts: list[Part] = []
    native: list[Native] = []
    used: dict[str, str] = {}
    for rule in here:
        part = cloud.part(rule, here, target)
        fresh = [one for one in part.native if one not in native]
        if part.mark is not Mark.RESIDUAL and len(native) + len(fresh) > cloud.MAX_RULES:
            part, fresh = Part(rule.id, Mark.RESIDUAL, f"the cloud takes {cloud.MAX_RULES} rules at most"), []
        parts.append(part)
        if part.mark in {Mark.EXACT, Mark.ARMED} or (part.mark is Mark.APPROXIMATED and allow_approximated):
            native += fresh
            used[rule.id] = analyse.label(rule, here) if part.mark is Mark.ARMED else EXACT
    return Compiled(target, tuple(parts), tuple(native), used)


def armed(rules: Sequence[Rule], compiled: Compiled, item: Artifact) -> Rule | None:
    """The armed rule that labels an artifact: the first that selects it by what never changes about it."""
    for rule in rules:
        if rule.id in compiled.labels and selects(rule)(item) and not excludes(rule)(item):
            kept = any(selects(other)(item) and not excludes(other)(item) for other in static_keepers(rule, rules))
            if not kept and (not rule.expires or item.expires_at is not None):
                return rule
    return None


def due_at(rule: Rule, item: Artifact) -> float:
    """When an armed artifact is due (UTC epoch seconds)."""
    return max(item.created + (rule.age or 0), item.expires_at or 0.0 if rule.expires else 0.0)

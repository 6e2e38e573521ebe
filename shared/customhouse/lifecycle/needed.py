"""Which rows a rule could still act on, as far as a listing tells: only these need records, tags and holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from customhouse.lifecycle.interpreter import changes, elapsed
from customhouse.lifecycle.rules import Rule, Select
from customhouse.lifecycle.selection import Predicate, selects
from customhouse.lifecycle.words import Action, Artifact

UNREAD: dict[str, object] = {"tag": {}, "verdict": (), "kind": (), "ecosystem": ()}
"""Select terms whose answer a listing need not bring along; taken as met."""


def bare(select: Select) -> Select:
    """A selection without what a listing may not tell: it selects all that the whole one does, and more."""
    return replace(select, **UNREAD)  # type: ignore[arg-type] # each is its field's own default


def acting(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that make a row worth a closer look: they change something, or rank it among others."""
    return [rule for rule in rules if rule.keep or rule.action.changes]


def wanted(rules: Sequence[Rule], now: float) -> Predicate:
    """Whether what is not known of a row could still matter to what becomes of any row.

    What no rule could act on stays as it is, whatever protects it; but a rule that keeps the latest of a group counts
    those that are not due as well.
    """
    tests = [_could(rule, now) for rule in acting(rules)]
    return lambda item: any(test(item) for test in tests)


def _could(rule: Rule, now: float) -> Predicate:
    candidate = selects(replace(rule, select=bare(rule.select)))
    if rule.keep:
        return candidate

    def could(item: Artifact) -> bool:
        known = rule.action is not Action.CLASS or changes(rule, item)
        return known and elapsed(rule, item, now) and candidate(item)

    return could

"""What a policy needs to be told about artifacts: planning without it would not see what a rule spares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from customhouse.lifecycle.rules import Rule, Select

RECORD_TERMS = ("verdict", "kind", "ecosystem")


def asks_versions(rules: Iterable[Rule]) -> bool:
    """Whether a rule looks at noncurrent versions."""
    return any(rule.noncurrent is not None for rule in rules)


def asks_tags(rules: Iterable[Rule]) -> str:
    """The first rule that looks at tags when it is planned, empty where none does."""
    return next((rule.id for rule in rules if rule.protect.tag or any(select.tag for select in _selects(rule))), "")


def asks_records(rules: Iterable[Rule]) -> str:
    """The first rule that asks for something only a record knows, empty where none does."""
    return next((rule.id for rule in rules if _record_terms(rule)), "")


def _record_terms(rule: Rule) -> Sequence[str]:
    terms = [name for name in RECORD_TERMS if any(getattr(select, name) for select in _selects(rule))]
    terms += ["package"] if rule.keep and (rule.keep.per == "package" or rule.keep.order == "version") else []
    return [*terms, *(["expires"] if rule.expires else [])]


def _selects(rule: Rule) -> Iterator[Select]:
    yield rule.select
    yield from rule.exclude

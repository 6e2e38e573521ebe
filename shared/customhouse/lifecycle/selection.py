"""Select and protect terms as compiled predicates over one artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from customhouse.lifecycle import patterns
from customhouse.lifecycle.rules import TRASH, Rule, Select
from customhouse.lifecycle.words import Artifact

Predicate = Callable[[Artifact], bool]


def selects(rule: Rule) -> Predicate:
    """Whether an artifact is a candidate: the right store, not in the trash, current unless versions are meant."""
    matches, roots, versions, trash = matcher(rule.select), rule.root, rule.noncurrent is not None, rule.trash

    def candidate(item: Artifact) -> bool:
        return (
            (not roots or item.location.root in roots)
            and (versions or item.live)
            and item.location.key.startswith(TRASH) is trash
            and matches(item)
        )

    return candidate


def excludes(rule: Rule) -> Predicate:
    """Whether any of the rule's exclusions matches an artifact."""
    matchers = [matcher(select) for select in rule.exclude]
    return lambda item: any(matches(item) for matches in matchers)


def matcher(select: Select) -> Predicate:
    """All terms of a selection as one predicate."""
    terms = [*_names(select), *_facts(select), *_images(select)]
    return lambda item: all(term(item) for term in terms)


def _names(select: Select) -> list[Predicate]:
    terms: list[Predicate] = []
    if select.prefix:
        terms.append(lambda item: item.location.key.startswith(select.prefix))
    if select.suffix:
        terms.append(lambda item: item.location.key.endswith(select.suffix))
    names = ([patterns.glob(text) for text in select.glob], select.regex)
    return terms + [_key_matches(expressions) for expressions in names if expressions]


def _key_matches(expressions: Iterable[str]) -> Predicate:
    found = [patterns.compiled(text) for text in expressions]
    return lambda item: any(one.search(item.location.key) for one in found)


def _tag_matches(glob: str) -> Predicate:
    found = patterns.compiled(patterns.glob(glob))
    return lambda item: any(found.search(tag) for tag in item.image_tags)


def _facts(select: Select) -> list[Predicate]:
    terms: list[Predicate] = []
    if select.tag:
        terms.append(lambda item: carries(item.tags, select.tag, every=True))
    if select.verdict:
        terms.append(lambda item: item.verdict in select.verdict)
    if select.kind:
        terms.append(lambda item: item.kind in select.kind)
    if select.ecosystem:
        terms.append(lambda item: item.ecosystem in select.ecosystem)
    if (over := select.over) is not None:
        terms.append(lambda item: item.size > over)
    if (under := select.under) is not None:
        terms.append(lambda item: item.size < under)
    return terms


def _images(select: Select) -> list[Predicate]:
    terms = [_tag_matches(glob) for glob in select.image_tags]
    if select.untagged is not None:
        terms.append(lambda item: (not item.image_tags) is select.untagged)
    return terms


def carries(tags: Mapping[str, str], wanted: Mapping[str, str], *, every: bool) -> bool:
    """Whether every (or any) wanted tag is there with its value."""
    return (all if every else any)(tags.get(key) == value for key, value in wanted.items())

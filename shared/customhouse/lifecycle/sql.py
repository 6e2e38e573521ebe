"""Rules as SQL expressions over the inventory table, term for term what `interpreter` and `selection` mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from customhouse.lifecycle import classes, needed, patterns
from customhouse.lifecycle.interpreter import STRENGTH
from customhouse.lifecycle.inventory.table import quote
from customhouse.lifecycle.rules import TRASH, Keep, Rule, Select
from customhouse.lifecycle.words import Action

CLAUSES = ("", "hold", "lock", "protect tag", "protect in_use")
"""What a voice may quote besides the rule's own `keep` (5) and grounds (6)."""
KEPT, DUE = 5, 6
WIDTH = 8
"""Clause codes fit below this; a score is (strength, class rank, rule, clause) packed into one number."""
RANKS = 16
SCHEMES = ("", *classes.LADDERS)
"""Clouds whose storage classes have names; the first stands for every other store."""


def every(terms: Iterable[str]) -> str:
    """AND of terms; true for none."""
    return " AND ".join(f"({term})" for term in terms) or "true"


def some(terms: Iterable[str]) -> str:
    """OR of terms; false for none."""
    return " OR ".join(f"({term})" for term in terms) or "false"


def _in(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(quote(value) for value in values)})"


def _tags(wanted: Mapping[str, str]) -> list[str]:
    return [f"coalesce(tags[{quote(key)}] = {quote(value)}, false)" for key, value in wanted.items()]


def _search(column: str, expression: str) -> str:
    return f"regexp_matches({column}, {quote(expression)})"


def select(chosen: Select) -> str:
    """All terms of a selection."""
    terms = [some(f"starts_with(key, {quote(text)})" for text in chosen.prefix)] if chosen.prefix else []
    terms += [some(f"ends_with(key, {quote(text)})" for text in chosen.suffix)] if chosen.suffix else []
    for expressions in ([patterns.glob(text) for text in chosen.glob], chosen.regex):
        terms += [some(_search("key", text) for text in expressions)] if expressions else []
    terms += _tags(chosen.tag)
    for column in ("verdict", "kind", "ecosystem"):
        terms += [_in(column, values)] if (values := getattr(chosen, column)) else []
    terms += [f"size > {chosen.over}"] if chosen.over is not None else []
    terms += [f"size < {chosen.under}"] if chosen.under is not None else []
    terms += [_any_tag(text) for text in chosen.image_tags]
    if chosen.untagged is not None:
        terms.append(f"(len(image_tags) = 0) = {str(chosen.untagged).lower()}")
    return every(terms)


def _any_tag(glob: str) -> str:
    return f"list_bool_or(list_transform(image_tags, lambda t: {_search('t', patterns.glob(glob))})) IS true"


def candidate(rule: Rule) -> str:
    """As `selection.selects`."""
    terms = [_in("root", rule.root)] if rule.root else []
    terms += [] if rule.noncurrent is not None else ["noncurrent_since IS NULL"]
    terms.append(f"{'' if rule.trash else 'NOT '}starts_with(key, {quote(TRASH)})")
    return every([*terms, select(rule.select)])


def protection(rule: Rule, now: float) -> str:
    """The code of the clause that protects, 0 for none; as `interpreter.protection`."""
    cases = []
    if rule.action is Action.DELETE:
        cases += [("held", 1), (f"coalesce(locked_until > {now!r}, false)", 2)]
    if rule.protect.tag:
        cases.append((some(_tags(rule.protect.tag)), 3))
    if rule.protect.in_use:
        cases.append(("digest IN (FROM in_use) OR root || '/' || key IN (FROM in_use)", 4))
    return _case(cases, "0")


def _case(cases: Sequence[tuple[str, object]], otherwise: str) -> str:
    if not cases:
        return otherwise
    return f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in cases)} ELSE {otherwise} END"


def excluded(rule: Rule) -> str:
    """As `selection.excludes`."""
    return some(select(one) for one in rule.exclude)


def group(keep: Keep) -> tuple[str, ...]:
    """The columns that a group is made of."""
    return {
        "package": ("root", "ecosystem", "package"),
        "key": ("root", "key"),
        "folder": ("root", "CASE WHEN contains(key, '/') THEN regexp_replace(key, '(?s)/[^/]*$', '') ELSE '' END"),
        "repository": ("root",),
    }[keep.per]


def matching(keep: Keep) -> str:
    """As `interpreter.matching`."""
    if not keep.matching:
        return "true"
    by_name = _search("key", patterns.glob(keep.matching))
    return f"CASE WHEN len(image_tags) > 0 THEN {_any_tag(keep.matching)} ELSE {by_name} END"


def newness(keep: Keep) -> str:
    """What ranks first within a group; creation, name and version break ties, as in `interpreter.newness`."""
    return {"created": "created", "used": "coalesce(used, created)", "version": "version_rank::DOUBLE"}[keep.order]


def edges(rule: Rule, keep: Keep, now: float) -> str:
    """Per group the newness of the last that is kept, and whether others are exactly as new (`tied`).

    A bounded top-N per group instead of a window over everything: several times faster, and narrow.
    """
    groups = ", ".join(f"{expression} AS g{at}" for at, expression in enumerate(group(keep)))
    top = f"max({newness(keep)}, {keep.latest + 1})"
    return (
        f"FROM (FROM base SELECT {groups}, {top} AS top WHERE {ranked(rule, now)} GROUP BY ALL) "
        f"SELECT * EXCLUDE top, top[least({keep.latest}, len(top))] AS k_first, "
        f"len(top) > {keep.latest} AND top[{keep.latest}] = top[-1] AS tied, "
        f"{keep.latest} - len(list_filter(top, lambda x: x > top[-1])) AS places"
    )


def untied(name: str) -> str:
    """The last kept of groups without a tie: everything as new as the edge is kept."""
    least = "'-infinity'::DOUBLE AS k_created, '' AS k_key, '' AS k_version"
    return f"FROM {name} SELECT * EXCLUDE (tied, places), {least} WHERE NOT tied"


def tied(name: str, rule: Rule, keep: Keep, now: float) -> str:
    """The last kept of groups where a tie decides: ranked in full, among those as new as the edge only."""
    groups = [f"g{at}" for at in range(len(group(keep)))]
    window = f"PARTITION BY {', '.join(groups)} ORDER BY created DESC, key DESC, version DESC"
    return (
        f"FROM base JOIN {name} ON {_same_group(keep, name)} AND {name}.tied AND {newness(keep)} = k_first "
        f"SELECT {', '.join(groups)}, k_first, created AS k_created, key AS k_key, version AS k_version "
        f"WHERE {ranked(rule, now)} QUALIFY row_number() OVER ({window}) = places"
    )


def join(name: str, keep: Keep) -> str:
    """The join that brings a group's last kept to each artifact."""
    return f"LEFT JOIN {name} ON {_same_group(keep, name)}"


def kept(name: str, keep: Keep) -> str:
    """Whether an artifact, already a candidate and unprotected, is among the latest that are kept."""
    first = newness(keep)
    ties = f"(created, key, version) >= ({name}.k_created, {name}.k_key, {name}.k_version)"
    newer = f"{first} > {name}.k_first OR ({first} = {name}.k_first AND {ties})"
    return f"coalesce(({matching(keep)}) AND ({newer}), false)"


def _same_group(keep: Keep, name: str) -> str:
    return " AND ".join(f"{name}.g{at} = {expression}" for at, expression in enumerate(group(keep)))


def grouped(keep: Keep | None) -> str:
    """Whether the group is known."""
    return "package <> ''" if keep and keep.per == "package" else "true"


def ranked(rule: Rule, now: float) -> str:
    """Whether an artifact takes part in the rule's ranking."""
    terms = [candidate(rule), f"{protection(rule, now)} = 0"]
    if rule.keep:
        terms += [grouped(rule.keep), matching(rule.keep)]
        terms += [] if rule.keep.count_excluded else [f"NOT ({excluded(rule)})"]
    return every(terms)


def due(rule: Rule, now: float) -> str:
    """As `interpreter.due`."""
    return every([elapsed(rule, now), changes(rule)])


def elapsed(rule: Rule, now: float) -> str:
    """As `interpreter.elapsed`; the sum is written in the same order, so that rounding is the same."""
    waits = ((rule.age, "created"), (rule.idle, "used"), (rule.noncurrent, "noncurrent_since"))
    terms = [
        f"coalesce({now!r}::DOUBLE >= {column} + {wait}::DOUBLE, false)" for wait, column in waits if wait is not None
    ]
    terms += [f"coalesce({now!r}::DOUBLE >= expires_at, false)"] if rule.expires else []
    return every(terms)


def changes(rule: Rule) -> str:
    """As `interpreter.changes`."""
    if rule.action is Action.CLASS:
        return f"size > 0 AND {target_rank(rule)} > {_current_rank()}"
    if rule.action is Action.TAG:
        return f"NOT ({every(_tags(rule.set_tags))})"
    return "NOT held" if rule.action is Action.HOLD else "true"


def wanted(rules: Sequence[Rule], now: float) -> str:
    """As `needed.wanted`."""
    return some(_could(rule, now) for rule in needed.acting(rules))


def _could(rule: Rule, now: float) -> str:
    terms = [candidate(replace(rule, select=needed.bare(rule.select)))]
    if rule.keep:
        return every(terms)
    return every([*terms, elapsed(rule, now), *([changes(rule)] if rule.action is Action.CLASS else [])])


def target_rank(rule: Rule) -> str:
    """How far down its own cloud's ladder the rule moves an artifact; -1 where that has no such class."""
    found = {scheme: classes.native(rule.storage_class, scheme) for scheme in classes.LADDERS}
    cases = [(f"scheme = {quote(key)}", classes.rank(name, key)) for key, name in found.items() if name]
    return _case(cases, "-1")


def _current_rank() -> str:
    cases = [
        (f"scheme = {quote(scheme)} AND storage_class = {quote(name)}", at)
        for scheme, ladder in classes.LADDERS.items()
        for at, name in enumerate(ladder)
        if at
    ]
    return _case(cases, "0")


def score(rule: Rule, at: int, count: int, now: float) -> str:
    """What the rule says of an artifact as one number, 0 for nothing: greater wins, the earlier rule on a tie."""
    spared = f"{_pack(Action.KEEP, at, count)} + {{}}" if rule.spares else "0"
    rank = target_rank(rule) if rule.action is Action.CLASS else "0"
    own = f"{_pack(rule.action, at, count)} + {rank} * {count * WIDTH} + {DUE}"
    cases: list[tuple[str, object]] = [
        (f"NOT ({candidate(rule)})", 0),
        (f"{protection(rule, now)} > 0", spared.format(protection(rule, now))),
        (excluded(rule), 0),
        (f"NOT ({grouped(rule.keep)})", 0),
    ]
    cases += [(kept(f"kept_{at}", rule.keep), spared.format(KEPT))] if rule.keep else []
    return _case([*cases, (due(rule, now), own)], "0")


def _pack(action: Action, at: int, count: int) -> int:
    return (STRENGTH[action] * RANKS * count + (count - 1 - at)) * WIDTH


def silenced(scores: Sequence[str]) -> str:
    """The winning score: where any rule keeps or holds, those that delete count nothing."""
    unit = RANKS * len(scores) * WIDTH

    def strength(name: str, action: Action) -> str:
        return f"{name} // {unit} = {STRENGTH[action]}"

    spoken = some(strength(name, action) for name in scores for action in (Action.KEEP, Action.HOLD))
    quiet = [f"CASE WHEN {strength(name, Action.DELETE)} THEN 0 ELSE {name} END" for name in scores]
    return f"CASE WHEN {spoken} THEN greatest({', '.join(quiet)}) ELSE greatest({', '.join(scores)}) END"


def meaning(rules: Sequence[Rule], score: str = "score") -> str:
    """The id of what a score means: with class changes it depends on the cloud, whose words the detail is in."""
    if not any(rule.action is Action.CLASS for rule in rules):
        return f"{score} * {len(SCHEMES)}"
    return (
        f"{score} * {len(SCHEMES)} + {_case([(f'scheme = {quote(name)}', at) for at, name in enumerate(SCHEMES)], '0')}"
    )


Meaning = tuple[int, str, str, str, str, int]
"""An id, then an item's action, rule, clause, detail and undo window."""


def meanings(rules: Sequence[Rule]) -> Iterator[Meaning]:
    """Everything that a winning score can mean."""
    for at, rule in enumerate(rules):
        keeping = _pack(Action.KEEP, at, len(rules))
        kept = f"keep latest {rule.keep.latest} per {rule.keep.per}" if rule.keep else ""
        for code, clause in enumerate((*CLAUSES, kept)):
            for where in range(len(SCHEMES)):
                yield (keeping + code) * len(SCHEMES) + where, Action.KEEP.value, rule.id, clause, "", 0
        undo = rule.undo if rule.action is Action.DELETE else 0
        for where, scheme in enumerate(SCHEMES):
            detail = classes.native(rule.storage_class, scheme) if rule.storage_class else rule.detail
            rank = classes.rank(detail, scheme) if rule.action is Action.CLASS else 0
            score = _pack(rule.action, at, len(rules)) + rank * len(rules) * WIDTH + DUE
            yield score * len(SCHEMES) + where, rule.action.value, rule.id, rule.grounds, detail, undo

"""What a policy needs to be told about artifacts: planning without it would not see what a rule spares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from customhouse.errors import ConfigError
from customhouse.lifecycle.inventory.in_use import named_by_digest
from customhouse.lifecycle.rules import Rule, Select
from customhouse.lifecycle.words import Action, Artifact


class UntoldError(ConfigError):
    """A rule asks for what no object of a store tells."""


RECORD_TERMS = ("verdict", "kind", "ecosystem")


def asks_versions(rules: Iterable[Rule]) -> bool:
    """Whether a rule looks at noncurrent versions."""
    return any(rule.noncurrent is not None for rule in rules)


def asks_tags(rules: Iterable[Rule]) -> str:
    """The first rule that looks at tags when it is planned, empty where none does."""
    return next((rule.id for rule in rules if rule.protect.tag or any(select.tag for select in _selects(rule))), "")


def sees_tags(rules: Sequence[Rule]) -> bool:
    """Whether a rule looks at tags, if only to see whether its own are there."""
    return bool(asks_tags(rules)) or any(rule.set_tags for rule in rules)


def asks_records(rules: Iterable[Rule], in_use: AbstractSet[str] | None = None) -> str:
    """The first rule that asks for something only a record knows, empty where none does.

    So does one that protects what is in use, where that is named by a digest.
    """
    digests = named_by_digest(in_use or ())
    return next((rule.id for rule in rules if _record_terms(rule) or (digests and rule.protect.in_use)), "")


def asks_dates(rules: Iterable[Rule]) -> str:
    """The first rule that asks for the dates of single artifacts, empty where none does."""
    return next((rule.id for rule in rules if rule.expires), "")


def asks_reads(rules: Iterable[Rule]) -> str:
    """The first rule that asks when artifacts were last read, empty where none does."""
    return next((rule.id for rule in rules if _reads(rule)), "")


def refuse_unread(rules: Iterable[Rule], reads: Mapping[str, bool]) -> None:
    """Refuse rules about last reads for a store (by its root) of whose objects not one tells any.

    Such a rule would be due for nothing, or rank by age, and nobody would know.
    """
    asking = [rule for rule in rules if _reads(rule)]
    for root, told in reads.items():
        if not told and (rule := asks_reads(rule for rule in asking if not rule.root or root in rule.root)):
            raise UntoldError(
                f"rule {rule!r} asks when objects were last read, which {root} does not tell (only Blob Storage does, "
                "with last access time tracking): name the stores that do with `in`, or ask for age"
            )


def _spares(rule: Rule) -> bool:
    telling = rule.exclude if rule.action.changes else (rule.select,)
    telling += (rule.select,) if rule.action is Action.HOLD else ()
    return any(getattr(select, name) for select in telling for name in RECORD_TERMS)


def refuse_unrecorded(
    rules: Iterable[Rule],
    in_use: AbstractSet[str] | None,
    root: str,
    inventory: Iterable[Artifact],
    acting: AbstractSet[str],
) -> None:
    """Refuse to change a store of whose objects not one has a record, where a rule would spare some by theirs.

    Such records are elsewhere, or their listing was empty: what a rule spares would not be seen. `acting` are the rules
    that have something to do; only of what they are about were records looked for.
    """
    digests = named_by_digest(in_use or ())
    here = [rule for rule in rules if not rule.root or root in rule.root]
    sparing = [rule for rule in here if _spares(rule) or (digests and rule.protect.in_use)]
    acting = {name for name in acting if not name.startswith("undo-")}  # the trash has no records
    asked = [rule.id for rule in sparing if rule.id in acting or (acting and rule.action in {Action.KEEP, Action.HOLD})]
    if asked and not any(one.verdict or one.kind or one.digest for one in inventory):
        raise UntoldError(
            f"rule {asked[0]!r} spares artifacts by their records, and not one of {root} has any: name the store of "
            "them (CUSTOMHOUSE_RECORDS), or the stores that have records with `in`"
        )


def _reads(rule: Rule) -> bool:
    return rule.idle is not None or bool(rule.keep and rule.keep.order == "used")


def _record_terms(rule: Rule) -> Sequence[str]:
    terms = [name for name in RECORD_TERMS if any(getattr(select, name) for select in _selects(rule))]
    return [
        *terms,
        *(["package"] if rule.keep and (rule.keep.per == "package" or rule.keep.order == "version") else []),
    ]


def _selects(rule: Rule) -> Iterator[Select]:
    yield rule.select
    yield from rule.exclude

"""A rule as a value: what it selects, what it spares, when it is due and what it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from customhouse.lifecycle.units import show_duration
from customhouse.lifecycle.words import DAY, Action

TRASH = "customhouse-undo/"
"""Where deleted objects wait for their undo window to pass; ordinary rules never select below it."""

Group = Literal["package", "key", "folder", "repository"]
Order = Literal["created", "used", "version"]


@dataclass(frozen=True, slots=True)
class Select:
    """Terms that must all hold; within a term with several values, one value suffices (tags: all).

    `regex` (RE2) matches anywhere in the name, `glob` the whole name. `image_tags` are globs of which each must
    match some tag of the image.
    """

    prefix: tuple[str, ...] = ()
    glob: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    verdict: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    ecosystem: tuple[str, ...] = ()
    over: int | None = None
    under: int | None = None
    image_tags: tuple[str, ...] = ()
    untagged: bool | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """The newest `latest` of each group stay; only names matching `matching` (a glob) are counted and kept.

    `count_excluded` lets excluded artifacts take up places, as ECR's claimed images do.
    """

    latest: int
    per: Group
    order: Order = "created"
    matching: str = ""
    count_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Protect:
    """Artifacts that this rule never touches: carrying one of these tags, or in use somewhere."""

    tag: Mapping[str, str] = field(default_factory=dict)
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One lifecycle rule; durations in seconds; `undo` 0 deletes for good; `root` empty applies everywhere."""

    id: str
    action: Action
    root: tuple[str, ...] = ()
    select: Select = Select()
    exclude: tuple[Select, ...] = ()
    protect: Protect = Protect()
    keep: Keep | None = None
    age: int | None = None
    idle: int | None = None
    noncurrent: int | None = None
    expires: bool = False
    storage_class: str = ""
    set_tags: Mapping[str, str] = field(default_factory=dict)
    undo: int = 0
    trash: bool = False

    @property
    def spares(self) -> bool:
        """Whether what this rule keeps is kept from every rule: it deletes, or it exists to keep."""
        return self.action in {Action.DELETE, Action.KEEP}

    @property
    def detail(self) -> str:
        """What the action needs beyond its name."""
        return self.storage_class or ",".join(f"{key}={value}" for key, value in sorted(self.set_tags.items()))

    @property
    def grounds(self) -> str:
        """The clauses that make an artifact due, as they are quoted in a plan."""
        parts = [f"not in latest {self.keep.latest} per {self.keep.per}"] if self.keep else []
        waits = {"age": self.age, "idle": self.idle, "noncurrent": self.noncurrent}
        parts += [f"{name} >= {show_duration(wait)}" for name, wait in waits.items() if wait is not None]
        parts += ["expired"] if self.expires else []
        return ", ".join(parts) or "selected"


def digest(rules: tuple[Rule, ...]) -> str:
    """`sha256:…` over the rules' canonical JSON: two policies that mean the same text-for-text share it."""
    text = json.dumps([asdict(rule) for rule in rules], sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def purges(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The implied rules that empty the trash: one per undo window, deleting for good once it has passed.

    One more removes what a versioned bucket keeps of it.
    """
    windows = sorted({rule.undo for rule in rules if rule.action is Action.DELETE and rule.undo})
    emptied = [
        Rule(
            id=f"undo-{show_duration(window)}",
            action=Action.DELETE,
            select=Select(prefix=(trash_prefix(window),)),
            age=window,
            trash=True,
        )
        for window in windows
    ]
    versions = Rule(
        id="undo-versions", action=Action.DELETE, select=Select(prefix=(TRASH,)), noncurrent=int(DAY), trash=True
    )
    return (*emptied, versions) if emptied else ()


def trash_prefix(window: int) -> str:
    """The folder of what may be undone for `window` seconds."""
    return f"{TRASH}{show_duration(window)}/"

"""What a policy file says, as typed values; the JSON Schema for editors is made from these."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec

from customhouse.model import Severity, SkipReason, Verdict

Action = Literal["tag", "promote", "quarantine", "delete", "notify"]
Named = msgspec.Meta(min_length=1)
"""A condition that lists nothing would be none, and hold for everything."""
Word = Annotated[str, Named]
Words = Word | Annotated[tuple[Word, ...], Named]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Conditions that must all hold; globs match whole names, `*` also across `/`.

    `scanner`, `rule`, `severity` (at least) and `member` ask for one unwaived finding that fits them all;
    `skipped` for a skip with one of these reasons; `complete` for the ledger; `kind` and `name` for the artifact.
    """

    scanner: Words = ()
    rule: Words = ()
    severity: Severity | None = None
    member: Words = ()
    skipped: SkipReason | Annotated[tuple[SkipReason, ...], Named] = ()
    complete: bool | None = None
    kind: Words = ()
    name: Words = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first rule whose conditions hold decides."""

    name: str
    verdict: Verdict
    when: When = msgspec.field(default_factory=When)


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding accepted for a while: who answers for it, why and until which day (UTC, inclusive)."""

    finding: str
    owner: str
    reason: str
    expires: dt.date
    artifact: str = "*"
    member: str = "*"


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file for three clouds: limits, scanners and their options, verdict rules, waivers, actions, lifecycle."""

    version: Literal[1]
    rules: tuple[Rule, ...]
    limits: dict[str, int | float | str] = {}
    scanners: dict[str, dict[str, Any]] = {}
    waivers: tuple[Waiver, ...] = ()
    actions: dict[Verdict, tuple[Action, ...]] = {}
    lifecycle: tuple[dict[str, Any], ...] = ()

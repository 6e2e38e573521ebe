"""Facts become a verdict: the first rule whose conditions hold decides. Pure: the day is an argument."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from customhouse.model import Decision, Finding, Inspection, Skip, Verdict
from customhouse.policy.globs import matches
from customhouse.policy.model import Policy, Rule, Waiver, When

MAX_REASONS = 20


def decide(policy: Policy, inspection: Inspection, name: str, today: dt.date) -> Decision:
    """Judge one inspection of the artifact called `name`.

    What was not looked at is never clean, whatever the rules say: with an incomplete ledger `clean` becomes
    `held`, and so does `flagged` unless its rule names every reason for which something was skipped.
    """
    waived = tuple(f for f in inspection.findings if any(_covers(w, f, name, today) for w in policy.waivers))
    accepted = set(waived)
    live = [finding for finding in inspection.findings if finding not in accepted]
    for rule in policy.rules:
        if not _holds(rule.when, inspection, live, name):
            continue
        if _claims_too_much(rule, inspection):
            return Decision(Verdict.HELD, "unseen-is-never-clean", _reasons(live, inspection.coverage.skipped), waived)
        return Decision(rule.verdict, rule.name, _reasons(live, inspection.coverage.skipped), waived)
    return Decision(Verdict.HELD, "no-rule-decided", _reasons(live, inspection.coverage.skipped), waived)


def _covers(waiver: Waiver, finding: Finding, name: str, today: dt.date) -> bool:
    return (
        today <= waiver.expires
        and matches(waiver.finding, f"{finding.scanner}/{finding.rule}")
        and matches(waiver.artifact, name)
        and matches(waiver.member, finding.member)
    )


def _holds(when: When, inspection: Inspection, live: Sequence[Finding], name: str) -> bool:
    if when.complete is not None and when.complete != inspection.coverage.complete:
        return False
    if (when.kind and not matches(when.kind, inspection.kind)) or (when.name and not matches(when.name, name)):
        return False
    if when.skipped and not any(skip.reason in _reason_set(when) for skip in inspection.coverage.skipped):
        return False
    asks_finding = when.scanner or when.rule or when.severity or when.member
    return not asks_finding or any(_fits(when, finding) for finding in live)


def _fits(when: When, finding: Finding) -> bool:
    return (
        (not when.scanner or matches(when.scanner, finding.scanner))
        and (not when.rule or matches(when.rule, finding.rule))
        and (when.severity is None or finding.severity.rank >= when.severity.rank)
        and (not when.member or matches(when.member, finding.member))
    )


def _claims_too_much(rule: Rule, inspection: Inspection) -> bool:
    if inspection.coverage.complete or not rule.verdict.passes:
        return False
    named = {skip.reason for skip in inspection.coverage.skipped} <= _reason_set(rule.when)
    return rule.verdict is Verdict.CLEAN or not named or not inspection.coverage.skipped


def _reason_set(when: When) -> frozenset[str]:
    return frozenset([when.skipped] if isinstance(when.skipped, str) else when.skipped)


def _reasons(live: Sequence[Finding], skipped: Sequence[Skip]) -> tuple[str, ...]:
    worst = sorted(live, key=lambda finding: -finding.severity.rank)
    lines = [f"{f.severity}: {f.scanner}/{f.rule} in {f.member}: {f.message}" for f in worst]
    lines += [f"not seen: {s.member}: {s.reason}{f' ({s.detail})' if s.detail else ''}" for s in skipped]
    more = len(lines) - MAX_REASONS
    return (*lines[:MAX_REASONS], f"and {more} more") if more > 0 else tuple(lines)

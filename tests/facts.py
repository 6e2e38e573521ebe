"""Facts for tests: short makers of the words."""

from __future__ import annotations

from customhouse.model import (
    Coverage,
    Decision,
    Finding,
    Inspection,
    Location,
    Severity,
    Skip,
    SkipReason,
    Stat,
    Verdict,
)


def finding(
    severity: Severity = Severity.HIGH, *, rule: str = "eicar", scanner: str = "malware", member: str = "a.zip!/x"
) -> Finding:
    return Finding(scanner, rule, severity, member, "the test string")


def skip(reason: SkipReason = SkipReason.LIMIT, member: str = "a.zip!/y") -> Skip:
    return Skip(member, reason, "more members than 10")


def inspection(*facts: Finding | Skip, kind: str = "zip") -> Inspection:
    skips = tuple(fact for fact in facts if isinstance(fact, Skip))
    findings = tuple(fact for fact in facts if isinstance(fact, Finding))
    coverage = Coverage(3, 3 - len(skips), 10, skips)
    return Inspection("a.zip", kind, 10, {"sha256": "0" * 64}, findings, (), coverage)


def decision(verdict: Verdict = Verdict.CLEAN) -> Decision:
    return Decision(verdict, "a-rule", ("because",))


def stat(key: str = "in/a.zip", root: str = "memory://intake", version: str = "7") -> Stat:
    return Stat(Location(root, key, version, "e7"), 10, 5.0)

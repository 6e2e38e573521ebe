"""SARIF 2.1.0 (OASIS): findings, and skips as notifications of what the tool could not do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

import msgspec

from customhouse import __version__
from customhouse.model import Finding, Severity, Skip
from customhouse.report.result import Judged

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}


def render(judged: Iterable[Judged]) -> str:
    """One SARIF log with one run; rules are `scanner/rule`."""
    all_judged = list(judged)
    findings = [(one, finding) for one in all_judged for finding in one.inspection.findings]
    rules = sorted({f"{finding.scanner}/{finding.rule}" for _, finding in findings})
    skips = [(one, skip) for one in all_judged for skip in one.inspection.coverage.skipped]
    run = {
        "tool": {"driver": {"name": "customhouse", "version": __version__, "rules": [{"id": rule} for rule in rules]}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [_skip(*one) for one in skips]}],
        "results": [_result(rules, *one) for one in findings],
    }
    return msgspec.json.encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}).decode()


def _result(rules: Sequence[str], judged: Judged, finding: Finding) -> dict[str, object]:
    rule = f"{finding.scanner}/{finding.rule}"
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(judged.path, finding.member)],
    }


def _skip(judged: Judged, skip: Skip) -> dict[str, object]:
    text = f"not seen: {skip.reason}{f' ({skip.detail})' if skip.detail else ''}"
    return {"level": "warning", "message": {"text": text}, "locations": [_location(judged.path, skip.member)]}


def _location(path: str, member: str) -> dict[str, object]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(path)}},
        "logicalLocations": [{"fullyQualifiedName": member}],
    }

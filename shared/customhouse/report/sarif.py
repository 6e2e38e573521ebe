"""SARIF 2.1.0 (OASIS): findings, and skips as notifications of what the tool could not do.

What GitHub asks beyond the schema is there too: descriptions of rules, a region, a fingerprint, a place in the
repository. https://docs.github.com/code-security/code-scanning/reference/sarif-support-for-code-scanning.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec

from customhouse import __version__
from customhouse.model import Finding, Severity, Skip
from customhouse.report.result import Judged

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}
_SCORES = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""In the middle of what GitHub calls low, medium, high and critical."""


def render(judged: Iterable[Judged], root: Path) -> str:
    """One SARIF log with one run; rules are `scanner/rule`, files below the folder `root` are named from there."""
    every = list(judged)
    worst: dict[str, Finding] = {}
    for finding in (finding for one in every for finding in one.inspection.findings):
        known = worst.setdefault(_rule(finding), finding)
        worst[_rule(finding)] = max(known, finding, key=lambda one: one.severity.rank)
    index = {rule: at for at, rule in enumerate(sorted(worst))}
    notes = [_skip(_uri(one.path, root), skip) for one in every for skip in one.inspection.coverage.skipped]
    driver = {"name": "customhouse", "version": __version__, "rules": [_described(worst[rule]) for rule in index]}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "results": list(_results(every, root, index)),
    }
    return msgspec.json.encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}).decode()


def _rule(finding: Finding) -> str:
    return f"{finding.scanner}/{finding.rule}"


def _described(finding: Finding) -> dict[str, object]:
    """A rule by the worst of its findings."""
    rule, words = _rule(finding), finding.rule.replace("-", " ").replace("_", " ")
    advice = (
        f"Found by the scanner {finding.scanner}. Where it may stay, the policy accepts it with a waiver of {rule}."
    )
    return {
        "id": rule,
        "shortDescription": {"text": f"{finding.scanner}: {words}"},
        "fullDescription": {"text": finding.message or words},
        "help": {"text": advice},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {"security-severity": _SCORES[finding.severity], "tags": ["security"]},
    }


def _results(every: Iterable[Judged], root: Path, index: Mapping[str, int]) -> Iterator[dict[str, object]]:
    alike: Counter[str] = Counter()
    for one in every:
        uri, waived = _uri(one.path, root), set(one.decision.waived)
        for finding in one.inspection.findings:
            mark = hashlib.sha256("\0".join((_rule(finding), uri, finding.member)).encode()).hexdigest()[:16]
            alike[mark] += 1
            result = {
                "ruleId": _rule(finding),
                "ruleIndex": index[_rule(finding)],
                "level": _LEVELS[finding.severity],
                "message": {"text": _message(finding)},
                "locations": [_location(uri, finding.member)],
                "partialFingerprints": {"primaryLocationLineHash": f"{mark}:{alike[mark]}"},
            }
            accepted = {"kind": "external", "status": "accepted", "justification": "a waiver of the policy"}
            yield result | ({"suppressions": [accepted]} if finding in waived else {})


def _message(finding: Finding) -> str:
    """With the member where that is inside of something: not everyone shows logical locations."""
    said = finding.message or finding.rule
    return f"{said} (in {finding.member})" if "!/" in finding.member else said


def _skip(uri: str, skip: Skip) -> dict[str, object]:
    text = f"not seen: {skip.reason}{f' ({skip.detail})' if skip.detail else ''}"
    return {"level": "warning", "message": {"text": text}, "locations": [_location(uri, skip.member)]}


def _location(uri: str, member: str) -> dict[str, object]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": member}],
    }


def _uri(path: str, root: Path) -> str:
    """Relative to `root` where the file is below it, else absolute."""
    whole = Path("/", os.path.normpath(root / path).lstrip("/"))
    return quote(str(whole.relative_to(root))) if whole.is_relative_to(root) else f"file://{quote(str(whole))}"

"""What other tools write, SARIF 2.1.0 results and CycloneDX documents, as facts about one member."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from customhouse.model import Fact, Finding, Package, Severity

_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.LOW}
_HARMLESS = {"pass", "notApplicable"}
"""Kinds of results that are no findings (SARIF 2.1.0, 3.27.9)."""
_OBJECTS = 1_000_000
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))


class Unusable(Exception):  # noqa: N818 -- what the output is
    """The tool's output is not in the format that it was said to write."""


class _Text(msgspec.Struct, frozen=True, gc=False):
    text: str = ""


class _Properties(msgspec.Struct, frozen=True, rename={"score": "security-severity"}):
    score: msgspec.Raw = msgspec.Raw(b"")


class _Default(msgspec.Struct, frozen=True, gc=False):
    level: str = "warning"


class _Rule(msgspec.Struct, frozen=True, rename={"default": "defaultConfiguration"}):
    id: str
    properties: _Properties = _Properties()
    default: _Default = _Default()


class _Reference(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    index: int = -1


class _Result(
    msgspec.Struct, frozen=True, rename={"rule_id": "ruleId", "rule_index": "ruleIndex", "baseline": "baselineState"}
):
    message: _Text
    rule_id: str = ""
    rule_index: int = -1
    rule: _Reference = _Reference()
    level: str = ""
    kind: str = "fail"
    baseline: str = ""


class _Component(msgspec.Struct, frozen=True):
    rules: tuple[_Rule, ...] = ()


class _Tool(msgspec.Struct, frozen=True):
    driver: _Component
    extensions: tuple[_Component, ...] = ()


class _Notification(msgspec.Struct, frozen=True):
    level: str = "warning"


class _Invocation(
    msgspec.Struct, frozen=True, rename={"successful": "executionSuccessful", "notes": "toolExecutionNotifications"}
):
    successful: bool = True
    notes: tuple[_Notification, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the tool says that something kept it from looking (SARIF 2.1.0, 3.20.14 and 3.20.21)."""
        return not self.successful or any(note.level == "error" for note in self.notes)


class _Run(msgspec.Struct, frozen=True):
    tool: _Tool
    results: tuple[_Result, ...] | None = None
    invocations: tuple[_Invocation, ...] = ()


class _Sarif(msgspec.Struct, frozen=True):
    version: str
    runs: tuple[_Run, ...]


class _Part(msgspec.Struct, frozen=True):
    purl: str = ""
    components: tuple[_Part, ...] = ()


class _Rating(msgspec.Struct, frozen=True, gc=False):
    severity: str = ""
    score: msgspec.Raw = msgspec.Raw(b"")


class _Vulnerability(msgspec.Struct, frozen=True):
    id: str = ""
    description: str = ""
    ratings: tuple[_Rating, ...] = ()


class _Metadata(msgspec.Struct, frozen=True):
    component: _Part = _Part()


class _CycloneDX(msgspec.Struct, frozen=True, rename={"format": "bomFormat"}):
    format: str
    metadata: _Metadata = _Metadata()
    components: tuple[_Part, ...] = ()
    vulnerabilities: tuple[_Vulnerability, ...] = ()


def sarif(output: bytes, scanner: str, member: str) -> Iterator[Fact]:
    """One finding per result; a rule's `security-severity` (0 to 10) counts first, then its level or the rule's."""
    document = _decode(output, _Sarif)
    if not document.runs:
        raise Unusable("says nothing of a run")
    for run in document.runs:
        if any(invocation.failed for invocation in run.invocations):
            raise Unusable("says that its run failed")
        if run.results is None:  # SARIF 2.1.0, 3.14.23: an empty list is what a run without results has
            raise Unusable("says nothing of results: its run did not begin")
        rules = {rule.id: rule for part in (*run.tool.extensions, run.tool.driver) for rule in part.rules}
        for result in run.results:
            if result.kind not in _HARMLESS and result.baseline != "absent":
                name = _named(result, run.tool.driver.rules)
                severity = _severity(result, rules.get(name))
                yield Finding(scanner, _line(name) or "unnamed", severity, member, _line(result.message.text))


def _named(result: _Result, rules: tuple[_Rule, ...]) -> str:
    """The rule of a result, by its name or its place among those of the tool itself (SARIF 2.1.0, 3.27.5 to 3.27.7)."""
    index = max(result.rule_index, -1 if result.rule.id else result.rule.index)
    return result.rule_id or result.rule.id or (rules[index].id if 0 <= index < len(rules) else "")


def _severity(result: _Result, rule: _Rule | None) -> Severity:
    """As bad as its rule's score, its own level, or its rule's (SARIF 2.1.0, 3.27.10)."""
    scored = _scored(rule.properties.score) if rule else None
    level = result.level or (rule.default.level if rule else "warning")
    return scored or _LEVELS.get(level, Severity.MEDIUM)


def cyclonedx(output: bytes, scanner: str, member: str) -> Iterator[Fact]:
    """One package per component that has a purl, one finding per vulnerability."""
    document = _decode(output, _CycloneDX)
    if document.format != "CycloneDX":
        raise Unusable("is no CycloneDX document")
    waiting = deque((document.metadata.component, *document.components))
    while waiting:
        component = waiting.popleft()
        waiting.extend(component.components)
        if component.purl:
            yield Package(_line(component.purl), member)
    for vulnerability in document.vulnerabilities:
        rated = [level for rating in vulnerability.ratings if (level := _rated(rating))]
        severity = max(rated, key=lambda level: level.rank, default=Severity.MEDIUM)
        yield Finding(scanner, _line(vulnerability.id) or "unnamed", severity, member, _line(vulnerability.description))


def _rated(rating: _Rating) -> Severity | None:
    """What it says, else what its score means."""
    return Severity(rating.severity) if rating.severity in list(Severity) else _scored(rating.score)


def _decode(output: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 -- whichever document was asked for
    if output.count(b"{") > _OBJECTS:
        raise Unusable("says more than fits into memory")
    try:
        return msgspec.json.decode(output, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable("is not what the tool was said to write") from error


def _scored(stated: msgspec.Raw) -> Severity | None:
    try:
        score = float(bytes(stated).strip(b'"'))
    except ValueError:
        return None
    if math.isnan(score):
        return None
    return next((level for least, level in _SCORES if score >= least), Severity.LOW)


def _line(text: str) -> str:
    """One line of at most 200 printable characters."""
    return "".join(character if character.isprintable() else " " for character in text[:200]).strip()

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
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))


class Unusable(Exception):  # noqa: N818 -- what the output is
    """The tool's output is not in the format that it was said to write."""


class _Text(msgspec.Struct):
    text: str = ""


class _Rule(msgspec.Struct):
    id: str
    properties: dict[str, Any] = {}


class _Result(msgspec.Struct, rename={"rule": "ruleId"}):
    message: _Text
    rule: str = ""
    level: str = "warning"
    kind: str = "fail"


class _Driver(msgspec.Struct):
    rules: list[_Rule] = []


class _Tool(msgspec.Struct):
    driver: _Driver


class _Notification(msgspec.Struct):
    level: str = "warning"


class _Invocation(msgspec.Struct, rename={"successful": "executionSuccessful", "notes": "toolExecutionNotifications"}):
    successful: bool = True
    notes: list[_Notification] = []

    @property
    def failed(self) -> bool:
        """Whether the tool says that something kept it from looking (SARIF 2.1.0, 3.20.14 and 3.20.21)."""
        return not self.successful or any(note.level == "error" for note in self.notes)


class _Run(msgspec.Struct):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = []


class _Sarif(msgspec.Struct):
    version: str
    runs: list[_Run]


class _Component(msgspec.Struct):
    purl: str = ""
    components: list[_Component] = []


class _Rating(msgspec.Struct):
    severity: str = ""


class _Vulnerability(msgspec.Struct):
    id: str = ""
    description: str = ""
    ratings: list[_Rating] = []


class _CycloneDX(msgspec.Struct, rename={"format": "bomFormat"}):
    format: str
    components: list[_Component] = []
    vulnerabilities: list[_Vulnerability] = []


def sarif(output: bytes, scanner: str, member: str) -> Iterator[Fact]:
    """One finding per result; a rule's `security-severity` (0 to 10) counts before the result's level."""
    document = _decode(output, _Sarif)
    if not document.runs:
        raise Unusable("says nothing of a run")
    for run in document.runs:
        if any(invocation.failed for invocation in run.invocations):
            raise Unusable("says that its run failed")
        if run.results is None:  # SARIF 2.1.0, 3.14.23: an empty list is what a run without results has
            raise Unusable("says nothing of results: its run did not begin")
        scores = {rule.id: rule.properties.get("security-severity") for rule in run.tool.driver.rules}
        for result in run.results:
            if result.kind in _HARMLESS:
                continue
            severity = _scored(scores.get(result.rule)) or _LEVELS.get(result.level, Severity.MEDIUM)
            yield Finding(scanner, _line(result.rule) or "unnamed", severity, member, _line(result.message.text))


def cyclonedx(output: bytes, scanner: str, member: str) -> Iterator[Fact]:
    """One package per component that has a purl, one finding per vulnerability."""
    document = _decode(output, _CycloneDX)
    if document.format != "CycloneDX":
        raise Unusable("is no CycloneDX document")
    waiting = deque(document.components)
    while waiting:
        component = waiting.popleft()
        waiting.extend(component.components)
        if component.purl:
            yield Package(_line(component.purl), member)
    for vulnerability in document.vulnerabilities:
        rated = [rating.severity for rating in vulnerability.ratings if rating.severity in list(Severity)]
        severity = max(map(Severity, rated), key=lambda level: level.rank, default=Severity.MEDIUM)
        yield Finding(scanner, _line(vulnerability.id) or "unnamed", severity, member, _line(vulnerability.description))


def _decode(output: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 -- whichever document was asked for
    try:
        return msgspec.json.decode(output, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable("is not what the tool was said to write") from error


def _scored(stated: object) -> Severity | None:
    try:
        score = float(str(stated))
    except ValueError:
        return None
    if math.isnan(score):
        return None
    return next((level for least, level in _SCORES if score >= least), Severity.LOW)


def _line(text: str) -> str:
    """One line of at most 200 printable characters."""
    return "".join(character if character.isprintable() else " " for character in text[:200]).strip()

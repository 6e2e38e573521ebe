"""SARIF as the standard and as GitHub's code scanning want it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Decision, Finding, Severity, SkipReason, Verdict
from customhouse.report import sarif
from customhouse.report.result import Judged
from tests.facts import decision, finding, inspection, skip

ROOT = Path("/home/runner/repository")
SCORES = {"low": (0.1, 4.0), "medium": (4.0, 7.0), "high": (7.0, 9.0), "critical": (9.0, 10.1)}
FINDINGS = st.builds(
    finding,
    st.sampled_from(Severity),
    rule=st.sampled_from(["a", "b", "private-key"]),
    scanner=st.sampled_from(["malware", "secrets"]),
    member=st.sampled_from(["a.zip", "a.zip!/x", "a.zip!/y"]),
)


def run_of(*judged: Judged) -> dict[str, Any]:
    document = json.loads(sarif.render(judged, ROOT))
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    return dict(document["runs"][0])


def of(*facts: Finding, path: str = "dist/a.zip", verdict: Decision | None = None) -> Judged:
    return Judged(path, inspection(*facts), verdict or decision(Verdict.QUARANTINED))


@given(st.lists(FINDINGS, max_size=8), st.lists(FINDINGS, max_size=4))
def test_code_scanning_takes_every_log(first: list[Finding], second: list[Finding]) -> None:
    run = run_of(of(*first), of(*second, path="dist/b.zip"))
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"]
        [place] = result["locations"]
        assert place["physicalLocation"]["region"] == {"startLine": 1}
        assert place["physicalLocation"]["artifactLocation"]["uri"] in {"dist/a.zip", "dist/b.zip"}
    assert len(run["results"]) == len(first) + len(second)


@given(st.lists(FINDINGS, max_size=8))
def test_every_result_has_a_fingerprint_of_its_own_that_the_next_run_makes_again(findings: list[Finding]) -> None:
    marks = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run_of(of(*findings))["results"]]
    assert len(set(marks)) == len(marks)
    moved = [replace(one, message="the same in line 7") for one in findings]
    assert marks == [one["partialFingerprints"]["primaryLocationLineHash"] for one in run_of(of(*moved))["results"]]


@pytest.mark.parametrize("severity", Severity)
def test_a_rule_is_as_serious_as_the_worst_that_it_found(severity: Severity) -> None:
    [rule] = run_of(of(finding(Severity.LOW), finding(severity), finding(Severity.LOW)))["tool"]["driver"]["rules"]
    least, most = SCORES[severity]
    assert least <= float(rule["properties"]["security-severity"]) < most
    assert rule["defaultConfiguration"]["level"] == run_of(of(finding(severity)))["results"][0]["level"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("dist/a b.zip", "dist/a%20b.zip"),
        ("./dist//a.zip", "dist/a.zip"),
        ("x/../dist/a.zip", "dist/a.zip"),
        ("/home/runner/repository/dist/a.zip", "dist/a.zip"),
        ("../repository/dist/a.zip", "dist/a.zip"),
        ("../other/a.zip", "file:///home/runner/other/a.zip"),
        ("/tmp/ü.zip", "file:///tmp/%C3%BC.zip"),
        ("/home/runner/repository2/a.zip", "file:///home/runner/repository2/a.zip"),
        ("c:d.zip", "c%3Ad.zip"),
        ("..dots", "..dots"),
    ],
)
def test_a_file_below_the_folder_is_named_from_there_and_any_other_wholly(path: str, uri: str) -> None:
    [result] = run_of(of(finding(), path=path))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_message_says_where_inside_of_an_archive_it_is() -> None:
    inner, outer = run_of(of(finding(), finding(member="a.zip")))["results"]
    assert inner["message"]["text"] == "the test string (in a.zip!/x)"
    assert outer["message"]["text"] == "the test string"


def test_what_a_waiver_accepts_is_there_and_suppressed() -> None:
    accepted, live = finding(rule="a"), finding(rule="b")
    judged = of(accepted, live, verdict=replace(decision(), waived=(accepted,)))
    said = {one["ruleId"]: one.get("suppressions") for one in run_of(judged)["results"]}
    assert said["malware/b"] is None
    assert [one["status"] for one in said["malware/a"]] == ["accepted"]


@pytest.mark.parametrize("reason", SkipReason)
def test_what_was_not_seen_is_a_notification_with_its_reason(reason: SkipReason) -> None:
    [said] = run_of(Judged("a", inspection(skip(reason)), decision(Verdict.HELD)))["invocations"][0][
        "toolExecutionNotifications"
    ]
    assert said["message"]["text"].startswith(f"not seen: {reason}")

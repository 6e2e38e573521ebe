"""What other tools report, and what tools do beside reporting."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Package, Severity, Skip, SkipReason
from customhouse.scanners import external
from customhouse.scanners.external_report import Unusable, cyclonedx, sarif
from tests.scanners.support import member
from tests.scanners.test_external import EMPTY, PIN, SHELL, facts, reasons, say, scanner


def reported(rules: object = (), extensions: object = (), **result: object) -> Finding:
    """The one finding of a report with one result."""
    tool = {"driver": {"name": "t", "rules": rules}, "extensions": extensions}
    run = {"tool": tool, "results": [{"message": {"text": "said"}} | result]}
    [found] = sarif(json.dumps({"version": "2.1.0", "runs": [run]}).encode(), "s", "m")
    assert isinstance(found, Finding)
    return found


def rule(name: str, level: str | None = None, score: object = None) -> dict[str, object]:
    default = {} if level is None else {"defaultConfiguration": {"level": level}}
    return {
        "id": name,
        "properties": {"tags": ["x"]} | ({} if score is None else {"security-severity": score}),
    } | default


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        ({"ruleId": "A"}, Severity.HIGH),
        ({"ruleId": "A", "level": "note"}, Severity.LOW),
        ({"ruleId": "B"}, Severity.LOW),
        ({"ruleId": "C"}, Severity.CRITICAL),
        ({"ruleId": "C", "level": "note"}, Severity.CRITICAL),
        ({"ruleId": "D"}, Severity.MEDIUM),
        ({"ruleId": "E"}, Severity.MEDIUM),
        ({"ruleId": "nobody's"}, Severity.MEDIUM),
        ({"ruleId": "nobody's", "level": "error"}, Severity.HIGH),
        ({"ruleId": "nobody's", "level": "odd"}, Severity.MEDIUM),
        ({"ruleIndex": 0}, Severity.HIGH),
        ({"ruleIndex": 1}, Severity.LOW),
        ({"ruleIndex": 99}, Severity.MEDIUM),
        ({"ruleIndex": -5}, Severity.MEDIUM),
        ({"rule": {"id": "A"}}, Severity.HIGH),
        ({"rule": {"index": 1}}, Severity.LOW),
        ({"rule": {"id": "C", "index": 1}}, Severity.CRITICAL),
        ({"ruleId": "X"}, Severity.HIGH),
        ({}, Severity.MEDIUM),
    ],
)
def test_a_result_is_as_bad_as_its_rule_says_where_it_does_not_say(
    result: dict[str, object], severity: Severity
) -> None:
    """As CodeQL writes them: levels at rules, rules by their place or of an extension."""
    rules = [rule("A", "error"), rule("B", "note"), rule("C", "note", "9.1"), rule("D"), rule("E", "error", 5.0)]
    assert reported(rules, [{"name": "pack", "rules": [rule("X", "error")]}], **result).severity is severity


@pytest.mark.parametrize(
    ("result", "name"),
    [
        ({"ruleId": "A"}, "A"),
        ({"ruleIndex": 0}, "first"),
        ({"rule": {"index": 0}}, "first"),
        ({"rule": {"id": "B", "index": 0}}, "B"),
        ({"ruleId": "A", "ruleIndex": 0}, "A"),
        ({"ruleIndex": 7}, "unnamed"),
        ({"ruleId": ""}, "unnamed"),
        ({"ruleId": "a\x1b[2J\nb"}, "a [2J b"),
        ({"ruleId": "x" * 500}, "x" * 200),
    ],
)
def test_a_finding_has_the_name_of_its_rule(result: dict[str, object], name: str) -> None:
    assert reported([rule("first")], **result).rule == name


@pytest.mark.parametrize("score", [9.8, "9.8", 10, "10.0", 9])
def test_a_score_is_one_as_a_number_and_as_a_text(score: object) -> None:
    assert reported([rule("A", score=score)], ruleId="A").severity is Severity.CRITICAL


@pytest.mark.parametrize("score", ["", "high", "NaN", None, [], {}, True, "9,8"])
def test_what_is_no_score_leaves_the_level(score: object) -> None:
    assert reported([rule("A", "error", score)], ruleId="A").severity is Severity.HIGH


@pytest.mark.parametrize(("state", "count"), [("absent", 0), ("new", 1), ("unchanged", 1), ("updated", 1), ("", 1)])
def test_a_result_that_is_there_no_more_is_no_finding(state: str, count: int) -> None:
    run = {"tool": {"driver": {}}, "results": [{"message": {"text": "x"}, "baselineState": state}]}
    assert len(list(sarif(json.dumps({"version": "2.1.0", "runs": [run]}).encode(), "s", "m"))) == count


def test_what_the_uploader_suppressed_is_a_finding() -> None:
    """A comment in the artifact is the uploader's word."""
    assert reported(ruleId="A", suppressions=[{"kind": "inSource"}]).rule == "A"


def test_every_run_counts_and_one_that_failed_counts_for_all() -> None:
    good = {"tool": {"driver": {}}, "results": [{"message": {"text": "x"}}]}
    for odd, expected in (({"results": []}, 2), ({"invocations": [{"executionSuccessful": False}]}, None)):
        document = json.dumps({"version": "2.1.0", "runs": [good, good, good | odd]}).encode()
        if expected is None:
            with pytest.raises(Unusable, match="failed"):
                list(sarif(document, "s", "m"))
        else:
            assert len(list(sarif(document, "s", "m"))) == expected


def vulnerable(*ratings: object) -> Severity:
    document = {"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-1", "ratings": list(ratings)}]}
    [found] = cyclonedx(json.dumps(document).encode(), "s", "m")
    assert isinstance(found, Finding)
    return found.severity


@pytest.mark.parametrize(
    ("ratings", "severity"),
    [
        ([{"score": 9.8}], Severity.CRITICAL),
        ([{"score": 7.5, "method": "CVSSv31"}], Severity.HIGH),
        ([{"score": 3.1}], Severity.LOW),
        ([{"score": 3.1}, {"severity": "high"}], Severity.HIGH),
        ([{"score": 9.8, "severity": "low"}], Severity.LOW),
        ([{"score": 9.8, "severity": "unknown"}], Severity.CRITICAL),
        ([{"score": "odd"}, {}], Severity.MEDIUM),
        ([{"score": None, "severity": "critical"}], Severity.CRITICAL),
    ],
)
def test_a_rating_is_what_it_says_or_what_its_score_means(ratings: list[object], severity: Severity) -> None:
    assert vulnerable(*ratings) is severity


def test_what_a_document_is_about_is_a_package_too() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"purl": "pkg:npm/app@1", "components": [{"purl": "pkg:npm/part@1"}]}},
        "components": [{"purl": "pkg:npm/lib@1"}, {"purl": "pkg:npm/lib@2\x1b\n"}],
    }
    found = [fact for fact in cyclonedx(json.dumps(document).encode(), "s", "m") if isinstance(fact, Package)]
    assert sorted(package.purl for package in found) == [
        f"pkg:npm/{name}" for name in ("app@1", "lib@1", "lib@2", "part@1")
    ]


@pytest.mark.parametrize("parse", [sarif, cyclonedx])
def test_a_report_of_more_objects_than_fit_into_memory_is_unusable(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(Unusable, match="memory"):
        list(parse(b'{"bomFormat": "CycloneDX", "components": [' + b"{}," * 1_000_001 + b"{}]}", "s", "m"))


def test_a_flood_of_findings_is_a_skip_beside_the_first_of_them(tmp_path: Path) -> None:
    run = {"tool": {"driver": {}}, "results": [{"message": {"text": str(number)}} for number in range(100_002)]}
    (tmp_path / "report").write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    told = facts(f"cat {tmp_path}/report")
    assert len(told) == 100_001
    assert [fact.reason for fact in told if isinstance(fact, Skip)] == [SkipReason.LIMIT]


@pytest.mark.parametrize("network", [True, False])
def test_what_leaves_its_session_does_not_outlive_the_tool(tmp_path: Path, *, network: bool) -> None:
    if not external._apart(network=network):
        pytest.skip("this machine lets nobody make namespaces")
    mark = tmp_path / "alive"
    left = f"setsid sh -c 'sleep 0.8; touch {mark}' & sleep 0.3; "
    assert reasons(left + say(EMPTY), network=network) == []
    assert reasons(left + "sleep 30", network=network, seconds=0.6) == [SkipReason.TIMEOUT]
    time.sleep(1)
    assert not mark.exists()


def test_no_process_of_a_tool_escapes_its_limits() -> None:
    """They are there before it begins, so what it starts at once has them too."""
    script = 'for i in 1 2 3; do (test "$(ulimit -v)" = 1048576 && test "$(ulimit -f)" != unlimited) || exit 9; done; '
    assert reasons(script + say(EMPTY), memory=1 << 30) == []


def test_a_tool_that_fills_the_disk_is_a_skip() -> None:
    """Its files are bounded; this one only seeks, so that the test writes nothing."""
    script = "dd if=/dev/zero of=big bs=1 count=1 seek=2G 2>/dev/null || exit 9; "
    assert reasons(script + say(EMPTY)) == [SkipReason.ENGINE]
    assert reasons(script.replace("2G", "1M") + say(EMPTY)) == []


def test_what_runs_is_what_was_checked(tmp_path: Path) -> None:
    """Also where its name is relative to where we are, or our PATH is another one than the tool's."""
    relative = os.path.relpath(SHELL)
    assert facts(say(EMPTY), run=[relative, "-c", say(EMPTY)]) == []
    assert scanner("true", run=[relative])._commands[0].run == (str(Path(relative).absolute()),)
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(ConfigError, match="there is no program"):
        scanner("true", run=[str(tmp_path / "tool")])


@pytest.mark.parametrize("statuses", [[0], [0, 3], [3]])
def test_which_statuses_mean_that_it_has_looked_is_the_users(statuses: list[int]) -> None:
    for status in (0, 3):
        expected = [] if status in statuses else [SkipReason.ENGINE]
        assert reasons(f"{say(EMPTY)}; exit {status}", statuses=statuses) == expected


def test_each_command_is_asked_and_one_that_fails_stops_no_other() -> None:
    def command(name: str, script: str, names: list[str]) -> dict[str, object]:
        run = [SHELL, "-c", script]
        return {"name": name, "run": run, "format": "sarif", "sha256": PIN, "network": True, "names": names}

    found = {"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [{"message": {"text": "x"}}]}]}
    both = external.build(
        {
            "commands": [
                command("bad", "exit 9", ["*"]),
                command("good", say(found), ["*.jar"]),
                command("no", "", ["*.x"]),
            ]
        }
    )
    told = list(both.scan(member(b"data", "lib/a.jar")))
    assert [type(fact) for fact in told] == [Skip, Finding]
    assert [fact.scanner for fact in told if isinstance(fact, Finding)] == ["external.good"]
    assert [fact.detail for fact in told if isinstance(fact, Skip)] == ["bad: it ended with status 9"]


def test_nothing_of_a_member_is_left_behind(tmp_path: Path) -> None:
    where = tmp_path / "where"
    messy = f"pwd > {where}; mkdir -p d/e; echo x > d/e/f; chmod 000 d/e/f; chmod 500 d; "
    assert reasons(messy + say(EMPTY)) == []
    assert not Path(where.read_text().strip()).exists()


def test_an_empty_member_is_not_given() -> None:
    assert not scanner("true").wants(member(b"", "a.jar"))


@pytest.mark.parametrize("text", ["$(id)", "`id`", "; exit 9", "a b", "{output}", "-rf"])
def test_a_members_name_never_reaches_the_command(text: str) -> None:
    assert facts('test "$(basename "{file}")" = member || exit 9; ' + say(EMPTY), member(b"x", text)) == []


def test_the_version_changes_with_the_program() -> None:
    other = shutil.which("true") or "/bin/true"
    pin = hashlib.sha256(Path(other).read_bytes()).hexdigest()
    assert scanner("", run=[other], sha256=pin).version != scanner("", run=[SHELL]).version


RESULT = st.fixed_dictionaries(
    {"message": st.fixed_dictionaries({"text": st.text(max_size=20)})},
    optional={
        "ruleId": st.text(max_size=5),
        "ruleIndex": st.integers(-3, 3),
        "rule": st.fixed_dictionaries({}, optional={"id": st.text(max_size=3), "index": st.integers(-3, 3)}),
        "level": st.sampled_from(["error", "warning", "note", "none", "odd"]),
        "kind": st.sampled_from(["fail", "pass", "open"]),
    },
)


@given(
    st.lists(RESULT, max_size=5),
    st.lists(st.builds(rule, st.text(max_size=3), st.none() | st.text(max_size=5)), max_size=3),
)
def test_every_result_that_is_one_is_a_finding(results: list[dict[str, object]], rules: list[object]) -> None:
    run = {"tool": {"driver": {"rules": rules}}, "results": results}
    told = list(sarif(json.dumps({"version": "2.1.0", "runs": [run]}).encode(), "s", "m"))
    assert len(told) == sum(result.get("kind") != "pass" for result in results)
    assert all(isinstance(fact, Finding) and fact.rule and fact.message.isprintable() for fact in told)

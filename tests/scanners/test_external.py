"""The tools are scripts of a line or two, run by the system's shell."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Package, Severity, Skip, SkipReason
from customhouse.scanners import Member, external
from customhouse.scanners.external_report import Unusable, cyclonedx, sarif
from tests.scanners.support import member

SHELL = os.path.realpath(shutil.which("sh") or "/bin/sh")
PIN = hashlib.sha256(Path(SHELL).read_bytes()).hexdigest()
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "t", "rules": [{"id": "R2", "properties": {"security-severity": "9.8"}}]}},
            "results": [
                {"ruleId": "R1", "level": "error", "message": {"text": "bad\x1b[2J\nthing"}},
                {"ruleId": "R2", "level": "note", "message": {"text": "worse"}},
                {"message": {"text": "unnamed"}},
            ],
        }
    ],
}
SBOM = {
    "bomFormat": "CycloneDX",
    "components": [{"purl": "pkg:pypi/a@1", "components": [{"purl": "pkg:pypi/b@2"}]}, {"name": "no purl"}],
    "vulnerabilities": [
        {"id": "CVE-2026-1", "ratings": [{"severity": "low"}, {"severity": "critical"}], "description": "d"},
        {"id": "CVE-2026-2", "ratings": [{"severity": "odd"}]},
    ],
}


def say(document: object) -> str:
    """A shell command that prints the document."""
    return f"printf %s '{json.dumps(document)}'"


EMPTY = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}


def scanner(script: str, **more: object) -> external.ExternalScanner:
    command = {
        "name": "tool",
        "run": [SHELL, "-c", script, "{file}"],
        "format": "sarif",
        "sha256": PIN,
        "network": True,
    }
    return external.build({"commands": [command | more]})


def facts(script: str, one: Member | None = None, **more: object) -> list[object]:
    return list(scanner(script, **more).scan(one or member(b"data", "a.jar")))


def reasons(script: str, **more: object) -> list[SkipReason]:
    return [fact.reason for fact in facts(script, **more) if isinstance(fact, Skip)]


def test_sarif_results_are_findings() -> None:
    found = [fact for fact in facts(say(SARIF) + "; exit 1") if isinstance(fact, Finding)]
    assert [(hit.scanner, hit.rule, hit.severity) for hit in found] == [
        ("external.tool", "R1", Severity.HIGH),
        ("external.tool", "R2", Severity.CRITICAL),
        ("external.tool", "unnamed", Severity.MEDIUM),
    ]
    assert all(hit.message.isprintable() and hit.member == "artifact!/a.jar" for hit in found)


def test_cyclonedx_components_are_packages_and_vulnerabilities_findings() -> None:
    found = facts(say(SBOM), format="cyclonedx")
    assert [fact.purl for fact in found if isinstance(fact, Package)] == ["pkg:pypi/a@1", "pkg:pypi/b@2"]
    assert [(fact.rule, fact.severity) for fact in found if isinstance(fact, Finding)] == [
        ("CVE-2026-1", Severity.CRITICAL),
        ("CVE-2026-2", Severity.MEDIUM),
    ]


def test_the_tool_sees_the_member_under_a_neutral_name_and_nothing_of_our_environment() -> None:
    script = (
        'test "$(cat "{file}")" = data && test "$(basename "{file}")" = member && test -z "$PYTEST_CURRENT_TEST"'
        " && " + say(EMPTY) + ' > "{output}"'
    )
    assert facts(script, member(b"data", "../../etc/passwd")) == []


def test_a_large_member_reaches_the_tool_whole() -> None:
    data = bytes(range(256)) * 1000
    one = Member("m", "m", "unknown", len(data), data[:10], last=False, stream=io.BytesIO(data))
    script = 'test "$(sha256sum < "{file}" | cut -c1-64)" = ' + hashlib.sha256(data).hexdigest() + " || exit 9"
    assert [fact.detail for fact in facts(script, one) if isinstance(fact, Skip)] == [
        "tool: is not what the tool was said to write"
    ]


@pytest.mark.parametrize(
    "script",
    [
        *("exit 2", "kill -9 $$", "echo no json", "echo {}", "true", "echo [1]", 'printf \'{"version": "2.1.0"\''),
        say({"version": "2.1.0", "runs": []}),
        say({"version": "2.1.0", "runs": {}}),
        say(EMPTY) + "; printf '{}'",
        say(EMPTY) + "; exit 3",
        say(EMPTY) + '; mkdir "{output}"',
        say(EMPTY) + '; mkfifo "{output}"',
        say(EMPTY) + '; ln -s /dev/zero "{output}"',
        'ln -s "{file}" "{output}"',
        'printf \'{"version": "\\377", "runs": []}\'',
        "head -c 67108865 /dev/zero",
    ],
)
def test_a_tool_that_fails_is_a_skip(script: str) -> None:
    assert reasons(script) == [SkipReason.ENGINE]


def test_a_tool_that_never_ends_is_a_skip_and_is_gone(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    assert reasons(f"(sleep 0.8; touch {mark}) & sleep 30", seconds=0.3) == [SkipReason.TIMEOUT]
    time.sleep(1)
    assert not mark.exists()


def test_what_a_tool_leaves_behind_when_it_ends_is_gone(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    assert reasons(f"(sleep 0.5; touch {mark}) & " + say(EMPTY)) == []
    time.sleep(0.8)
    assert not mark.exists()


def test_a_tool_that_ends_at_once_has_looked() -> None:
    """Also where its limits come too late."""
    quick = scanner(say(EMPTY))
    assert [fact for _ in range(20) for fact in quick.scan(member(b"x", "a.jar"))] == []


def test_a_tool_gets_no_more_memory_than_allowed() -> None:
    assert reasons("ulimit -v; test $(ulimit -v) -lt 100000 && exit 7", memory=64 << 20) == [SkipReason.ENGINE]


def test_only_members_asked_for_by_name_are_given() -> None:
    jars = scanner("true", names=["*.jar", "*.war"])
    assert [jars.wants(member(b"x", name)) for name in ("lib/a.jar", "a.war", "a.whl")] == [True, True, False]
    assert not external.build({}).wants(member(b"x"))


def test_the_version_changes_with_the_configuration() -> None:
    assert scanner("true").version != scanner("false").version


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "not the one configured"),
        ({"run": ["no-such-program"]}, "there is no program"),
        ({"run": []}, "there is no program"),
        ({"format": "xml"}, "format"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_command_that_cannot_work_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        scanner("true", **change)


@pytest.mark.skipif(not external._apart(network=False), reason="this machine lets nobody make network namespaces")
def test_a_tool_has_no_network() -> None:
    script = "test $(grep -c : /proc/net/dev) -le 1 || exit 9; " + say(EMPTY)
    assert facts(script, network=False) == []


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_other_json_is_unusable(document: object) -> None:
    for parse in (sarif, cyclonedx):
        with pytest.raises(Unusable):
            list(parse(json.dumps(document).encode(), "s", "m"))


@pytest.mark.parametrize(("successful", "expected"), [(True, []), (False, [SkipReason.ENGINE])])
def test_a_report_that_says_that_its_run_failed_is_a_skip_though_the_status_was_good(
    *, successful: bool, expected: list[SkipReason]
) -> None:
    run = {"tool": {"driver": {"name": "t"}}, "invocations": [{"executionSuccessful": successful}], "results": []}
    assert reasons(say({"version": "2.1.0", "runs": [run]})) == expected


@pytest.mark.parametrize(("level", "expected"), [("note", []), ("warning", []), ("error", [SkipReason.ENGINE])])
def test_an_error_that_the_tool_met_is_a_skip_though_it_calls_its_run_a_success(
    level: str, expected: list[SkipReason]
) -> None:
    told = {"executionSuccessful": True, "toolExecutionNotifications": [{"level": level, "message": {"text": "x"}}]}
    run = {"tool": {"driver": {"name": "t"}}, "invocations": [told], "results": []}
    assert reasons(say({"version": "2.1.0", "runs": [run]})) == expected


@pytest.mark.parametrize(
    ("kind", "count"), [("pass", 0), ("notApplicable", 0), ("fail", 1), ("review", 1), ("open", 1), ("odd", 1)]
)
def test_a_result_that_says_all_is_well_is_no_finding(kind: str, count: int) -> None:
    run = {"tool": {"driver": {"name": "t"}}, "results": [{"ruleId": "R", "kind": kind, "message": {"text": "x"}}]}
    assert len(list(sarif(json.dumps({"version": "2.1.0", "runs": [run]}).encode(), "s", "m"))) == count


@pytest.mark.parametrize(
    ("ratings", "severity"),
    [
        ([], "medium"),
        (["none"], "medium"),
        (["info", "low"], "low"),
        (["low", "odd", "high"], "high"),
        (["CRITICAL"], "medium"),
    ],
)
def test_the_worst_rating_that_is_one_counts(ratings: list[str], severity: str) -> None:
    rated = [{"severity": rating} for rating in ratings]
    document = {"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-1\x1b", "ratings": rated}]}
    [found] = cyclonedx(json.dumps(document).encode(), "s", "m")
    assert isinstance(found, Finding)
    assert (found.rule, found.severity) == ("CVE-1", severity)


@pytest.mark.parametrize("depth", [10, 100_000])
def test_components_nested_without_end_are_refused(depth: int) -> None:
    nested = b'{"purl": "pkg:a/b@1", "components": [' * depth + b"]}" * depth
    document = b'{"bomFormat": "CycloneDX", "components": [' + nested + b"]}"
    if depth == 10:
        assert len(list(cyclonedx(document, "s", "m"))) == depth
    else:
        with pytest.raises(Unusable):
            list(cyclonedx(document, "s", "m"))


def test_many_components_take_no_more_than_their_number() -> None:
    document = b'{"bomFormat": "CycloneDX", "components": [' + b",".join([b"{}"] * 400_000) + b"]}"
    assert list(cyclonedx(document, "s", "m")) == []


@pytest.mark.parametrize("results", [{}, {"results": None}])
def test_a_run_that_says_nothing_of_results_did_not_look(results: dict[str, None]) -> None:
    run = {"tool": {"driver": {"name": "t"}}, **results}
    assert reasons(say({"version": "2.1.0", "runs": [run]})) == [SkipReason.ENGINE]


@pytest.mark.parametrize(
    ("score", "severity"), [("nan", "high"), ("none", "high"), ("0.0", "low"), ("9.8", "critical")]
)
def test_a_score_that_is_no_number_leaves_the_level_of_the_result(score: str, severity: str) -> None:
    driver = {"name": "t", "rules": [{"id": "R", "properties": {"security-severity": score}}]}
    run = {"tool": {"driver": driver}, "results": [{"ruleId": "R", "level": "error", "message": {"text": "x"}}]}
    [found] = sarif(json.dumps({"version": "2.1.0", "runs": [run]}).encode(), "s", "m")
    assert isinstance(found, Finding)
    assert found.severity == severity

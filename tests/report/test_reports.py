from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from customhouse.model import Package, Severity, SkipReason, Verdict
from customhouse.report import html, sarif
from customhouse.report import json as lines
from customhouse.report.result import Judged
from tests.facts import decision, finding, inspection, skip

BAD = Judged("in/<b>.zip", inspection(finding(), skip()), decision(Verdict.QUARANTINED))
GOOD = Judged("in/ok.zip", inspection(), decision())


def test_json_line_holds_the_contract() -> None:
    said = json.loads(lines.line(BAD))
    assert said["verdict"] == "quarantined"
    assert said["coverage"] == {
        "complete": False,
        "members": 3,
        "opened": 2,
        "bytes": 10,
        "skipped": [{"member": "a.zip!/y", "reason": "limit", "detail": "more members than 10"}],
    }
    assert said["findings"][0]["rule"] == "eicar"
    assert "\n" not in lines.line(BAD)


def test_json_line_tells_which_findings_decided_nothing() -> None:
    waived = replace(decision(), waived=(finding(),))
    said = json.loads(lines.line(Judged("a", inspection(finding(), finding(rule="other")), waived)))
    assert [one["rule"] for one in said["findings"]] == ["eicar", "other"]
    assert said["waived"] == said["findings"][:1]
    assert json.loads(lines.line(BAD))["waived"] == []


def test_json_line_tells_the_media_type_and_the_package_that_an_artifact_is() -> None:
    metadata = Package("pkg:pypi/p@1.0", "p-1.0-py3-none-any.whl!/p-1.0.dist-info/METADATA")
    wheel = replace(inspection(), name="p-1.0-py3-none-any.whl", kind="wheel", packages=(metadata,))
    said = json.loads(lines.line(Judged("in/p-1.0-py3-none-any.whl", wheel, decision())))

    assert (said["kind"], said["media_type"], said["purl"]) == ("wheel", "application/zip", "pkg:pypi/p@1.0")
    assert json.loads(lines.line(GOOD))["purl"] == ""


def test_sarif_has_results_for_findings_and_notifications_for_skips() -> None:
    run = json.loads(sarif.render([BAD, GOOD], Path("/")))["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["malware/eicar"]
    assert run["results"][0]["level"] == "error"
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("not seen: limit")
    assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "malware/eicar"


def test_sarif_levels_follow_severity() -> None:
    all_levels = Judged("x", inspection(*[finding(severity) for severity in Severity]), decision())
    results = json.loads(sarif.render([all_levels], Path("/")))["runs"][0]["results"]
    assert [result["level"] for result in results] == ["note", "warning", "error", "error"]


def test_html_escapes_what_artifacts_say_and_shows_what_was_not_seen() -> None:
    page = html.render([GOOD, BAD], dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
    assert "<b>.zip" not in page
    assert "&lt;b&gt;.zip" in page
    assert "more members than 10" in page
    assert page.index("badge quarantined") < page.index("badge clean")


def test_html_tells_what_a_waiver_accepts_and_nothing_of_digests_that_there_are_not() -> None:
    waived = replace(decision(), waived=(finding(),))
    unread = replace(inspection(skip()), digests={})
    made = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert "high (waived)" in html.render([Judged("a", inspection(finding()), waived)], made)
    assert "(waived)" not in html.render([BAD], made)
    assert "SHA-256" not in html.render([Judged("a", unread, decision(Verdict.HELD))], made)


@pytest.mark.parametrize(("count", "said"), [(0, "0 artifacts"), (1, "1 artifact "), (2, "2 artifacts")])
def test_html_counts_in_words(count: int, said: str) -> None:
    assert f"<h1>{said.strip()} inspected" in html.render([GOOD] * count, dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


def test_html_of_nothing_is_a_page() -> None:
    assert "0 artifacts" in html.render([], dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


def test_every_skip_reason_can_be_reported() -> None:
    for reason in SkipReason:
        assert reason in lines.line(Judged("x", inspection(skip(reason)), decision()))

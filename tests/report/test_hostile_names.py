"""Whatever an artifact is called and says, a report is well formed, says just that, and runs nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import html.parser
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from customhouse.commands import show
from customhouse.model import Finding, Location, Package, Severity, Signature, Skip, SkipReason, Verdict
from customhouse.report import cyclonedx, sarif
from customhouse.report import html as page
from customhouse.report import json as lines
from customhouse.report.result import Judged, one_line
from tests.facts import decision, inspection

ROOT = Path("/home/runner/repository")
MADE = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</table></details><h1>clean</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "a\nclean\tevil",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egpj.exe",
    "[red]bold[/red]",
    "javascript:alert(1)",
    "//evil.example/x",
    "a b%41#?&=ü.zip",
    "",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(NASTY)


def judged(path: str, member: str = "m", message: str = "said", verdict: Verdict = Verdict.QUARANTINED) -> Judged:
    facts = (Finding("malware", "rule", Severity.HIGH, member, message), Skip(member, SkipReason.LIMIT, message))
    signature = Signature(Location("memory://in", member), "signature", "invalid", detail=message)
    seen = replace(inspection(*facts), packages=(Package("pkg:npm/a@1", member),), signatures=(signature,))
    return Judged(path, seen, replace(decision(verdict), reasons=(message,)))


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[tuple[str, str]] = set()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags |= {(tag, name) for name, _ in [*attrs, ("", None)]}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


ORDINARY = read(page.render([judged("path")], MADE)).tags


@given(TEXT, TEXT, TEXT)
def test_a_page_has_no_tag_and_no_attribute_that_an_artifact_made(path: str, member: str, message: str) -> None:
    reader = read(page.render([judged(path, member, message)], MADE))
    assert reader.tags == ORDINARY
    for said in (path, member, message):
        assert one_line(said) in reader.said or not said.strip()
        assert one_line(said).isprintable()


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    assert {tag for tag, _ in ORDINARY}.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    assert not re.search(r"https?://|url\(|@import", page.render([judged("p")], MADE))


@given(TEXT, TEXT, TEXT)
def test_a_json_line_is_one_line_that_says_it_all(path: str, member: str, message: str) -> None:
    line = lines.line(judged(path, member, message))
    said = json.loads(line)
    assert len(line.split("\n")) == 1
    assert (said["path"], said["findings"][0]["member"], said["findings"][0]["message"]) == (path, member, message)
    assert said["coverage"]["skipped"][0]["detail"] == message


@given(TEXT, TEXT)
def test_sarif_names_a_file_by_a_uri_that_says_its_path(path: str, member: str) -> None:
    run = json.loads(sarif.render([judged(path, member)], ROOT))["runs"][0]
    for one in (*run["results"], *run["invocations"][0]["toolExecutionNotifications"]):
        place = one["locations"][0]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:file:///)?(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*", uri)
        named = os.path.normpath(ROOT / path)
        assert os.path.normpath(ROOT / unquote(uri.removeprefix("file://"))).lstrip("/") == named.lstrip("/")
        assert place["logicalLocations"] == [{"fullyQualifiedName": member}]


@given(st.lists(TEXT, min_size=1, max_size=4, unique=True))
def test_a_bill_of_materials_has_one_file_for_each_path(paths: list[str]) -> None:
    document = json.loads(cyclonedx.render([judged(path) for path in paths]))
    files = [one for one in document["components"] if one["type"] == "file"]
    assert sorted(one["name"] for one in files) == sorted(path or "-" for path in paths)
    assert len({one["bom-ref"] for one in document["components"]}) == len(document["components"])


@given(st.permutations([judged(path) for path in ("a", "b", "c")]))
def test_a_bill_of_materials_does_not_depend_on_the_order(them: list[Judged]) -> None:
    assert cyclonedx.render(them) == cyclonedx.render([judged(path) for path in ("a", "b", "c")])


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


def shown(results: list[Judged], out: io.StringIO) -> str:
    with contextlib.redirect_stdout(out):
        show.table(results)
    return out.getvalue()


@given(TEXT)
def test_in_a_pipe_every_artifact_is_one_line_of_five_cells(path: str) -> None:
    text = shown([judged(path), judged("other", verdict=Verdict.CLEAN)], io.StringIO())
    cells = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    assert [(len(one), one[0]) for one in cells] == [(5, "quarantined"), (5, "clean")]


def plain(text: str) -> str:
    """What a terminal shows: without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("path", NASTY)
def test_in_a_terminal_no_name_moves_the_cursor_or_writes_a_title(path: str) -> None:
    text = plain(shown([judged(path, message=path)], Terminal()))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "quarantined" in text


def test_in_a_terminal_square_brackets_are_text() -> None:
    text = plain(shown([judged("[red]a[/red]", message="[bold]b[/bold]")], Terminal()))
    assert "[red]a" in text
    assert "[bold]b" in text


def test_in_a_terminal_the_first_reasons_are_shown_and_the_others_counted() -> None:
    many = replace(
        judged("a"), decision=replace(decision(Verdict.HELD), reasons=("one", "two", "three", "four", "five"))
    )
    text = shown([many], Terminal())
    assert "three" in text
    assert "four" not in text
    assert "and 2 more" in text


def test_a_page_shows_the_worst_first_and_opens_what_may_not_pass() -> None:
    every = [judged(verdict.value, verdict=verdict) for verdict in Verdict]
    text = page.render(every, MADE)
    badges = re.findall(r'class="badge (\w+)"', text)
    assert badges == ["held", "rejected", "quarantined", "flagged", "clean"]
    assert text.count("<details open>") == 3
    assert all(f"1 {verdict}" in text for verdict in Verdict)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_in_a_terminal_of_any_width_every_character_of_a_name_is_shown(width: int) -> None:
    path = "dist/" + "a-rather-long-name-of-a-wheel-" * 3 + "1.0-py3-none-any.whl"
    out = Terminal()
    show.table([judged(path)], Console(file=out, width=width, force_terminal=True))
    text = plain(out.getvalue())
    assert path in re.sub(r"\s+", "", text)
    assert max(map(len, text.splitlines())) <= width


def test_a_terminal_gets_the_sum_of_it_all_at_the_end() -> None:
    verdicts = (Verdict.CLEAN, Verdict.HELD, Verdict.CLEAN)
    text = plain(shown([judged("a", verdict=verdict) for verdict in verdicts], Terminal()))
    assert text.splitlines()[-1] == "3 artifacts: 2 clean, 1 held"

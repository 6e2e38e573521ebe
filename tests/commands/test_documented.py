"""docs/cli.md and the README name the commands, formats, fields and settings that there are, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from customhouse import callers, settings
from customhouse.commands import application
from customhouse.commands.artifacts import Format
from customhouse.report import json as lines
from customhouse.report.result import Judged
from tests.facts import decision, finding, inspection

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_table() -> None:
    commands = {one.name for one in application.registered_commands}
    groups = {one.name for one in application.registered_groups}
    assert set(re.findall(r"^\| `([a-z]+) ", CLI, re.MULTILINE)) == commands | groups


def test_every_format_is_described() -> None:
    assert set(re.findall(r"^`--format ([a-z]+)`", CLI, re.MULTILINE)) == set(Format)


def test_every_field_of_a_json_line_is_described() -> None:
    fields = json.loads(lines.line(Judged("a", inspection(finding()), decision())))
    table = CLI.partition("| field |")[2].partition("\n\n")[0]
    described = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"\w+", row)
    }
    assert described == set(fields)
    for part in (fields["coverage"], fields["findings"][0]):
        assert all(f"`{name}`" in table for name in part)


@pytest.mark.parametrize(
    "name", [callers.KIND, *re.findall(r"\{PREFIX\}([A-Z_]+)", Path(settings.__file__).read_text())]
)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `CUSTOMHOUSE_{name.removeprefix(settings.PREFIX)}` |" in README


@pytest.mark.parametrize(
    "file", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda file: file.name
)
def test_every_link_between_the_documents_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target

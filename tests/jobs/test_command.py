from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from customhouse.commands import application
from customhouse.errors import ConfigError
from tests.jobs.support import LOCK, advisory, archived

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
version: 1
scanners: {vulnerabilities: {}}
rules:
  - {name: serious, when: {severity: high}, verdict: quarantined}
  - {name: unseen, when: {complete: false}, verdict: held}
  - {name: rest, verdict: clean}
actions: {clean: [tag], held: [tag], quarantined: [tag]}
"""


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    places = {name: f"file://{folder}/{name}" for name in ("records", "intake")}
    settings = {f"CUSTOMHOUSE_{name.upper()}": place for name, place in places.items()}
    more = {
        "CUSTOMHOUSE_POLICY": str(folder / "policy.yaml"),
        "CUSTOMHOUSE_ADVISORIES": str(folder / "mirror"),
        "CUSTOMHOUSE_ECOSYSTEMS": "npm",
    }
    done = CliRunner().invoke(application, arguments, env=settings | more, catch_exceptions=False)
    return done.exit_code, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("records", "intake", "mirror/npm"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "intake" / "package-lock.json").write_bytes(LOCK)
    return tmp_path


def verdicts(folder: Path) -> list[str]:
    return [json.loads(path.read_bytes())["decision"]["verdict"] for path in (folder / "records").rglob("records/*/*")]


def test_a_laptop_builds_an_index_from_a_mirror_and_matches_its_records_again(folder: Path) -> None:
    archive = folder / "mirror" / "npm" / "all.zip"
    archive.write_bytes(archived(advisory("GHSA-9", "other")))
    code, out = run(folder, "job", "advisories")
    assert (code, json.loads(out)["changed"]) == (0, 1)
    run(folder, "job", "reconcile")
    assert verdicts(folder) == ["clean"]
    archive.write_bytes(archived(advisory(), advisory("GHSA-9", "other")))
    assert run(folder, "job", "advisories")[0] == 0
    code, out = run(folder, "job", "rematch")
    assert (code, json.loads(out)["decided"]) == (0, 1)
    assert verdicts(folder) == ["quarantined"]


def test_what_is_left_to_do_is_the_exit_status(folder: Path) -> None:
    code, out = run(folder, "job", "rematch")
    assert (code, json.loads(out)["index"]) == (1, "absent")


def test_a_job_that_does_not_exist_is_one_line(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no job 'nightly'"):
        run(folder, "job", "nightly")

"""Files of any name and in any state: the command line says what it saw of each, one line for each, and why not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from customhouse.app import load
from customhouse.commands import application
from customhouse.commands.files import _walk
from customhouse.commands.judging import judge
from customhouse.errors import ConfigError
from customhouse.stores import open_store
from tests.app.world import EICAR
from tests.commands.test_commands import zipped

POLICY = """
version: 1
rules:
  - {name: no-archives, when: {kind: zip}, verdict: quarantined}
  - {name: unseen, when: {complete: false}, verdict: held}
  - {name: rest, verdict: clean}
actions: {clean: [tag, promote], quarantined: [quarantine]}
"""
NAMES = [
    b"\xff.txt",
    b"a\nclean\tforged",
    b"\x1b[31mred.txt",
    "ü \u202e.txt".encode(),
    b"[bold]%41 #?&.txt",
    b"-",
    b"--x",
]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path / "policy.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "files"
    place.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(b"text")
    return place


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(application, [str(one) for one in arguments], env=env, catch_exceptions=False)


def scan(style: str, policy: Path, *paths: Path) -> Result:
    return run("scan", "--format", style, "--policy", policy, *paths)


def test_a_json_line_for_every_file_names_it_in_utf_8(folder: Path, policy: Path) -> None:
    done = scan("json", policy, folder)
    paths = {json.loads(line)["path"] for line in done.stdout.splitlines()}
    assert done.exit_code == 0
    assert paths == {f"{folder}/{name.decode('utf-8', 'backslashreplace')}" for name in NAMES}


def test_what_stands_beside_a_file_is_named_in_utf_8_too(tmp_path: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    place.mkdir()
    (place / "a.whl").write_bytes(b"text")
    (place / "a.whl.sha256").write_text(hashlib.sha256(b"text").hexdigest())
    (tmp_path / "p.yaml").write_text(
        "version: 1\nscanners: {signatures: {rules: [{name: '*.whl', require: [checksum]}]}}\n"
        "rules: [{name: unseen, when: {complete: false}, verdict: held}, {name: rest, verdict: clean}]\n"
    )
    done = scan("json", tmp_path / "p.yaml", place / "a.whl")
    (line,) = map(json.loads, done.stdout.splitlines())
    (beside,) = line["signatures"]
    assert (line["verdict"], beside["status"]) == ("clean", "matches")
    assert (beside["location"]["root"], beside["location"]["key"]) == (f"file://{tmp_path}/\\xff", "a.whl.sha256")


@pytest.mark.parametrize("style", ["sarif", "cyclonedx"])
def test_a_document_names_every_file(folder: Path, policy: Path, style: str) -> None:
    done = scan(style, policy, folder)
    assert done.exit_code == 0
    assert json.loads(done.stdout)


def test_no_name_forges_a_line_of_the_table(folder: Path, policy: Path) -> None:
    done = scan("table", policy, folder)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(len(row), row[0]) for row in rows] == [(5, "clean")] * len(NAMES)
    assert "\x1b" not in done.stdout


def test_a_page_about_files_of_any_name_is_written(folder: Path, policy: Path, tmp_path: Path) -> None:
    done = run("report", "--policy", policy, "-o", tmp_path / "page.html", folder)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert done.exit_code == 0
    assert text.count('class="badge clean"') == len(NAMES)
    assert "\\xff.txt" in text


def test_folders_are_walked_in_order_and_links_are_not_followed(tmp_path: Path, policy: Path) -> None:
    place = tmp_path / "walked"
    for name in ("b/2", "a/1", "a.txt", "c"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"text")
    (tmp_path / "outside").write_bytes(zipped(EICAR))
    (place / "link").symlink_to(tmp_path / "outside")
    (place / "around").symlink_to(place)
    (place / "dangling").symlink_to("nowhere")
    done = scan("json", policy, place)
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [
        str(place / name) for name in ("a/1", "a.txt", "b/2", "c")
    ]
    assert scan("json", policy, place / "link").exit_code == 1  # a link that is named is followed


def test_an_empty_folder_is_nothing_and_passes(tmp_path: Path, policy: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (scan("json", policy, tmp_path / "empty").stdout, scan("json", policy, tmp_path / "empty").exit_code) == (
        "",
        0,
    )


def test_a_file_that_cannot_be_read_is_held_and_the_others_are_judged(tmp_path: Path, policy: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"text")
    results = judge([tmp_path / name for name in ("a", "b", "c")], policy, quiet=True)
    first = next(results)
    (tmp_path / "b").unlink()
    second, third = results
    assert [one.decision.verdict.value for one in (first, second, third)] == ["clean", "held", "clean"]
    assert second.inspection.coverage.skipped[0].detail == "No such file or directory"
    assert not second.inspection.coverage.complete


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_no_empty_folder(tmp_path: Path, policy: Path) -> None:
    closed = tmp_path / "files" / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0)
    try:
        with pytest.raises(ConfigError, match="closed: Permission denied; name folders that can be read"):
            scan("json", policy, tmp_path / "files")
    finally:
        closed.chmod(0o700)


def test_a_folder_that_goes_away_ends_the_scan_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone: No such file or directory; name folders that can be read"):
        list(_walk(tmp_path / "gone", Counter()))


@pytest.mark.parametrize("command", [["scan"], ["report"]])
def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path, command: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory; name a file that can be read"):
        run(*command, "--policy", tmp_path / "none.yaml", tmp_path)


def test_watch_tells_a_line_for_each_verdict_whatever_the_name(tmp_path: Path, policy: Path) -> None:
    intake = tmp_path / "intake"
    intake.mkdir()
    (intake / "a\nquarantined\tforged").write_bytes(b"text")
    (intake / "b.zip").write_bytes(zipped(b"text"))
    done = run("watch", "--once", intake, env={"CUSTOMHOUSE_POLICY": str(policy)})
    assert done.stdout.splitlines() == ["clean\ta\\x0aquarantined\\x09forged\trest", "quarantined\tb.zip\tno-archives"]
    assert not (intake / "b.zip").exists()


def deployment(folder: Path, policy: Path) -> dict[str, str]:
    """Settings whose places are folders, two artifacts in the intake."""
    for place in ("intake", "records", "released", "quarantine"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name in ("1.txt", "2.txt"):
        (folder / "intake" / name).write_bytes(name.encode())
    places = {name: f"file://{folder}/{name}" for name in ("records", "released", "quarantine", "intake")}
    return {f"CUSTOMHOUSE_{name.upper()}": url for name, url in places.items()} | {"CUSTOMHOUSE_POLICY": str(policy)}


def test_sweep_counts_what_came_of_everything_in_a_store_once(tmp_path: Path, policy: Path) -> None:
    env = deployment(tmp_path, policy)
    (tmp_path / "intake" / "bad.zip").write_bytes(zipped(b"x"))
    first, second = (run("sweep", env["CUSTOMHOUSE_INTAKE"], env=env).stdout for _ in range(2))
    assert [line.split() for line in first.splitlines()] == [["2", "clean"], ["1", "quarantined"]]
    assert [line.split() for line in second.splitlines()] == [["2", "duplicate"]]


def test_sweep_goes_on_behind_what_is_refused_and_names_it(tmp_path: Path, policy: Path) -> None:
    env = deployment(tmp_path, policy)
    run("sweep", env["CUSTOMHOUSE_INTAKE"], env=env)
    next(path for path in sorted((tmp_path / "records").rglob("records/*/*.json"))).write_bytes(b"{")
    done = run("sweep", env["CUSTOMHOUSE_INTAKE"], env=env)
    assert sorted(line.split() for line in done.stdout.splitlines()) == [["1", "duplicate"], ["1", "refused"]]
    assert done.exit_code == 1
    assert ".txt?etag=" in done.stderr
    assert ": refused: a record does not read: " in done.stderr


def test_sweep_leaves_for_later_what_another_run_is_at(tmp_path: Path, policy: Path) -> None:
    env = deployment(tmp_path, policy)
    app = load(env)
    store = app.store(env["CUSTOMHOUSE_INTAKE"])
    app.catalog.claim(next(iter(store.list())), time.time())
    done = run("sweep", env["CUSTOMHOUSE_INTAKE"], env=env)
    assert [line.split() for line in done.stdout.splitlines()] == [["1", "clean"], ["1", "later"]]
    assert done.stderr.count(": later: another run is at this artifact") == 1


def test_sweep_takes_what_is_under_a_prefix(policy: Path) -> None:
    root = f"memory://{uuid.uuid4().hex}"
    store = open_store(root)
    for key in ("in/a", "in/b/c", "inside", "out/a"):
        store.put(key, b"text")
    env = {"CUSTOMHOUSE_RECORDS": f"{root}-records", "CUSTOMHOUSE_POLICY": str(policy)}
    assert run("sweep", f"{root}/in", env=env).stdout.split() == ["2", "clean"]


def test_a_job_says_in_its_exit_status_whether_something_is_left(tmp_path: Path, policy: Path) -> None:
    env = deployment(tmp_path, policy)
    cut = run("job", "reconcile", "--seconds", "0", env=env)
    assert (cut.exit_code, json.loads(cut.stdout)["complete"]) == (1, False)
    done = run("job", "reconcile", env=env)
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"job": "reconcile", "complete": True, "decided": 1})


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, folder: Path, policy: Path) -> None:
    with pytest.raises(ConfigError, match=r"page\.html: No such file or directory; name a file that can be written"):
        run("report", "--policy", policy, "-o", tmp_path / "none" / "page.html", folder)


def test_explain_says_each_rule_in_its_place(policy: Path) -> None:
    assert run("policy", "explain", policy).stdout.splitlines() == [
        "1. kind zip: quarantined (no-archives); then quarantine",
        "2. complete false: held (unseen); then nothing",
        "3. anything else: clean (rest); then tag, promote",
        "An incomplete ledger is never clean, whatever a rule says: it becomes held.",
        "What no rule decides is held; then nothing.",
    ]


def test_explain_says_alternatives_and_conditions_that_hold_together(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("version: 1\nrules:\n  - {name: a, when: {kind: [jar, war], severity: high}, verdict: rejected}\n")
    assert run("policy", "explain", file).stdout.startswith(
        "1. severity high or worse and kind jar or war: rejected (a); then nothing\n"
    )


def test_check_counts_the_rules_and_names_the_file(policy: Path) -> None:
    assert run("policy", "check", policy).stdout == f"{policy}: 3 verdict rules, 0 lifecycle rules, all in order\n"


WHOLE = """
version: 1
rules: [{name: worst, when: {severity: critical}, verdict: rejected}]
actions: {held: [tag]}
waivers:
  - {finding: secrets/*, artifact: vendor/*, owner: o, reason: test keys, expires: 2027-03-31}
lifecycle: [{id: old, do: delete, age: 30d}]
"""


def test_explain_says_what_is_accepted_and_what_no_rule_decides(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(WHOLE)
    assert run("policy", "explain", file).stdout.splitlines()[0].startswith("1. severity critical: rejected")
    assert run("policy", "explain", file).stdout.splitlines()[2:] == [
        "What no rule decides is held; then tag.",
        "Accepted until 2027-03-31: secrets/* in * of vendor/* (o: test keys)",
        "1 lifecycle rule: `customhouse lifecycle plan` shows what they come to.",
    ]
    assert run("policy", "check", file).stdout == f"{file}: 1 verdict rule, 1 lifecycle rule, all in order\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml:1: Object missing required field `version`"),
        ("\t- x", "p.yaml:1: found character that cannot start any token"),
        ("version: 1\nrules:\n  - name: [a\n", "p.yaml:4: did not find expected"),
        ("version: 1\nrules:\n  - name: a\n    verdict: clea\n", "p.yaml:4: Invalid enum value 'clea'"),
        ("version: 1\nversion: 1\n", "p.yaml:2: version stands there twice"),
        (
            "version: 1\nscanners: {malwre: {}}\nrules: [{name: a, verdict: clean}]",
            "p.yaml: scanners: no scanner named",
        ),
        ("version: 1\nscanners: {clamav: {x: 1}}\nrules: [{name: a, verdict: held}]", "p.yaml: scanners.clamav: "),
    ],
)
def test_check_names_the_file_and_the_first_mistake(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        run("policy", "check", tmp_path / "p.yaml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['customhouse']; from customhouse.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.strip() == "customhouse: the command line needs typer: pip install 'customhouse[cli]'"

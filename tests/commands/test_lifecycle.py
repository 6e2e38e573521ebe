"""`customhouse lifecycle` as a person or a pipeline runs it: on a folder, and on buckets of emulators."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from customhouse.commands.lifecycle import application
from customhouse.errors import CustomhouseError
from customhouse.lifecycle.dates import Dates
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from customhouse.stores.open_lifecycle import open_target
from tests.lifecycle.buckets import made, options_of
from tests.lifecycle.support import contents

LOGS = {"id": "logs", "do": "delete", "age": "30d", "select": {"prefix": "logs/"}}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


class Desk:
    """A folder to work in, a bucket beside it, and the command with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bucket = folder / "bucket"
        self.bucket.mkdir()
        self.url = f"file://{self.bucket}"
        self.environment: dict[str, str] = {}

    def fill(self, *names: str, days: float = 100) -> None:
        then = time.time() - days * DAY
        for name in names:
            path = self.bucket / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, (then, then))

    def policy(self, *rules: Mapping[str, Any]) -> Path:
        path = self.folder / "policy.yaml"
        document = {"version": 1, "rules": [{"name": "ok", "verdict": "clean"}], "lifecycle": list(rules)}
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        self.environment["CUSTOMHOUSE_POLICY"] = str(path)
        return path

    def run(self, *arguments: str) -> Done:
        """The command in this process, errors told as the command line tells them."""
        options = {"env": {"CUSTOMHOUSE_RECORDS": None, **self.environment}}
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(application, arguments, **options)  # type: ignore[arg-type] # typer's stub knows no unset variable
        if isinstance(result.exception, CustomhouseError):
            return Done(2, result.stdout, f"{result.stderr}customhouse: {result.exception}\n")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def names(self) -> set[str]:
        return set(contents(open_store(self.url)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    found = Desk(tmp_path)
    found.policy(LOGS)
    found.fill("logs/1", "logs/2", "stays/1", "stays/2", "stays/3")
    return found


def failed(done: Done) -> str:
    """The one line that a command which could not run leaves."""
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    return line


def test_a_plan_shows_what_it_comes_to_and_changes_nothing(desk: Desk) -> None:
    done = desk.run("plan", desk.url)
    assert done.returncode == 0, done.stderr
    for part in ("5 versions", "logs   delete      2", "logs/1", "age >= 30d", "wrote plan.jsonl"):
        assert part in done.stdout
    assert len(desk.names()) == 5


def test_a_plan_as_json_is_one_object(desk: Desk) -> None:
    said = json.loads(desk.run("plan", desk.url, "--format", "json", "-o", "p.jsonl").stdout)
    assert (said["plan"], said["items"], said["scanned"], said["rules"][0]["rule"]) == ("p.jsonl", 2, 5, "logs")
    assert said["rules"][0]["samples"][0]["location"].startswith(f"{desk.url}/logs/1")


def test_apply_does_it_once_and_undo_brings_it_back(desk: Desk) -> None:
    desk.run("plan", desk.url)
    done = desk.run("apply", "plan.jsonl")
    assert (done.returncode, done.stdout.split()) == (0, ["2", "done"])
    assert "for 7d `customhouse lifecycle undo plan.jsonl` brings it back" in done.stderr
    assert {name for name in desk.names() if not name.startswith("customhouse-undo/")} == {
        "stays/1",
        "stays/2",
        "stays/3",
    }
    again = desk.run("apply", "plan.jsonl")
    assert (again.returncode, again.stdout) == (0, "nothing was left to do\n")
    back = desk.run("undo", "plan.jsonl", "--format", "json")
    assert [json.loads(line)["status"] for line in back.stdout.splitlines()] == ["done", "done"]
    assert desk.names() == {"logs/1", "logs/2", "stays/1", "stays/2", "stays/3"}
    assert desk.run("undo", "plan.jsonl").returncode == 1  # there is nothing in the trash any more


def test_another_plan_of_the_same_name_is_not_taken_for_applied(desk: Desk) -> None:
    desk.run("plan", desk.url)
    desk.run("apply", "plan.jsonl")
    desk.run("undo", "plan.jsonl")
    desk.fill("logs/1", "logs/2")
    desk.run("plan", desk.url)
    assert desk.run("apply", "plan.jsonl").stdout.split() == ["2", "done"]


def test_what_was_overwritten_meanwhile_is_reported_and_makes_the_status_1(desk: Desk) -> None:
    desk.run("plan", desk.url)
    (desk.bucket / "logs" / "1").write_text("new")
    done = desk.run("apply", "plan.jsonl")
    assert done.returncode == 1
    assert "superseded\tfile://" in done.stdout
    assert "logs/1" in desk.names()


def test_a_plan_beyond_the_blast_radius_wants_a_yes(desk: Desk) -> None:
    desk.run("plan", desk.url)
    assert "more than 1: look at it, then --accept" in failed(desk.run("apply", "plan.jsonl", "--max-items", "1"))
    assert "more than 3 B" in failed(desk.run("apply", "plan.jsonl", "--max-bytes", "3B"))
    assert "more than 10%" in failed(desk.run("apply", "plan.jsonl", "--max-share", "0.1"))
    assert len(desk.names()) == 5
    assert desk.run("apply", "plan.jsonl", "--max-items", "1", "--accept").returncode == 0


def test_a_plan_of_another_policy_is_refused(desk: Desk) -> None:
    desk.run("plan", desk.url)
    desk.policy(LOGS | {"age": "60d"})
    assert "policy has changed" in failed(desk.run("apply", "plan.jsonl", "--accept"))


def test_a_policy_without_lifecycle_rules_plans_nothing_and_says_so(desk: Desk) -> None:
    desk.policy()
    done = desk.run("plan", desk.url)
    assert done.returncode == 0
    assert "the policy has no lifecycle rules, so nothing is planned" in done.stdout
    assert desk.run("apply", "plan.jsonl").stdout == "nothing was left to do\n"


def test_a_broken_rule_plans_nothing_and_names_its_line(desk: Desk) -> None:
    desk.policy(LOGS, {"id": "bad", "do": "delete", "age": "soon"})
    line = failed(desk.run("plan", desk.url))
    assert "policy.yaml:" in line
    assert "soon" in line
    assert not (desk.folder / "plan.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "name a store such as s3://bucket, or files with --inventory"),
        (["plan", "memory://x", "--inventory", "x.csv"], "and not both"),
        (["plan", "ftp://x"], "names no store"),
        (["plan", "--inventory", "absent.csv"], "no such file"),
        (["plan", "memory://x", "-o", "p.parquet"], "planned as .jsonl"),
        (["plan", "memory://x", "--policy", "absent.yaml"], "No such file"),
        (["plan", "memory://x", "--in-use", "absent"], "No such file"),
        (["apply", "absent.jsonl"], "no such file; write a plan"),
        (["apply", "policy.yaml"], "not a lifecycle plan"),
        (["apply", "plan.jsonl", "--max-bytes", "many"], "--max-bytes"),
        (["compile", "s3://b/prefix"], "a whole bucket's"),
        (["compile", "memory://b"], "only s3://, gs:// and az://"),
        (["compile", "s3://b", "--assume", "magic"], "--assume magic"),
        (["install", "s3://b"], "CUSTOMHOUSE_RECORDS is not set"),
        (["export", "memory://b"], "CUSTOMHOUSE_RECORDS is not set"),
        (["expire", "memory://b", "k", "--after", "1d"], "CUSTOMHOUSE_RECORDS is not set"),
        (["expire", "memory://b", "k"], "say --on 2027-03-01 (or never), or --after 14d"),
        (["expire", "memory://b", "k", "--on", "never", "--after", "1d"], "and not both"),
        (["expire", "memory://b", "k", "--on", "soon"], "write 2027-03-01"),
        (["expire", "memory://b", "k", "--after", "soon"], "no duration"),
        (["expire", "memory://b/k", "k", "--after", "1d"], "name the store, memory://b"),
    ],
)
def test_what_cannot_work_is_one_line_and_status_2(desk: Desk, arguments: list[str], message: str) -> None:
    desk.run("plan", desk.url)
    assert message in failed(desk.run(*arguments))


def test_rules_about_verdicts_or_packages_are_not_planned_without_records(desk: Desk) -> None:
    desk.policy(LOGS | {"exclude": {"verdict": "held"}})
    assert "rule 'logs' asks for what only the records know" in failed(desk.run("plan", desk.url))


def test_rules_about_tags_are_not_planned_from_a_report_that_has_none(desk: Desk) -> None:
    desk.policy(LOGS | {"protect": {"tag": {"pinned": "true"}}})
    (desk.folder / "report.csv").write_text(
        "Bucket,Key,Size,LastModifiedDate,ETag\nb,logs/1,5,2024-01-01T00:00:00Z,e\n"
    )
    line = failed(desk.run("plan", "--inventory", "report.csv", "--cloud", "s3"))
    assert "looks at tags" in line


def keep_records(desk: Desk) -> Store:
    """A store of records."""
    (desk.folder / "records").mkdir()
    desk.environment["CUSTOMHOUSE_RECORDS"] = f"file://{desk.folder / 'records'}"
    return open_store(desk.environment["CUSTOMHOUSE_RECORDS"])


DATED = {"id": "dated", "do": "delete", "undo": "none", "expires": True}


def test_artifacts_get_dates_and_go_when_they_have_passed(desk: Desk) -> None:
    desk.policy(DATED)
    assert "rule 'dated' asks for what only the records know" in failed(desk.run("plan", desk.url))
    keep_records(desk)
    assert desk.run("expire", desk.url, "logs/1", "logs/2", "--on", "2026-01-01").stdout.split() == ["2", "done"]
    assert desk.run("expire", desk.url, "stays/1", "--after", "14d").returncode == 0
    assert desk.run("expire", desk.url, "logs/2", "--on", "never").returncode == 0
    planned = json.loads(desk.run("plan", desk.url, "--format", "json").stdout)
    assert [one["clause"] for one in planned["rules"][0]["samples"]] == ["expired"]
    assert desk.run("apply", "plan.jsonl").stdout.split() == ["1", "done"]
    assert desk.names() == {"logs/2", "stays/1", "stays/2", "stays/3"}


def test_a_date_put_off_after_planning_spares_the_artifact(desk: Desk) -> None:
    desk.policy(DATED)
    keep_records(desk)
    desk.run("expire", desk.url, "logs/1", "--on", "2026-01-01T00:00:00+02:00")
    desk.run("plan", desk.url)
    desk.run("expire", desk.url, "logs/1", "--after", "1d")
    done = desk.run("apply", "plan.jsonl")
    assert (done.returncode, done.stdout.partition("\t")[0]) == (1, "protected")
    assert "logs/1" in desk.names()


def test_a_date_that_no_rule_asks_for_and_one_of_nothing_are_told(desk: Desk) -> None:
    keep_records(desk)
    done = desk.run("expire", desk.url, "logs/1", "--after", "1d")
    assert "no lifecycle rule has `expires: true`" in done.stderr
    gone = desk.run("expire", desk.url, "absent", "--after", "1d")
    assert (gone.returncode, gone.stdout.partition("\t")[0]) == (1, "failed")


def test_dates_are_joined_to_a_report_and_exported(desk: Desk) -> None:
    desk.policy(DATED)
    records = keep_records(desk)
    Dates(records).set(Location("s3://b", "logs/1", etag="e"), 1.0)
    rows = "".join(f"b,logs/{at},5,2024-01-01T00:00:00Z,e\n" for at in (1, 2))
    (desk.folder / "report.csv").write_text(f"Bucket,Key,Size,LastModifiedDate,ETag\n{rows}")
    said = json.loads(desk.run("plan", "--inventory", "report.csv", "--cloud", "s3", "--format", "json").stdout)
    assert said["items"] == 1
    desk.run("expire", desk.url, "logs/2", "--on", "2026-01-01")
    desk.run("export", desk.url)
    said = json.loads(desk.run("plan", "--inventory", "inventory.jsonl", "--format", "json").stdout)
    assert (said["items"], said["scanned"]) == (1, 5)


def test_rules_about_last_reads_are_not_planned_where_nothing_tells_them(desk: Desk) -> None:
    desk.policy(LOGS | {"idle": "30d"})
    assert "rule 'logs' asks when objects were last read" in failed(desk.run("plan", desk.url))
    header, row = "Bucket,Key,Size,LastModifiedDate,ETag", "b,logs/1,5,2024-01-01T00:00:00Z,e"
    (desk.folder / "report.csv").write_text(f"{header}\n{row}\n")
    line = failed(desk.run("plan", "--inventory", "report.csv", "--cloud", "s3"))
    assert "which s3://b does not tell" in line
    desk.policy(LOGS | {"idle": "30d", "in": "az://a/c"})
    assert desk.run("plan", desk.url).returncode == 0


@pytest.mark.emulator
def test_on_cloud_storage_a_date_arms_the_object_and_the_cloud_deletes_it(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    options = options_of("gs", request)
    desk.environment["STORAGE_EMULATOR_HOST"] = options["endpoint"]
    keep_records(desk)
    root = made("gs", options)
    store = open_store(root, options)
    for name in ("a", "b"):
        store.put(name, b"x")
    desk.policy(DATED)
    installed = desk.run("install", root)
    assert "carrying out dated" in installed.stdout, installed.stderr
    assert desk.run("expire", root, "a", "--on", "2026-01-01").returncode == 0
    [(tag, label)] = store.tags(Location(root, "a")).items()
    assert (tag, label.partition(".")[0]) == ("customhouse-lifecycle", "dated")
    said = json.loads(desk.run("plan", root, "--format", "json").stdout)
    assert (said["items"], said["cloud"]) == (1, 1.0)
    for moment in ("2090-01-01", "2026-01-01"):  # brought forward again: a Custom-Time only grows
        assert desk.run("expire", root, "b", "--on", moment).returncode == 0
    assert store.tags(Location(root, "b")) == {}
    said = json.loads(desk.run("plan", root, "--format", "json").stdout)
    assert (said["items"], said["cloud"]) == (2, 0.5)


@pytest.mark.emulator
def test_on_cloud_storage_install_puts_right_what_an_earlier_policy_armed(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    options = options_of("gs", request)
    desk.environment["STORAGE_EMULATOR_HOST"] = options["endpoint"]
    keep_records(desk)
    root = made("gs", options)
    store = open_store(root, options)
    for name in ("in/a.tmp", "out/b.tmp", "c.log"):
        store.put(name, b"x")
    desk.policy(DATED | {"select": {"suffix": ".tmp"}})
    assert desk.run("install", root).returncode == 0
    desk.run("expire", root, "in/a.tmp", "out/b.tmp", "c.log", "--on", "2090-01-01")
    desk.policy(DATED | {"select": {"glob": "in/*"}})
    assert "native rules are of another policy" in desk.run("plan", root).stderr
    done = desk.run("install", root)
    assert f"{root}: 2 armed by an earlier policy: 1 by this one too, 1 no more" in done.stdout, done.stderr
    assert len(store.tags(Location(root, "in/a.tmp"))) == 1
    assert store.tags(Location(root, "out/b.tmp")) == {}
    assert "armed by an earlier policy" not in desk.run("install", root).stdout
    assert desk.run("plan", root).stderr == ""


def test_in_use_lists_protect_and_their_lack_stops_the_plan(desk: Desk) -> None:
    desk.policy(LOGS | {"protect": {"in_use": True}})
    assert "in-use list" in failed(desk.run("plan", desk.url))
    (desk.folder / "used").write_text(f"{desk.url}/logs/1\n")
    assert json.loads(desk.run("plan", desk.url, "--in-use", "used", "--format", "json").stdout)["items"] == 1


@pytest.mark.parametrize("source", ["listing", "export"])
def test_what_came_into_use_after_planning_is_spared_and_told(desk: Desk, source: str) -> None:
    desk.policy(LOGS | {"undo": "none", "protect": {"in_use": True}})
    keep_records(desk)
    (desk.folder / "used").write_text("# nothing\n")
    desk.run("export", desk.url)
    planned = [desk.url] if source == "listing" else ["--inventory", "inventory.jsonl"]
    assert json.loads(desk.run("plan", *planned, "--in-use", "used", "--format", "json").stdout)["items"] == 2
    (desk.folder / "used").write_text(f"{desk.url}/logs/2\n")
    done = desk.run("apply", "plan.jsonl")
    assert (done.returncode, done.stdout.splitlines()[0].partition("\t")[0]) == (1, "protected")
    assert "it came into use" in done.stdout
    assert desk.names() == {"logs/2", "stays/1", "stays/2", "stays/3"}


def test_an_object_whose_digest_came_into_use_is_spared_as_its_record_tells_it(desk: Desk) -> None:
    desk.policy(LOGS | {"undo": "none", "protect": {"in_use": True}})
    [one] = open_store(desk.url).list("logs/1")
    recorded(desk, {"root": desk.url, "key": "logs/1", "etag": one.location.etag}, sha256="ab" * 32)
    (desk.folder / "used").write_text("# nothing\n")
    desk.run("plan", desk.url, "--in-use", "used")
    (desk.folder / "now").write_text(f"sha256:{'ab' * 32}\n")
    done = json.loads(desk.run("apply", "plan.jsonl", "--in-use", "now", "--format", "json").stdout.splitlines()[0])
    assert (done["status"], done["detail"]) == ("protected", "it came into use")
    assert desk.names() == {"logs/1", "stays/1", "stays/2", "stays/3"}


def test_a_list_of_what_is_in_use_that_does_not_read_any_more_stops_apply(desk: Desk) -> None:
    desk.policy(LOGS | {"protect": {"in_use": True}})
    (desk.folder / "used").write_text("# nothing\n")
    desk.run("plan", desk.url, "--in-use", "used")
    (desk.folder / "used").unlink()
    assert f"{desk.folder / 'used'}: No such file" in failed(desk.run("apply", "plan.jsonl"))
    assert len(desk.names()) == 5


def test_a_report_is_planned_in_duckdb_into_either_format(desk: Desk) -> None:
    (desk.folder / "report.csv").write_text(
        "Bucket,Key,Size,LastModifiedDate,ETag\nb,logs/1,5,2024-01-01T00:00:00Z,e\n"
    )
    assert "--cloud" in failed(desk.run("plan", "--inventory", "report.csv"))
    for name in ("p.jsonl", "p.parquet"):
        done = desk.run("plan", "--inventory", "report.csv", "--cloud", "s3", "-o", name, "--format", "json")
        assert json.loads(done.stdout)["items"] == 1, done.stderr
        assert (desk.folder / name).is_file()


def test_an_s3_manifest_names_its_files(desk: Desk) -> None:
    manifest = {"files": [{"key": "x/data/one.csv"}], "fileSchema": "Bucket, Key, Size, LastModifiedDate, ETag"}
    (desk.folder / "manifest.json").write_text(json.dumps(manifest | {"fileFormat": "CSV"}))
    (desk.folder / "one.csv").write_text('"b","logs/a+b","5","2024-01-01T00:00:00Z","e"\n')
    said = json.loads(desk.run("plan", "--inventory", "manifest.json", "--format", "json").stdout)
    assert said["rules"][0]["samples"][0]["location"].startswith("s3://b/logs/a%20b")


def test_an_export_knows_tags_and_plans_like_the_listing(desk: Desk) -> None:
    desk.policy(LOGS | {"protect": {"tag": {"pinned": "true"}}})
    (desk.folder / "records").mkdir()
    desk.environment["CUSTOMHOUSE_RECORDS"] = f"file://{desk.folder / 'records'}"
    store = open_store(desk.url)
    store.tag(store.stat(Location(desk.url, "logs/1")).location, {"pinned": "true"})
    assert desk.run("export", desk.url).stdout == "wrote inventory.jsonl: 5 artifacts\n"
    live = json.loads(desk.run("plan", desk.url, "--format", "json").stdout)
    exported = json.loads(desk.run("plan", "--inventory", "inventory.jsonl", "--format", "json").stdout)
    assert (live["items"], live["rules"]) == (exported["items"], exported["rules"])
    assert live["items"] == 1


def recorded(desk: Desk, location: dict[str, str], **digests: str) -> None:
    """A record of one clean object."""
    (desk.folder / "records").mkdir()
    records = open_store(f"file://{desk.folder / 'records'}")
    desk.environment["CUSTOMHOUSE_RECORDS"] = records.root
    document = {
        "location": location,
        "state": "done",
        "decision": {"verdict": "clean", "rule": "ok"},
        "inspection": {"name": "1", "kind": "text", "size": 5, "digests": digests, "findings": [], "packages": []}
        | {"coverage": {"members": 1, "opened": 1, "bytes": 5}},
    }
    records.put("records/aa/a.json", json.dumps(document).encode())


def test_an_object_whose_digest_is_in_use_is_spared_as_its_record_tells_it(desk: Desk) -> None:
    desk.policy(LOGS | {"protect": {"in_use": True}})
    digest = "ab" * 32
    (desk.folder / "used").write_text(f"sha256:{digest}\n")
    assert "CUSTOMHOUSE_RECORDS" in failed(desk.run("plan", desk.url, "--in-use", "used"))
    [one] = open_store(desk.url).list("logs/1")
    recorded(desk, {"root": desk.url, "key": "logs/1", "etag": one.location.etag}, sha256=digest)
    said = json.loads(desk.run("plan", desk.url, "--in-use", "used", "--format", "json").stdout)
    assert (said["items"], said["kept"]) == (1, 1)


@pytest.mark.parametrize(
    "rules",
    [
        [LOGS | {"exclude": {"verdict": "held"}}],
        [LOGS | {"exclude": [{"suffix": "x"}, {"kind": "wheel"}]}],
        [LOGS, {"id": "wheels", "do": "keep", "select": {"kind": "wheel"}}],
        [LOGS | {"protect": {"in_use": True}}],
    ],
)
def test_where_not_one_object_has_a_record_nothing_is_planned_that_records_could_spare(
    desk: Desk, rules: list[dict[str, Any]]
) -> None:
    """The records are elsewhere: nothing tells a held artifact from another, nor one that is in use."""
    desk.policy(*rules)
    (desk.folder / "used").write_text(f"sha256:{'ab' * 32}\n")
    keep_records(desk)
    assert f"not one of {desk.url} has any" in failed(desk.run("plan", desk.url, "--in-use", "used"))
    assert not (desk.folder / "plan.jsonl").exists()


@pytest.mark.parametrize(
    "rule", [LOGS | {"select": {"verdict": "clean"}}, LOGS | {"keep": {"latest": 1, "per": "package"}}]
)
def test_what_is_only_selected_or_grouped_by_records_needs_none_to_be_safe(desk: Desk, rule: dict[str, Any]) -> None:
    desk.policy(rule)
    keep_records(desk)
    assert json.loads(desk.run("plan", desk.url, "--format", "json").stdout)["items"] == 0


def test_records_are_joined_to_a_report(desk: Desk) -> None:
    desk.policy(LOGS | {"select": {"verdict": "clean"}})
    recorded(desk, {"root": "s3://b", "key": "logs/1", "etag": "e"})
    rows = "".join(f"b,logs/{at},5,2024-01-01T00:00:00Z,e\n" for at in (1, 2))
    (desk.folder / "report.csv").write_text(f"Bucket,Key,Size,LastModifiedDate,ETag\n{rows}")
    done = desk.run("plan", "--inventory", "report.csv", "--cloud", "s3", "--format", "json")
    assert json.loads(done.stdout)["items"] == 1, done.stderr


def test_our_own_records_are_left_out_of_a_listing_and_of_a_report(desk: Desk) -> None:
    with (desk.folder / "inventory.jsonl").open("wb") as file:
        table.export([Artifact(Location("memory://b", key, etag="e"), 1, 0.0) for key in ("ours/x", "theirs/x")], file)
    desk.environment["CUSTOMHOUSE_RECORDS"] = "memory://b/ours"
    store = open_store("memory://b")
    for key in ("ours/x", "theirs/x"):
        store.put(key, b"x")
    desk.policy({"id": "all", "do": "delete", "age": "0m", "select": {"suffix": "x"}})
    for source in (["memory://b"], ["--inventory", "inventory.jsonl"]):
        said = json.loads(desk.run("plan", *source, "--format", "json").stdout)
        assert (said["scanned"], said["rules"][0]["samples"][0]["location"].partition("?")[0]) == (
            1,
            "memory://b/theirs/x",
        )


def test_compile_says_what_the_cloud_does_of_each_rule_and_why_not_the_rest(desk: Desk) -> None:
    desk.policy(LOGS | {"undo": "none"}, {**LOGS, "id": "wheels", "undo": "none", "select": {"suffix": ".whl"}})
    done = desk.run("compile", "s3://b", "--assume", "plain")
    first, second, *document = done.stdout.splitlines()
    assert first.split("\t")[:2] == ["logs", "exact"]
    assert second == "wheels\tarmed\tsuffix is no filter of the cloud's"
    assert [rule["ID"] for rule in json.loads("\n".join(document))["Rules"]] == [
        "customhouse-logs",
        "customhouse-wheels",
    ]
    said = json.loads(desk.run("compile", "gs://b", "--assume", "soft-delete=7d", "--format", "json").stdout)
    assert said["used"] == {"logs": "exact", "wheels": "exact"}
    assert "soft-delete" in failed(desk.run("compile", "gs://b", "--assume", "soft-delete=soon"))


@pytest.mark.emulator
def test_on_s3_rules_are_installed_drift_is_told_and_the_plan_leaves_them_to_the_cloud(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    options = options_of("s3", request)
    desk.environment |= {
        "AWS_ENDPOINT_URL": options["endpoint"],
        "CUSTOMHOUSE_RECORDS": f"{made('s3', options)}/state",
    }
    root = made("s3", options)
    desk.policy(LOGS | {"undo": "none"})
    differs = desk.run("drift", root)
    assert (differs.returncode, differs.stdout.partition("\t")[0]) == (1, "missing"), differs.stderr
    installed = desk.run("install", root)
    assert "1 native rules of ours, carrying out logs; 0 of others kept" in installed.stdout, installed.stderr
    assert desk.run("drift", root).returncode == 0
    open_store(root, options).put("logs/x", b"x")
    said = json.loads(desk.run("plan", root, "--format", "json").stdout)
    assert (said["scanned"], said["items"]) == (1, 0)
    desk.policy(LOGS | {"undo": "none", "age": "60d"})
    drifted = desk.run("drift", root, "--format", "json")
    assert (drifted.returncode, json.loads(drifted.stdout)["clean"]) == (1, False)
    assert desk.run("install", root).returncode == 0
    assert desk.run("drift", root).returncode == 0
    state = open_store(desk.environment["CUSTOMHOUSE_RECORDS"].removesuffix("/state"), options)
    [remembered] = state.list("state/lifecycle/installed/")
    state.put(remembered.location.key, b"{")
    assert "--take" in failed(desk.run("install", root))
    assert desk.run("install", root, "--take").returncode == 0
    assert desk.run("drift", root).returncode == 0


@pytest.mark.emulator
def test_on_s3_what_is_held_is_not_planned_and_what_is_held_since_is_told(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    options = options_of("s3", request)
    desk.environment["AWS_ENDPOINT_URL"] = options["endpoint"]
    root = made("s3", options, versioned=True, locks=True)
    store, target = open_store(root, options), open_target(root, options)
    assert target is not None
    locations = [store.put(f"logs/{at}", b"x") for at in range(4)]
    desk.policy(LOGS | {"age": "0m", "undo": "none"})
    target.hold(locations[0])
    said = json.loads(desk.run("plan", root, "--format", "json").stdout)
    assert (said["items"], said["kept"]) == (3, 1)
    target.hold(locations[1])
    done = desk.run("apply", "plan.jsonl", "--accept")
    assert done.returncode == 1
    assert f"deferred\t{root}/logs/1" in done.stdout
    assert set(contents(store)) == {"logs/0", "logs/1"}


@pytest.mark.emulator
def test_on_cloud_storage_plan_apply_and_undo_go_the_whole_way(desk: Desk, request: pytest.FixtureRequest) -> None:
    options = options_of("gs", request)
    desk.environment["STORAGE_EMULATOR_HOST"] = options["endpoint"]
    root = made("gs", options)
    store = open_store(root, options)
    for name in ("logs/1", "logs/2", "stays/1", "stays/2"):
        store.put(name, name.encode())
    desk.policy(LOGS | {"age": "0m"})
    before = contents(store)
    assert desk.run("plan", root).returncode == 0
    assert desk.run("apply", "plan.jsonl").stdout.split() == ["2", "done"]
    assert desk.run("undo", "plan.jsonl").stdout.split() == ["2", "done"]
    assert contents(store) == before
    assert desk.run("compile", root).returncode == 0


def test_the_command_line_has_it_and_tells_an_error_in_one_line(desk: Desk) -> None:
    command = [sys.executable, "-m", "customhouse", "lifecycle", "plan", "ftp://x"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=desk.folder, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("customhouse: ")
    assert done.stderr.count("\n") == 1

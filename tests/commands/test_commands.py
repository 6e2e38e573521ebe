from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.app.world import EICAR

COMMAND = [sys.executable, "-m", "customhouse"]


def run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=60)


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.txt").write_bytes(b"hello")
    (tmp_path / "bad.zip").write_bytes(zipped(EICAR))
    return tmp_path


def test_scan_of_something_bad_exits_1_and_writes_a_line_each(folder: Path) -> None:
    done = run("scan", "--format", "json", folder)
    said = {Path(one["path"]).name: one for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert said["good.txt"]["verdict"] == "clean"
    assert said["bad.zip"]["verdict"] == "quarantined"
    assert said["bad.zip"]["coverage"]["complete"]


def test_scan_of_something_good_exits_0(folder: Path) -> None:
    done = run("scan", folder / "good.txt")
    assert (done.returncode, done.stdout.split(b"\t")[0]) == (0, b"clean")


def test_scan_of_nothing_exits_2_with_one_line(tmp_path: Path) -> None:
    done = run("scan", tmp_path / "absent")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"no such file or folder" in done.stderr


def test_broken_policy_exits_2_with_file_and_line(folder: Path) -> None:
    (folder / "p.yaml").write_text("version: 1\nrulez: []\n")
    done = run("scan", "--policy", folder / "p.yaml", folder / "good.txt")
    assert done.returncode == 2
    assert b"p.yaml:" in done.stderr


def test_sarif_is_written(folder: Path) -> None:
    done = run("scan", "--format", "sarif", folder)
    assert json.loads(done.stdout)["version"] == "2.1.0"


def test_report_writes_a_page(folder: Path) -> None:
    done = run("report", "-o", folder / "page.html", folder / "bad.zip")
    assert done.returncode == 1
    assert "quarantined" in (folder / "page.html").read_text()


def test_events_names_what_a_message_names() -> None:
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Bc", "versionId": "v", "eTag": "e", "size": 3}},
    }
    done = run("events", "-", stdin=json.dumps({"Records": [record]}).encode())
    (said,) = json.loads(done.stdout)
    assert (done.returncode, said["key"], said["version"]) == (0, "a b+c", "v")


def test_no_event_exits_2_with_one_line() -> None:
    done = run("events", "-", stdin=b"not json")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_policy_can_be_checked_explained_and_described() -> None:
    assert run("policy", "check").returncode == 0
    assert b"never clean" in run("policy", "explain").stdout
    assert "$defs" in json.loads(run("policy", "schema").stdout)


def test_watch_takes_what_lands_in_a_folder_to_its_place(folder: Path) -> None:
    intake = folder / "intake"
    intake.mkdir()
    (intake / "good.txt").write_bytes(b"hello")
    (intake / "bad.zip").write_bytes(zipped(EICAR))
    done = run("watch", "--once", "--home", folder / "home", intake)
    assert done.returncode == 0, done.stderr
    assert (folder / "home" / "released" / "good.txt").read_bytes() == b"hello"
    assert not (intake / "bad.zip").exists()
    assert len(list((folder / "home" / "quarantine").rglob("bad.zip"))) == 1
    assert run("watch", "--once", "--home", folder / "home", intake).stdout == b""

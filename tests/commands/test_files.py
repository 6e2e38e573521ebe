"""Which files a command line names, and what it says of everything that is none."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from customhouse.app import load
from customhouse.commands.files import named
from customhouse.commands.serve import _process, _quiet
from customhouse.errors import ConfigError
from customhouse.model import Event, Location, Stat
from tests.app.world import EICAR
from tests.commands.test_commands import run as process
from tests.commands.test_commands import zipped
from tests.commands.test_names import POLICY, run


def test_links_pipes_and_sockets_are_counted_and_not_opened(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "place"
    (place / "folder").mkdir(parents=True)
    (place / "file").write_bytes(b"text")
    (place / "there").symlink_to("file")
    (place / "nowhere").symlink_to("absent")
    (place / "around").symlink_to(place)
    os.mkfifo(place / "folder" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(place)  # a socket's path may not be long
        listening.bind("socket")
        os.chdir(here)
        found = named([place])
    assert found.files == (place / "file",)
    assert found.others == Counter({"link": 3, "pipe": 1, "socket": 1})
    assert run("scan", "--policy", _policy(tmp_path), place).stderr.splitlines() == [
        "customhouse: not followed and not judged: 3 links, 1 pipe, 1 socket"
    ]
    assert capfd.readouterr().err == ""


def _policy(folder: Path) -> Path:
    (folder / "policy.yaml").write_text(POLICY)
    return folder / "policy.yaml"


@pytest.mark.parametrize("style", ["table", "json"])
def test_a_folder_of_links_says_that_nothing_was_judged(tmp_path: Path, style: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "link").symlink_to("/etc/hostname")
    done = run("scan", "--format", style, "--policy", _policy(tmp_path), place)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "customhouse: not followed and not judged: 1 link",
        "customhouse: no files there, so nothing was judged",
    ]


def test_a_file_that_is_named_twice_is_judged_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    assert named([tmp_path, tmp_path / "a", tmp_path / "." / "a"]).files == (tmp_path / "a",)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no such file or folder; name one that exists"),
        (lambda path: path.symlink_to("absent"), "no such file or folder"),
        (lambda path: path.symlink_to(path), "name a file or folder that can be read"),
        (os.mkfifo, r"neither file nor folder; what comes through a pipe is read as - \(standard input\)"),
    ],
    ids=["absent", "dangling", "loop", "pipe"],
)
def test_a_path_that_leads_to_no_file_is_one_line(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(ConfigError, match=message):
        named([tmp_path / "x"])


def test_a_path_beyond_what_the_system_takes_is_one_line() -> None:
    with pytest.raises(ConfigError, match="File name too long; name a file or folder that can be read"):
        named([Path("x" * 300)])


@pytest.mark.parametrize(("data", "status", "verdict"), [(b"hello", 0, b"clean"), (zipped(EICAR), 1, b"quarantined")])
def test_standard_input_is_judged_like_a_file(data: bytes, status: int, verdict: bytes) -> None:
    done = process("scan", "-", stdin=data)
    assert (done.returncode, done.stdout.split(b"\t")[:2]) == (status, [verdict, b"-"])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_a_file_that_is_longer_than_the_system_says_is_held_and_the_next_is_judged(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"text")
    done = run("scan", "--format", "json", "--policy", _policy(tmp_path), "/proc/version", tmp_path / "good")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (done.exit_code, first["verdict"], second["verdict"]) == (1, "held", "clean")
    assert first["coverage"]["skipped"][0]["detail"].startswith("changed while it was read: ")


@pytest.mark.parametrize(("age", "quiet"), [(0.0, False), (1.0, False), (2.0, True), (86400.0, True), (-3600.0, True)])
def test_what_was_written_to_a_moment_ago_waits(age: float, quiet: bool) -> None:  # noqa: FBT001 -- a table's column
    stat = Stat(Location("file:///in", "a"), 1, time.time() - age)
    assert _quiet(stat, 1.5) is quiet


@pytest.mark.parametrize("home", ["in", "in/home"])
def test_what_watch_writes_is_not_watched_itself(tmp_path: Path, home: str) -> None:
    with pytest.raises(ConfigError, match="would be watched itself; name a folder outside of it"):
        run("watch", "--once", "--home", tmp_path / home, tmp_path / "in")
    assert not (tmp_path / "in").exists()


def test_watch_says_once_what_it_cannot_do_and_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for place in ("in", "home/released/taken"):
        (tmp_path / place).mkdir(parents=True)
    for name in ("taken", "free"):
        (tmp_path / "in" / name).write_bytes(b"text")
    places = {name: f"file://{tmp_path}/home/{name}" for name in ("released", "quarantine", "records")}
    for place in ("quarantine", "records"):
        (tmp_path / "home" / place).mkdir()
    app = load(
        {f"CUSTOMHOUSE_{name.upper()}": url for name, url in places.items()}
        | {"CUSTOMHOUSE_POLICY": str(_policy(tmp_path))}
    )
    told: set[str] = set()
    for _ in range(3):
        events = [Event(stat.location, "watch") for stat in app.store(f"file://{tmp_path}/in").list()]
        counts = _process(app, events, told)
    assert counts == Counter({"later": 1, "duplicate": 1})
    out, err = capfd.readouterr()
    assert out == "clean\tfree\trest\n"
    assert [line.partition(": ")[2].partition(": ")[0] for line in err.splitlines()] == ["refused", "later"]
    assert "has the name of a folder or a link" in err

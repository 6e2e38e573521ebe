"""Debian's own clamd, with a database of one signature: it and its limits, stopped and started."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from customhouse.model import Finding, Skip, SkipReason
from customhouse.scanners import clamav
from tests.scanners.support import member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from customhouse.model import Fact

pytestmark = pytest.mark.emulator
SAMPLES = Path("/usr/share/clamav-testfiles")
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="Debian package clamav-testfiles is not installed")
ONE = "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"
"""The MD5 and the size of the program that every published test file holds."""
LIMIT = 4 << 20
POLICY = """\
version: 1
scanners:
  clamav: {{address: "unix://{socket}"}}
rules:
  - {{name: infected, when: {{severity: critical}}, verdict: quarantined}}
  - {{name: unseen, when: {{complete: false}}, verdict: held}}
  - {{name: clean, verdict: clean}}
actions: {{clean: [tag], held: [tag], quarantined: [tag]}}
"""


class Daemon:
    """One clamd that can be stopped and started again."""

    def __init__(self, command: str, folder: Path) -> None:
        self.socket, self._folder = folder / "clamd.ctl", folder
        self._command = [command, "-c", str(folder / "clamd.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "db").mkdir()
        (folder / "db" / "one.hdb").write_text(ONE)
        (folder / "clamd.conf").write_text(
            f"Foreground yes\nLocalSocket {self.socket}\nDatabaseDirectory {folder / 'db'}\nUser root\n"
            f"StreamMaxLength {4 * LIMIT}\nMaxFileSize {LIMIT}\nMaxScanSize {10 * LIMIT}\nAlertExceedsMax yes\n"
        )

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        for _ in range(300):
            if self._process.poll() is not None:
                pytest.skip("clamd does not start here")
            with socket.socket(socket.AF_UNIX) as probe:
                if self.socket.exists() and probe.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail("clamd did not open its socket")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    def scan(self, data: bytes) -> list[Fact]:
        return list(clamav.build({"address": f"unix://{self.socket}"}).scan(member(data)))

    def verdicts(self, *files: Path) -> dict[str, dict[str, object]]:
        """What `customhouse scan` says, by file name."""
        policy = self._folder / "policy.yaml"
        policy.write_text(POLICY.format(socket=self.socket))
        command = [sys.executable, "-m", "customhouse", "scan", "--format", "json", "--policy", policy, *files]
        done = subprocess.run(list(map(str, command)), capture_output=True, check=False, timeout=120)
        return {Path(one["path"]).name: one for one in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    command = shutil.which("clamd") or shutil.which("/usr/sbin/clamd")
    if not command:
        pytest.skip("clamd is not installed (Debian package clamav-daemon)")
    daemon = Daemon(command, tmp_path_factory.mktemp("clamd"))
    daemon.start()
    yield daemon
    daemon.stop()


def test_it_passes_what_it_does_not_know_and_states_its_version(daemon: Daemon) -> None:
    assert daemon.scan(b"harmless") == []
    assert clamav.build({"address": f"unix://{daemon.socket}"}).version.startswith("ClamAV 1.")


@needs_samples
def test_every_published_file_is_found_as_it_is(daemon: Daemon) -> None:
    files = sorted(SAMPLES.iterdir())
    missed = {
        file.name for file in files if not any(isinstance(fact, Finding) for fact in daemon.scan(file.read_bytes()))
    }
    assert (len(files) >= 44, missed) == (True, set())


@needs_samples
def test_a_scan_finds_every_published_file(daemon: Daemon) -> None:
    said = daemon.verdicts(SAMPLES)
    found = {name for name, one in said.items() if "ClamAV-Test-File" in str(one["findings"])}
    assert len(said) >= 44
    assert set(said) == found
    assert {one["verdict"] for one in said.values()} == {"quarantined"}


@needs_samples
def test_with_the_daemon_stopped_everything_is_held(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "harmless.txt").write_text("harmless")
    daemon.stop()
    try:
        said = daemon.verdicts(SAMPLES, tmp_path / "harmless.txt")
    finally:
        daemon.start()
    assert len(said) >= 45
    assert {one["verdict"] for one in said.values()} == {"held"}
    assert daemon.verdicts(tmp_path / "harmless.txt")["harmless.txt"]["verdict"] == "clean"


def test_what_lies_above_its_limits_is_a_skip_though_it_finds_nothing(daemon: Daemon) -> None:
    reasons = [fact.reason for fact in daemon.scan(bytes(2 * LIMIT)) if isinstance(fact, Skip)]
    assert reasons == [SkipReason.LIMIT]


def test_what_it_hangs_up_on_is_a_skip(daemon: Daemon) -> None:
    reasons = [fact.reason for fact in daemon.scan(bytes(5 * LIMIT)) if isinstance(fact, Skip)]
    assert reasons == [SkipReason.ENGINE]


def test_a_database_without_a_date_is_a_skip_where_an_age_is_asked_for(daemon: Daemon) -> None:
    scanner = clamav.build({"address": f"unix://{daemon.socket}", "max_age_days": 7})
    assert [type(fact) for fact in scanner.scan(member(b"x"))] == [Skip]

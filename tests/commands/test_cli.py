"""Exit statuses and the one line, whatever goes wrong around a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import customhouse
from tests.commands.test_commands import COMMAND, run


def test_the_version_is_told() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"customhouse {customhouse.__version__}\n".encode())


@pytest.mark.parametrize("arguments", [[], ["scan"], ["scna", "x"], ["scan", "--format", "xml", "x"]])
def test_a_command_line_that_is_none_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("arguments", [["policy", "explain"], ["policy", "schema"], ["events", "-"]])
def test_what_cannot_be_written_is_status_2_and_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], input=b"[]", stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (2, b"customhouse: [Errno 28] No space left on device\n")


def test_output_is_utf_8_where_the_terminal_knows_less(tmp_path: Path) -> None:
    (tmp_path / "ü☃.txt").write_bytes(b"text")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, "scan", tmp_path], env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "ü☃.txt".encode() in done.stdout


def test_a_message_about_a_hostile_name_is_one_line_that_commands_no_terminal(tmp_path: Path) -> None:
    done = run("scan", tmp_path / "a\n\x1b[2Jb")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"customhouse: {tmp_path}/a\\x0a\\x1b[2Jb: no such file or folder; name one that exists\n".encode()
    )


def test_a_mistake_of_ours_is_status_2_and_tells_where() -> None:
    code = (
        "import sys; from customhouse.commands import artifacts; artifacts.wire = None\n"
        "sys.argv = ['customhouse', 'events', '-']\nfrom customhouse.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"[]", capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"a mistake of its own, please report it" in done.stderr
    assert b"AttributeError" in done.stderr


def test_what_an_sdk_warns_of_is_not_shown() -> None:
    code = (
        "import logging; from customhouse import cli\n"
        "cli._run = lambda _: logging.getLogger('azure').warning('w')\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_watch_says_where_it_puts_things_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    intake = tmp_path / "in"
    command = [*COMMAND, "watch", "--interval", "0.05", str(intake)]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a shell's background inherits to ignore it
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert watching.stdout is not None
        line = watching.stderr.readline()
        (intake / "good.txt").write_bytes(b"hello")
        verdict = watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate()
    assert line == f"watching {intake}; what becomes of it is in {tmp_path}/in.customhouse; Ctrl-C ends it\n"
    assert verdict == "clean\tgood.txt\tseen-and-clean\n"
    assert (watching.returncode, said) == (130, "")
    assert (tmp_path / "in.customhouse" / "released" / "good.txt").read_bytes() == b"hello"

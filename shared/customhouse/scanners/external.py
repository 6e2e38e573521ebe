"""Any tool that writes SARIF or CycloneDX as a scanner: pinned by digest, without network, time and memory bounded.

It gets each member it asks for as a file with a neutral name. What it says about that member is taken as it is; what it
does not manage is a skip.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from customhouse.errors import ConfigError
from customhouse.model import Fact, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.external_report import Unusable, cyclonedx, sarif
from customhouse.scanners.options import Options, read

_FORMATS = {"sarif": sarif, "cyclonedx": cyclonedx}
_APART = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
"""In namespaces of its own, so that nothing it starts outlives it, not even what leaves its session."""
_LIMITED = ("sh", "-c", 'ulimit -v "$1" && ulimit -f "$2" && shift 2 && exec "$@"', "sh")
"""Before the program is there, so that no process of its escapes the limits."""
_OUTPUT = 64 << 20
_WRITTEN = 1 << 30
"""Bytes of a file that a tool may write."""
_BLOCK = 512
"""Bytes in which `ulimit -f` counts (POSIX)."""
_FACTS = 100_000


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`run`: the command, `{file}` being the member and `{output}` where the report goes (else standard output).

    `sha256`: of the program. `names`: which members, as `*.jar`. `statuses`: exit statuses that mean it has looked.
    `seconds`, `memory` bytes: what one call may take. `network`: whether it may use it.
    """

    name: str
    run: tuple[str, ...]
    format: Literal["sarif", "cyclonedx"]
    sha256: str
    names: tuple[str, ...] = ("*",)
    statuses: tuple[int, ...] = (0, 1)
    seconds: float = 60.0
    memory: int = 2 << 30
    network: bool = False


class ExternalOptions(Options, frozen=True):
    """`commands`: the tools."""

    commands: tuple[Command, ...] = ()


def build(options: Mapping[str, object]) -> ExternalScanner:
    """Check every command; ConfigError where its program is absent, another one, or cannot be cut off the network."""
    return ExternalScanner(tuple(map(_checked, read("external", options, ExternalOptions).commands)))


class ExternalScanner:
    """The configured commands, one after the other."""

    name = "external"
    reads: Literal["windows", "stream"] = "stream"

    def __init__(self, commands: tuple[Command, ...]) -> None:
        self._commands = commands
        stated = json.dumps([msgspec.to_builtins(command) for command in commands], sort_keys=True)
        self.version = hashlib.sha256(stated.encode()).hexdigest()[:12]

    def wants(self, member: Member) -> bool:
        """Members that a command asks for by name."""
        return member.size > 0 and any(_wants(command, member) for command in self._commands)

    def scan(self, member: Member) -> Iterable[Fact]:
        """What the commands report, and a skip for each that fails."""
        for command in self._commands:
            if _wants(command, member):
                yield from _run(command, member)


def _run(command: Command, member: Member) -> Iterator[Fact]:
    scanner = f"external.{command.name}"
    with tempfile.TemporaryDirectory(prefix="customhouse-") as folder:
        _write(member, Path(folder) / "member")
        try:
            facts = _FORMATS[command.format](_call(command, Path(folder)), scanner, member.path)
            yield from itertools.islice(facts, _FACTS)
            if next(facts, None) is not None:
                yield Skip(member.path, SkipReason.LIMIT, f"{command.name} reports more than {_FACTS:,} facts")
        except subprocess.TimeoutExpired:
            yield Skip(member.path, SkipReason.TIMEOUT, f"{command.name} took over {command.seconds:g} s")
        except (OSError, Unusable) as error:
            yield Skip(member.path, SkipReason.ENGINE, f"{command.name}: {error}")


def _write(member: Member, path: Path) -> None:
    with path.open("xb") as file:
        if member.stream is None:
            file.write(member.data)
        else:
            member.stream.seek(0)
            shutil.copyfileobj(member.stream, file, 1 << 20)


def _call(command: Command, folder: Path) -> bytes:
    """Run it in the folder, with nothing of our environment, and return its report."""
    report, said = folder / "report", folder / "stdout"
    member = str(folder / "member")
    arguments = [part.replace("{file}", member).replace("{output}", str(report)) for part in command.run]
    with said.open("xb") as stdout:
        process = subprocess.Popen(  # noqa: S603 -- the command is the operator's own, its program pinned by digest
            [
                *_apart(network=command.network),
                *_LIMITED,
                f"{command.memory >> 10}",
                f"{_WRITTEN // _BLOCK}",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        status = _wait(process, command)
    if status not in command.statuses:
        raise Unusable(f"it ended with status {status}")
    path = report if report.exists() else said
    if not path.is_file():
        raise Unusable("it wrote something else than a file")
    if path.stat().st_size > _OUTPUT:
        raise Unusable("it wrote more than is read")
    return path.read_bytes()


def _wait(process: subprocess.Popen[bytes], command: Command) -> int:
    """Its exit status; whatever it started is gone afterwards."""
    try:
        return process.wait(command.seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def _wants(command: Command, member: Member) -> bool:
    base = member.name.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(base, pattern) for pattern in command.names)


def _checked(command: Command) -> Command:
    """The same with the path of its program, so that what runs is what was checked."""
    where = f"scanners.external.commands: {command.name}"
    program = shutil.which(command.run[0]) if command.run else None
    if program is None:
        raise ConfigError(f"{where}: there is no program {command.run[:1]}")
    found = hashlib.sha256(Path(program).read_bytes()).hexdigest()
    if found != command.sha256.lower():
        raise ConfigError(f"{where}: {program} has the sha256 {found}, not the one configured")
    if not command.network and not _apart(network=False):
        raise ConfigError(
            f"{where}: the network cannot be taken from it here; set network: true to run it nevertheless"
        )
    return msgspec.structs.replace(command, run=(str(Path(program).absolute()), *command.run[1:]))


@functools.cache
def _apart(*, network: bool) -> tuple[str, ...]:
    """What runs a command in namespaces of its own; nothing where this machine lets nobody make them."""
    wanted = (*_APART, *(() if network else ("--net",)), "--")
    if shutil.which(wanted[0]) is None:
        return ()
    done = subprocess.run([*wanted, "true"], check=False, capture_output=True)  # noqa: S603 -- fixed
    return wanted if done.returncode == 0 else ()

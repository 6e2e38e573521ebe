"""`scan` and `report` files on this machine, and `events` names what a message names."""

from __future__ import annotations

import datetime as dt
import enum
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from customhouse import events as wire
from customhouse.app import engines, library
from customhouse.commands import show
from customhouse.commands.signed import inspect_file
from customhouse.errors import ConfigError
from customhouse.inspect.names import printable
from customhouse.model import Coverage, Inspection, Location, Skip, SkipReason
from customhouse.policy.decide import decide
from customhouse.policy.load import Loaded, default
from customhouse.policy.load import load as load_policy
from customhouse.report import cyclonedx, html, sarif
from customhouse.report import json as lines
from customhouse.report.result import Judged
from customhouse.scanners import Scanner
from customhouse.stores import open_store


class Format(enum.StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"


PolicyFile = Annotated[Path | None, typer.Option("--policy", help="Policy file; the packaged default without it.")]
Paths = Annotated[list[Path], typer.Argument(help="Files and folders.")]


def scan(
    paths: Paths, style: Annotated[Format, typer.Option("--format")] = Format.TABLE, policy: PolicyFile = None
) -> None:
    """Inspect and judge files; folders are walked, links are not followed."""
    results = []
    for judged in _judge(paths, policy, quiet=style is not Format.TABLE):
        results.append(judged)
        if style is Format.JSON:
            sys.stdout.write(lines.line(judged) + "\n")
            sys.stdout.flush()
    if style is Format.SARIF:
        sys.stdout.write(sarif.render(results) + "\n")
    if style is Format.CYCLONEDX:
        sys.stdout.write(cyclonedx.render(results) + "\n")
    if style is Format.TABLE:
        show.table(results)
    raise typer.Exit(0 if all(judged.decision.verdict.passes for judged in results) else 1)


def report(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML page to write.")] = Path("customhouse.html"),
    policy: PolicyFile = None,
) -> None:
    """Inspect and judge files and write one HTML page about them."""
    results = list(_judge(paths, policy, quiet=False))
    try:
        output.write_text(html.render(results, dt.datetime.now(dt.UTC)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: {error.strerror}; name a file that can be written") from error
    sys.stderr.write(f"wrote {output}\n")
    raise typer.Exit(0 if all(judged.decision.verdict.passes for judged in results) else 1)


def events(file: Annotated[str, typer.Argument(help="A file with one message, or - for standard input.")]) -> None:
    """Print the JSON list of artifacts that a cloud's message names."""
    payload = sys.stdin.buffer.read() if file == "-" else _read(Path(file))
    found = [wire.as_json(event) for event in wire.parse(payload)]
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _judge(paths: list[Path], policy: Path | None, *, quiet: bool) -> Iterator[Judged]:
    loaded = read_policy(policy)
    scanners = engines(loaded.policy, library(loaded.policy, open_store))
    files = list(_files(paths))
    for path in show.progress(files, quiet=quiet):
        yield _judge_one(path, loaded, scanners)


def _judge_one(path: Path, loaded: Loaded, scanners: Sequence[Scanner]) -> Judged:
    try:
        inspection = inspect_file(path, scanners, loaded.limits)
    except OSError as error:
        skip = Skip(printable(path.name), SkipReason.UNSUPPORTED, error.strerror or str(error))
        inspection = Inspection(printable(path.name), "unread", 0, {}, (), (), Coverage(1, 0, 0, (skip,)))
    today = dt.datetime.now(dt.UTC).date()
    decision = decide(loaded.policy, inspection, str(path), today)
    beside = tuple(replace(one, location=_utf8(one.location)) for one in inspection.signatures)
    return Judged(_utf8_text(str(path)), replace(inspection, signatures=beside), decision)


def _utf8(location: Location) -> Location:
    return Location(_utf8_text(location.root), _utf8_text(location.key))


def _utf8_text(name: str) -> str:
    """A name may be of any bytes, a report is UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(_walk(path))
        elif path.is_file():
            yield path
        else:
            raise ConfigError(f"{path}: no such file or folder; name one that exists")


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> NoReturn:
        raise ConfigError(f"{error.filename}: {error.strerror}; name folders that can be read")

    for at, _, names in os.walk(folder, onerror=refuse):
        yield from (one for name in names if (one := Path(at, name)).is_file() and not one.is_symlink())


def read_policy(path: Path | None) -> Loaded:
    """The policy at `path`, or the packaged one."""
    return default() if path is None else load_policy(_read(path).decode("utf-8", "replace"), str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a file that can be read") from error

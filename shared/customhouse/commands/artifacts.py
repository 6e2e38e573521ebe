"""`scan` and `report` files on this machine, and `events` names what a message names."""

from __future__ import annotations

import datetime as dt
import enum
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from customhouse import events as wire
from customhouse.commands import show
from customhouse.commands.judging import judge, read
from customhouse.errors import ConfigError
from customhouse.report import cyclonedx, html, sarif
from customhouse.report import json as lines
from customhouse.report.result import Judged


class Format(enum.StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"


def _lines(results: Iterable[Judged]) -> None:
    for judged in results:
        sys.stdout.write(lines.line(judged) + "\n")
        sys.stdout.flush()


def _sarif(results: Iterable[Judged]) -> None:
    sys.stdout.write(sarif.render(results, Path.cwd()) + "\n")


def _cyclonedx(results: Iterable[Judged]) -> None:
    sys.stdout.write(cyclonedx.render(results) + "\n")


_WRITERS: dict[Format, Callable[[Iterable[Judged]], None]] = {
    Format.TABLE: show.table,
    Format.JSON: _lines,
    Format.SARIF: _sarif,
    Format.CYCLONEDX: _cyclonedx,
}
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", readable=False, help="Policy file; the packaged default without it.")
]
Paths = Annotated[list[Path], typer.Argument(readable=False, help="Files and folders; - is standard input.")]


def scan(
    paths: Paths, style: Annotated[Format, typer.Option("--format")] = Format.TABLE, policy: PolicyFile = None
) -> None:
    """Inspect and judge files; folders are walked, links in them are not followed.

    Exit status 0 when everything may pass, 1 when something may not, 2 when it could not run.
    """
    passing: list[bool] = []
    _WRITERS[style](_noted(judge(paths, policy, quiet=style is not Format.TABLE), passing))
    raise typer.Exit(0 if all(passing) else 1)


def report(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML page to write.")] = Path("customhouse.html"),
    policy: PolicyFile = None,
) -> None:
    """Inspect and judge files and write one HTML page about them; exit status as that of scan."""
    passing: list[bool] = []
    results = list(_noted(judge(paths, policy, quiet=False), passing))
    try:
        output.write_text(html.render(results, dt.datetime.now(dt.UTC)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: {error.strerror}; name a file that can be written") from error
    sys.stderr.write(f"wrote {output}\n")
    raise typer.Exit(0 if all(passing) else 1)


def events(file: Annotated[str, typer.Argument(help="A file with one message, or - for standard input.")]) -> None:
    """Print the JSON list of artifacts that a cloud's message names."""
    payload = sys.stdin.buffer.read() if file == "-" else read(Path(file))
    found = [wire.as_json(event) for event in wire.parse(payload)]
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _noted(results: Iterable[Judged], passing: list[bool]) -> Iterator[Judged]:
    for judged in results:
        passing.append(judged.decision.verdict.passes)
        yield judged

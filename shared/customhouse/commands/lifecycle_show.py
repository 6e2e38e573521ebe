"""What a person sees of plans and their outcomes: tables in a terminal, plain lines in a pipe, JSON where asked."""

from __future__ import annotations

import enum
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from customhouse.lifecycle.execute import DONE
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.native.words import Compiled, Mark, Native
from customhouse.lifecycle.summary import HEAD, Summary, by_class, cells, closing, opening, render, shown, total_cells
from customhouse.model import Outcome

T = TypeVar("T")


class Format(enum.StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


Style = Annotated[Format, typer.Option("--format")]
COLOURS = {Mark.EXACT: "green", Mark.ARMED: "green", Mark.APPROXIMATED: "yellow", Mark.RESIDUAL: "cyan"}
SAID = 20
"""Outcomes other than `done` that are written out one by one."""


def counted(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Count on standard error while a person waits."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task)


def summary(found: Summary, limits: Limits, file: str, *, as_json: bool) -> None:
    """A plan at a glance, and where it was written."""
    console = Console()
    if as_json:
        sys.stdout.write(json.dumps(_summary_json(found, file)) + "\n")
    elif console.is_terminal and found.lines:
        _table(console, found, limits)
        console.print(
            f"wrote [bold]{escape(file)}[/]: [bold]customhouse lifecycle apply {escape(file)}[/] carries it out"
        )
    else:
        sys.stdout.write(render(found, limits).rstrip("\n") + f"\nwrote {file}\n")


def _table(console: Console, found: Summary, limits: Limits) -> None:
    console.print(escape("\n".join(opening(found.header))), highlight=False)
    grid = Table(*HEAD[:2])
    for name in HEAD[2:]:
        grid.add_column(name, justify="right", no_wrap=True)
    for line in found.lines:
        grid.add_row(*map(escape, cells(line)))
    grid.add_section()
    grid.add_row(*total_cells(found), style="bold")
    console.print(grid)
    for line in found.lines:
        console.print(f"[bold]{escape(line.rule)}[/]: for example", highlight=False)
        for item in line.samples:
            console.print(f"  {escape(shown(item))}", highlight=False)
    console.print(escape("\n".join(closing(found, limits))), highlight=False)


def _summary_json(found: Summary, file: str) -> dict[str, object]:
    header = found.header
    lines = [
        {
            "rule": line.rule,
            "does": line.action,
            "items": line.items,
            "bytes": line.size,
            "saving": round(line.saving, 2),
            "cloud": line.cloud,
            "undo": line.undo,
            "samples": [{"location": str(item.location), "clause": item.clause} for item in line.samples],
        }
        for line in found.lines
    ]
    whole = {"items": found.items, "bytes": found.size, "saving": round(found.saving, 2), "cloud": found.cloud}
    return {
        "plan": file,
        "policy": header.policy,
        "inventory": header.inventory,
        "scanned": header.scanned,
        "kept": header.kept,
        **whole,
        "share": found.share,
        "saving_by_class": {name: round(money, 2) for name, money in by_class(header).items()},
        "rules": lines,
        "note": header.note,
    }


def outcomes(found: Iterable[Outcome], total: int, what: str, *, as_json: bool) -> bool:
    """Report outcomes as they come; whether all are `done`."""
    counts: Counter[str] = Counter()
    for outcome in counted(found, what, total):
        counts[outcome.status] += 1
        if as_json:
            sys.stdout.write(json.dumps(_outcome_json(outcome)) + "\n")
        elif outcome.status != DONE and counts.total() - counts[DONE] <= SAID:
            sys.stdout.write(f"{outcome.status}\t{outcome.location}\t{_line(outcome.detail)}\n")
    if not as_json:
        more = counts.total() - counts[DONE] - SAID
        sys.stdout.write(f"and {more:,} more that are not done\n" if more > 0 else "")
        sys.stdout.write("".join(f"{count:>8,} {status}\n" for status, count in sorted(counts.items())))
        sys.stdout.write("" if counts else "nothing was left to do\n")
    return set(counts) <= {DONE}


def _outcome_json(outcome: Outcome) -> dict[str, str]:
    where, detail = str(outcome.location), outcome.detail
    return {"step": outcome.step, "status": outcome.status, "location": where, "detail": detail}


def _line(text: str) -> str:
    """Text on one line of a terminal; a name in it may hold anything."""
    return text if text.isprintable() else ascii(text)


def compiled(found: Compiled, document: dict[str, object], *, as_json: bool) -> None:
    """What became of each rule and why, then the cloud's document."""
    rows = [(part.rule, part.mark, part.reason) for part in found.parts]
    if as_json:
        parts = [{"rule": rule, "mark": mark, "reason": reason} for rule, mark, reason in rows]
        sys.stdout.write(json.dumps({"rules": parts, "used": found.used, "document": document}) + "\n")
        return
    console = Console()
    if console.is_terminal:
        grid = Table("rule", "mark", "why, or what differs")
        for rule, mark, reason in rows:
            grid.add_row(escape(rule), f"[{COLOURS[mark]}]{mark}[/]", escape(reason))
        console.print(grid)
    else:
        sys.stdout.write("".join(f"{rule}\t{mark}\t{reason}\n" for rule, mark, reason in rows))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def rules(word: str, found: Iterable[Native]) -> None:
    """Native rules, one a line behind a word."""
    sys.stdout.write("".join(f"{word}\t{json.dumps(rule)}\n" for rule in found))

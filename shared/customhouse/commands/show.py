"""What a person sees: tables and progress in a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from customhouse.commands.files import Named
from customhouse.inspect.names import printable
from customhouse.model import Verdict
from customhouse.report.result import Judged, one_line

T = TypeVar("T")
COLOURS = {
    Verdict.CLEAN: "green",
    Verdict.FLAGGED: "yellow",
    Verdict.HELD: "magenta",
    Verdict.QUARANTINED: "red",
    Verdict.REJECTED: "red",
}
REASONS = 3
_NAME = 40


def progress(items: Sequence[T], name: Callable[[T], str], *, quiet: bool) -> Iterator[T]:
    """How many are done and which is at work, on standard error while a person waits."""
    console = Console(stderr=True)
    columns = (MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden, redirect_stdout=False) as bar:
        task = bar.add_task("", total=len(items))
        for item in items:
            bar.update(task, description=_shown(name(item)[-_NAME:]))
            yield item
            bar.advance(task)


def passed_over(found: Named) -> None:
    """What folders hold besides files, and that there is nothing to look at: neither shows in the results."""
    if found.others.total():
        said = ", ".join(counted(count, kind) for kind, count in sorted(found.others.items()) if count)
        sys.stderr.write(f"customhouse: not followed and not judged: {said}\n")
    if not found.files:
        sys.stderr.write("customhouse: no files there, so nothing was judged\n")


def table(results: Iterable[Judged], console: Console | None = None) -> None:
    """Verdicts with their first reasons; one tab-separated line each, as it is done, when nobody watches."""
    console = console or Console()
    if not console.is_terminal:
        for one in results:
            cells = (one.decision.verdict, printable(one.path), one.inspection.kind, _seen(one, ""), one.decision.rule)
            sys.stdout.write("\t".join(cells) + "\n")
            sys.stdout.flush()
        return
    every = list(results)
    grid = Table("verdict", "kind", "seen", Column("artifact", overflow="fold"), box=None, pad_edge=False)
    for one in every:
        verdict = f"[{COLOURS[one.decision.verdict]}]{one.decision.verdict}[/]"
        grid.add_row(verdict, one.inspection.kind, _seen(one, ","), "\n".join([_shown(one.path), *_why(one)]))
    console.print(grid)
    console.print(summary(Counter(one.decision.verdict for one in every)), highlight=False)


def summary(counts: Counter[Verdict]) -> str:
    """`3 artifacts: 2 clean, 1 held`."""
    said = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{counted(counts.total(), 'artifact')}{f': {said}' if said else ''}"


def counted(count: int, what: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _seen(one: Judged, grouping: str) -> str:
    coverage = one.inspection.coverage
    return f"{coverage.opened:{grouping}}/{coverage.members:{grouping}}"


def _why(one: Judged) -> Iterator[str]:
    """The first reasons, below the name and a step to the right of it."""
    reasons = one.decision.reasons
    if reasons:
        yield f"  [dim]{_shown(one.decision.rule)}[/]"
    yield from (f"  {_shown(reason)}" for reason in reasons[:REASONS])
    if len(reasons) > REASONS:
        yield f"  and {len(reasons) - REASONS} more"


def _shown(text: str) -> str:
    """As one line with nothing left in it that a terminal obeys."""
    return escape(one_line(text))

"""What a person sees: tables and progress in a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from customhouse.inspect.names import printable
from customhouse.model import Verdict
from customhouse.report.result import Judged

T = TypeVar("T")
COLOURS = {
    Verdict.CLEAN: "green",
    Verdict.FLAGGED: "yellow",
    Verdict.HELD: "magenta",
    Verdict.QUARANTINED: "red",
    Verdict.REJECTED: "red",
}
REASONS = 3


def progress(items: Sequence[T], *, quiet: bool) -> Iterable[T]:
    """A progress bar on standard error while a person waits."""
    console = Console(stderr=True)
    return items if quiet or not console.is_terminal else track(items, "inspecting", console=console, transient=True)


def table(results: Sequence[Judged]) -> None:
    """Verdicts with their first reasons; one tab-separated line each when nobody watches."""
    console = Console()
    if not console.is_terminal:
        for one in results:
            seen = f"{one.inspection.coverage.opened}/{one.inspection.coverage.members}"
            cells = (one.decision.verdict, printable(one.path), one.inspection.kind, seen, one.decision.rule)
            sys.stdout.write("\t".join(cells) + "\n")
        return
    grid = Table("artifact", "kind", "verdict", "seen", "rule", "why", expand=True)
    for one in results:
        verdict = one.decision.verdict
        coverage = one.inspection.coverage
        more = len(one.decision.reasons) - REASONS
        why = [*one.decision.reasons[:REASONS], *([f"and {more} more"] if more > 0 else [])]
        grid.add_row(
            _shown(one.path),
            one.inspection.kind,
            f"[{COLOURS[verdict]}]{verdict}[/]",
            f"{coverage.opened:,}/{coverage.members:,}",
            one.decision.rule,
            "\n".join(map(_shown, why)),
        )
    console.print(grid)


def _shown(text: str) -> str:
    """Text that an artifact may have chosen, with nothing left in it that a terminal obeys."""
    return escape("!/".join(map(printable, text.split("!/"))))

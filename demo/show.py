"""The outcome for people: a table on a terminal, plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from demo.judge import Row

COLOURS = {"clean": "green", "quarantined": "red", "held": "yellow"}


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print the rows, those of one artifact together."""
    ordered = sorted(rows, key=lambda row: row.artifact)
    if console.is_terminal:
        console.print(_table(ordered))
        return
    for row in ordered:
        print(row.artifact, row.cloud, row.verdict, row.rule, _tags(row), row.location, f"{row.ms} ms", sep="\t")


def _table(rows: Sequence[Row]) -> Table:
    table = Table("artifact", "cloud", "verdict", "rule", "tags", "lies in")
    table.add_column("ms", justify="right")
    before = ""
    for row in rows:
        colour = COLOURS.get(row.verdict, "magenta")
        name = "" if row.artifact == before else row.artifact
        verdict = f"[{colour}]{row.verdict}[/]"
        table.add_row(name, row.cloud, verdict, row.rule, _tags(row), row.location, str(row.ms))
        before = row.artifact
    return table


def _tags(row: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(row.tags.items()))

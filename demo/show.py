"""The outcome for people: a table on a terminal, plain lines in a pipe."""

from __future__ import annotations

import itertools
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
    for artifact, group in itertools.groupby(rows, key=lambda row: row.artifact):
        for index, row in enumerate(group):
            verdict = f"[{COLOURS.get(row.verdict, 'magenta')}]{row.verdict}[/]"
            name, folder = "" if index else artifact, row.location.removesuffix(artifact)
            table.add_row(name, row.cloud, verdict, row.rule, _tags(row), folder, str(row.ms))
        table.add_section()
    return table


def _tags(row: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(row.tags.items()))

"""Cases that others wrote, with the right answer: one module per set, `run(folder)` yields a result per row."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a set's manifest."""

    path: str
    expect: str
    note: str


@dataclass(frozen=True, slots=True)
class Result:
    """Whether we agree with a row; `counted` is False where the row has no opinion; `detail` says what we said."""

    row: Row
    right: bool
    detail: str = ""
    counted: bool = True


def rows(folder: Path) -> Iterator[Row]:
    """The rows of `manifest.tsv`: path, expect, note, source, without quoting."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row(line["path"], line["expect"], line["note"])

"""Pickles that picklescan, fickling and modelscan ship with their verdicts, through the whole inspection.

A `clean` row says that nothing in it is malicious, so it is wrong to claim a finding. Whether every byte could be seen
is another question: a zip that needs a password has no finding and is still held (nothing unseen is clean).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from customhouse.inspect import Limits, inspect
from customhouse.model import SkipReason
from customhouse.scanners import pickles
from tests.conformance import Result, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from customhouse.model import Inspection


def run(folder: Path) -> Iterator[Result]:
    """One result per row."""
    scanner = pickles.build({})
    for row in rows(folder):
        with (folder / row.path).open("rb") as file:
            found = inspect(row.path, iter(lambda: file.read(1 << 20), b""), [scanner], Limits())
        right = {"clean": _unsuspected(found), "not-clean": not _clean(found)}
        yield Result(row, right.get(row.expect, True), _said(found), counted=row.expect in right)


def _clean(found: Inspection) -> bool:
    return not found.findings and found.coverage.complete


def _unsuspected(found: Inspection) -> bool:
    return not found.findings and all(skip.reason is SkipReason.ENCRYPTED for skip in found.coverage.skipped)


def _said(found: Inspection) -> str:
    facts = [*(finding.message for finding in found.findings), *(skip.detail for skip in found.coverage.skipped)]
    return "; ".join(facts) or "nothing found"

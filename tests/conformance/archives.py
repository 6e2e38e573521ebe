"""Archives: `clean` rows must be clean, `not-clean` rows must not; each in a process of its own, under limits."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from customhouse.inspect import Limits, inspect
from customhouse.model import Inspection, Severity
from tests.conformance import Result, Row, rows

MEMORY = 256 << 20
SECONDS = 30.0

WRONG_LABELS: dict[str, str] = {}
"""Rows whose label we think is wrong, and why; they are counted as wrong all the same."""


def verdict(inspection: Inspection) -> str:
    """The default policy's verdict: high findings, then an incomplete ledger, then any finding."""
    if any(finding.severity.rank >= Severity.HIGH.rank for finding in inspection.findings):
        return "quarantined"
    if not inspection.coverage.complete:
        return "held"
    return "flagged" if inspection.findings else "clean"


def judge(path: Path) -> tuple[str, float, int]:
    """Verdict, seconds and the peak of resident bytes that inspecting took, in this process."""
    start = time.perf_counter()
    with path.open("rb") as file:
        inspection = inspect(path.name, (), (), Limits(), file=file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    why = ", ".join(sorted({finding.rule for finding in inspection.findings}))
    skipped = ", ".join(sorted({f"{skip.reason}: {skip.detail}" for skip in inspection.coverage.skipped})[:2])
    return f"{verdict(inspection)} ({why or skipped or inspection.kind})", time.perf_counter() - start, peak


def run(folder: Path) -> Iterator[Result]:
    """One result a row; a folder stands for the files in it."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for row in rows(folder):
            path = folder / row.path
            files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
            answers = [pool.apply_async(judge, (file,)) for file in files]
            yield _result(row, [answer.get(SECONDS * 4) for answer in answers])


def _result(row: Row, answers: list[tuple[str, float, int]]) -> Result:
    verdicts = [answer.split(" ")[0] for answer, _, _ in answers]
    clean = all(one == "clean" for one in verdicts)
    right = {"clean": clean, "not-clean": not clean}.get(row.expect, True)
    bounded = all(seconds <= SECONDS and peak <= MEMORY for _, seconds, peak in answers)
    detail = "; ".join(f"{answer} in {seconds:.1f} s, {peak >> 20} MiB" for answer, seconds, peak in answers)
    if row.path in WRONG_LABELS:
        detail += f"; the label is wrong: {WRONG_LABELS[row.path]}"
    return Result(row, right and bounded, detail, counted=row.expect != "any" or not bounded)

"""`python -m tests.conformance FOLDER`: prints the score per set; exit status 1 where a row is wrong."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance import Result

SETS = {
    "01_events": "events",
    "02_zip_confusion": "archives",
    "03_bombs_slip": "archives",
    "07_pickles": "pickles",
    "10_vuln_trivy": "vulnerabilities",
    "11_versions": "versions",
    "12_lockfiles_scalibr": "lockfiles",
    "15_lifecycle": "lifecycle",
    "17_images": "archives",
    "18_malo": "archives",
}


def score(name: str, results: list[Result], seconds: float) -> bool:
    """Print one set's line and each row we got wrong; whether all are right."""
    counted = [result for result in results if result.counted]
    wrong = [result for result in counted if not result.right]
    print(f"{name:<24} {len(counted) - len(wrong):>6} of {len(counted):<6} {seconds:7.1f} s")
    for result in wrong:
        print(f"    {result.row.path}: expected {result.row.expect}, {result.detail}")
    return not wrong


def main(corpus: Path) -> int:
    """Run every set that is there and that we have a module for."""
    good = True
    for folder in sorted(path for path in corpus.iterdir() if (path / "manifest.tsv").is_file()):
        module = SETS.get(folder.name)
        if module is None or importlib.util.find_spec(f"tests.conformance.{module}") is None:
            print(f"{folder.name:<24} not run: no module for this set yet")
            continue
        start = time.perf_counter()
        results = list(importlib.import_module(f"tests.conformance.{module}").run(folder))
        good &= score(folder.name, results, time.perf_counter() - start)
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.conformance FOLDER")
    sys.exit(main(Path(sys.argv[1])))

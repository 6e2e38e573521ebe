"""Packages and vulnerabilities: members read and packages matched a second, a rematch of 100,000 stored SBOMs.

The baseline of reading is the `syft` command on the same folder, where it is installed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from customhouse.model import Package
from customhouse.scanners import Member
from customhouse.scanners.packages import build as scanner
from customhouse.stores import open_store
from customhouse.vulnerabilities.build import build
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import distro_of
from customhouse.vulnerabilities.rematch import rematch

OUT = Path(__file__).parent.parent / "build" / "bench" / "packages.json"
NAMES, RECORDS, SBOMS, SIZE, CHANGED, PURLS = 20_000, 5_000, 100_000, 80, 200, 500_000
T = TypeVar("T")


def record(number: int, fixed: str) -> bytes:
    """One advisory about one name."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"ecosystem": "npm", "name": f"p{number}"}, "ranges": [{"type": "SEMVER", "events": events}]}
    return json.dumps({"id": f"X-{number}", "affected": [affected]}).encode()


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """A result and its seconds."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def members(folder: Path) -> Iterator[Member]:
    """The files of a folder as the engine hands them over."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size < 16 << 20:
            data = path.read_bytes()
            yield Member(str(path), path.name, "unknown", len(data), data)


def read(folder: Path) -> int:
    """Packages found below a folder."""
    ours = scanner({})
    return sum(isinstance(fact, Package) for each in members(folder) if ours.wants(each) for fact in ours.scan(each))


def syft(folder: Path) -> float | None:
    """Seconds that syft takes, None where it is not installed."""
    command = shutil.which("syft")
    if command is None:
        return None
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    run = [command, "scan", f"dir:{folder}", "-q", "-o", "json"]
    return timed(lambda: subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env=environment))[1]


def stored(chance: random.Random) -> Iterator[tuple[str, list[Package]]]:
    """Bills of materials as records keep them, of names that some advisories are about."""
    purls = [
        Package(f"pkg:npm/p{chance.randrange(NAMES)}@{chance.randrange(9)}.{n % 30}.0", "lock") for n in range(60_000)
    ]
    return ((str(number), chance.choices(purls, k=SIZE)) for number in range(SBOMS))


def main() -> None:
    """Measure, print, write."""
    chance = random.Random(7)  # noqa: S311 -- test data
    figures: dict[str, float | int | str] = {}
    folder = Path(sys.prefix) / "lib"
    found, seconds = timed(lambda: read(folder))
    figures |= {"packages_found": found, "read_seconds": round(seconds, 2)}
    baseline = syft(folder)
    figures["syft"] = "not installed" if baseline is None else round(baseline / seconds, 2)
    library = Library(open_store("memory://bench-packages"))
    build((record(number, "5.0.0") for number in range(RECORDS)), library, time.time())
    old = Index(library)
    purls = [Package(f"pkg:npm/p{chance.randrange(NAMES)}@{n % 9}.{n % 31}.{n % 7}", "lock") for n in range(PURLS)]
    hits, seconds = timed(lambda: sum(1 for _ in findings(purls, old, distro_of(()))))
    figures |= {"matched_per_second": round(PURLS / seconds), "hits": hits}
    changed = (record(number, "5.0.0" if number >= CHANGED else "4.0.0") for number in range(RECORDS))
    build(changed, library, time.time())
    changes, seconds = timed(lambda: sum(1 for _ in rematch(stored(chance), old, Index(library))))
    figures |= {"rematch_sboms": SBOMS, "rematch_changes": changes, "rematch_seconds": round(seconds, 2)}
    for name, value in figures.items():
        print(f"{name:<20} {value}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")

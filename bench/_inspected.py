"""`python -m bench._inspected RULES [FILE]`: inspect one file with the default policy's scanners, in this process.

Prints one JSON object. Without a file it only gets the engines ready.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from msgspec import structs

from customhouse import app
from customhouse.inspect import inspect
from customhouse.policy.load import default


@dataclass(frozen=True)
class Inspected:
    """Seconds of wall clock and CPU, for the engines and for the file; inflated bytes seen; peak resident bytes."""

    ready_wall: float
    ready_cpu: float
    wall: float = 0.0
    cpu: float = 0.0
    seen: int = 0
    members: int = 0
    peak: int = 0
    complete: bool = False
    findings: Mapping[str, int] | None = None
    sha256: str = ""


def _peak() -> int:
    """By the process's own count: what rusage says includes the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def run(folder: str, path: str = "") -> Inspected:
    """With 1,000 rules beside the curated ones where `folder` is given."""
    loaded = default()
    configured = {**loaded.policy.scanners, **({"malware": {"rules": [folder]}} if folder else {})}
    wall, cpu = time.perf_counter(), time.process_time()
    engines = app.engines(structs.replace(loaded.policy, scanners=configured), None)
    ready = (time.perf_counter() - wall, time.process_time() - cpu)
    if not path:
        return Inspected(*ready)
    with Path(path).open("rb") as file:
        wall, cpu = time.perf_counter(), time.process_time()
        found = inspect(Path(path).name, (), engines, loaded.limits, file=file)
        spent = (time.perf_counter() - wall, time.process_time() - cpu)
    rules: dict[str, int] = {}
    for finding in found.findings:
        rules[finding.rule] = rules.get(finding.rule, 0) + 1
    seen = found.coverage
    digest = found.digests["sha256"]
    return Inspected(*ready, *spent, seen.bytes, seen.members, _peak(), seen.complete, rules, digest)


if __name__ == "__main__":
    print(json.dumps(asdict(run(*sys.argv[1:]))))

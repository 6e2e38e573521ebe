"""`python tests/inspect/fuzz_atheris.py [CORPUS] [-max_total_time=SECONDS]`: libFuzzer against the whole engine."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["customhouse.inspect"]):
    from customhouse.inspect import Limits, inspect

LIMITS = Limits(depth=4, members=500, expanded=8 << 20, ratio_floor=1 << 20, seconds=10, dictionary=8 << 20)


def one(data: bytes) -> None:
    """Inspect; a crash, a hang or a budget that was passed ends the run."""
    inspection = inspect("a.bin", [data], [], LIMITS)
    if inspection.coverage.bytes > LIMITS.expanded + (1 << 20):
        raise AssertionError(f"{inspection.coverage.bytes} bytes inflated")
    if any(skip.reason == "engine" for skip in inspection.coverage.skipped):
        raise AssertionError(inspection.coverage.skipped)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()

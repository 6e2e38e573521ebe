"""`python -m tests.inspect.fuzz_atheris CORPUS [-max_total_time=SECONDS]`: libFuzzer against the whole engine.

The first byte of an input says what the rest is: a file (even), or edits of an archive that holds the marker (odd).
An input that crashes, hangs, passes a budget or loses the marker ends the run and is written as `crash-…`.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["customhouse.inspect"]):
    from customhouse.inspect import inspect

from tests.inspect.mutations import SEEDS, SMALL, changed, lost, over_budget
from tests.inspect.support import MarkerScanner

KINDS = sorted(SEEDS)
_EDIT = struct.Struct("<HB")


def one(data: bytes) -> None:
    """Inspect one input; AssertionError where the engine broke its word."""
    if len(data) < 4:
        return
    if data[0] % 2 == 0:
        _check("", data[1:])
        return
    kind = KINDS[data[1] % len(KINDS)]
    edits = list(_EDIT.iter_unpack(data[4 : 4 + (len(data) - 4) // _EDIT.size * _EDIT.size]))
    _check(kind, changed(SEEDS[kind], edits, int.from_bytes(data[2:4], "little")))


def _check(kind: str, data: bytes) -> None:
    inspection = inspect(f"a.{kind}", [data], [MarkerScanner()], SMALL)
    if wrong := over_budget(inspection):
        raise AssertionError(wrong)
    if inspection.size != len(data):
        raise AssertionError("not all bytes were read")
    if kind and lost(kind, data, inspection):
        raise AssertionError(f"the marker is lost in a changed {kind}: {inspection}")


def sow(folder: Path) -> None:
    """Write the seeds into the corpus: every wrapper as a file, and as an archive without edits."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, kind in enumerate(KINDS):
        (folder / f"seed-{kind}").write_bytes(b"\0" + SEEDS[kind])
        (folder / f"edit-{kind}").write_bytes(bytes([1, at, 0, 0, 0, 0, SEEDS[kind][0]]))


if __name__ == "__main__":
    sow(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()

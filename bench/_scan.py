"""`python -m bench._scan SCANNER FOLDER`: one scanner over the files of a folder, with the scanner's own CPU time.

Run as a process of its own, with the installed package first on the path. Prints JSON: CPU seconds for import and
build, and for looking; bytes that it wanted; facts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator

BEGAN = time.process_time()

from customhouse.scanners import Member, load  # noqa: E402 -- the import is part of what is measured

WHOLE, WINDOW, OVERLAP = 16 << 20, 4 << 20, 64 << 10


def members(folder: str) -> Iterator[Member]:
    """The files as the engine hands them over: whole, or in windows where they are large."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)  # noqa: PTH118 -- pathlib would be half of what is measured
            if os.path.islink(path):  # noqa: PTH114
                continue
            size = os.stat(path).st_size  # noqa: PTH116
            step = max(1, size) if size <= WHOLE else WINDOW - OVERLAP
            inside = f"artifact!/{path[len(folder) + 1 :]}"
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                for offset in range(0, size, step):
                    file.seek(offset)
                    data = file.read(size if step == size else WINDOW)
                    yield Member(inside, inside[10:], "unknown", size, data, offset, offset + len(data) >= size)


def main(name: str, folder: str) -> None:
    """Build, look, print."""
    scanner = load({name: {}})[0]
    figures = {"start": time.process_time() - BEGAN, "looking": 0.0, "bytes": 0, "facts": 0}
    for member in members(folder):
        began = time.process_time()
        if scanner.wants(member):
            figures["facts"] += sum(1 for _ in scanner.scan(member))
            figures["bytes"] += len(member.data)
        figures["looking"] += time.process_time() - began
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])

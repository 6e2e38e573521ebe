"""`python -m bench._scan SCANNER FOLDER [OPTIONS]`: one scanner over the files of a folder, with its own CPU time.

Run as a process of its own, with the installed package first on the path; OPTIONS are the policy's, as JSON. Prints
JSON: CPU seconds for import and build, and for looking; bytes that it wanted; facts.
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


def files(folder: str) -> Iterator[str]:
    """Every regular file below; pathlib and os.walk would be a good part of what is measured."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path


def members(folder: str) -> Iterator[Member]:
    """The files as the engine hands them over: whole, or in windows where they are large."""
    for path in files(folder):
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- as above
            size = os.fstat(file.fileno()).st_size
            step = max(1, size) if size <= WHOLE else WINDOW - OVERLAP
            inside = f"artifact!/{path[len(folder) + 1 :]}"
            for offset in range(0, size, step):
                if offset:
                    file.seek(offset)
                data = file.read(size if step == size else WINDOW)
                yield Member(inside, inside[10:], "unknown", size, data, offset, offset + len(data) >= size)


def main(name: str, folder: str, options: str = "{}") -> None:
    """Build, look, print."""
    scanner = load({name: json.loads(options)})[0]
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

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
from typing import Any

BEGAN = time.process_time()

from customhouse.model import Package  # noqa: E402 -- the import is part of what is measured
from customhouse.scanners import Batch, Concluding, Glancing, Member, Scanner, load  # noqa: E402 -- as above

WHOLE, WINDOW, OVERLAP = 16 << 20, 4 << 20, 64 << 10
BATCH, TOGETHER = 512 << 10, 64


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


def members(folder: str, *, streams: bool) -> Iterator[Member]:
    """The files as the engine hands them over: whole, or in windows or as `streams` where they are large."""
    for path in files(folder):
        file = os.open(path, os.O_RDONLY)
        size = os.fstat(file).st_size
        step = max(1, size) if size <= WHOLE else WINDOW - OVERLAP
        inside = f"artifact!/{path[len(folder) + 1 :]}"
        if streams and size > WHOLE:
            with os.fdopen(os.dup(file), "rb") as stream:
                yield Member(inside, inside[10:], "unknown", size, stream.read(WINDOW), last=False, stream=stream)
            size = 0
        for offset in range(0, size, step):
            data = os.pread(file, size if step == size else WINDOW, offset)
            yield Member(inside, inside[10:], "unknown", size, data, offset, offset + len(data) >= size)
        os.close(file)


def configured(options: dict[str, Any]) -> dict[str, Any]:
    """The policy's options, an index opened as the app opens it."""
    if "index" in options:
        from customhouse.stores import open_store  # noqa: PLC0415 -- only where there is one
        from customhouse.vulnerabilities.library import Library  # noqa: PLC0415 -- as above

        options["index"] = Library(open_store(options["index"]))
    return options


def batches(folder: str, *, streams: bool) -> Iterator[list[Member]]:
    """Small files together, up to half a mebibyte and 64 of them, as the engine has them; others alone."""
    small: list[Member] = []
    room = BATCH
    for member in members(folder, streams=streams):
        if not member.whole or member.size > BATCH:
            yield [member]
            continue
        small.append(member)
        room -= member.size
        if room <= 0 or len(small) == TOGETHER:
            yield small
            small, room = [], BATCH
    yield small


def worth(scanner: Scanner, together: list[Member]) -> list[Member]:
    """Those that the scanner has to look at one by one."""
    if isinstance(scanner, Glancing) and len(together) > 1:
        return [together[place] for place in scanner.glance(Batch(together))]
    return together


def main(name: str, folder: str, options: str = "{}") -> None:
    """Build, look, conclude, print."""
    scanner = load({name: configured(json.loads(options))})[0]
    packages: list[Package] = []
    figures = {"start": time.process_time() - BEGAN, "looking": 0.0, "bytes": 0, "facts": 0}
    for together in batches(folder, streams=scanner.reads == "stream"):
        began = time.process_time()
        wanted = [member for member in together if scanner.wants(member)]
        figures["bytes"] += sum(member.size if member.stream else len(member.data) for member in wanted)
        for member in worth(scanner, wanted):
            facts = list(scanner.scan(member))
            packages += [fact for fact in facts if isinstance(fact, Package)]
            figures["facts"] += len(facts)
        figures["looking"] += time.process_time() - began
    if isinstance(scanner, Concluding):
        began = time.process_time()
        figures["facts"] += sum(1 for _ in scanner.conclude(packages))
        figures["looking"] += time.process_time() - began
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])

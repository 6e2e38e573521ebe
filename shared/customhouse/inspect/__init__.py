"""The inspection engine: opens what people ship, bounded, and never calls seen what it did not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import BinaryIO

from customhouse.errors import Transient
from customhouse.inspect.feed import Feed
from customhouse.inspect.identity import disagreements
from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Budget, Limits
from customhouse.inspect.names import printable
from customhouse.inspect.ranges import Ranges, Stored, inspect_parts
from customhouse.inspect.reader import Reader
from customhouse.inspect.spool import Intake, file_chunks
from customhouse.inspect.walk import Node, Walker
from customhouse.model import Inspection
from customhouse.scanners import Scanner

__all__ = ["Limits", "Ranges", "Stored", "inspect", "inspect_parts"]


def inspect(
    name: str,
    chunks: Iterable[bytes],
    scanners: Sequence[Scanner],
    limits: Limits,
    *,
    size: int | None = None,
    file: BinaryIO | None = None,
    expect: Mapping[str, str] | None = None,
    digests: Collection[str] = ("sha256",),
    clock: Callable[[], float] = time.monotonic,
) -> Inspection:
    """Open an artifact, show every member to every scanner, and keep the ledger of what was seen.

    `chunks` is the one pass over its bytes, taken to the end whatever is in them; `file`, a seekable local file, is
    read instead where given. `size` and `expect` (lower-case hex by algorithm) are what the store reported: Transient
    where the bytes are others. `digests` are computed besides those. Hostile content raises nothing: it is findings
    and skips. `clock` gives seconds.
    """
    budget, ledger = Budget(limits, clock), Ledger()
    expect = expect or {}
    intake = Intake(chunks if file is None else file_chunks(file), {*digests, *expect}, budget)
    feed = Feed(scanners, budget, ledger)
    node, walker = Node(printable(name), name.rpartition("/")[2]), Walker(budget, ledger, feed)
    try:
        kind = walker.artifact(node, lambda: walker.walk(node, Reader(intake), file))
        feed.close()
        for rule, severity, member, message in disagreements(node.path, kind, ledger.packages()):
            ledger.finding(rule, severity, member, message)
    finally:
        hashes = intake.finish(expect)
    if size is not None and size != intake.size:
        raise Transient(f"{intake.size:,} bytes arrived, the store reported {size:,}")
    return Inspection(
        name=name,
        kind=kind,
        size=intake.size,
        digests=hashes,
        findings=ledger.findings(),
        packages=ledger.packages(),
        coverage=ledger.coverage(),
        engines={scanner.name: scanner.version for scanner in scanners},
        seconds=budget.elapsed,
    )

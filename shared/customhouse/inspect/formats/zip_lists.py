"""Which list of its own members a zip brings along, read ahead: its turn may come after theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from customhouse.inspect.formats import jar, wheel
from customhouse.inspect.formats.digests import List
from customhouse.inspect.formats.entry import Corrupt, Unopened


def stated(sizes: Mapping[str, int], blocks: Callable[[str], Iterator[bytes] | None]) -> List | None:
    """What the package states of these members; `blocks` gives a member's bytes, if they can be had."""

    def read(name: str, most: int) -> bytes:
        try:
            return b"".join(_bounded(blocks(name) or iter(()), most))
        except (Corrupt, Unopened):  # its turn will say so
            return b""

    return wheel.record(sizes, read) or jar.manifest(sizes, read)


def _bounded(blocks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The blocks until there are more than `most` bytes."""
    for block in blocks:
        yield block
        most -= len(block)
        if most < 0:
            return

"""Listing a folder in key order without following a link or holding all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from customhouse.stores.local_files import folder
from customhouse.stores.local_names import HIDDEN, continued, to_segment

_Entry = tuple[str, Sequence[str], os.stat_result | None]


def walk(descriptor: int, prefix: str, after: str, base: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Keys and statuses of regular files under an open folder; folders out of `prefix` and `after` are not read."""
    for key, names, status in sorted(_entries(descriptor, base), key=lambda entry: entry[0]):
        if status is not None:
            if key.startswith(prefix) and key > after:
                yield key, status
        elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
            with suppress(FileNotFoundError, NotADirectoryError), folder(descriptor, names) as child:
                yield from walk(child, prefix, after, key)


def _entries(descriptor: int, base: str, above: Sequence[str] = (), before: str = "") -> Iterator[_Entry]:
    """Files with their status; folders with a key that ends in `/` and None; `%+` folders are looked through."""
    with os.scandir(descriptor) as found:
        for entry in found:
            names = [*above, entry.name]
            if entry.is_dir(follow_symlinks=False):
                if base or entry.name != HIDDEN:
                    yield from _folder(descriptor, base, names, before)
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    key = base + to_segment(entry.name, first=not base, before=before)
                    yield key, names, entry.stat(follow_symlinks=False)


def _folder(descriptor: int, base: str, names: Sequence[str], before: str) -> Iterator[_Entry]:
    name = names[-1]
    if not continued(name):
        yield f"{base}{to_segment(name, first=not base, before=before)}/", names, None
        return
    with suppress(FileNotFoundError, NotADirectoryError), folder(descriptor, [name]) as child:
        for key, inner, status in _entries(child, base, (), before + continued(name)):
            yield key, [*names, *inner], status

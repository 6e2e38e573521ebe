"""A bucket in memory: the reference for what a store does, and the fake that the core is tested against."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from customhouse.errors import Conflict, Gone, Rejected
from customhouse.model import Location, Stat
from customhouse.ports import Body
from customhouse.stores.options import Options
from customhouse.stores.streams import StreamBody, span
from customhouse.stores.tagging import carried, merged


@dataclass(frozen=True, slots=True)
class _Version:
    """One generation of one object."""

    stat: Stat
    data: bytes
    live: bool = True


@dataclass(slots=True)
class _Bucket:
    """What two clients of one name share."""

    versions: dict[str, list[_Version]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


_BUCKETS: dict[str, _Bucket] = {}
_GENERATIONS = itertools.count(1)


def connect(root: str, options: Options) -> MemoryStore:
    """The bucket of that name in this process."""
    return MemoryStore(root, versioned=options.versioned == "yes")


class MemoryStore:
    """A `ports.Store` whose version and etag are both the object's generation; `versioned` keeps old ones."""

    def __init__(self, root: str, *, versioned: bool = False) -> None:
        self.root = root
        self._versioned = versioned
        self._bucket = _BUCKETS.setdefault(root, _Bucket())

    def stat(self, location: Location) -> Stat:
        """See `ports.Store.stat`."""
        return self._find(location).stat

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """See `ports.Store.read`."""
        found = self._find(location)
        count = span(found.stat.size, start, length)
        return StreamBody(found.stat, [found.data[start : start + count]], count)

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        tags: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.put`."""
        content = data if isinstance(data, bytes) else data.read()
        with self._bucket.lock:
            self._check(key, if_absent=if_absent, if_match=if_match)
            return self._add(key, content, tags or {}, content_type)

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.copy`."""
        found = MemoryStore(source.location.root)._find(source.location)  # noqa: SLF001 -- the same class
        with self._bucket.lock:
            self._check(key, if_absent=if_absent, if_match=if_match)
            return self._add(key, found.data, carried(found.stat.tags or {}, tags), found.stat.content_type)

    def tags(self, location: Location) -> dict[str, str]:
        """See `ports.Store.tags`."""
        return dict(self._find(location).stat.tags or {})

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """See `ports.Store.tag`."""
        with self._bucket.lock:
            found = self._find(location)
            kept = self._bucket.versions[location.key]
            stat = replace(found.stat, tags=merged(found.stat.tags or {}, changes))
            kept[kept.index(found)] = replace(found, stat=stat)
            return stat.location

    def delete(self, location: Location) -> None:
        """See `ports.Store.delete`."""
        with self._bucket.lock:
            try:
                found = self._find(location)
            except Gone:
                return
            except Conflict:
                if self._versioned:
                    return
                raise
            if location.pinned or not self._versioned:
                self._bucket.versions[location.key].remove(found)
            else:
                self._retire(location.key)

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        """See `ports.Store.list`."""
        with self._bucket.lock:
            kept = sorted(self._bucket.versions.items())
            found = [
                version.stat
                for key, entries in kept
                if key.startswith(prefix) and key > after
                for version in entries
                if version.live or versions
            ]
        return iter(found)

    def _find(self, location: Location) -> _Version:
        entries = self._bucket.versions.get(location.key, [])
        wanted = location.version or location.etag
        for entry in entries:
            if (entry.stat.location.version == wanted) if wanted else entry.live:
                return entry
        if any(entry.live for entry in entries):
            raise Conflict(f"{location} is no longer that version")
        raise Gone(f"{location} does not exist")

    def _check(self, key: str, *, if_absent: bool, if_match: Location | None) -> None:
        live = next((entry for entry in self._bucket.versions.get(key, []) if entry.live), None)
        if if_absent and live:
            raise Conflict(f"{self.root}/{key} exists")
        if if_match and (live is None or live.stat.location.version != (if_match.version or if_match.etag)):
            raise Conflict(f"{self.root}/{key} is not {if_match}")

    def _add(self, key: str, data: bytes, tags: Mapping[str, str], content_type: str) -> Location:
        if not key:
            raise Rejected("an object needs a name")
        generation = str(next(_GENERATIONS))
        digests = {"sha256": hashlib.sha256(data).hexdigest()}
        location = Location(self.root, key, generation, generation)
        stat = Stat(location, len(data), time.time(), content_type, "STANDARD", dict(tags), digests)
        self._retire(key)
        self._bucket.versions.setdefault(key, []).append(_Version(stat, data))
        return location

    def _retire(self, key: str) -> None:
        entries = self._bucket.versions.get(key, [])
        entries[:] = [replace(entry, live=False) for entry in entries if self._versioned]

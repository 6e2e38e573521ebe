"""Killing a process at any store call: the wrapper behind every crash test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeVar

from customhouse.model import Location, Stat
from customhouse.ports import Body, Store

T = TypeVar("T")


class Killed(BaseException):
    """The process ended here; a BaseException, so that no `except Exception` survives it."""


@dataclass
class Calls:
    """Store calls in their order; shared by the stores of one process, so that they count together."""

    fail_at: int | None = None
    mode: Literal["before", "after"] = "before"
    made: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.made)

    def enter(self, name: str) -> bool:
        """Count one call; True when it is the one to die after."""
        self.made.append(name)
        if self.count != self.fail_at:
            return False
        if self.mode == "before":
            raise Killed(f"before call {self.count}: {name}")
        return True

    def leave(self, value: T, *, dies: bool) -> T:
        if dies:
            raise Killed(f"after call {self.count}: {self.made[-1]}")
        return value


class FaultyStore:
    """A `ports.Store` that dies before or after call number `fail_at` (from 1) reaches `inner`."""

    def __init__(
        self,
        inner: Store,
        fail_at: int | None = None,
        mode: Literal["before", "after"] = "before",
        *,
        calls: Calls | None = None,
    ) -> None:
        self.inner = inner
        self.calls = calls or Calls(fail_at, mode)

    @property
    def root(self) -> str:
        return self.inner.root

    def stat(self, location: Location) -> Stat:
        dies = self.calls.enter("stat")
        return self.calls.leave(self.inner.stat(location), dies=dies)

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        dies = self.calls.enter("read")
        return self.calls.leave(self.inner.read(location, start, length), dies=dies)

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
        dies = self.calls.enter("put")
        done = self.inner.put(key, data, tags=tags, content_type=content_type, if_absent=if_absent, if_match=if_match)
        return self.calls.leave(done, dies=dies)

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        dies = self.calls.enter("copy")
        done = self.inner.copy(source, key, tags=tags, if_absent=if_absent, if_match=if_match)
        return self.calls.leave(done, dies=dies)

    def tags(self, location: Location) -> dict[str, str]:
        dies = self.calls.enter("tags")
        return self.calls.leave(self.inner.tags(location), dies=dies)

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        dies = self.calls.enter("tag")
        return self.calls.leave(self.inner.tag(location, changes), dies=dies)

    def delete(self, location: Location) -> None:
        dies = self.calls.enter("delete")
        self.inner.delete(location)
        self.calls.leave(None, dies=dies)

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        dies = self.calls.enter("list")
        return self.calls.leave(self.inner.list(prefix, after=after, versions=versions), dies=dies)

"""What one inspection may cost; whatever is beyond a limit is a skip, never clean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of one inspection.

    `depth` of containers in containers, `members` in all, `expanded` inflated bytes in all, `ratio` of inflated to
    packed bytes once `ratio_floor` bytes came out, `member` inflated bytes of one member. Wall time ends after
    `seconds` and what `rate` bytes of the artifact a second take, so that a large artifact gets the time it needs and
    a small hostile one does not. `window` bytes of a member are handed to scanners whole, larger ones in parts;
    `spool` bytes of all files that need seeking stay in memory, more goes to disk up to `disk` bytes in all;
    `dictionary` bytes is the largest window a decompressor may ask for; `directory` bytes the largest list of members
    (a zip's central directory, a 7z header); `queued` bytes wait for scanners at any time, scanned by `workers`
    threads that get `grace` seconds more when time is up. An artifact of more than `artifact` bytes is not read whole:
    at most `parts` bytes of it are, where its headers and its list of members are.
    """

    depth: int = 16
    members: int = 100_000
    expanded: int = 100 * GIB
    ratio: int = 200
    ratio_floor: int = 4 * MIB
    member: int = 100 * GIB
    seconds: float = 20.0
    rate: int = 2 * MIB
    window: int = 16 * MIB
    spool: int = 16 * MIB
    disk: int = 100 * GIB
    dictionary: int = 72 * MIB
    directory: int = 24 * MIB
    queued: int = 32 * MIB
    workers: int = 2
    grace: float = 5.0
    artifact: int = 100 * GIB
    parts: int = 256 * MIB


class LimitHit(Exception):  # noqa: N818 -- a limit that is hit is no error of ours
    """One member went past a limit: it is skipped, the walk goes on."""

    def __init__(self, rule: str, detail: str, path: str = "") -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail
        self.path = path


class Exhausted(LimitHit):
    """A budget of the whole inspection is used up: the walk ends."""


class Budget:
    """Counts what an inspection has used; every method raises as soon as a limit is passed, never after."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.received = 0
        self._clock = clock
        self._start = clock()
        self._members = self._expanded = self._spooled = self._on_disk = 0
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the inspection began."""
        return self._clock() - self._start

    @property
    def remaining(self) -> float:
        """Seconds of wall time that are left, given how much of the artifact has arrived."""
        return self.limits.seconds + self.received / self.limits.rate - self.elapsed

    def member(self) -> None:
        """One more member was listed."""
        self._members += 1
        if self._members > self.limits.members:
            raise Exhausted("member-limit", f"more than {self.limits.members:,} members")
        self._in_time()

    def expand(self, size: int) -> None:
        """`size` bytes more came out of a container."""
        self._expanded += size
        if self._expanded > self.limits.expanded:
            raise Exhausted("expanded-limit", f"more than {self.limits.expanded:,} bytes inflated")
        if self._expanded > self.limits.ratio_floor and self._expanded > self.received * self.limits.ratio:
            raise Exhausted("ratio-limit", f"{self._expanded:,} bytes from an artifact of {self.received:,}")
        self._in_time()

    def spool(self, size: int, *, in_memory: bool) -> bool:
        """`size` bytes more are kept for seeking; whether they may (still) be kept in memory."""
        with self._lock:
            if in_memory and self._spooled + size <= self.limits.spool:
                self._spooled += size
                return True
            if self._on_disk + size > self.limits.disk:
                raise LimitHit("disk-limit", f"more than {self.limits.disk:,} bytes to keep for seeking")
            self._on_disk += size
            return False

    def release(self, memory: int, disk: int) -> None:
        """A spooled file is gone."""
        with self._lock:
            self._spooled -= memory
            self._on_disk -= disk

    def _in_time(self) -> None:
        if self.remaining < 0:
            raise Exhausted("time-limit", f"stopped after {self.elapsed:.0f} s")

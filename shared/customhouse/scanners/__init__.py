"""The scanner contract, and which scanners there are."""

from __future__ import annotations

import bisect
import importlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, runtime_checkable

import msgspec

from customhouse.errors import ConfigError

if TYPE_CHECKING:
    from customhouse.model import Fact, Package

BUILTIN = (
    "malware",
    "secrets",
    "pickles",
    "models",
    "licences",
    "clamav",
    "external",
    "packages",
    "vulnerabilities",
    "signatures",
)
"""Every module of this package that is a scanner; a test asserts that none is missing."""


class Member(msgspec.Struct, frozen=True):
    """One member's bytes as a scanner sees them: whole up to the engine's window size, else window by window.

    `path` is where it was found (`app.whl!/pkg/x.so`), `name` its own name inside its container, `kind` what the
    bytes are (`elf`, `pickle`, `text`, …), `container` the kind of what holds it ("" for the artifact itself),
    `size` its inflated bytes, `data` this window's bytes beginning at `offset`, `last` whether no window follows.
    """

    path: str
    name: str
    kind: str
    size: int
    data: bytes
    offset: int = 0
    last: bool = True
    depth: int = 0
    container: str = ""
    stream: BinaryIO | None = None

    @property
    def whole(self) -> bool:
        """Whether `data` is all of the member."""
        return self.offset == 0 and self.last

    @property
    def text(self) -> bool:
        """Whether this window looks like text: no NUL in its first 8 KiB."""
        return b"\0" not in self.data[:8192]


class Batch:
    """Small whole members, and their bytes in one piece with a line feed between two."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.data = b"\n".join([member.data for member in members])
        self._starts = [0, *itertools.accumulate(len(member.data) + 1 for member in members)]

    def holding(self, ends: Iterable[int]) -> set[int]:
        """Which members hold the bytes before these offsets of the whole; a line feed belongs to what it follows."""
        return {bisect.bisect_left(self._starts, end) - 1 for end in ends}


class Scanner(Protocol):
    """Turns a member's bytes into facts; called from several threads, so it keeps no state between calls.

    The engine walks, opens, bounds and closes. `reads` says how large members arrive: `windows` of 4 MiB that
    overlap by 64 KiB, or as a `stream` (a seekable file at `member.stream`, `data` holding the first window).
    """

    name: str
    version: str
    reads: Literal["windows", "stream"]

    def wants(self, member: Member) -> bool:
        """Whether to look, decided cheaply from everything but the bulk of `data`."""
        ...

    def scan(self, member: Member) -> Iterable[Fact]:
        """Findings, packages, and a Skip for whatever could not be judged; raising is recorded as a skip."""
        ...


@runtime_checkable
class Glancing(Protocol):
    """A scanner that tells in one pass over many small members which of them it has to look at: most often none."""

    def glance(self, batch: Batch) -> Iterable[int]:
        """The places in the batch of the members to look at, among them every one in which `scan` finds anything."""
        ...


@runtime_checkable
class Concluding(Protocol):
    """A scanner that also judges an artifact as a whole: some packages mean little without what others tell."""

    def conclude(self, packages: Sequence[Package]) -> Iterable[Fact]:
        """Facts about all packages of an artifact that has any, when every member was seen."""
        ...


def load(configured: Mapping[str, Mapping[str, object]]) -> Sequence[Scanner]:
    """Build the scanners a policy names, in the order of `BUILTIN`; each module's `build(options)` makes one."""
    unknown = sorted(set(configured) - set(BUILTIN))
    if unknown:
        message = f"scanners: no scanner named {unknown[0]!r}; there are {', '.join(BUILTIN)}"
        raise ConfigError(message)
    return [_built(name, configured[name]) for name in BUILTIN if name in configured]


def _built(name: str, options: Mapping[str, object]) -> Scanner:
    try:
        scanner: Scanner = importlib.import_module(f"{__name__}.{name}").build(options)
    except ModuleNotFoundError as error:
        message = f"scanners.{name}: the library {error.name} is missing; pip install 'customhouse[{name}]'"
        raise ConfigError(message) from error
    return scanner

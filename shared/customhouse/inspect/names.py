"""Member names: printable paths for people, and what is wrong with a name for those who will unpack it."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from customhouse.model import Severity

_DRIVE = re.compile(r"^[A-Za-z]:")
_SAFE = re.compile(r"^[ -~]*$")
_ORDINARY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_@+=.~-][A-Za-z0-9_@+=,.~ /()-]{0,250}\Z")
"""Most names there are: nothing is wrong with them anywhere, and one look tells."""
_DECEPTIVE = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_MANIFEST = re.compile("META-INF/", re.IGNORECASE)
"""Names that are looked up without regard to case even where an archive is read in place (JAR specification)."""
_LONG = 4096

Problem = tuple[str, Severity, str]


def printable(name: str) -> str:
    """`name` with everything that could fool a terminal, a log or the `!/` separator written as an escape."""
    if _SAFE.match(name) and "!/" not in name:
        return name
    return "".join(_escape(char) for char in name).replace("!/", "\\x21/")


def _escape(char: str) -> str:
    if char == " " or (char.isprintable() and char not in _DECEPTIVE):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 -- widths of the escapes


def decode(raw: bytes) -> tuple[str, bool]:
    """A name's text, and whether it was UTF-8; other bytes become lone surrogates, as os.fsdecode has it."""
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape"), False


def problems(name: str) -> Sequence[Problem]:
    """What is wrong with a name as such, on any system it may be unpacked on."""
    return () if _ORDINARY.match(name) else tuple(_problems(name))


def _problems(name: str) -> Iterator[Problem]:
    if "\0" in name:
        yield "nul-name", Severity.HIGH, "the name holds a NUL, where some readers end it"
    windows = name.replace("\\", "/")
    if windows.startswith("/") or _DRIVE.match(windows):
        yield "path-traversal", Severity.HIGH, "the name is an absolute path"
    elif ".." in windows.split("/"):
        yield "path-traversal", Severity.HIGH, "the name leads out of the folder it is unpacked to"
    if any(char in _DECEPTIVE for char in name):
        yield "deceptive-name", Severity.HIGH, "the name holds characters that change the order of its letters"
    if any(unicodedata.category(char) == "Cc" and char != "\0" for char in name):
        yield "control-characters", Severity.MEDIUM, "the name holds control characters"
    if any("\ud800" <= char <= "\udfff" for char in name):
        yield "bad-utf8", Severity.HIGH, "the name is no valid UTF-8, so readers disagree about it"
    if len(name) > _LONG:
        yield "long-name", Severity.MEDIUM, f"the name has {len(name):,} characters"


def canonical(name: str) -> str:
    """The name under which a member is unpacked: without `./`, doubled or trailing slashes."""
    plain = posixpath.normpath(name) if name else ""
    return plain.lstrip("/") if plain != "." else ""


def escapes(link: str, target: str, *, rooted: bool) -> bool:
    """Whether a symbolic link's target is outside the tree; `rooted` trees have a `/` of their own."""
    target = target.replace("\\", "/") if not rooted else target
    if target.startswith("/") or _DRIVE.match(target):
        return not rooted or ".." in target.split("/")
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(canonical(link)), target))
    return resolved == ".." or resolved.startswith("../")


@dataclass(slots=True)
class Book:
    """The names of one container so far.

    `rooted`: it is unpacked as a file system of its own; `library`: a linker reads it, names do not count;
    `in_place`: it is read as it is and not unpacked, so `A.class` and `a.class` are two members everywhere.
    """

    rooted: bool = False
    library: bool = False
    in_place: bool = False
    files: set[str] = field(default_factory=set)
    folded: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> list[Problem]:
        """A regular file or hard link: whether it is there already, in other letters, or behind a link."""
        found: list[Problem] = []
        plain = canonical(name)
        if plain in self.files and not self.library:
            message = "two members have this name: readers disagree which one counts"
            found.append(("duplicate-name", Severity.HIGH, message))
        self.files.add(plain)
        if (other := self._folded(plain)) != plain:
            message = f"the same name as {printable(other)} where upper and lower case do not differ"
            found.append(("case-collision", Severity.HIGH, message))
        if self.links:
            found += self._behind_link(plain)
        return found

    def _folded(self, plain: str) -> str:
        """The first name of this container that differs in case alone; most often this one."""
        if self.rooted or self.library or (self.in_place and not _MANIFEST.match(plain)):
            return plain
        folded = plain.lower() if plain.isascii() else unicodedata.normalize("NFC", plain).casefold()
        return self.folded.setdefault(folded, plain)

    def _behind_link(self, plain: str) -> Iterator[Problem]:
        folder = posixpath.dirname(plain)
        while folder:
            if folder in self.links and not self.rooted:
                message = f"it is unpacked through the link {printable(folder)} -> {printable(self.links[folder])}"
                yield "link-trampoline", Severity.HIGH, message
            folder = posixpath.dirname(folder)
        if plain in self.links:
            yield "link-trampoline", Severity.HIGH, "a link of this name was unpacked before it"

    def link(self, name: str, target: str) -> Iterator[Problem]:
        """A symbolic link."""
        self.links[canonical(name)] = target
        if escapes(name, target, rooted=self.rooted):
            yield "link-escape", Severity.HIGH, f"the link leads out of the archive: {printable(target)}"

    def hard(self, name: str, target: str) -> Iterator[Problem]:
        """A hard link to an earlier member."""
        if any(rule == "path-traversal" for rule, _, _ in problems(target)) and not self._stays(target):
            yield "link-escape", Severity.HIGH, f"the hard link leads out of the archive: {printable(target)}"
        if canonical(target) in self.links:
            yield "link-trampoline", Severity.HIGH, f"a hard link to the symbolic link {printable(target)}"
        yield from self.file(name)

    def _stays(self, target: str) -> bool:
        return self.rooted and target.startswith("/") and ".." not in target.split("/")

"""The names of one container so far: what its members do to each other on the file system they are unpacked to."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from customhouse.inspect.names import Problem, absolute, canonical, printable, problems
from customhouse.model import Severity

_MANIFEST = re.compile("META-INF/", re.IGNORECASE)
"""Names that are looked up without regard to case even where an archive is read in place (JAR specification)."""
_LINKS = 40
"""Links that a system follows for one name (Linux, path_resolution(7))."""
_SAME = "two members have this name: readers disagree which one counts"


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
    folders: set[str] = field(default_factory=lambda: {""})
    folded: dict[str, str] = field(default_factory=dict)
    links: dict[str, tuple[str, str]] = field(default_factory=dict)

    def file(self, name: str) -> list[Problem]:
        """A regular file or hard link: whether it is there already, in other letters, or behind a link."""
        found: list[Problem] = []
        plain = canonical(name)
        if plain in self.files and not self.library:
            found.append(("duplicate-name", Severity.HIGH, _SAME))
        self.files.add(plain)
        if (other := self._folded(plain)) != plain:
            message = f"the same name as {printable(other)} on file systems that mind less than others"
            found.append(("case-collision", Severity.HIGH, message))
        if plain.rpartition("/")[0] not in self.folders or plain in self.folders:
            found += self._beside(plain)
        if self.links:
            found += self._behind(plain)
        return found

    def folder(self, name: str) -> Iterator[Problem]:
        """A folder by its own entry."""
        plain = canonical(name)
        if plain:
            yield from self._beside(f"{plain}/")
            yield from self._behind(f"{plain}/")

    def link(self, name: str, target: str) -> Iterator[Problem]:
        """A symbolic link."""
        plain = canonical(name)
        if plain in self.files or plain in self.folders or self._links_to(plain):
            yield "duplicate-name", Severity.HIGH, _SAME
        yield from self._behind(plain)
        self.links[self._key(plain)] = plain, target
        if escapes(name, target, rooted=self.rooted):
            yield "link-escape", Severity.HIGH, f"the link leads out of the archive: {printable(target)}"

    def hard(self, name: str, target: str) -> Iterator[Problem]:
        """A hard link to an earlier member."""
        plain = canonical(target)
        if any(rule == "path-traversal" for rule, _, _ in problems(target)) and not self._stays(target):
            yield "link-escape", Severity.HIGH, f"the hard link leads out of the archive: {printable(target)}"
        elif self._links_to(plain):
            yield "link-trampoline", Severity.HIGH, f"a hard link to the symbolic link {printable(target)}"
        elif self._leaves(plain):
            yield "link-trampoline", Severity.HIGH, f"a hard link to something behind a link: {printable(target)}"
        elif plain not in self.files and not self.rooted:
            message = f"a hard link to {printable(target)}, which is not in the archive before it"
            yield "link-escape", Severity.HIGH, message
        yield from self.file(name)

    def close(self) -> Iterator[tuple[str, Problem]]:
        """Links that lead out only by way of others, when all of them are known: the link's name, and what is wrong."""
        for plain, target in self.links.values() if not self.rooted else ():
            if not escapes(plain, target, rooted=False) and self._climbs(plain):
                message = f"the link leads out of the archive by way of others: {printable(target)}"
                yield plain, ("link-escape", Severity.HIGH, message)

    def _folded(self, plain: str) -> str:
        """The first name of this container that differs in case alone; most often this one."""
        if self.rooted or self.library or (self.in_place and not _MANIFEST.match(plain)):
            return plain
        return self.folded.setdefault(_fold(plain), plain)

    def _key(self, plain: str) -> str:
        """What a link is found by: without regard to case, because file systems may have none."""
        return plain if self.rooted else _fold(plain)

    def _links_to(self, plain: str) -> bool:
        return self._key(plain) in self.links

    def _beside(self, plain: str) -> Iterator[Problem]:
        """Whether a folder of this name is a file too, for the name itself and the folders that it lies in."""
        if plain in self.folders and not (self.library or self.in_place):
            yield "duplicate-name", Severity.HIGH, "a file and a folder have this name"
        folder = plain.rpartition("/")[0]
        while folder not in self.folders:
            self.folders.add(folder)
            if folder in self.files and not (self.library or self.in_place):
                yield "duplicate-name", Severity.HIGH, f"a file and a folder are called {printable(folder)}"
            folder = folder.rpartition("/")[0]

    def _behind(self, plain: str) -> Iterator[Problem]:
        """Whether it is unpacked through a link, or in the place of one."""
        if (folder := self._leaves(plain)) and not self.rooted:
            target = self.links[self._key(folder)][1]
            message = f"it is unpacked through the link {printable(folder)} -> {printable(target)}"
            yield "link-trampoline", Severity.HIGH, message
        if plain in self.files and self._links_to(plain):
            yield "link-trampoline", Severity.HIGH, "a link of this name was unpacked before it"

    def _leaves(self, plain: str) -> str:
        """The innermost folder of a name that is a link; "" where none is."""
        folder = plain.rpartition("/")[0]
        while folder and not self._links_to(folder):
            folder = folder.rpartition("/")[0]
        return folder

    def _climbs(self, plain: str) -> bool:
        """Whether a system that follows links from this name leaves the tree, or never comes to an end."""
        waiting, here, followed = plain.split("/")[::-1], list[str](), 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not here:
                    return True
                here.pop()
                continue
            found = self.links.get(self._key("/".join([*here, part])))
            if found is None:
                here += [part] if part not in {"", "."} else []
                continue
            followed += 1
            if followed > _LINKS or absolute(found[1]):
                return absolute(found[1])
            waiting += found[1].replace("\\", "/").split("/")[::-1]
        return False

    def _stays(self, target: str) -> bool:
        return self.rooted and target.startswith("/") and ".." not in target.split("/")


def _fold(plain: str) -> str:
    """The name that it shares with others where case does not differ, and dots and spaces at an end go (Windows)."""
    if plain.endswith((".", " ")) or "./" in plain or " /" in plain:
        plain = "/".join(part.rstrip(". ") or part for part in plain.split("/"))
    return plain.lower() if plain.isascii() else unicodedata.normalize("NFC", plain).casefold()


def escapes(link: str, target: str, *, rooted: bool) -> bool:
    """Whether a symbolic link's target is outside the tree; `rooted` trees have a `/` of their own."""
    target = target.replace("\\", "/") if not rooted else target
    if absolute(target):
        return not rooted or ".." in target.split("/")
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(canonical(link)), target))
    return resolved == ".." or resolved.startswith("../")

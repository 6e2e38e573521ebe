"""Packages: what is installed or declared inside an artifact, as purls."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from customhouse.errors import Malformed
from customhouse.model import Fact, Package, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.ecosystems import (
    Found,
    Parser,
    Source,
    assembly,
    contained,
    gobinary,
    parser_for,
    rustbinary,
    sboms,
)
from customhouse.scanners.options import Options, read

_PROGRAMS = (b"\x7fELF", b"MZ", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_LIBRARY = (".dll", ".DLL")
_LARGEST = 64 << 20
"""Bytes of one file that is parsed whole, which a package database may have; other files are a hundredth of it."""


class Packages:
    """Finds packages by the files that name them, by documents that list them, and in Go programs."""

    name = "packages"
    version = "2"
    reads: Literal["stream"] = "stream"

    def wants(self, member: Member) -> bool:
        """Whether the name is one that a parser reads, or the first bytes are a program's or a bill of materials'."""
        programs = member.data.startswith(_PROGRAMS) or member.kind == "macho" or member.name.endswith(_LIBRARY)
        return programs or _named(member) is not None or _is_sbom(member)

    def scan(self, member: Member) -> Iterable[Fact]:
        """A Package for each that the file names, each once; one Skip where the file is not what it claims."""
        parser = _named(member) or (sboms.plain if _is_sbom(member) else None)
        if parser is None:
            yield from _facts(member, _program(member))
        elif member.size > _LARGEST:
            yield Skip(member.path, SkipReason.LIMIT, f"larger than {_LARGEST >> 20} MiB")
        else:
            yield from _facts(member, _parsed(member, parser))


def _path(member: Member) -> str:
    return member.path.replace("!/", "/")


def _named(member: Member) -> Parser | None:
    """The parser of a file by its name: what it is in its container says more than what it is called anywhere."""
    return contained(member.container, member.name) or parser_for(_path(member))


def _is_sbom(member: Member) -> bool:
    return sboms.looks_like(member.data) and member.text


def _parsed(member: Member, parser: Parser) -> Iterator[Found]:
    data = member.data
    if not member.whole and member.stream is not None:
        member.stream.seek(0)
        data = member.stream.read(_LARGEST)
    yield from parser(Source(data, _path(member), member.name))


def _program(member: Member) -> Iterator[Found]:
    """What a compiler wrote into its program: a .NET assembly's name, Go modules, Rust crates."""
    file = io.BytesIO(member.data) if member.stream is None else member.stream
    if member.name.endswith(_LIBRARY) or member.data.startswith(assembly.MAGIC):
        yield from assembly.assembly(file)
    yield from rustbinary.crates(file)
    data = gobinary.locate(member.stream) if not member.whole and member.stream is not None else member.data
    try:
        yield from gobinary.modules(data)
    except (ValueError, IndexError) as error:
        raise Malformed(f"a Go program with broken build information: {error}") from error


def _facts(member: Member, found: Iterator[Found]) -> Iterator[Fact]:
    """Each package once; what has no name is no package."""
    seen = set()
    try:
        for package in found:
            purl = package.purl
            if purl and purl not in seen:
                seen.add(purl)
                yield Package(purl, member.path, package.license)
    except (Malformed, ValueError) as error:
        yield Skip(member.path, SkipReason.CORRUPT, str(error).partition("\n")[0][:200])


def build(options: Mapping[str, object]) -> Packages:
    """The scanner; it has no options."""
    read("packages", options, Options)
    return Packages()

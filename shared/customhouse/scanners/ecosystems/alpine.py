"""Packages of Alpine (and Arch), installed ones and a package itself; which distribution it is (os-release)."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_LONGEST = 256


def installed(source: Source) -> Iterator[Found]:
    """/lib/apk/db/installed, `P:` to `o:` a line (https://wiki.alpinelinux.org/wiki/Apk_spec)."""
    fields: dict[str, str] = {}
    for line in itertools.chain(lines(source.data), [""]):
        if line[1:2] == ":":
            fields[line[0]] = line[2:].strip()
        elif len(line) < len("P:"):  # too short for a field: what was told is a package
            yield from _installed(fields)
            fields = {}


def _installed(fields: Mapping[str, str]) -> Iterator[Found]:
    if fields.get("P") and fields.get("V"):
        upstream = "" if fields.get("o") == fields["P"] else fields.get("o", "")
        qualifiers = {"arch": fields.get("A", ""), "upstream": upstream}
        yield Found("apk", fields["P"], fields["V"], "alpine", fields.get("L", ""), qualifiers)


def described(source: Source) -> Iterator[Found]:
    """/var/lib/pacman/local/name-version/desc: `%KEY%`, its values below it, a blank line."""
    values: dict[str, str] = {}
    key = ""
    for line in lines(source.data):
        if line.startswith("%"):
            key = line.strip("% ")
        elif line.strip():
            values.setdefault(key, line.strip())
    name, version, origin = (values.get(key, "") for key in ("NAME", "VERSION", "BASE"))
    if not name or not version:
        raise Malformed("a description of an installed package without name or version")
    qualifiers = {"arch": values.get("ARCH", ""), "upstream": "" if origin == name else origin}
    yield Found("alpm", name, version, "arch", values.get("LICENSE", ""), qualifiers)


def package(source: Source) -> Iterator[Found]:
    """A package of Alpine or of Arch by its own .PKGINFO, `key = value` a line; pacman's names its base.

    https://wiki.alpinelinux.org/wiki/Apk_spec and https://man.archlinux.org/man/PKGBUILD.5
    """
    values: dict[str, str] = {}
    for line in lines(source.data):
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(key.strip(), value.strip())
    name, version, arch = (values.get(key, "") for key in ("pkgname", "pkgver", "arch"))
    if not name or not version:
        raise Malformed("a .PKGINFO without name or version")
    kind, vendor = ("alpm", "arch") if "pkgbase" in values else ("apk", "alpine")
    origin = values.get("origin", "")
    qualifiers = {"arch": arch, "upstream": "" if origin == name else origin}
    yield Found(kind, name, version, vendor, values.get("license", ""), qualifiers)


def release(source: Source) -> Iterator[Found]:
    """The distribution as a generic package whose `distro` says `id-version` (os-release(5))."""
    values = {}
    for line in lines(source.data):
        key, equals, value = line.partition("=")
        if equals:
            values[key.strip()] = value.strip()
    name, version = (_unquoted(values.get(key, "")) for key in ("ID", "VERSION_ID"))
    if name:
        yield Found("generic", name, version, qualifiers={"distro": f"{name}-{version}".rstrip("-")})


def _unquoted(value: str) -> str:
    """A value as a shell reads it, without its comment; a name or a version is no longer than `_LONGEST`."""
    try:
        return " ".join(shlex.split(value[:_LONGEST], comments=True))
    except ValueError:
        return value[:_LONGEST]


PARSERS: Patterns = {
    "apk/db/installed": installed,
    ".PKGINFO": package,
    "lib/pacman/local/*/desc": described,
    "etc/os-release": release,
    "usr/lib/os-release": release,
}

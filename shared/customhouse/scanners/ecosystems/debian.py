"""Debian packages: installed ones (/var/lib/dpkg/status, the status.d of images without dpkg), and a package itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_value, lines, mapping, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_UBUNTU = re.compile(r"^Ubuntu|@lists\.ubuntu\.com")
"""Who maintains Ubuntu's packages; many who maintain Debian's have an address at ubuntu.com too."""
_PRESENT = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})
"""States in which a package's files are all there (dpkg(1))."""
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^)]+)\))?")


def _stanzas(data: bytes) -> Iterator[dict[str, str]]:
    """Fields of each paragraph, without continuation lines (deb822(5)): a line of blanks is one, to dpkg and to APT.

    Where others end a paragraph at such a line, the next package begins.
    """
    fields: dict[str, str] = {}
    for line in lines(data):
        key, _, value = line.partition(":")
        if fields and (not line or (key.lower() == "package" and "package" in fields)):
            yield fields
            fields = {}
        if line and not line.startswith((" ", "\t")):
            fields[key.lower()] = value.strip()
    if fields:
        yield fields


def status(source: Source) -> Iterator[Found]:
    """What is installed; `upstream` names the source package, with its version where that differs.

    Advisories of Debian and Ubuntu are about source packages.
    """
    for fields in _stanzas(source.data):
        name, version = fields.get("package", ""), fields.get("version", "")
        if name and version and (fields.get("status") or "installed").split()[-1] in _PRESENT:
            yield _package(name, version, fields)


def opkg(source: Source) -> Iterator[Found]:
    """What is installed on OpenWrt and other small systems: the same form, with packages that are none of Debian's."""
    for found in status(source):
        yield replace(found, type="opkg", namespace="")


def chisel(source: Source) -> Iterator[Found]:
    """Packages of which slices are there, in an image of Ubuntu's that was cut out of them: JSON, one value a line.

    https://documentation.ubuntu.com/chisel/en/latest/reference/manifest/
    """
    for line in lines(source.data):
        if line.startswith('{"kind":"package"'):
            name, version, arch = (word(mapping(json_value(line)).get(key)) for key in ("name", "version", "arch"))
            if not name or not version:
                raise Malformed("a package without name or version in a manifest of Chisel")
            yield Found("deb", name, version, "ubuntu", qualifiers={"arch": arch})


def _package(name: str, version: str, fields: Mapping[str, str]) -> Found:
    origin = _SOURCE.fullmatch(fields.get("source", ""))
    upstream = origin.expand(r"\1@\2").rstrip("@") if origin else ""
    vendor = "ubuntu" if _UBUNTU.search(fields.get("maintainer", "")) else "debian"
    qualifiers = {"arch": fields.get("architecture", ""), "upstream": upstream}
    return Found("deb", name, version, vendor, qualifiers=qualifiers)


def control(source: Source) -> Iterator[Found]:
    """A package by its own control file (deb-control(5)); Malformed without what makes it one."""
    if source.inside.removeprefix("./") != "control":
        return
    fields = next(_stanzas(source.data), {})
    name, version = fields.get("package", ""), fields.get("version", "")
    if not name or not version:
        raise Malformed("a control file without package or version")
    yield _package(name, version, fields)


PARSERS: Patterns = {
    "lib/dpkg/status": status,
    "lib/dpkg/status.d/*": status,
    "lib/opkg/status": opkg,
    "chisel/manifest.wall/manifest": chisel,
    "control.tar*/control": control,
}

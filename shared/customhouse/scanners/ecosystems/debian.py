"""Installed Debian packages: /var/lib/dpkg/status, and the status.d of images without dpkg."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import text
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_UBUNTU = re.compile(r"^Ubuntu|@lists\.ubuntu\.com")
"""Who maintains Ubuntu's packages; many who maintain Debian's have an address at ubuntu.com too."""
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^)]+)\))?")


def _stanzas(data: bytes) -> Iterator[dict[str, str]]:
    """Fields of each paragraph, without continuation lines (deb822(5))."""
    fields: dict[str, str] = {}
    for line in text(data).splitlines():
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line.startswith((" ", "\t")):
            key, _, value = line.partition(":")
            fields[key.lower()] = value.strip()
    if fields:
        yield fields


def status(source: Source) -> Iterator[Found]:
    """What is installed; `upstream` names the source package, with its version where that differs.

    Advisories of Debian and Ubuntu are about source packages.
    """
    for fields in _stanzas(source.data):
        name, version = fields.get("package", ""), fields.get("version", "")
        if not name or not version or fields.get("status", " installed").split()[-1] != "installed":
            continue
        origin = _SOURCE.fullmatch(fields.get("source", ""))
        upstream = origin.expand(r"\1@\2").rstrip("@") if origin else ""
        vendor = "ubuntu" if _UBUNTU.search(fields.get("maintainer", "")) else "debian"
        qualifiers = {"arch": fields.get("architecture", ""), "upstream": upstream}
        yield Found("deb", name, version, vendor, qualifiers=qualifiers)


PARSERS: Patterns = {"lib/dpkg/status": status, "lib/dpkg/status.d/*": status, "lib/opkg/status": status}

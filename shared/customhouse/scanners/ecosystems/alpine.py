"""Installed Alpine packages, and which distribution it is that is installed (os-release)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import lines, text
from customhouse.scanners.ecosystems.found import Found, Patterns, Source


def installed(source: Source) -> Iterator[Found]:
    """/lib/apk/db/installed, `P:` to `o:` a line (https://wiki.alpinelinux.org/wiki/Apk_spec)."""
    for block in text(source.data).split("\n\n"):
        fields = {line[0]: line[2:].strip() for line in block.split("\n") if line[1:2] == ":"}
        if fields.get("P") and fields.get("V"):
            upstream = "" if fields.get("o") == fields["P"] else fields.get("o", "")
            qualifiers = {"arch": fields.get("A", ""), "upstream": upstream}
            yield Found("apk", fields["P"], fields["V"], "alpine", fields.get("L", ""), qualifiers)


def release(source: Source) -> Iterator[Found]:
    """The distribution as a generic package whose `distro` says `id-version` (os-release(5))."""
    values = {}
    for line in lines(source.data):
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            try:
                values[key.strip()] = " ".join(shlex.split(value))
            except ValueError:
                values[key.strip()] = value.strip()
    name, version = values.get("ID", ""), values.get("VERSION_ID", "")
    if name:
        yield Found("generic", name, version, qualifiers={"distro": f"{name}-{version}".rstrip("-")})


PARSERS: Patterns = {"apk/db/installed": installed, "etc/os-release": release, "usr/lib/os-release": release}

"""Extensions of Visual Studio Code by their own manifest (vsix)."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import xml_root
from customhouse.scanners.ecosystems.found import Found, Patterns, Source


def manifest(source: Source) -> Iterator[Found]:
    """extension.vsixmanifest: its Identity has publisher, name, version and platform."""
    identity = xml_root(source.data).find("Metadata/Identity")
    if identity is None:
        return
    name, version, publisher = (identity.get(key, "").strip() for key in ("Id", "Version", "Publisher"))
    if name and version and publisher:
        qualifiers = {"platform": identity.get("TargetPlatform", "").strip()}
        yield Found("vscode-extension", name, version, publisher, qualifiers=qualifiers)


PARSERS: Patterns = {"extension.vsixmanifest": manifest}

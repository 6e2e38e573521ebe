"""pnpm-lock.yaml, versions 5 to 9: packages by path (`/a/1.0.0`, `/a@1.0.0(b@2)`, `a@1.0.0`)."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import mapping, understood, word, yaml_table
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_BY_NAME = 9.0
"""The first lock file version whose keys are `name@version`."""


def _parts(path: str, layout: float) -> tuple[str, str]:
    """Name and version of a package's key; "" where the key says none (a file, a URL)."""
    if path.startswith("file:"):
        return "", ""
    if layout >= _BY_NAME:
        at = path.find("@", 1)
        return (path[:at], path[at + 1 :]) if at > 0 else (path, "")
    parts = path.partition("(")[0].split("/")[1:]
    if not parts:
        return "", ""
    own = 2 if parts[0].startswith("@") else 1
    name, version = "/".join(parts[:own]), parts[own] if len(parts) > own else ""
    if not version and "@" in name[1:]:
        name, _, version = name.rpartition("@")
    version = version.partition("_")[0]
    return (name, version) if version[:1].isdigit() else ("", "")


def lock(source: Source) -> Iterator[Found]:
    """Every package of the lock file; `name` and `version` in an entry win over its key."""
    document = yaml_table(source.data)
    understood(document.get("lockfileVersion"), 9)
    try:
        layout = float(word(document.get("lockfileVersion")) or 0)
    except ValueError:
        layout = _BY_NAME
    for path, entry in mapping(document.get("packages")).items():
        name, version = _parts(path, layout)
        own = mapping(entry)
        name, version = word(own.get("name")) or name, word(own.get("version")) or version
        if name and version:
            yield scoped("npm", name, version)


PARSERS: Patterns = {"pnpm-lock.yaml": lock}

"""Deno: the imports of deno.json and the packages of deno.lock."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.constraints import lowest
from customhouse.scanners.ecosystems.documents import json_table, jsonc_table, mapping, text, understood, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_IMPORT = re.compile(r"""\b(?:from|import)\s*+(?:\(\s*+)?(["'])([^"'\n]+)\1""")
_URL = re.compile(
    r"https?://(?:(esm\.sh|unpkg\.com|cdn\.jsdelivr\.net/npm|deno\.land/x|jsr\.io))/"
    r"((?:@[^/@]+/)?[^/@]+)@v?([^/?]+)"
)


def specifier(text_: str) -> Found | None:
    """`npm:name@version/path`, `jsr:@scope/name@version` or a URL of a package host; None without a version."""
    address = _URL.match(text_)
    if address:
        kind = {"deno.land/x": "deno", "jsr.io": "jsr"}.get(address[1], "npm")
        return scoped(kind, address[2].lstrip("@") if kind == "jsr" else address[2], address[3])
    kind, _, rest = text_.partition(":")
    name, version = _pinned(rest.lstrip("/"))
    version = version.partition("/")[0]
    if kind not in {"npm", "jsr"} or not name or not version:
        return None
    if kind == "jsr":
        return scoped("jsr", name.lstrip("@"), version)
    least = lowest(version)
    return scoped("npm", name, least) if least else None


def _pinned(key: str) -> tuple[str, str]:
    """Name and version of `@scope/name@version`."""
    at = key.find("@", 1)
    return (key[:at], key[at + 1 :]) if at > 0 else ("", "")


def config(source: Source) -> Iterator[Found]:
    """The import map of a project (https://docs.deno.com/runtime/fundamentals/configuration/)."""
    for target in mapping(jsonc_table(source.data).get("imports")).values():
        found = specifier(word(target))
        if found:
            yield found


def lock(source: Source) -> Iterator[Found]:
    """The npm and JSR packages of a lock file; peers after `_` are part of a key, not of a version.

    Version 2 has npm's packages one level deeper, versions 2 and 3 have both in other places than later ones.
    """
    document = json_table(source.data)
    understood(document.get("version"), 5)
    groups = document if "npm" in document or "jsr" in document else mapping(document.get("packages"))
    for kind in ("npm", "jsr"):
        packages = mapping(groups.get(kind))
        for key in mapping(packages.get("packages")) or packages:
            name, version = _pinned(key)
            if name:
                yield scoped(kind, name.lstrip("@") if kind == "jsr" else name, version.partition("_")[0])


def imports(source: Source) -> Iterator[Found]:
    """What a TypeScript file of a Deno project imports by a pinned specifier."""
    for found in _IMPORT.finditer(text(source.data)):
        package = specifier(found[2])
        if package:
            yield package


PARSERS: Patterns = {
    "deno.json": config,
    "deno.jsonc": config,
    "deno.lock": lock,
    "deps.ts": imports,
    "mod.ts": imports,
}

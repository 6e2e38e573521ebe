"""Deno: the imports of deno.json and the packages of deno.lock."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.constraints import lowest
from customhouse.scanners.ecosystems.documents import json_table, mapping, text, understood, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_IMPORT = re.compile(r"\bimport\s*(?:[^;\"]*\sfrom\s*|\(\s*)\"([^\"]+)\"")
_URL = re.compile(
    r"https?://(?:(esm\.sh|unpkg\.com|cdn\.jsdelivr\.net/npm|deno\.land/x|jsr\.io))/"
    r"((?:@[^/@]+/)?[^/@]+)@v?([^/?]+)"
)


def specifier(text_: str) -> Found | None:
    """`npm:name@version`, `jsr:@scope/name@version` or a URL of a package host; None without a version."""
    address = _URL.match(text_)
    if address:
        kind = {"deno.land/x": "deno", "jsr.io": "jsr"}.get(address[1], "npm")
        return scoped(kind, address[2].lstrip("@") if kind == "jsr" else address[2], address[3])
    kind, _, rest = text_.partition(":")
    name, _, version = rest.rpartition("@")
    if kind not in {"npm", "jsr"} or not name or not version:
        return None
    if kind == "jsr":
        return scoped("jsr", name.lstrip("@"), version)
    least = lowest(version)
    return scoped("npm", name, least) if least else None


def config(source: Source) -> Iterator[Found]:
    """The import map of a project (https://docs.deno.com/runtime/fundamentals/configuration/)."""
    for target in mapping(json_table(source.data).get("imports")).values():
        found = specifier(word(target))
        if found:
            yield found


def lock(source: Source) -> Iterator[Found]:
    """The npm and JSR packages of a lock file; peers after `_` are part of a key, not of a version."""
    document = json_table(source.data)
    understood(document.get("version"), 5)
    groups = document if "npm" in document or "jsr" in document else mapping(document.get("packages"))
    for kind in ("npm", "jsr"):
        for key in mapping(groups.get(kind)):
            name, _, version = key.partition("_")[0].rpartition("@")
            if name:
                yield scoped(kind, name.lstrip("@") if kind == "jsr" else name, version)


def imports(source: Source) -> Iterator[Found]:
    """What a TypeScript file of a Deno project imports by a pinned specifier."""
    for found in _IMPORT.finditer(text(source.data)):
        package = specifier(found[1])
        if package:
            yield package


PARSERS: Patterns = {
    "deno.json": config,
    "deno.jsonc": config,
    "deno.lock": lock,
    "deps.ts": imports,
    "mod.ts": imports,
}

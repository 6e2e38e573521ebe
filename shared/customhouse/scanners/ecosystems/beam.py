"""Erlang, Elixir and Gleam: mix.lock, rebar.lock, manifest.toml, gleam.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import listing, mapping, text, toml_table, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_MIX = re.compile(r'"([^"\n]+)":\s*+\{:(hex|git),\s*+(?::"?([\w./-]+)"?|"[^"]*"),\s*+"([^"]*)"')
_REBAR = re.compile(
    r'\{<<"[^"]+">>,\s*\{pkg,\s*<<"([^"]+)">>,\s*<<"([^"]+)">>|\{<<"([^"]+)">>,\s*\{(?:git|git_subdir|hg|raw),'
)


def mix(source: Source) -> Iterator[Found]:
    """One entry a line, or all on one; of a checkout only the commit is known, so it has no version."""
    for found in _MIX.finditer(text(source.data)):
        yield Found("hex", found[3] or found[1], found[4] if found[2] == "hex" else "")


def rebar(source: Source) -> Iterator[Found]:
    """The packages of a rebar.lock; of a checkout only the commit is known, so it has no version."""
    for found in _REBAR.finditer(text(source.data)):
        yield Found("hex", found[1] or found[3], found[2] or "")


def manifest(source: Source) -> Iterator[Found]:
    """Gleam's resolved packages."""
    for package in listing(toml_table(source.data).get("packages")):
        entry = mapping(package)
        if word(entry.get("name")):
            yield Found("hex", word(entry["name"]), word(entry.get("version")))


def gleam(source: Source) -> Iterator[Found]:
    """Gleam's declared packages, with the constraint as it stands."""
    document = toml_table(source.data)
    for group in ("dependencies", "dev-dependencies", "dev_dependencies"):
        for name, constraint in mapping(document.get(group)).items():
            yield Found("hex", name, word(constraint))


PARSERS: Patterns = {"mix.lock": mix, "rebar.lock": rebar, "manifest.toml": manifest, "gleam.toml": gleam}

"""Ruby: Gemfile.lock, gemspecs, and the metadata of gems."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines, listing, mapping, text, word, yaml_table
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_LOCKED = re.compile(r" {4}([\w.-]+) \(([^)\s]+)\)")
_SPEC = re.compile(r"^(?:[ \t]*+\w+[ \t]*+=[ \t]*+)?Gem::Specification\.new", re.MULTILINE)
_NAME = re.compile(r"\b\w+\.name\s*=\s*[\"']([^\"']+)[\"']")
_VERSION = re.compile(r"\b\w+\.version\s*=\s*(?:Gem::Version\.new\s*+(?:\(\s*+)?)?[\"']([^\"']+)[\"']")
_CONSTANT = re.compile(r"\b\w+\.version\s*=\s*(?:[A-Z]\w*::)*[A-Z][A-Z0-9_]*\b(?!\.)")
_REQUIRED = re.compile(r"^[ \t]*+require_relative\b", re.MULTILINE)


def lock(source: Source) -> Iterator[Found]:
    """The specs of every source; a platform after the version is no part of it."""
    sections = {"GEM", "GIT", "PATH", "PLUGIN SOURCE"}
    section = ""
    for line in lines(source.data):
        if line and not line.startswith(" "):
            section = line.strip()
        found = _LOCKED.fullmatch(line) if section in sections else None
        if found:
            yield Found("gem", found[1], re.sub(r"-(?:[a-z]|x86|x64).*", "", found[2]))


def gemspec(source: Source) -> Iterator[Found]:
    """A gemspec with a literal name and version; Ruby is never run.

    Where the version is a constant of a required file it stays open; any other expression is an error.
    """
    content = text(source.data)
    if not _SPEC.search(content):
        return
    name, version = _NAME.search(content), _VERSION.search(content)
    open_ = _CONSTANT.search(content) and _REQUIRED.search(content)
    if not name or not (version or open_):
        raise Malformed("a gemspec whose name or version is computed")
    yield Found("gem", name[1], version[1] if version else "")


def metadata(source: Source) -> Iterator[Found]:
    """A gem by its own metadata.gz: a Gem::Specification as YAML, whose Ruby types are not looked at."""
    document = yaml_table(source.data)
    name, version = word(document.get("name")), word(mapping(document.get("version")).get("version"))
    if not name or not version:
        raise Malformed("a gem's metadata without name or version")
    platform = word(document.get("platform"))
    licenses = " OR ".join(filter(None, map(word, listing(document.get("licenses")))))
    qualifiers = {"platform": "" if platform == "ruby" else platform}
    yield Found("gem", name, version, license=licenses, qualifiers=qualifiers)


PARSERS: Patterns = {"Gemfile.lock": lock, "gems.locked": lock, "*.gemspec": gemspec, "metadata.gz/metadata": metadata}

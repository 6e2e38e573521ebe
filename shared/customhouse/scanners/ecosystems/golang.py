"""Go modules: go.mod, go.sum, vendor/modules.txt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_DIRECTIVES = frozenset(
    {"module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore"}
)
_LONGEST = 100_000
Module = tuple[str, str]


def module(path: str, version: str) -> Found:
    """A module as a purl of type golang."""
    return scoped("golang", path, version)


def _statements(data: bytes) -> Iterator[tuple[str, str]]:
    """Directive and its line, blocks unfolded, without comments."""
    if data.count(b"\n") > _LONGEST:
        raise Malformed(f"a go.mod of more than {_LONGEST:,} lines")
    block = ""
    for line in lines(data):
        bare = line.partition("//")[0].strip()
        if not bare:
            continue
        if block:
            block = "" if bare == ")" else block
            if block:
                yield block, bare
            continue
        directive, rest = [*bare.split(None, 1), ""][:2]
        if directive.rstrip("(") not in _DIRECTIVES:
            raise Malformed(f"a go.mod with the directive {directive[:40]!r}")
        if bare.endswith("("):
            block = directive.rstrip("(")
        else:
            yield directive, rest.strip()


def mod(source: Source) -> Iterator[Found]:
    """The required modules after replacement, and the standard library by the toolchain or language version.

    https://go.dev/ref/mod#go-mod-file
    """
    required: dict[Module, None] = {}
    replaced: dict[Module, Module] = {}
    versions: dict[str, str] = {}
    for directive, rest in _statements(source.data):
        words = [part.strip('"`') for part in rest.split()]
        if directive == "require" and len(words) > 1:
            required[words[0], words[1]] = None
        elif directive == "replace" and "=>" in words[1:-1]:
            old, new = words[: words.index("=>")], words[words.index("=>") + 1 :]
            replaced[old[0], "".join(old[1:2])] = new[0], "".join(new[1:2])
        elif directive in {"go", "toolchain"} and words and words[0] != "default":
            versions[directive] = words[0].removeprefix("go").partition("-")[0]
    for path, version in dict.fromkeys(_replacement(one, replaced) for one in required):
        yield module(path, version)
    if versions:
        yield Found("golang", "stdlib", versions.get("toolchain") or versions["go"])


def _replacement(required: Module, replaced: Mapping[Module, Module]) -> Module:
    """What stands in for a module: a replacement of its version, else one of all versions."""
    return replaced.get(required) or replaced.get((required[0], "")) or required


def zipped(source: Source) -> Iterator[Found]:
    """A module by the folder of its zip, `path@version/`, and what its go.mod requires (https://go.dev/ref/mod#zip-files)."""
    folder = source.inside.removesuffix("/go.mod")
    path, at, version = folder.rpartition("@")
    if at and path and version:
        yield module(path, version)
    yield from mod(source)


def checksums(source: Source) -> Iterator[Found]:
    """go.sum holds what was ever needed; lines for a go.mod alone name no code."""
    for line in lines(source.data):
        words = line.split()
        if len(words) == len(("path", "version", "hash")) and not words[1].endswith("/go.mod"):
            yield module(words[0], words[1])


def vendored(source: Source) -> Iterator[Found]:
    """vendor/modules.txt: modules of which a package is there."""
    waiting: Found | None = None
    for line in lines(source.data):
        if line.startswith("##"):
            continue
        if not line.startswith("# "):
            if waiting and line.strip():
                yield waiting
            waiting = None
            continue
        old, _, new = line[2:].partition(" => ")
        words, other = old.split(), new.split()
        chosen = other if len(other) > 1 else words
        waiting = module(*chosen[:2]) if len(chosen) > 1 else None


PARSERS: Patterns = {"go.mod": mod, "go.sum": checksums, "go.work.sum": checksums, "vendor/modules.txt": vendored}

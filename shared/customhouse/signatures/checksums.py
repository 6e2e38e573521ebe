"""Files of checksums: GNU and BSD forms as coreutils reads them, OpenSSL's, and a bare digest. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from customhouse.errors import Malformed
from customhouse.signatures.names import base

WEAK = frozenset({"md5", "sha1"})
"""Algorithms for which other bytes with the same digest can be made."""

_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_GNU = re.compile(r"[ \t]*(\\?)([0-9A-Fa-f]{32,128})(?: [ *](.+)| ([^ *].*)|[ \t]*)")
_BSD = re.compile(r"[ \t]*(\\?)(MD5|SHA1|SHA(?:2-)?(?:256|384|512)) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})")
_ESCAPED = re.compile(r"\\([\\nr])")
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One digest, lower-case hex, of the file called `name`; without a name, of the one that it stands beside."""

    algorithm: str
    digest: str
    name: str = ""


def parse(data: bytes) -> list[Entry]:
    """Every entry; Malformed where a line is none, for a file read by halves says nothing.

    Blank lines and lines beginning with `#` may stand between. The algorithm follows from the length of the digest,
    or from the BSD form's own word. Source: coreutils, `digest.c`.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        lines = data.decode(encoding).split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("no text") from error
    entries = [_entry(line) for line in lines if line.strip() and not line.startswith("#")]
    if not entries:
        raise Malformed("no checksum in it")
    return entries


def about(entries: Sequence[Entry], name: str, *, manifest: bool) -> list[Entry]:
    """The entries about the file `name`.

    A `manifest` speaks of the files of its own folder, by their names; what stands beside one file alone may name it by
    the path where it was made, or not at all.
    """
    if manifest:
        return [entry for entry in entries if entry.name.removeprefix("./") == name]
    return [entry for entry in entries if not entry.name or base(entry.name.replace("\\", "/")) == name]


def _entry(line: str) -> Entry:
    if match := _BSD.fullmatch(line.rstrip()):
        escaped, word, name, digest = match.groups()
        entry = Entry(word.lower().replace("sha2-", "sha"), digest.lower(), _unescaped(name) if escaped else name)
    elif match := _GNU.fullmatch(line.rstrip("\r")):
        escaped, digest, name, reversed_name = match.groups()
        name = name or reversed_name or ""
        entry = Entry(_BY_LENGTH.get(len(digest), ""), digest.lower(), _unescaped(name) if escaped else name)
    else:
        raise Malformed("a line of it is no checksum")
    if _BY_LENGTH.get(len(entry.digest)) != entry.algorithm or not entry.algorithm:
        raise Malformed("a digest of it has a length that no algorithm has")
    return entry


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda match: _PLAIN[match[1]], name)


def algorithms(data: bytes, name: str, *, manifest: bool) -> set[str]:
    """The digests of the file `name` that comparing needs; none where there is nothing to compare."""
    try:
        return {entry.algorithm for entry in about(parse(data), name, manifest=manifest)}
    except Malformed:
        return set()

"""Packages that are a tar and state digests of their own members: gems, and conda's older form.

RubyGems refuses a gem that is not what its checksums.yaml.gz says; conda states digests in info/paths.json, which its
tools put before what it lists (https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator

import msgspec

from customhouse.inspect.formats import tar
from customhouse.inspect.formats.digests import Stated, checked, hexadecimal
from customhouse.inspect.formats.entry import Entry, Source

_CHECKSUMS = "checksums.yaml.gz"
_PARTS = frozenset({"metadata.gz", "data.tar.gz"})
_ALGORITHMS = ("sha1", "sha256", "sha512")
_SECTION = re.compile(rb"(SHA[0-9]+):[ \t]*\n((?:[ \t]+.*(?:\n|\Z))+)", re.MULTILINE)
_DIGEST = re.compile(rb"^[ \t]+['\"]?([\w.]+)['\"]?:[ \t]+['\"]?([0-9A-Fa-f]+)['\"]?[ \t]*$", re.MULTILINE)
_PATHS = "info/paths.json"
_SMALL, _MOST = 64 << 10, 16 << 20


def entries(source: Source) -> Iterator[Entry]:
    """The members of a tar, compared with what it states of them."""
    gem, conda = _Gem(), _Conda()
    for entry in tar.entries(source):
        name = entry.name
        if entry.data is not None:
            if name in _PARTS or name == _CHECKSUMS:
                entry.data = gem.watch(name, entry.data)
            elif name == _PATHS or name in conda.stated:
                entry.data = conda.watch(source, name, entry.data)
        yield entry
    gem.check(source)


class _Gem:
    """Keeps the digests of a gem's parts until its checksums are there, which come last."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], bytes] = {}
        self._checksums = b""

    def watch(self, name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The bytes of a part or of the checksums."""
        kept = bytearray()
        hashes = {algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm in _ALGORITHMS}
        for block in blocks:
            for digest in hashes.values():
                digest.update(block)
            kept += block[: _SMALL - len(kept)] if name == _CHECKSUMS else b""
            yield block
        self._digests |= {(algorithm, name): digest.digest() for algorithm, digest in hashes.items()}
        self._checksums = bytes(kept) or self._checksums

    def check(self, source: Source) -> None:
        """Say which parts have other digests than stated."""
        for section in _SECTION.finditer(_gunzipped(self._checksums)):
            for name, digest in _DIGEST.findall(section[2]):
                actual = self._digests.get((section[1].decode().lower(), name.decode()))
                if actual is not None and actual != hexadecimal(digest.decode()):
                    source.high(
                        "digest-mismatch", f"its bytes are not those of its digest in {_CHECKSUMS}", name.decode()
                    )


def _gunzipped(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, _SMALL)
    except zlib.error:
        return b""


class _Path(msgspec.Struct):
    path: str = msgspec.field(name="_path")
    sha256: str = ""


class _Paths(msgspec.Struct):
    paths: list[_Path]


class _Conda:
    """Knows the digests of a package's files as soon as its list was read."""

    def __init__(self) -> None:
        self.stated: dict[str, list[Stated]] = {}

    def watch(self, source: Source, name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The bytes of the list, or of a file in it."""
        return self._read(blocks) if name == _PATHS else checked(source, name, blocks, self.stated[name], _PATHS)

    def _read(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        text = bytearray()
        for block in blocks:
            text += block[: _MOST - len(text)]
            yield block
        try:
            listed = msgspec.json.decode(text, type=_Paths).paths
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        for one in listed:
            if one.sha256:
                self.stated.setdefault(one.path, []).append(("sha256", hexadecimal(one.sha256)))

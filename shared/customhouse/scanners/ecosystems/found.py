"""What a parser finds, and how it becomes a purl."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TypeAlias

from packageurl import PackageURL

from customhouse.errors import Malformed

_CREDENTIALS = re.compile(r"://(?!git@)[^/@]*@")
"""What stands before the host of a URL; `git@` is everybody."""

_NAMES = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_FOLDED = re.compile(r"[a-z0-9.-]+(?:/[a-z0-9.-]+)*")
_VERSION = re.compile(r"[A-Za-z0-9._-]*")
_PAIR = re.compile(r"[a-z]+=[A-Za-z0-9._-]+")
_FOLDING = frozenset(
    {"alpm", "apk", "bitbucket", "bitnami", "composer", "github", "gitlab", "hackage", "hex", "luarocks", "npm", "pypi"}
)
"""Types whose names have one case, or dashes for underscores."""
_SPECIAL = frozenset({"cpan", "huggingface", "mlflow", "oci", "pub", "qpkg"})


@dataclass(frozen=True, slots=True)
class Found:
    """One package: purl type, name, version ("" where the file has none), namespace, qualifiers.

    `license` is what the file declares as an SPDX expression. See https://github.com/package-url/purl-spec
    """

    type: str
    name: str
    version: str = ""
    namespace: str = ""
    license: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)

    @property
    def purl(self) -> str:
        """The canonical purl, without credentials of URLs in it; "" where there is no name to make one of.

        ValueError for text that no UTF-8 has.
        """
        if plain := self._plain():
            return plain
        name = _open(self.name).strip().strip("/").strip()
        if not name:
            return ""
        parts = PackageURL(
            type=self.type,
            namespace=_open(self.namespace).strip() or None,
            name=name,
            version=_open(self.version).strip() or None,
            qualifiers={key: _open(value) for key, value in self.qualifiers.items()},
            normalize_purl=False,  # to_string does it, once
        )
        return parts.to_string()

    def _plain(self) -> str:
        """The purl where nothing in it is encoded or folded, as in most: the library takes eight times as long."""
        names = _FOLDED if self.type in _FOLDING else _NAMES
        path = f"{self.namespace}/{self.name}" if self.namespace else self.name
        if (
            self.type in _SPECIAL
            or "/" in self.name
            or not names.fullmatch(path)
            or not _VERSION.fullmatch(self.version)
        ):
            return ""
        pairs = sorted(f"{key}={value}" for key, value in self.qualifiers.items() if value)
        if not all(map(_PAIR.fullmatch, pairs)):
            return ""
        version = f"@{self.version}" if self.version else ""
        return f"pkg:{self.type}/{path}{version}{'?' if pairs else ''}{'&'.join(pairs)}"


def _open(text: str) -> str:
    """What may be told: a lock file's URLs may hold the password they were fetched with."""
    return _CREDENTIALS.sub("://", text) if "://" in text else text


@dataclass(frozen=True, slots=True)
class Source:
    """A file to parse: all of its bytes, and where it was found, with `/` between every container and member.

    `inside` is its path in the one container that holds it.
    """

    data: bytes
    path: str = ""
    inside: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


Parser: TypeAlias = Callable[[Source], Iterable[Found]]
"""A pure function of a file's bytes; raises Malformed (one line, for people) where the file is not what it claims."""

_MOST = 100_000
"""Packages of one file: the largest lock files and bills of materials have a tenth."""


def limited(parser: Parser) -> Parser:
    """The same parser, which fails with Malformed after as many packages as no real file has."""

    @wraps(parser)
    def parse(source: Source) -> Iterator[Found]:
        for count, found in enumerate(parser(source)):
            if count == _MOST:
                raise Malformed(f"a file that names more than {_MOST:,} packages")
            yield found

    return parse


Patterns: TypeAlias = Mapping[str, Parser]
"""Parsers by glob: a bare name, a name with `*`, or a path whose beginning does not matter."""


def scoped(kind: str, name: str, version: str = "", *, license_text: str = "") -> Found:
    """A package whose namespace is part of its name: `@scope/name`, `vendor/name`, `host/path/name`."""
    namespace, _, own = name.rpartition("/")
    return Found(kind, own, version, namespace, license_text)

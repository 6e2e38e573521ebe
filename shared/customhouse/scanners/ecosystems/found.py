"""What a parser finds, and how it becomes a purl."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from packageurl import PackageURL

_CREDENTIALS = re.compile(r"://(?!git@)[^/@]*@")
"""What stands before the host of a URL; `git@` is everybody."""


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

Patterns: TypeAlias = Mapping[str, Parser]
"""Parsers by glob: a bare name, a name with `*`, or a path whose beginning does not matter."""


def scoped(kind: str, name: str, version: str = "", *, license_text: str = "") -> Found:
    """A package whose namespace is part of its name: `@scope/name`, `vendor/name`, `host/path/name`."""
    namespace, _, own = name.rpartition("/")
    return Found(kind, own, version, namespace, license_text)

"""The parts of a canonical purl, read fast: every package of every bill of materials passes through here."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote


class Purl(NamedTuple):
    """`pkg:type/namespace/name@version?qualifiers`, decoded; `qualifiers` stays as it is written."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: str

    def qualifier(self, key: str) -> str:
        """One qualifier's value, "" where it is not there."""
        for pair in self.qualifiers.split("&"):
            own, _, value = pair.partition("=")
            if own == key:
                return unquote(value)
        return ""


@lru_cache(maxsize=1 << 16)
def split(purl: str) -> Purl:
    """The parts of a purl as our own parsers write them (https://github.com/package-url/purl-spec)."""
    head, _, qualifiers = purl.partition("#")[0].partition("?")
    kind, _, rest = head.removeprefix("pkg:").partition("/")
    path, _, version = rest.rpartition("@") if "@" in rest else (rest, "", "")
    namespace, _, name = path.rpartition("/")
    if "%" in rest:
        namespace, name, version = unquote(namespace), unquote(name), unquote(version)
    return Purl(kind, namespace, name, version, qualifiers)

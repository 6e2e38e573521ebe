"""Licences: what packages declare and what licence files say, as SPDX, against a list of what is wanted.

Without `deny` or `allow` there is nothing to find, and the scanner looks at nothing.
"""

from __future__ import annotations

import codecs
import fnmatch
import html
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.parser import HeaderParser
from importlib.metadata import version as installed
from typing import Any, Literal

import re2
from license_expression import Renderable

from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.licences_names import choice, expression, recognised
from customhouse.scanners.options import Options, read

_NUSPEC = re2.compile(r"<license\s[^<>]{0,200}\btype\s*=\s*[\"']expression[\"'][^<>]{0,200}>\s*([^<]{1,500})</license>")
_POM = re2.compile(r"(?s)<license>(.{0,1000}?)</license>")
_POM_NAME = re2.compile(r"<name>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,300}?)\s*(?:\]\]>)?\s*</name>")
_CLASSIFIER = "License :: "
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class LicenceOptions(Options, frozen=True):
    """`deny`, `allow`: SPDX identifiers with `*`; with `allow`, all others are denied; `unknown`: report those too."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    unknown: bool = False
    severity: Severity = Severity.HIGH


def build(options: Mapping[str, object]) -> LicenceScanner:
    """The scanner; SPDX's list is read when it is first needed."""
    return LicenceScanner(read("licences", options, LicenceOptions))


class LicenceScanner:
    """Licence declarations and files; with a choice (`MIT OR GPL-3.0-only`) one licence that is allowed is enough."""

    name = "licences"
    reads: Literal["windows", "stream"] = "windows"

    def __init__(self, options: LicenceOptions) -> None:
        self._options = options
        self.version = f"license-expression {installed('license-expression')}"

    def wants(self, member: Member) -> bool:
        """Files that declare or hold a licence."""
        asked = self._options.deny or self._options.allow or self._options.unknown
        return bool(asked) and _reader(member.name) is not None

    def scan(self, member: Member) -> Iterable[Fact]:
        """A finding per declaration that is denied, or not understood where that is asked for; a skip for halves."""
        reader = _reader(member.name)
        if reader is None:
            return
        if not member.whole:
            if member.last:
                yield Skip(member.path, SkipReason.LIMIT, "too large to tell its licence")
            return
        encoding = "utf-16" if member.data.startswith(_UTF16) else "utf-8-sig"
        for text in dict.fromkeys(reader(member.data.decode(encoding, "replace"))):
            wanted = expression(text)
            if wanted is None:
                yield from self._unknown(member, text)
            elif self._denied(wanted):
                message = f"licence {wanted} is not allowed"
                yield Finding(self.name, "licence-denied", self._options.severity, member.path, message)

    def _unknown(self, member: Member, text: str) -> Iterator[Finding]:
        if self._options.unknown:
            shown = "".join(character if character.isprintable() else "?" for character in text[:80])
            yield Finding(self.name, "licence-unknown", Severity.LOW, member.path, f"licence {shown!r} is not known")

    def _denied(self, wanted: Renderable) -> bool:
        if not wanted.args:
            return self._refused(str(wanted))
        parts = [self._denied(part) for part in wanted.args]
        return all(parts) if choice(wanted) else any(parts)

    def _refused(self, licence: str) -> bool:
        if _listed(licence, self._options.deny):
            return True
        return bool(self._options.allow) and not _listed(licence, self._options.allow)


def _listed(licence: str, patterns: Iterable[str]) -> bool:
    """A licence with an exception is listed by its whole name or without the exception."""
    names = {licence, licence.partition(" WITH ")[0]}
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


Reader = Callable[[str], Iterable[str]]


def _reader(path: str) -> Reader | None:
    """What finds the licences in a file of this name."""
    folder, _, name = path.lower().rpartition("/")
    named = name.startswith(("license", "licence", "copying", "unlicense"))
    kept = folder.rpartition("/")[2] in {"licenses", "licences"}  # as REUSE and wheels have it
    if (named or kept) and not name.endswith((".py", ".js", ".json")):
        return _file
    return next((reader for ending, reader in _READERS.items() if name.endswith(ending)), None)


def _file(text: str) -> Iterator[str]:
    if found := recognised(text):
        yield found


def _metadata(text: str) -> Iterator[str]:
    """A wheel's or sdist's core metadata: the expression, else a name or a whole text, else the classifiers."""
    headers = HeaderParser().parsestr(text)
    if stated := headers["License-Expression"]:
        yield " ".join(stated.split())
        return
    declared = (headers["License"] or "").strip()
    found = recognised(declared) if "\n" in declared else declared
    if found and found.upper() != "UNKNOWN":
        yield found
        return
    for line in headers.get_all("Classifier", []):
        last = line.rpartition(" :: ")[2].strip()
        if line.startswith(_CLASSIFIER) and last != "OSI Approved":
            yield last


def _json(text: str) -> Iterator[str]:
    """package.json and composer.json: a text, an object with `type`, or a list of either, one of which is enough."""
    document = _parsed(json.loads, text)
    stated = document.get("license") or document.get("licenses") or []
    names = [item.get("type") if isinstance(item, dict) else item for item in _list(stated)]
    yield from _either([name for name in names if isinstance(name, str)])


def _cargo(text: str) -> Iterator[str]:
    package = _parsed(tomllib.loads, text).get("package")
    stated = package.get("license") if isinstance(package, dict) else None
    if isinstance(stated, str):
        yield stated.replace("/", " OR ")


def _nuspec(text: str) -> Iterator[str]:
    return (html.unescape(found.group(1)).strip() for found in _NUSPEC.finditer(text))


def _pom(text: str) -> Iterator[str]:
    """Of several licences one may choose (Maven's POM reference, "Licenses")."""
    named = (_POM_NAME.search(found.group(1)) for found in _POM.finditer(text))
    return _either([html.unescape(name.group(1)) for name in named if name])


def _either(names: list[str]) -> Iterator[str]:
    """One of these is enough."""
    if len(names) == 1:
        yield names[0]
    elif names:
        yield " OR ".join(f"({expression(name) or name})" for name in names)


def _parsed(parse: Callable[[str], Any], text: str) -> dict[str, Any]:
    try:
        document = parse(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


_READERS: Mapping[str, Reader] = {
    "metadata": _metadata,
    "pkg-info": _metadata,
    "package.json": _json,
    "composer.json": _json,
    "cargo.toml": _cargo,
    ".nuspec": _nuspec,
    "pom.xml": _pom,
    ".pom": _pom,
}

"""Licences: what packages declare and what licence files say, as SPDX, against a list of what is wanted.

Without `deny` or `allow` there is nothing to find, and the scanner looks at nothing.
"""

from __future__ import annotations

import codecs
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as installed
from typing import Literal

from license_expression import Renderable

from customhouse.errors import ConfigError
from customhouse.model import Fact, Finding, Package, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.licences_declared import TooMuch, bounded, reader
from customhouse.scanners.licences_names import LONGEST, choice, expression, identifier, pattern, understood
from customhouse.scanners.options import Options, read

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_READ = ("pkg:pypi/", "pkg:npm/", "pkg:composer/", "pkg:cargo/", "pkg:nuget/", "pkg:maven/")
"""Packages whose own files are read here; of others, what their package scanner says counts."""


class LicenceOptions(Options, frozen=True):
    """`deny`, `allow`: SPDX identifiers with `*`; with `allow`, all others are denied; `unknown`: report those too."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    unknown: bool = False
    severity: Severity = Severity.HIGH


def build(options: Mapping[str, object]) -> LicenceScanner:
    """The scanner; ConfigError where a list has a name that no licence has, which would deny and allow nothing."""
    wanted = read("licences", options, LicenceOptions)
    return LicenceScanner(wanted, deny=_patterns("deny", wanted.deny), allow=_patterns("allow", wanted.allow))


def _patterns(option: str, patterns: Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(map(pattern, patterns))
    except ValueError as error:
        raise ConfigError(f"scanners.licences.{option}: {error} (https://spdx.org/licenses)") from error


class LicenceScanner:
    """Licence declarations and files; with a choice (`MIT OR GPL-3.0-only`) one licence that is allowed is enough."""

    name = "licences"
    reads: Literal["windows", "stream"] = "windows"

    def __init__(self, options: LicenceOptions, *, deny: tuple[str, ...], allow: tuple[str, ...]) -> None:
        self._options, self._deny, self._allow = options, deny, allow
        self.version = f"license-expression {installed('license-expression')}"

    def wants(self, member: Member) -> bool:
        """Files that declare or hold a licence."""
        return self._asked and reader(member.name) is not None

    def scan(self, member: Member) -> Iterable[Fact]:
        """A finding per declaration that is denied, or not understood where that is asked for; a skip for halves."""
        declared = reader(member.name)
        if declared is None:
            return
        if not member.whole:
            if member.last:
                yield Skip(member.path, SkipReason.LIMIT, "too large to tell its licence")
            return
        encoding = "utf-16" if member.data.startswith(_UTF16) else "utf-8-sig"
        try:
            for text in bounded(declared(member.data.decode(encoding, "replace"))):
                yield from self._judged(member.path, text)
        except TooMuch as error:
            yield Skip(member.path, SkipReason.LIMIT, f"too large to tell its licence: {error}")

    def conclude(self, packages: Sequence[Package]) -> Iterable[Fact]:
        """The same of what packages declare in files that are not read here."""
        for package in packages if self._asked else ():
            if package.license and not package.purl.startswith(_READ):
                yield from self._judged(package.member, package.license)

    @property
    def _asked(self) -> bool:
        return bool(self._deny or self._allow or self._options.unknown)

    def _judged(self, path: str, text: str) -> Iterator[Fact]:
        if len(text) > LONGEST:
            yield Skip(path, SkipReason.LIMIT, f"a licence of more than {LONGEST:,} characters")
            return
        wanted = expression(text)
        strange = [text] if wanted is None else [str(one) for one in wanted.get_symbols() if not understood(one)]
        for name in strange if self._options.unknown else ():
            yield Finding(self.name, "licence-unknown", Severity.LOW, path, f"licence {_shown(name)!r} is not known")
        if wanted is not None and self._denied(wanted):
            message = f"licence {_shown(str(wanted), LONGEST)} is not allowed"
            yield Finding(self.name, "licence-denied", self._options.severity, path, message)

    def _denied(self, wanted: Renderable) -> bool:
        if not wanted.args:
            return self._refused(identifier(wanted).lower())
        parts = [self._denied(part) for part in wanted.args]
        return all(parts) if choice(wanted) else any(parts)

    def _refused(self, licence: str) -> bool:
        if _listed(licence, self._deny):
            return True
        return bool(self._allow) and not _listed(licence, self._allow)


def _listed(licence: str, patterns: Iterable[str]) -> bool:
    """A licence with an exception, or in any later version, is listed by its whole name or without that."""
    base = licence.partition(" with ")[0]
    names = {licence, base, base.removesuffix("+")}
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _shown(text: str, most: int = 80) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:most])

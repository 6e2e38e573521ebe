"""What a policy asks of the signatures of which artifacts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from customhouse.errors import ConfigError

Kind = Literal["signature", "provenance", "checksum"]
Words = str | tuple[str, ...]


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may sign: the OpenID issuer that a certificate names and its subject (a workflow's URL, a mail address).

    Both are globs over the whole text; `*` matches anything, also `/`.
    """

    issuer: str
    subject: str

    def fits(self, issuer: str, subject: str) -> bool:
        """Whether a certificate is of this identity."""
        return fnmatchcase(issuer, self.issuer) and fnmatchcase(subject, self.subject)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Artifacts by name (globs), what must stand beside them, who may sign, and what provenance must say.

    `builders` and `sources` are globs; where given, provenance must name one of each.
    """

    name: Words
    require: tuple[Kind, ...] = ()
    identities: tuple[Identity, ...] = ()
    builders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def covers(self, key: str) -> bool:
        """Whether the rule is about the artifact at `key`."""
        return matches((self.name,) if isinstance(self.name, str) else self.name, key)

    def check(self, where: str) -> None:
        """ConfigError where the rule could accept everybody, or nobody."""
        if not self.identities and set(self.require) & {"signature", "provenance"}:
            raise ConfigError(f"{where}: signatures are required and nobody may sign; name identities")
        for identity in self.identities:
            if not identity.issuer.strip("*?") or not identity.subject.strip("*?"):
                raise ConfigError(f"{where}: an identity that is anybody; name the issuer and the subject")


def matches(patterns: tuple[str, ...], text: str) -> bool:
    """Whether one of the globs matches the whole text."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)

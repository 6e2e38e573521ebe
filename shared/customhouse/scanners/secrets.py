"""Secrets: provider tokens, keys, passwords; in text, in programs' strings, UTF-16 and up to two layers of base64.

A secret is never repeated in a finding: evidence is its first characters and a salted hash, by which findings of one
secret are recognised as such.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from customhouse.model import Fact, Finding, Skip, SkipReason
from customhouse.scanners import Batch, Member
from customhouse.scanners.hyperscan_engine import VERSION, TooMany
from customhouse.scanners.options import Options, read
from customhouse.scanners.secrets_encoded import begins, decoded, decoded_from, maybe_wide, pairs, wide
from customhouse.scanners.secrets_judge import fixture, genuine
from customhouse.scanners.secrets_matcher import Match, Matcher, digest
from customhouse.scanners.secrets_rules import CURATED, load

_BASE64, _LAYERS = "base64 text", 2
_LIMIT = 1000
"""Findings per window; more than this is no leak but an attempt to drown one."""


class SecretsOptions(Options, frozen=True):
    """`rules`: folders of .toml files; `fixtures`: report test keys too; `salt`: makes runs comparable."""

    rules: tuple[str, ...] = ()
    curated: bool = True
    fixtures: bool = False
    salt: str = ""


def build(options: Mapping[str, object]) -> SecretsScanner:
    """Load the rules and their database; compiling it takes a second where `secrets_matcher.precompile` has not run."""
    return SecretsScanner(read("secrets", options, SecretsOptions))


class SecretsScanner:
    """Every rule over every member, once as it is and once over what base64 in it hides."""

    name = "secrets"
    reads: Literal["windows", "stream"] = "windows"

    def __init__(self, options: SecretsOptions) -> None:
        rules = load([*([CURATED] if options.curated else []), *map(Path, options.rules)])
        self.version = f"hyperscan {VERSION}, rules {digest(rules)}"
        self._matcher = Matcher(rules)
        self._fixtures = options.fixtures
        self._salt = options.salt.encode()[:64] or secrets.token_bytes(32)

    def wants(self, member: Member) -> bool:
        """Everything that has bytes."""
        return member.size > 0

    def scan(self, member: Member) -> Iterable[Fact]:
        """One finding per rule and secret; a skip where a window holds too much to look at."""
        try:
            yield from self._findings(member)
        except TooMany:
            yield Skip(member.path, SkipReason.LIMIT, "too many places that may be secrets")

    def glance(self, batch: Batch) -> Iterable[int]:
        """Where a rule may match, or in UTF-16 or base64 might."""
        if not self._matcher.floats:
            return range(len(batch.members))
        wide = {place for place, member in enumerate(batch.members) if maybe_wide(member.data)}
        return wide | batch.holding([*self._matcher.places(batch.data), *begins(batch.data)])

    def _findings(self, member: Member) -> Iterator[Finding]:
        seen: set[bytes] = set()
        for encoding, match, data in self._matches(member):
            rule = match.rule
            if match.secret in seen or _cut(member, match, data) or not genuine(rule, match.secret, match.host):
                continue
            if rule.fixture and not self._fixtures and fixture(member.path):
                continue
            seen.add(match.secret)
            if len(seen) > _LIMIT:
                raise TooMany
            yield self._finding(member, match, encoding, data)

    def _matches(self, member: Member) -> Iterator[tuple[str, Match, bytes]]:
        """Matches in the window as it is, then in what UTF-16 and base64 in it say; with the text they are in."""
        for encoding, data, text in _readings(member):
            done = 0
            for match in self._matcher.matches(data, text=text):
                if not match.rule.encoded:
                    yield encoding, match, data
                elif not text and match.start >= done:
                    inner, done = decoded_from(data, match.start)
                    yield from ((_BASE64, found, inner) for found in self._plain(inner))

    def _plain(self, data: bytes) -> Iterator[Match]:
        return (match for match in self._matcher.matches(data, text=True) if not match.rule.encoded)

    def _finding(self, member: Member, match: Match, encoding: str, data: bytes) -> Finding:
        where = _where(member, match.start, data) if not encoding else f"in {encoding}"
        rule = match.rule
        message = f"{rule.name} {where}"
        return Finding(self.name, rule.id, rule.severity, member.path, message, self._redact(match.secret))

    def _redact(self, secret: bytes) -> str:
        """At most a quarter of the secret, four characters, then its keyed hash."""
        shown = secret[: min(4, len(secret) // 4)].decode("ascii", "replace")
        return f"{shown}… #{hashlib.blake2b(secret, key=self._salt, digest_size=6).hexdigest()}"


def _readings(member: Member) -> Iterator[tuple[str, bytes, bool]]:
    """How the data is read, what it says when read so, and whether that is text; a program has only texts in it."""
    data, text = member.data, member.text
    yield "", data, text
    if member.kind == "pe" or data.startswith(b"MZ"):
        yield from (("UTF-16 text", half, False) for half in pairs(data))
    elif other := wide(data):
        data, text = other, True
        yield "UTF-16 text", data, text
    for _ in range(_LAYERS):
        data = decoded(data) if text else b""
        if data:
            yield _BASE64, data, text


def _cut(member: Member, match: Match, data: bytes) -> bool:
    """Whether it ends where a window does, and so may be a part of something: another window holds it whole."""
    begins, ends = match.start == 0, match.start + len(match.secret) == len(data)
    return bool(begins and member.offset) or (ends and not member.last)


def _where(member: Member, start: int, data: bytes) -> str:
    if member.whole and member.text:
        line = data.count(b"\n", 0, start) + 1
        return f"in line {line}"
    return f"at byte {member.offset + start}"

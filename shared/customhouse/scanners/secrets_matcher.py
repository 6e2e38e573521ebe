"""One hyperscan pass finds where rules may match; RE2 says what exactly. Both are linear in time on any text."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hyperscan
import re2

from customhouse.errors import ConfigError
from customhouse.scanners.hyperscan_engine import Engine, compiled, floats
from customhouse.scanners.hyperscan_stored import database, file_name
from customhouse.scanners.secrets_rules import CURATED, Rule, load

CANDIDATES = 100_000
"""Places per window at which rules may match; beyond that the window counts as not seen."""


_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.encoding = re2.Options.Encoding.LATIN1


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's match: the secret, where it begins, and the match's second group where the rule has one."""

    rule: Rule
    secret: bytes
    start: int
    host: bytes


class Matcher:
    """All rules at once; safe to call from several threads."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._engine = Engine(_database(rules))
        self.floats = all(floats(rule.sought) for rule in rules)

    def places(self, data: bytes) -> Iterator[int]:
        """Where rules may match: the ends of such places, in no order; raises TooMany."""
        return itertools.chain.from_iterable(self._engine.ends(data, CANDIDATES).values())

    def matches(self, data: bytes, *, text: bool) -> Iterator[Match]:
        """Matches in rule order, of rules for text only where this is `text`; raises TooMany."""
        for index, ends in sorted(self._engine.ends(data, CANDIDATES).items()):
            if text or not self._rules[index].text:
                yield from self._confirm(index, ends, data)

    def _confirm(self, index: int, ends: list[int], data: bytes) -> Iterator[Match]:
        """Hyperscan reports every end of a match and no start: look back as far as the rule's span, once.

        What follows a secret may begin the next match, as the end of a line does.
        """
        rule = self._rules[index]
        exact = _exact(rule)
        done = 0
        for end in ends:
            if end <= done:
                continue
            at, stop = max(done, end - rule.span), min(len(data), end + rule.span)
            while match := exact.search(data, at, stop):
                yield Match(rule, match.group(1), match.start(1), match.group(2) if rule.host else b"")
                at = done = max(match.end(1), match.start() + 1)


def digest(rules: Sequence[Rule]) -> str:
    """What identifies this set of rules, and how their expressions are made of them."""
    lines = (f"{rule!r} {rule.sought!r} {rule.pattern!r}" for rule in rules)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def precompile(folder: Path = CURATED) -> Path:
    """Write the curated rules' database where `Matcher` finds it; run when a deployment is built."""
    rules = load([CURATED])
    path = folder / file_name(digest(rules))
    path.write_bytes(hyperscan.dumpb(_compile(rules)))
    return path


@functools.lru_cache(maxsize=4)
def _database(rules: tuple[Rule, ...], folder: Path = CURATED) -> hyperscan.Database:
    return database(folder, digest(rules), lambda: _compile(rules))


def _compile(rules: Sequence[Rule]) -> hyperscan.Database:
    for rule in rules:
        _exact(rule)
    try:
        return compiled([rule.sought for rule in rules])
    except hyperscan.HyperscanError as error:
        raise ConfigError(f"scanners.secrets.rules: {error}") from error


@functools.cache
def _exact(rule: Rule) -> re2._Regexp:
    try:
        exact = re2.compile(rule.pattern, _QUIET)
    except re2.error as error:
        raise ConfigError(f"scanners.secrets.rules: {rule.id}: {error}") from error
    if exact.groups < (2 if rule.host else 1):
        raise ConfigError(f"scanners.secrets.rules: {rule.id}: the regex needs a group around the secret")
    return exact

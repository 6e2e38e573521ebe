"""Alpine and its relatives: `1.2.3b_rc1~hash-r4` (apk-package(5), `apk version`)."""

from __future__ import annotations

import re
from typing import TypeAlias

Token: TypeAlias = tuple[int, int, str]

_TOKEN = re.compile(
    r"(?P<digits>(?:^|(?<=[0-9])\.)[0-9]+)|(?P<letter>(?<=[0-9])[a-z](?![a-z]))"
    r"|_(?P<suffix>alpha|beta|pre|rc|cvs|svn|git|hg|p)(?P<count>[0-9]*)|~(?P<hash>[0-9a-f]+)|-r(?P<revision>[0-9]+)$"
)
_BEFORE = ("alpha", "beta", "pre", "rc")
_AFTER = ("cvs", "svn", "git", "hg", "p")
# What may stand at one place, in order: a longer version is newer, unless it goes on with a pre-release suffix.
_PRERELEASE, _INVALID, _END, _REVISION, _HASH, _COUNT, _SUFFIX, _LETTER, _DIGITS = range(9)


def key(version: str) -> tuple[Token, ...]:
    """The tokens of a version; text that does not parse sorts before the end, so before what is well formed."""
    out: list[Token] = []
    place = 0
    while place < len(version):
        token = _TOKEN.match(version, place)
        if token is None:
            return (*out, (_INVALID, 0, version[place:]))
        out += _tokens(token)
        place = token.end()
    return (*out, (_END, 0, ""))


def _tokens(found: re.Match[str]) -> list[Token]:
    kind = found.lastgroup
    if kind == "digits":
        return [_digits(found["digits"])]
    if kind == "letter":
        return [(_LETTER, 0, found["letter"])]
    if kind == "hash":
        return [(_HASH, 0, found["hash"])]
    if kind == "revision":
        return [(_REVISION, int(found["revision"]), "")]
    count = [(_COUNT, int(found["count"]), "")] if found["count"] else []
    return [_suffix(found["suffix"]), *count]


def _suffix(name: str) -> Token:
    if name in _BEFORE:
        return _PRERELEASE, _BEFORE.index(name), ""
    return _SUFFIX, _AFTER.index(name), ""


def _digits(text: str) -> Token:
    """A number; past the first, one that begins with 0 is a fraction: it compares as text, before all others."""
    if text.startswith(".0"):
        return _DIGITS, 0, text
    return _DIGITS, int(text.lstrip(".")) + 1, ""

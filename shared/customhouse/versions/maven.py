"""Maven: dots, dashes and transitions make tokens, and a token's separator is part of its order.

https://maven.apache.org/pom.html#version-order-specification and `ComparableVersion`, which decides.
"""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any, NamedTuple

_TOKEN = re.compile(r"([-.]?)([0-9]+|[^-.0-9]*)")
_ALIASES = {"cr": "rc", "ga": "", "final": "", "release": ""}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
_KNOWN = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")


class Token(NamedTuple):
    """A number, or else a qualifier, after its separator."""

    separator: str
    number: int | None
    word: str = ""

    @property
    def null(self) -> bool:
        """Whether it counts as absent at the end of a version."""
        return not self.number and not self.word

    @property
    def place(self) -> int:
        """Order of tokens with different separators: `.word`, `-word`, `-1`, `.1`."""
        if self.number is None:
            return 1 if self.separator == "-" else 0
        return 2 if self.separator == "-" else 3

    @property
    def rank(self) -> tuple[int, int, str]:
        """Order of tokens with the same separator: known words, other words, numbers."""
        if self.number is not None:
            return len(_KNOWN) + 1, self.number, ""
        return (_KNOWN.index(self.word), 0, "") if self.word in _KNOWN else (len(_KNOWN), 0, self.word)


def _padding(token: Token) -> Token:
    """What stands against `token` where the other version has ended."""
    return Token(token.separator, 0 if token.separator == "." and token.number is not None else None)


def _compare(one: tuple[Token, ...], other: tuple[Token, ...]) -> int:
    for first, second in zip_longest(one, other):
        left = first or _padding(second)
        right = second or _padding(first)
        if left == right:
            continue
        a, b = (left.rank, right.rank) if left.separator == right.separator else ((left.place,), (right.place,))
        return -1 if a < b else 1
    return 0


def _tokens(version: str) -> list[Token]:
    out: list[Token] = [Token("", 0)] if version[0] in "-." else []
    for match in _TOKEN.finditer(version.lower()):
        if not match[0]:
            continue
        separator = match[1] or ("-" if out else "")
        text = match[2]
        if not text or text[0] in "0123456789":
            out.append(Token(separator, int(text or "0")))
            continue
        digit_follows = version[match.end() : match.end() + 1].isdigit()
        word = _SHORT.get(text, text) if digit_follows else text
        out.append(Token(separator, None, _ALIASES.get(word, word)))
    return out


def _trimmed(tokens: list[Token]) -> tuple[Token, ...]:
    """Without null tokens at the end and before each dash."""
    out: list[Token] = []
    for token in reversed(tokens[1:]):
        if token.null and (not out or out[-1].separator == "-"):
            continue
        out.append(token)
    return (*tokens[:1], *reversed(out))


_ordered = cmp_to_key(_compare)


def key(version: str) -> Any:  # noqa: ANN401 -- what functools.cmp_to_key returns has no public type
    """Maven's order; where Maven itself contradicts itself (`1.0.alpha` < `1` < `1-1` < `1.0.alpha`), so does this."""
    return _ordered(_trimmed(_tokens(version)))

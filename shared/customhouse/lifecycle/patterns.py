"""Name patterns: one translation to RE2, so that the interpreter and DuckDB (also RE2) cannot disagree."""

from __future__ import annotations

import functools
from typing import Protocol, cast

import re2


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None:
        """A match anywhere in the text, or None."""
        ...


def glob(pattern: str) -> str:
    """The RE2 text of a glob over a whole name: `*`, `?` and `[!a]` stop at `/`, `**` does not, `[a-c]` is a class."""
    out, at = ["(?s)^"], 0
    while at < len(pattern):
        char, rest = pattern[at], pattern[at:]
        if rest.startswith("**/"):
            out.append("(?:.*/)?")
            at += 2
        elif rest.startswith("**"):
            out.append(".*")
            at += 1
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[" and (end := pattern.find("]", at + 2 + rest.startswith("[!"))) > 0:
            out.append(_bracket(pattern[at + 1 : end]))
            at = end
        else:
            out.append(re2.escape(char))
        at += 1
    return "".join(out) + "$"


def _bracket(inside: str) -> str:
    negated = inside.startswith("!")
    body = inside[1:] if negated else inside
    escaped = body.replace("\\", "\\\\").replace("]", "\\]").replace("[", "\\[").replace("^", "\\^")
    return f"[{'^/' if negated else ''}{escaped}]"


@functools.lru_cache(maxsize=1024)
def compiled(expression: str) -> Pattern:
    """The compiled expression; raises ValueError naming what is wrong with it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return cast("Pattern", re2.compile(expression, options))
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        message = f"{expression!r} is no regular expression (RE2): {reason}"
        raise ValueError(message) from None

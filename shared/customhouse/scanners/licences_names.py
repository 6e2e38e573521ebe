"""From what people write to SPDX: expressions, free names in common use, and the texts of licences."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator
from pathlib import Path

from license_expression import ExpressionError, Licensing, Renderable, get_spdx_licensing

_RULES = Path(__file__).parent / "rules" / "licences"
_WORDS = str.maketrans(dict.fromkeys(string.punctuation, " "))
_MARGIN = re.compile(r"^[ \t*#/;>]+", re.MULTILINE)
"""What stands before each line of a text that is a comment."""
_LONGEST = 2000


def expression(text: str) -> Renderable | None:
    """An SPDX expression, or the one that a free name means; None for what is neither."""
    if len(text) > _LONGEST:
        return None
    try:
        return _licensing().parse(text, validate=True)
    except ExpressionError:
        known = _names().get(_plain(text.replace("+", " or later "))) or _names().get(_plain(text))
        return _licensing().parse(known) if known else None


def choice(parsed: Renderable) -> bool:
    """Whether one of its parts is enough."""
    return isinstance(parsed, _licensing().OR)


def recognised(text: str) -> str:
    """The SPDX identifier of a licence's text, or nothing."""
    plain = " ".join(_MARGIN.sub(" ", text).lower().split())
    return next((licence for licence, marks in _texts() if all(mark in plain for mark in marks)), "")


def _plain(name: str) -> str:
    return " ".join(name.translate(_WORDS).lower().split())


@functools.cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


@functools.cache
def _names() -> dict[str, str]:
    return {name: licence for licence, names in _pairs("names.txt") for name in names.split("|")}


@functools.cache
def _texts() -> list[tuple[str, list[str]]]:
    return [(licence, marks.split("|")) for licence, marks in _pairs("texts.txt")]


def _pairs(file: str) -> Iterator[tuple[str, str]]:
    for line in (_RULES / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            licence, _, rest = line.partition(": ")
            yield licence, rest

"""From what people write to SPDX: expressions, free names in common use, and the texts of licences."""

from __future__ import annotations

import fnmatch
import functools
import re
import string
from collections.abc import Iterator
from pathlib import Path

from license_expression import ExpressionError, Licensing, Renderable, get_spdx_licensing

LONGEST = 2000
"""Characters of an expression that are read."""
_RULES = Path(__file__).parent / "rules" / "licences"
_WORDS = str.maketrans(dict.fromkeys(string.punctuation, " "))
_MARGIN = re.compile(r"^[ \t*#/;>]+", re.MULTILINE)
"""What stands before each line of a text that is a comment."""
_OWN = ("LicenseRef-", "DocumentRef-")
"""Licences that are not on SPDX's list, under names of somebody's own (SPDX 2.3, annex D)."""
_WITHIN = {"BSD-3-Clause": "BSD-2-Clause"}
"""Licences whose text has all of another's."""


def expression(text: str) -> Renderable | None:
    """An SPDX expression, or the one that a free name means, some of which is understood; None for what is neither."""
    if len(text) > LONGEST:
        return None
    try:
        return _licensing().parse(text, validate=True)
    except ExpressionError:
        known = _meant(text)
    return _licensing().parse(known) if known else _partly(text)


def identifier(leaf: object) -> str:
    """What one licence of an expression is on SPDX's list, or what it is called where it is not there."""
    return _meant(str(leaf)) or str(leaf)


def understood(leaf: object) -> bool:
    """Whether one licence of an expression is on SPDX's list, with whatever exception, or is a name for one that is."""
    base = str(leaf).partition(" WITH ")[0].removesuffix("+")
    return base in _licensing().known_symbols or base.startswith(_OWN) or bool(_meant(str(leaf)))


def choice(parsed: Renderable) -> bool:
    """Whether one of its parts is enough."""
    return isinstance(parsed, _licensing().OR)


def recognised(text: str) -> list[str]:
    """The SPDX identifiers of the licences whose texts are in it."""
    plain = " ".join(_MARGIN.sub(" ", text).lower().split())
    found = dict.fromkeys(licence for licence, marks in _texts() if all(mark in plain for mark in marks))
    return [licence for licence in found if licence not in [_WITHIN.get(other) for other in found]]


def pattern(wanted: str) -> str:
    """A pattern of a list in lower case and with SPDX's own name; ValueError for one that no licence can match."""
    if "*" in wanted:
        lowered = wanted.lower()
        names = (name.lower() for name in _licensing().known_symbols)
        if not lowered.startswith("licenseref-") and not any(fnmatch.fnmatchcase(name, lowered) for name in names):
            raise ValueError(f"no licence of SPDX's list is called like {wanted!r}")
        return lowered
    parsed = expression(wanted)
    if parsed is None or parsed.args or not understood(parsed):
        raise ValueError(f"{wanted!r} is no identifier of SPDX's list")
    return identifier(parsed).lower()


def _partly(text: str) -> Renderable | None:
    """An expression with licences in it that nobody knows beside one that is known."""
    try:
        parsed = _licensing().parse(text, validate=False)
    except ExpressionError:
        return None
    return parsed if parsed is not None and any(map(understood, parsed.get_symbols())) else None


def _meant(name: str) -> str:
    """The identifier that a free name means, or nothing."""
    return _names().get(_plain(name.replace("+", " or later "))) or _names().get(_plain(name)) or ""


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

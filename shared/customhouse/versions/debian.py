"""Debian and Ubuntu: `[epoch:]upstream[-revision]` (deb-version(7))."""

from __future__ import annotations

import re
from typing import TypeAlias

Key: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...]]

_RUNS = re.compile(r"([^0-9]*)([0-9]*)")
_END = 2


def key(version: str) -> Key:
    """Epoch, upstream and revision; ValueError where the epoch is no number."""
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "0", epoch
    if not re.fullmatch(r"[0-9]+", epoch):
        raise ValueError(f"no epoch: {epoch!r}")
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    return int(epoch), _flat(upstream), _flat(revision)


def _weight(character: str) -> int:
    """A tilde before the end of the run, letters after it, everything else after letters."""
    if character == "~":
        return 1
    code = ord(character)
    return code if character.isascii() and character.isalpha() else code + 122


def _flat(text: str) -> tuple[int, ...]:
    """Runs of non-digits and of digits in turn, each closed, with an empty pair at the end."""
    out: list[int] = []
    for words, digits in _RUNS.findall(text) or [("", "")]:
        if words or digits or not out:
            out += [*map(_weight, words), _END, int(digits or "0")]
    return (*out, _END, 0)

"""RubyGems and CocoaPods: numbers and words, words before numbers (Gem::Version)."""

from __future__ import annotations

import re
from typing import TypeAlias

Segment: TypeAlias = tuple[int, int, str]

_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+")
# An absent segment counts as zero, so a zero is told by what follows it: a word makes it less than the end.
_WORD, _ZERO_BEFORE_WORD, _END, _ZERO_BEFORE_NUMBER, _NUMBER = range(5)


def key(version: str) -> tuple[Segment, ...]:
    """The segments of a version without its trailing zeros; a dash begins a pre-release."""
    parts = _SEGMENT.findall(version.strip().replace("-", ".pre."))
    words = next((place for place, part in enumerate(parts) if not part.isdigit()), len(parts))
    return tuple(_segments(_trimmed(parts[:words]) + _trimmed(parts[words:])))


def _trimmed(parts: list[str]) -> list[str]:
    while parts and not parts[-1].strip("0"):
        parts = parts[:-1]
    return parts


def _segments(parts: list[str]) -> list[Segment]:
    out: list[Segment] = [(_END, 0, "")]
    zero = _END
    for part in reversed(parts):
        if not part.isdigit():
            zero = _ZERO_BEFORE_WORD
            out.append((_WORD, 0, part))
        elif number := int(part):
            zero = _ZERO_BEFORE_NUMBER
            out.append((_NUMBER, number, ""))
        else:
            out.append((zero, 0, ""))
    return out[::-1]

"""The Red Hat family: `[epoch:]version[-release]` in the order of rpmvercmp (rpm-version(7))."""

from __future__ import annotations

import re
from typing import TypeAlias

Segment: TypeAlias = tuple[int, int, str]
Segments: TypeAlias = tuple[Segment, ...]

_SEGMENT = re.compile(r"[A-Za-z]+|[0-9]+|[~^]")
_END: Segment = (1, 0, "")
_MARKS: dict[str, Segment] = {"~": (0, 0, ""), "^": (2, 0, "")}


def key(version: str) -> tuple[Segments, Segments, bool, Segments]:
    """Epoch, version and release; what precedes a colon is an epoch only where it is a number."""
    epoch, colon, rest = version.partition(":")
    if not colon or re.search(r"[^0-9]", epoch):
        epoch, rest = "0", version
    number, dash, release = rest.partition("-")
    return _segments(epoch or "0"), _segments(number), bool(dash), _segments(release)


def _segment(text: str) -> Segment:
    """Order at one place: tilde, end, caret, letters, digits."""
    if text in _MARKS:
        return _MARKS[text]
    if text[0].isdigit():
        digits = text.lstrip("0")
        return 4, len(digits), digits
    return 3, 0, text


def _segments(text: str) -> Segments:
    return (*map(_segment, _SEGMENT.findall(text)), _END)

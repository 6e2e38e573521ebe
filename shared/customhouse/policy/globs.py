"""Globs over names that are not paths: `*` matches anything, also `/`."""

from __future__ import annotations

import fnmatch


def matches(patterns: str | tuple[str, ...], text: str) -> bool:
    """Whether one of the patterns matches the whole text, case-sensitive."""
    return any(fnmatch.fnmatchcase(text, one) for one in ([patterns] if isinstance(patterns, str) else patterns))

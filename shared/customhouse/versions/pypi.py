"""PEP 440, and what stood on PyPI before it, which sorts before every PEP 440 version."""

from __future__ import annotations

import re
from typing import TypeAlias

from packaging.version import InvalidVersion, Version

Key: TypeAlias = tuple[int, Version | str]

_PARTS = re.compile(r"[0-9]+|[a-z]+|\.|-")
_ALIASES = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}


def key(version: str) -> Key:
    """PEP 440 order; other text in the order of setuptools' old `parse_version`, before all of PEP 440."""
    try:
        return 1, Version(version)
    except InvalidVersion:
        return 0, _legacy(version)


def _legacy(version: str) -> str:
    parts: list[str] = []
    for found in [*_PARTS.findall(version.lower()), "final"]:
        if found == ".":
            continue
        part = found.zfill(8) if found.isdigit() else "*" + _ALIASES.get(found, found)
        if part.startswith("*"):
            while part < "*final" and parts and parts[-1] == "*final-":
                parts.pop()
            while parts and parts[-1] == "00000000":
                parts.pop()
        parts.append(part)
    return "".join(parts)

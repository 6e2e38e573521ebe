"""PEP 440, and what stood on PyPI before it, which sorts before every PEP 440 version."""

from __future__ import annotations

import re
from typing import TypeAlias

from packaging.version import InvalidVersion, Version

Local: TypeAlias = tuple[tuple[int, int, str], ...]
Key: TypeAlias = tuple[int, str] | tuple[int, int, tuple[int, ...], tuple[int, str, int], int, tuple[int, int], Local]

_PARTS = re.compile(r"[0-9]+|[a-z]+|\.|-")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_NO_PRE, _NO_POST, _NO_DEV = (1, "", 0), -1, (1, 0)
"""What a version has that is no pre-release (those come before), no post-release (after), no development (before)."""
_ALIASES = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}


def key(version: str) -> Key:
    """PEP 440 order; other text in the order of setuptools' old `parse_version`, before all of PEP 440.

    As tuples, because a comparison of `Version` objects costs more than all else that matching does.
    """
    if _PLAIN.fullmatch(version):
        return 1, 0, _trimmed([*map(int, version.split("."))]), _NO_PRE, _NO_POST, _NO_DEV, ()
    try:
        read = Version(version)
    except InvalidVersion:
        return 0, _legacy(version)
    pre = (0, *read.pre) if read.pre else _NO_PRE
    if read.dev is not None and read.pre is None and read.post is None:
        pre = (-1, "", 0)
    post = _NO_POST if read.post is None else read.post
    dev = _NO_DEV if read.dev is None else (0, read.dev)
    return 1, read.epoch, _trimmed([*read.release]), pre, post, dev, _local(read.local)


def _trimmed(release: list[int]) -> tuple[int, ...]:
    while release and not release[-1]:
        release.pop()
    return tuple(release)


def _local(text: str | None) -> Local:
    """Numbers come after words."""
    parts = text.split(".") if text else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


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

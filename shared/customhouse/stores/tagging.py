"""How tags combine: ours are replaced, everybody else's stay."""

from __future__ import annotations

import math
from collections.abc import Mapping

OURS = "customhouse-"
TAGS = 10
"""Tags of an object in S3 or Blob Storage."""
METADATA = 8 << 10
"""Bytes of names and values of an object's metadata in Cloud Storage or Blob Storage."""


def merged(current: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """`current` with `changes` applied; None removes."""
    values: dict[str, str | None] = {**current, **changes}
    return {name: value for name, value in values.items() if value is not None}


def carried(
    source: Mapping[str, str], tags: Mapping[str, str], *, most: float = math.inf, size: float = math.inf
) -> dict[str, str]:
    """The tags of a copy: `tags`, and of the source's, without any that claims to be ours, those that still fit.

    `most` is how many the store takes, `size` how many bytes of them: an uploader who fills both stops no verdict.
    """
    out = dict(tags)
    for name, value in source.items():
        wider = {**out, name: value}
        if not name.startswith(OURS) and name not in out and len(wider) <= most and _size(wider) <= size:
            out = wider
    return out


def _size(tags: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in tags.items())

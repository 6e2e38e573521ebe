"""How tags combine: ours are replaced, everybody else's stay."""

from __future__ import annotations

from collections.abc import Mapping

OURS = "customhouse-"


def merged(current: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """`current` with `changes` applied; None removes."""
    values: dict[str, str | None] = {**current, **changes}
    return {name: value for name, value in values.items() if value is not None}


def carried(source: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a copy: the source's, without any that claims to be ours, and `tags`."""
    return {name: value for name, value in source.items() if not name.startswith(OURS)} | dict(tags)

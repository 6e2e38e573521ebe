"""What makes an ar archive a Debian package, and one that all its readers see alike (deb(5)).

dpkg takes the members in their order and stops after the data; apt, ar and others look for them by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from customhouse.inspect.formats.entry import Source

_PARTS = ["debian-binary", "control", "data"]
_FIRST = _PARTS[0]


def check(source: Source, names: Sequence[str]) -> None:
    """Say what is wrong with the members of a package, by their names in order; other archives are left alone."""
    if _FIRST not in names:
        return
    parts = [part for name in names if not name.startswith("_") if (part := _part(name))]
    if parts == _PARTS:
        return
    for part in _PARTS[1:]:
        if parts.count(part) > 1:
            source.high("two-parts", f"{parts.count(part)} members that could be its {part}: readers disagree which")
        elif part not in parts:
            source.high("missing-part", f"a package without its {part}")
    if any(part not in _PARTS for part in parts):
        source.high("hidden-member", "a member that no package has, which some readers refuse and others ignore")
    known = [part for part in parts if part in _PARTS]
    if known != sorted(known, key=_PARTS.index) or known.count(_FIRST) > 1:
        source.high("part-order", "its members are not in the order in which dpkg reads them")


def _part(name: str) -> str:
    """Which part of a package a member is: one of three, or its own name."""
    stem = name.partition(".tar")[0]
    return stem if stem in _PARTS[1:] and name.startswith(f"{stem}.tar") else name

"""Declared requirements name a range; a bill of materials wants the lowest version that it admits."""

from __future__ import annotations

import re

_LOWEST = re.compile(r"(?:[~^=<>]|>=|<=|~>)*\s*v?([0-9]+)(?:\.([0-9]+|[xX*]))?(?:\.([0-9]+|[xX*]))?([-+][\w.+-]+)?")


def lowest(constraint: str) -> str:
    """The lowest version of an npm range, three numbers long; "" where it names none (a URL, a tag, `*`).

    https://github.com/npm/node-semver#ranges
    """
    first = constraint.strip().partition("||")[0].strip()
    found = _LOWEST.match(first)
    if found is None or (found.end() < len(first) and first[found.end()] not in " ,"):
        return ""
    numbers = [int(part) if part and part.isdigit() else 0 for part in found.groups()[:3]]
    if first.startswith(">") and not first.startswith(">="):
        numbers[2] += 1
    return ".".join(map(str, numbers)) + (found[4] or "")

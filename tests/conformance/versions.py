"""Reference comparisons `A < B`, `A = B`, `A > B`, one file per ecosystem; a row is right when every line is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from customhouse.versions import compare
from tests.conformance import Result, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ECOSYSTEMS = {
    "alpine": "Alpine",
    "cran": "CRAN",
    "debian": "Debian",
    "hackage": "Hackage",
    "maven": "Maven",
    "nuget": "NuGet",
    "packagist": "Packagist",
    "pub": "Pub",
    "pypi": "PyPI",
    "redhat": "Red Hat",
    "rubygems": "RubyGems",
    "semver": "npm",
}
SIGNS = {"<": -1, "=": 0, ">": 1}


def comparisons(path: Path) -> Iterator[tuple[str, str, str]]:
    """The lines of a file that are no comment and not empty."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("#", "//")):
            one, sign, other = line.split()
            yield one, sign, other


def run(folder: Path) -> Iterator[Result]:
    """Compare both ways round."""
    for row in rows(folder):
        ecosystem = ECOSYSTEMS[row.path.partition("-")[0]]
        lines = list(comparisons(folder / row.path))
        wrong = [
            f"{one} {sign} {other}"
            for one, sign, other in lines
            if compare(ecosystem, one, other) != SIGNS[sign] or compare(ecosystem, other, one) != -SIGNS[sign]
        ]
        yield Result(row, right=not wrong, detail=f"{len(wrong)} of {len(lines)} wrong, first: {wrong[:5]}")

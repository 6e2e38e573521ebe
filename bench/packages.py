"""Vulnerabilities: packages matched a second, an index built, and a rematch of 100,000 stored bills of materials.

All in CPU seconds. The baseline of matching is the plain reading of the same records: every advisory of a name,
every range, keys made for each comparison. How packages are read is measured by `bench scanners`, against syft.
"""

from __future__ import annotations

import io
import json
import random
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from customhouse.model import Package
from customhouse.stores import open_store
from customhouse.versions import sort_key
from customhouse.vulnerabilities.build import archive, publish, shelve
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import place
from customhouse.vulnerabilities.records import within
from customhouse.vulnerabilities.rematch import rematch

OUT = Path(__file__).parent.parent / "build" / "bench" / "packages.json"
NAMES, RECORDS, DISTINCT, SBOMS, SIZE, CHANGED = 20_000, 5_000, 60_000, 100_000, 80, 200
SAMPLE, PLAIN = 6_000, 20_000
KINDS = {
    "npm": ("npm", "pkg:npm/p{}", "p{}"),
    "PyPI": ("PyPI", "pkg:pypi/p{}", "p{}"),
    "Go": ("Go", "pkg:golang/example.com/p{}", "example.com/p{}"),
    "Maven": ("Maven", "pkg:maven/g/p{}", "g:p{}"),
    "Debian": ("Debian:12", "pkg:deb/debian/p{}", "p{}"),
}
DISTRO = Package("pkg:generic/debian@12?distro=debian-12", "etc/os-release")
T = TypeVar("T")


def record(number: int, fixed: str) -> bytes:
    """One advisory about one name; a quarter of all names have one."""
    ecosystem, _, name = list(KINDS.values())[number % len(KINDS)]
    events = [{"introduced": "0"}, {"fixed": fixed}]
    package = {"ecosystem": ecosystem, "name": name.format(number)}
    affected = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return json.dumps({"id": f"X-{number}", "summary": "bad", "affected": [affected]}).encode()


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """A result and its CPU seconds."""
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


def built(library: Library, fixed: Callable[[int], str]) -> Index:
    """An index as the scheduled job builds it, from an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for number in range(RECORDS):
            opened.writestr(f"{number}.json", record(number, fixed(number)))
    publish(library, shelve(archive(file, "bench"), library), time.time())
    return Index(library)


def distinct(chance: random.Random) -> list[Package]:
    """Packages of five ecosystems; three quarters of them nobody wrote about."""
    out = []
    for n in range(DISTINCT):
        number = chance.randrange(NAMES)
        purl = list(KINDS.values())[number % len(KINDS)][1].format(number)
        out.append(Package(f"{purl}@{chance.randrange(9)}.{n % 30}.{n % 4}", "lock"))
    return out


def stored(chance: random.Random, count: int) -> Iterator[tuple[str, list[Package]]]:
    """Bills of materials as records keep them: artifacts have most of their packages in common."""
    packages = distinct(chance)
    return ((str(number), [DISTRO, *chance.choices(packages, k=SIZE)]) for number in range(count))


def matched(sboms: Sequence[tuple[str, list[Package]]], index: Index) -> tuple[int, int]:
    """Findings, and packages a CPU second."""
    hits, seconds = timed(lambda: sum(1 for _, packages in sboms for _ in findings(packages, index)))
    return hits, round(len(sboms) * (SIZE + 1) / seconds)


def plainly(packages: Sequence[Package], index: Index) -> int:
    """Hits by the plain reading."""
    hits = 0
    for package in packages:
        at = place.__wrapped__(package.purl, "debian-12")
        for advisory in index.advisories(at.ecosystem, at.name) if at else ():
            key = sort_key.__wrapped__(at.ecosystem, at.version)
            hits += any(within(at.ecosystem, span, key) for span in advisory.spans)
    return hits


def main() -> None:
    """Measure, print, write."""
    chance = random.Random(7)  # noqa: S311 -- test data
    library = Library(open_store("memory://bench-packages"))
    old, seconds = timed(lambda: built(library, lambda _: "5.0.0"))
    figures: dict[str, float] = {"records_indexed_per_second": round(RECORDS / seconds)}
    sample = list(stored(chance, SAMPLE))
    figures["hits"], figures["matched_per_second_first"] = matched(sample, old)
    again, figures["matched_per_second"] = matched(sample, old)
    plain, seconds = timed(lambda: plainly(distinct(chance)[:PLAIN], old))
    assert figures["hits"] == again
    assert plain
    figures["matched_per_second_plainly"] = round(PLAIN / seconds)
    figures["ratio"] = round(figures["matched_per_second"] * seconds / PLAIN, 1)
    new = built(library, lambda number: "5.0.0" if number >= CHANGED else "4.0.0")
    changes, seconds = timed(lambda: sum(1 for _ in rematch(stored(chance, SBOMS), old, new)))
    figures |= {"rematch_sboms": SBOMS, "rematch_changes": changes, "rematch_cpu_seconds": round(seconds, 2)}
    for name, value in figures.items():
        print(f"{name:<28} {value}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")

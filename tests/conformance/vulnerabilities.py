"""Trivy's integration fixtures: exactly the vulnerabilities that its golden reports name.

Trivy's test database is turned into OSV records first, because that is what an index is built from. A fixture that
has several rows was run with several filters; it is right when one of them is met.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from customhouse.model import Finding, Package
from customhouse.scanners.vulnerabilities import Vulnerabilities
from customhouse.stores import open_store
from customhouse.vulnerabilities.build import build
from customhouse.vulnerabilities.library import Library
from tests.conformance import Result, rows
from tests.conformance.lockfiles import member

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from customhouse.model import Fact
    from tests.conformance import Row

ECOSYSTEMS = {
    "cargo": "crates.io",
    "cocoapods": "CocoaPods",
    "composer": "Packagist",
    "conan": "ConanCenter",
    "erlang": "Hex",
    "go": "Go",
    "k8s": "Kubernetes",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pip": "PyPI",
    "pub": "Pub",
    "rubygems": "RubyGems",
    "swift": "SwiftURL",
}
SYSTEMS = {
    "alma ": "AlmaLinux:",
    "alpine ": "Alpine:v",
    "amazon linux ": "Amazon Linux:",
    "debian ": "Debian:",
    "oracle linux ": "Oracle Linux:",
    "photon os ": "Photon OS:",
    "cbl-mariner ": "Azure Linux:",
    "rocky ": "Rocky Linux:",
    "ubuntu ": "Ubuntu:",
    "opensuse leap ": "openSUSE:Leap ",
    "opensuse tumbleweed": "openSUSE:Tumbleweed",
    "suse linux enterprise ": "SUSE:Linux Enterprise Server ",
}
BOUND = re.compile(r"(<=|>=|<|>|=)\s*([^\s,]+)")
EXPECTED = re.compile(r"((?:CVE|GHSA|GMS|RHSA|TEMP)-[\w-]+) (\S+)@[^;]*? fixed=")
FUTURE = 9e9


def events(constraint: str) -> list[dict[str, str]]:
    """`>= 1, < 2` or `[1,2)` as OSV events."""
    interval = re.fullmatch(r"([\[(])([^,]*),([^,]*)([\])])", constraint)
    if interval:
        lower, upper = interval[2].strip() or "0", interval[3].strip()
        bounds = {"introduced": lower, "fixed" if interval[4] == ")" else "last_affected": upper}
        return [{kind: version} for kind, version in bounds.items() if version]
    out = {"introduced": "0"}
    for sign, version in BOUND.findall(constraint):
        if sign in {">=", ">"}:
            out["introduced"] = version
        elif sign == "=":
            out |= {"introduced": version, "last_affected": version}
        else:
            out["fixed" if sign == "<" else "last_affected"] = version
    return [{kind: version.removeprefix("v")} for kind, version in out.items()]


def complement(patched: list[str]) -> list[list[dict[str, str]]]:
    """What is left where only patched versions are told: from the end of one range to the beginning of the next."""
    ranges = sorted(
        ({kind: version for event in events(text) for kind, version in event.items()} for text in patched),
        key=lambda bounds: bounds["introduced"],
    )
    starts = ["0", *(bounds["fixed"] for bounds in ranges if "fixed" in bounds)]
    return [
        [{"introduced": start}, {"fixed": bounds["introduced"]}] for start, bounds in zip(starts, ranges, strict=False)
    ]


def affected(
    bucket: str, value: dict[str, Any], products: dict[str, str]
) -> Iterator[tuple[str, list[list[dict[str, str]]]]]:
    """Ecosystem and ranges of one entry of the database."""
    prefix = bucket.partition("::")[0]
    if prefix in ECOSYSTEMS:
        vulnerable = value.get("VulnerableVersions") or []
        yield (
            ECOSYSTEMS[prefix],
            [events(text) for text in vulnerable] or complement(value.get("PatchedVersions") or []),
        )
    elif bucket == "Red Hat":
        for entry in value.get("Entries", []):
            fixed = [{"fixed": entry["FixedVersion"]}] if entry.get("FixedVersion") else []
            for release in {products[str(number)] for number in entry.get("Affected", []) if str(number) in products}:
                yield release, [[{"introduced": "0"}, *fixed]]
    else:
        system = next((name for name in SYSTEMS if bucket.lower().startswith(name)), None)
        if system:
            fixed = [{"fixed": value["FixedVersion"]}] if value.get("FixedVersion") else []
            yield SYSTEMS[system] + bucket[len(system) :].replace("-SP", " SP"), [[{"introduced": "0"}, *fixed]]


def documents(folder: Path) -> Iterator[bytes]:
    """Every entry of the database as an OSV record."""
    tables = {path.stem: yaml.safe_load(path.read_bytes()) for path in sorted(folder.glob("*.yaml"))}
    products = cpes(tables.pop("cpe"))
    for table in tables.values():
        for bucket in table:
            for package in bucket.get("pairs", []):
                for pair in package.get("pairs", []):
                    yield from (
                        json.dumps(record).encode()
                        for record in records(bucket["bucket"], package["bucket"], pair, products)
                    )


def cpes(table: list[dict[str, Any]]) -> dict[str, str]:
    """Red Hat's product numbers that are releases of the distribution itself."""
    pairs = next(part["pairs"] for part in table[0]["pairs"] if part["bucket"] == "cpe")
    found = {pair["key"]: re.search(r":enterprise_linux:(\d+)", pair["value"]) for pair in pairs}
    return {number: f"Red Hat:{match[1]}" for number, match in found.items() if match}


def records(bucket: str, name: str, pair: dict[str, Any], products: dict[str, str]) -> Iterator[dict[str, object]]:
    """One record for each vulnerability of an entry; an erratum is about its CVEs."""
    value = pair.get("value") or {}
    entries = value.get("Entries", []) if bucket == "Red Hat" else []
    ids = {cve["ID"] for entry in entries for cve in entry.get("Cves", []) if "ID" in cve} or {pair["key"].strip()}
    for ecosystem, ranges in affected(bucket, value, products):
        package = {"ecosystem": ecosystem, "name": name}
        for identity in sorted(ids):
            parts = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": part} for part in ranges]}]
            yield {"id": identity, "affected": parts}


def facts(path: Path, scanner: Vulnerabilities) -> list[Fact]:
    """What the scanner says of one document, or of every file of a repository."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    members = [member(f"{path.name}/{found.relative_to(path.parent)}", found.read_bytes()) for found in files]
    found = [fact for each in members if scanner.wants(each) for fact in scanner.scan(each)]
    packages = [fact for fact in found if isinstance(fact, Package)]
    return [*found, *(scanner.conclude(packages) if packages else ())]


def judge(row: Row, folder: Path, scanner: Vulnerabilities) -> Result:
    """Whether we find what the golden report names, and nothing else."""
    found = [fact for fact in facts(folder / row.path, scanner) if isinstance(fact, Finding)]
    said = {(finding.rule, finding.message.partition(" ")[0].lower()) for finding in found}
    wanted = {(rule, name.lower()) for rule, name in EXPECTED.findall(row.expect)}
    return Result(row, right=said == wanted, detail=f"more {said - wanted}, less {wanted - said}")


def run(folder: Path) -> Iterator[Result]:
    """Build the index, then judge every row."""
    library = Library(open_store("memory://vulnerabilities"))
    build(documents(folder / "db"), library, FUTURE)
    scanner = Vulnerabilities(library, 1, clock=lambda: FUTURE)
    results = [judge(row, folder, scanner) for row in rows(folder)]
    met = {result.row.path for result in results if result.right}
    for result in results:
        yield replace(result, right=result.row.path in met)

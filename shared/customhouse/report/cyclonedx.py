"""CycloneDX 1.6 (ECMA-424): the packages of artifacts as components, and what is known to be vulnerable in them."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from customhouse import __version__
from customhouse.model import Finding, Package
from customhouse.report.result import Judged
from customhouse.vulnerabilities.index import SCANNER
from customhouse.vulnerabilities.places import place
from customhouse.vulnerabilities.purls import split
from customhouse.vulnerabilities.releases import Releases

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_HASHES = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}
_LONGEST = 500
"""Characters of a licence expression; a longer one is words, and no parser's business."""

_Component = dict[str, object]


def render(judged: Iterable[Judged]) -> str:
    """One document for all artifacts: files that depend on what was found in them.

    The same inspections make the same bytes: the order is that of names, the serial number is made of the content,
    and there is no time of day.
    """
    every = sorted({_file(one)["bom-ref"]: one for one in judged}.items())
    found: dict[str, set[Package]] = defaultdict(set)
    for _, one in every:
        for package in one.inspection.packages:
            found[package.purl].add(package)
    document: dict[str, object] = {
        "metadata": {"tools": {"components": [{"type": "application", "name": "customhouse", "version": __version__}]}},
        "components": [*(_file(one) for _, one in every), *(_library(found[purl]) for purl in sorted(found))],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted({package.purl for package in one.inspection.packages})}
            for reference, one in every
        ],
        "vulnerabilities": list(_vulnerabilities(one for _, one in every)),
    }
    digest = hashlib.sha256(msgspec.json.encode(document)).hexdigest()
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:customhouse:bom:{digest}").urn
    head = {"$schema": SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial, "version": 1}
    return msgspec.json.encode({**head, **document}).decode()


def _text(value: str) -> str:
    """As UTF-8 can say it: names of members may hold anything."""
    return value.encode("utf-8", "replace").decode()


def _file(judged: Judged) -> _Component:
    """An artifact; its reference tells two contents of one path apart."""
    digests = judged.inspection.digests
    name = _text(judged.path)
    hashes = [{"alg": _HASHES[kind], "content": value} for kind, value in sorted(digests.items()) if kind in _HASHES]
    reference = f"file:{digests.get('sha256', '')}:{name}"
    return {"type": "file", "bom-ref": reference, "name": name or "-", "hashes": hashes}


def _library(packages: set[Package]) -> _Component:
    """One package and every place where it was found; the distribution itself is an operating system."""
    first, *_ = known = sorted(packages, key=lambda package: (package.member, package.license))
    parts = split(first.purl)
    licenses = {package.license for package in known if package.license}
    system = parts.type == "generic" and parts.qualifier("distro")
    out: _Component = {
        "type": "operating-system" if system else "library",
        "bom-ref": first.purl,
        "name": parts.name,
        "purl": first.purl,
        "evidence": {"occurrences": [{"location": _text(package.member) or "-"} for package in known]},
    }
    out |= {key: value for key, value in (("group", parts.namespace), ("version", parts.version)) if value}
    return out | ({"licenses": [_license(min(licenses))]} if licenses else {})


@lru_cache(maxsize=1 << 10)
def _license(declared: str) -> dict[str, object]:
    """An SPDX expression where it is one, else the words as they are."""
    # Only a document that declares a licence pays for reading the list of them.
    from license_expression import ExpressionError, get_spdx_licensing  # noqa: PLC0415

    named: dict[str, object] = {"license": {"name": declared}}
    if len(declared) > _LONGEST:
        return named
    try:
        get_spdx_licensing().parse(declared, validate=True, strict=True)
    except ExpressionError:
        return named
    return {"expression": declared}


def _vulnerabilities(judged: Iterable[Judged]) -> Iterator[dict[str, object]]:
    """One entry for each rule, its worst severity and every package that it holds for."""
    affected: dict[str, set[str]] = defaultdict(set)
    worst: dict[str, Finding] = {}
    for one in judged:
        places = _places(one.inspection.packages)
        for finding in one.inspection.findings:
            if finding.scanner != SCANNER:
                continue
            affected[finding.rule] |= places.get((finding.member, finding.message.partition(": ")[0]), set())
            before = worst.setdefault(finding.rule, finding)
            if (finding.severity.rank, finding.message) > (before.severity.rank, before.message):
                worst[finding.rule] = finding
    for rule in sorted(affected):
        entry = {"bom-ref": f"vulnerability:{rule}", "id": rule, "ratings": [{"severity": str(worst[rule].severity)}]}
        affects = [{"ref": purl} for purl in sorted(affected[rule])]
        yield {**entry, "description": worst[rule].message, "affects": affects}


def _places(packages: Iterable[Package]) -> dict[tuple[str, str], set[str]]:
    """Purls by member and by the name and version that a finding's message begins with."""
    known = list(packages)
    releases = Releases(known)
    out: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package in known:
        at = place(package.purl, releases.of(package.member))
        if at:
            out[package.member, f"{at.name} {at.version}"].add(package.purl)
    return out

"""Bills of materials found inside: CycloneDX and SPDX documents, plain or in an in-toto statement, by their purls."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from packageurl import PackageURL

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_value, lines, listing, mapping, text, word, xml_root
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, limited

_TAGGED = re.compile(r"^ExternalRef:\s*PACKAGE[-_]MANAGER\s+purl\s+(\S+)\s*$", re.MULTILINE)
_SOURCE = re.compile(r"built package from: (\S+)")
_MARKS = (b'"bomFormat"', b"spdx.org/rdf/3", b'"spdxVersion"', b"SPDXVersion:", b"cyclonedx.org/schema/bom")
_BEGINS = re.compile(rb"[\s\xef\xbb\xbf]*(?:[{<#]|[A-Z][A-Za-z]*:)")
"""JSON, XML, a comment or a tag: most files begin otherwise."""
_SNIFFED = 4096
_STATEMENTS_MOST = 10_000


def looks_like(head: bytes) -> bool:
    """Whether a file that begins so is one of these documents."""
    if not _BEGINS.match(head):
        return False
    head = head[:_SNIFFED]
    return (b"bom" in head or b"Version" in head or b"spdx" in head) and any(mark in head for mark in _MARKS)


@lru_cache(maxsize=1 << 12)
def _read(value: str) -> PackageURL | None:
    """A purl's parts; documents about parts of one thing name most packages again and again."""
    try:
        return PackageURL.from_string(value)
    except ValueError:
        return None


def _purl(value: str, upstream: str = "") -> Iterator[Found]:
    """One purl; what does not parse as one names no package. `upstream` is a source package that it does not name."""
    found = _read(value)
    if found is None:
        return
    qualifiers = dict(found.qualifiers) if isinstance(found.qualifiers, dict) else {}
    if upstream and upstream != found.name and found.type in {"deb", "apk"}:
        qualifiers.setdefault("upstream", upstream)
    yield Found(found.type, found.name, found.version or "", found.namespace or "", qualifiers=qualifiers)


def _cyclonedx(document: Mapping[str, Any]) -> Iterator[Found]:
    waiting = listing(document.get("components"))[::-1]
    while waiting:
        component = mapping(waiting.pop())
        waiting += listing(component.get("components"))[::-1]
        properties = map(mapping, listing(component.get("properties")))
        source = next(
            (word(each.get("value")) for each in properties if word(each.get("name")).endswith(":SrcName")), ""
        )
        yield from _purl(word(component.get("purl")), source)


def _spdx(document: Mapping[str, Any]) -> Iterator[Found]:
    for package in listing(document.get("packages")):
        source = _SOURCE.match(word(mapping(package).get("sourceInfo")))
        for reference in listing(mapping(package).get("externalRefs")):
            if word(mapping(reference).get("referenceType")) == "purl":
                yield from _purl(word(mapping(reference).get("referenceLocator")), source[1] if source else "")


def _spdx3(document: Mapping[str, Any]) -> Iterator[Found]:
    """The packages of an SPDX 3 graph, by their purl or their identifiers of that kind."""
    for element in map(mapping, listing(document.get("@graph"))):
        if word(element.get("type")) == "software_Package":
            identifiers = map(mapping, listing(element.get("externalIdentifier")))
            named = [
                word(each.get("identifier"))
                for each in identifiers
                if each.get("externalIdentifierType") == "packageUrl"
            ]
            yield from _purl(next(filter(None, [word(element.get("software_packageUrl")), *named]), ""))


def _document(value: object) -> Iterator[Found]:
    """A document, or the one inside a statement or an envelope."""
    document = mapping(value)
    while "predicate" in document:
        predicate = mapping(document["predicate"])
        document = mapping(predicate.get("Data", predicate))
    if "components" in document or "bomFormat" in document:
        yield from _cyclonedx(document)
    elif "spdxVersion" in document:
        yield from _spdx(document)
    elif "@graph" in document:
        yield from _spdx3(document)
    elif "sbom" in document:  # as GitHub exports them
        yield from _spdx(mapping(document["sbom"]))


@limited
def plain(source: Source) -> Iterator[Found]:
    """A JSON, XML or tag-value document."""
    head = source.data[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{"):
        yield from _document(json_value(text(source.data)))
    elif head.startswith(b"<"):
        for listed in xml_root(source.data).iterfind("components"):  # not the metadata: what it is about, what made it
            for components in listed.iter("components"):
                for purl in components.iterfind("component/purl"):
                    yield from _purl((purl.text or "").strip())
    else:
        for found in _TAGGED.finditer(text(source.data)):
            yield from _purl(found[1])


def attested(source: Source) -> Iterator[Found]:
    """Statements in DSSE envelopes, one a line (https://github.com/secure-systems-lab/dsse)."""
    for count, line in enumerate(lines(source.data)):
        if count > _STATEMENTS_MOST:
            raise Malformed(f"more than {_STATEMENTS_MOST:,} statements")
        envelope = mapping(json_value(line)) if line.strip() else {}
        if "payload" in envelope:
            try:
                payload = b64decode(word(envelope["payload"]), validate=True)
            except (binascii.Error, ValueError) as error:
                raise Malformed("an envelope whose payload is no base64") from error
            yield from _document(json_value(text(payload)))
        else:
            yield from _document(envelope)


PARSERS: Patterns = {
    "bom.json": plain,
    "bom.xml": plain,
    "*.cdx.json": plain,
    "*.cdx.xml": plain,
    "*.spdx.json": plain,
    "*.spdx": plain,
    "*.intoto.jsonl": attested,
}

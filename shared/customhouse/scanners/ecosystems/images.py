"""Image archives by their own index: `docker save` (manifest.json) and OCI layouts (index.json)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import json_value, listing, mapping, text, word
from customhouse.scanners.ecosystems.found import Found, Source

_NAME = re.compile(r"(?P<name>[^\s@]+?)(?::(?P<tag>[\w][\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
"""`host:port/path/name:tag@digest` (https://github.com/distribution/reference)."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""Annotations of an index's entry that may hold an image's whole name; the second one is often a tag alone."""


def saved(source: Source) -> Iterator[Found]:
    """The images of `docker save` by their tags; another program's manifest.json names none."""
    for entry in listing(json_value(text(source.data))):
        image = mapping(entry)
        if image.get("Config") and image.get("Layers"):
            for reference in listing(image.get("RepoTags")):
                yield from _docker(word(reference))


def _docker(reference: str) -> Iterator[Found]:
    found = _NAME.fullmatch(reference)
    if found:
        repository, host = _split(found["name"])
        namespace, _, name = repository.rpartition("/")
        yield Found("docker", name, found["tag"] or "", namespace, qualifiers={"repository_url": host})


def _split(name: str) -> tuple[str, str]:
    """Repository and registry host; Docker's own registry needs no name."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return rest, "" if first == "docker.io" else first
    return name, ""


def layout(source: Source) -> Iterator[Found]:
    """The images of an OCI layout that have a name, by digest (image layout specification, "index.json file")."""
    for entry in listing(mapping(json_value(text(source.data))).get("manifests")):
        descriptor = mapping(entry)
        digest, annotations = word(descriptor.get("digest")), mapping(descriptor.get("annotations"))
        full = next((word(annotations[key]) for key in _NAMES if "/" in word(annotations.get(key))), "")
        found = _NAME.fullmatch(full)
        if found and _DIGEST.fullmatch(digest):
            repository = found["name"].lower()
            qualifiers = {"repository_url": repository, "tag": found["tag"] or ""}
            yield Found("oci", repository.rpartition("/")[2], digest, qualifiers=qualifiers)

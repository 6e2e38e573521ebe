"""Java archives by what lies in META-INF: pom.properties (shaded ones too) and the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from customhouse.scanners.ecosystems.documents import head, lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_ARCHIVE = re.compile(r"(?<![^/])([^/]+)\.(?:jar|war|ear|aar|hpi|jpi|par)!?/META-INF/MANIFEST\.MF$", re.IGNORECASE)
_SEPARATED = re.compile(r"\s*[=:\s]\s*")
_SPRING = re.compile(
    r"spring-(batch|boot|cloud|data|hateoas|integration|kafka|ldap|plugin|retry|security|session|vault|ws)\b"
)
_GROUPS = {
    "kotlin-": "org.jetbrains.kotlin",
    "kotlinx-": "org.jetbrains.kotlinx",
    "okhttp-": "com.squareup.okhttp3",
    "okio-": "com.squareup.okio",
    "spring-": "org.springframework",
    "tomcat-embed-": "org.apache.tomcat.embed",
}
"""Widely used jars that hold no pom.properties and whose manifests name no group, by how their names begin."""
_NAMED = re.compile(r"(.+?)-(v?[0-9].*)")


def properties(source: Source) -> Iterator[Found]:
    """META-INF/maven/group/artifact/pom.properties: exact coordinates, also of what was shaded in."""
    values = {}
    for line in lines(source.data):
        key, value = [*_SEPARATED.split(line.strip(), maxsplit=1), ""][:2]
        values[key] = value
    if values.get("artifactId") and values.get("version"):
        yield Found("maven", values["artifactId"], values["version"], values.get("groupId", ""))


def _attributes(data: bytes) -> dict[str, str]:
    """The main section of a manifest; a line that begins with a space continues the one before."""
    pairs = (line.partition(":") for line in head(data).replace("\n ", "").split("\n"))
    return {key.strip().lower(): value.strip() for key, colon, value in pairs if colon}


def manifest(source: Source) -> Iterator[Found]:
    """The archive itself by its manifest, with the archive's name where the manifest says less."""
    archive = _ARCHIVE.search(source.path)
    if archive is None:
        return
    values = _attributes(source.data)
    named = _NAMED.fullmatch(archive[1])
    version = next(
        (
            values[key]
            for key in ("implementation-version", "bundle-version", "specification-version")
            if values.get(key) and "${" not in values[key]
        ),
        named[2] if named else "",
    )
    name = named[1] if named else archive[1]
    if version:
        yield Found("maven", name, version, _group(name, values))


def _group(name: str, values: Mapping[str, str]) -> str:
    """Of those who never say it, by the beginning of a name; else as the manifest says it in one way or another."""
    if project := _SPRING.match(name):
        return f"org.springframework.{project[1]}"
    if known := next((group for prefix, group in _GROUPS.items() if name.startswith(prefix)), ""):
        return known
    symbolic = values.get("bundle-symbolicname", "").partition(";")[0].strip()
    group = values.get("implementation-vendor-id", "") or symbolic.removesuffix(f".{name}").removesuffix(name)
    return group.rstrip(".")


PARSERS: Patterns = {"META-INF/maven/*/*/pom.properties": properties, "META-INF/MANIFEST.MF": manifest}

"""pom.xml: the declared dependencies of a Maven project, by what this one file says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from customhouse.scanners.ecosystems.documents import child, xml_root
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_PROPERTY = re.compile(r"\$\{([^${}]+)\}")
_BOUND = re.compile(r"[\[(]\s*([^,\])]*)")
_ROUNDS = 5
_NOT_WITH_IT = frozenset({"test", "provided", "system"})
_LONGEST = 400


def _filled(value: str, properties: Mapping[str, str]) -> str:
    """With properties put in, a few levels deep and no longer than any coordinate is."""
    for _ in range(_ROUNDS):
        if "${" not in value or len(value) > _LONGEST:
            break
        value = _PROPERTY.sub(lambda found: properties.get(found[1], found[0])[: _LONGEST + 1], value)
    return "" if "${" in value or len(value) > _LONGEST else value


def _properties(project: Element) -> dict[str, str]:
    parent = project.find("parent")
    properties = {}
    for name in ("groupId", "artifactId", "version"):
        inherited = child(parent, name) if parent is not None else ""
        properties[f"project.parent.{name}"] = inherited
        own = child(project, name) or inherited
        properties |= {f"project.{name}": own, f"pom.{name}": own, name: own}
    properties |= {entry.tag: (entry.text or "").strip() for entry in project.iterfind("properties/*")}
    return properties


def _version(declared: str) -> str:
    """A plain version, or a range's lower bound."""
    bound = _BOUND.match(declared)
    return bound[1].strip() if bound else declared


def _active(project: Element) -> Iterator[Element]:
    """The project and those of its profiles that are active unless told otherwise."""
    yield project
    for profile in project.iterfind("profiles/profile"):
        if child(profile, "activation/activeByDefault") == "true":
            yield profile


def pom(source: Source) -> Iterator[Found]:
    """Dependencies with versions from the project, its properties and its own dependencyManagement.

    A parent's file is another artifact, so what only a parent says stays open. In an archive or a repository it
    tells what the archive needs: not what its own tests do, nor what is there anyway.
    https://maven.apache.org/pom.html
    """
    project = xml_root(source.data)
    properties = _properties(project)
    inside = "META-INF/maven/" in source.path or source.name.endswith(".pom")
    for profile in _active(project):
        properties |= {entry.tag: (entry.text or "").strip() for entry in profile.iterfind("properties/*")}

    def coordinate(dependency: Element) -> tuple[str, str]:
        return _filled(child(dependency, "groupId"), properties), _filled(child(dependency, "artifactId"), properties)

    managed: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], str] = {}
    for part in _active(project):
        for dependency in part.iterfind("dependencyManagement/dependencies/dependency"):
            managed[coordinate(dependency)] = child(dependency, "version")
        for dependency in part.iterfind("dependencies/dependency"):
            if inside and child(dependency, "scope") in _NOT_WITH_IT:
                continue
            found[coordinate(dependency)] = child(dependency, "version")
    for (group, artifact), declared in found.items():
        if group and artifact:
            version = _version(_filled(declared or managed.get((group, artifact), ""), properties))
            yield Found("maven", artifact, version, group)


PARSERS: Patterns = {"pom.xml": pom, "*.pom": pom}

""".NET: packages.lock.json, *.deps.json, packages.config, project files, central versions."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import child, json_table, mapping, understood, word, xml_root
from customhouse.scanners.ecosystems.found import Found, Patterns, Source


def lock(source: Source) -> Iterator[Found]:
    """Resolved packages of every target framework, each once; a project reference is no package."""
    seen = set()
    document = json_table(source.data)
    understood(document.get("version"), 2)
    for target in mapping(document.get("dependencies")).values():
        for name, entry in mapping(target).items():
            version = word(mapping(entry).get("resolved"))
            if version and (name, version) not in seen:
                seen.add((name, version))
                yield Found("nuget", name, version)


def deps(source: Source) -> Iterator[Found]:
    """The libraries of a published application, `name/version` each."""
    for key in mapping(json_table(source.data).get("libraries")):
        name, _, version = key.partition("/")
        if name and version and "/" not in version:
            yield Found("nuget", name, version)


def config(source: Source) -> Iterator[Found]:
    """packages.config; an entry without id or version says nothing."""
    for package in xml_root(source.data).iter("package"):
        name, version = package.get("id", "").strip(), package.get("version", "").strip()
        if name and version:
            yield Found("nuget", name, version)


def project(source: Source) -> Iterator[Found]:
    """PackageReference and PackageVersion items with a plain version, an attribute or a child."""
    root = xml_root(source.data)
    for tag in ("PackageReference", "PackageVersion", "GlobalPackageReference"):
        for item in root.iter(tag):
            names = (item.get("Include") or item.get("Update") or "").split(";")
            version = (item.get("Version") or item.get("VersionOverride") or child(item, "Version")).strip("[]() ")
            plain = version.partition(",")[0].strip()
            for name in map(str.strip, names):
                if name and plain and "$(" not in name + plain:
                    yield Found("nuget", name, plain)


def nuspec(source: Source) -> Iterator[Found]:
    """A package by its own manifest."""
    metadata = xml_root(source.data).find("metadata")
    if metadata is not None and child(metadata, "id"):
        found = metadata.find("license")
        expression = found is not None and found.get("type") == "expression"
        licence = child(metadata, "license") if expression else ""
        yield Found("nuget", child(metadata, "id"), child(metadata, "version"), license=licence)


PARSERS: Patterns = {
    "packages.lock.json": lock,
    "*.deps.json": deps,
    "packages.config": config,
    "*.csproj": project,
    "*.fsproj": project,
    "*.vbproj": project,
    "Directory.Packages.props": project,
    "Packages.props": project,
    "Directory.Build.props": project,
    "*.nuspec": nuspec,
}
